// Package tidy is the house rules as code: which package may import which, what
// a pure package must not do, how long a function may be, and what every file
// owes its reader. Its tests apply the rules to the whole repository; `make
// check` and `make test` run them.
//
// A rule is a function from parsed files to problems, and each has a test with
// source that breaks it. The tables that people edit are in rules.go.
package tidy

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Problem is one breach of a rule.
type Problem struct {
	File string // from the repository's root
	Line int
	Text string
}

// String returns "file:line: text", which editors understand.
func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// File is one file of the repository. AST is set for Go files only.
type File struct {
	Path   string // from the root, with slashes
	Source []byte
	AST    *ast.File
	Fset   *token.FileSet
}

// Package returns the folder of the file, which is its package's path within the
// module; "." for the root.
func (f *File) Package() string { return path.Dir(f.Path) }

// IsTest reports whether the file belongs to tests only.
func (f *File) IsTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

// problem returns a problem at a position of the file.
func (f *File) problem(pos token.Pos, format string, args ...any) Problem {
	return Problem{File: f.Path, Line: f.Fset.Position(pos).Line, Text: fmt.Sprintf(format, args...)}
}

// Parse makes a File of source text. All files of one check share fset.
func Parse(fset *token.FileSet, name string, source []byte) (*File, error) {
	f := &File{Path: name, Source: source, Fset: fset}
	if !strings.HasSuffix(name, ".go") {
		return f, nil
	}
	var err error
	f.AST, err = parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	return f, nil
}

// Load reads the repository's files below root: what git tracks or would track,
// or, where there is no git, all but hidden and built folders.
func Load(root string) ([]*File, error) {
	names, err := gitFiles(root)
	if err != nil {
		names, err = walkFiles(root)
	}
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	var files []*File
	fset := token.NewFileSet()
	for _, name := range names {
		if skipped(name) {
			files = append(files, &File{Path: name, Fset: fset})
			continue
		}
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			continue // tracked, and deleted in the work tree
		}
		if err != nil {
			return nil, err
		}
		f, err := Parse(fset, name, source)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// gitFiles lists tracked and untracked files that are not ignored.
func gitFiles(root string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard").Output()
	if err != nil {
		return nil, err
	}
	names := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	sort.Strings(names)
	return names, nil
}

// walkFiles lists files without git.
func walkFiles(root string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			built := base == "bin" || base == "node_modules" || base == "tmp"
			if name != root && (built || strings.HasPrefix(base, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err == nil && entry.Type().IsRegular() {
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	return names, err
}

// skipped reports files that are there but that no rule reads: test data, and what
// was built.
func skipped(name string) bool {
	for _, part := range strings.Split(name, "/") {
		if part == "testdata" || part == "dist" {
			return true
		}
	}
	return false
}

// isText reports whether a file looks like text.
func isText(source []byte) bool { return !bytes.ContainsRune(source[:min(len(source), 4096)], 0) }

// byPackage groups the Go files without tests by package.
func byPackage(files []*File) map[string][]*File {
	packages := make(map[string][]*File)
	for _, f := range files {
		if f.AST != nil && !f.IsTest() {
			packages[f.Package()] = append(packages[f.Package()], f)
		}
	}
	return packages
}

// Check applies every rule and returns the problems in the order of the files.
func Check(files []*File) []Problem {
	var problems []Problem
	for _, rule := range []func([]*File) []Problem{
		Imports, Permissions, Homes, OneVerifier, OneMaker,
		Purity, PackageComments, Documented, FunctionLength, FileShape, PackageNames,
		Words, Links, CodeMap, Drawing, Changelog, Labels, Citations, Quorums,
	} {
		problems = append(problems, rule(files)...)
	}
	sort.SliceStable(problems, func(i, j int) bool {
		a, b := problems[i], problems[j]
		return a.File < b.File || a.File == b.File && a.Line < b.Line
	})
	return problems
}
