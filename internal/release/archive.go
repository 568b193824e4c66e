package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Entry is a file of a tree, or a folder that stands there for its rights.
type Entry struct {
	Content []byte
	// Mode has the permissions; with fs.ModeDir it is a folder.
	Mode fs.FileMode
	// Owner is the number of its user and group, 0 is root.
	Owner int
}

// Tree is files by their path, without a slash at the front.
type Tree map[string]Entry

// add puts a tree below a folder of this one.
func (t Tree) add(folder string, other Tree) {
	for name, e := range other {
		t[path.Join(folder, name)] = e
	}
}

// readTree reads the files below a folder of the disk whose names end so, as files that
// everybody may read.
func readTree(folder, ending string) (Tree, error) {
	t := make(Tree)
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ending) {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(folder, name)
		t[filepath.ToSlash(below)] = Entry{Content: content, Mode: 0o644}
		return err
	})
	return t, err
}

// withFolders returns the tree with every folder that a file lies in.
func (t Tree) withFolders() Tree {
	all := maps.Clone(t)
	for name := range t {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, there := all[dir]; !there {
				all[dir] = Entry{Mode: fs.ModeDir | 0o755}
			}
		}
	}
	return all
}

// tar returns the tree as a tar archive, folders before their files, all of one time.
func (t Tree) tar(prefix string, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	all := t.withFolders()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e := all[name]
		h := &tar.Header{Name: prefix + name, Mode: int64(e.Mode.Perm()), Uid: e.Owner, Gid: e.Owner, ModTime: at,
			Typeflag: tar.TypeReg, Size: int64(len(e.Content)), Format: tar.FormatUSTAR}
		if e.Mode&fs.ModeSticky != 0 {
			h.Mode |= 0o1000
		}
		if e.Mode.IsDir() {
			h.Name, h.Typeflag = h.Name+"/", tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := w.Write(e.Content); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return b.Bytes(), nil
}

// zip returns the tree as a zip archive.
func (t Tree) zip(at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(t)) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at}
		h.SetMode(t[name].Mode)
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write(t[name].Content)
		}
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return b.Bytes(), nil
}

// compress returns content in gzip's form, without name and time.
func compress(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decompress undoes compress, up to a size.
func decompress(content []byte, bytesMax int64) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, bytesMax))
}

// papers are what is handed out beside the program.
func (cfg *Config) papers() (Tree, error) {
	t := make(Tree)
	for _, name := range []string{"README.md", "LICENSE", "CHANGELOG.md", "docs/operations.md"} {
		content, err := os.ReadFile(filepath.Join(cfg.Source, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		t[path.Base(name)] = Entry{Content: content, Mode: 0o644}
	}
	deploy, err := readTree(filepath.Join(cfg.Source, "deploy"), "")
	if err != nil {
		return nil, err
	}
	for name, e := range deploy {
		if strings.HasSuffix(name, ".sh") {
			e.Mode = 0o755
		}
		t["deploy/"+name] = e
	}
	return t, nil
}

// archive packs the program with its papers, as the platform is used to.
func (cfg *Config) archive(p Platform, program []byte, pages Tree) (content []byte, ending string, err error) {
	t, err := cfg.papers()
	if err != nil {
		return nil, "", err
	}
	t.add("", pages)
	t[p.program()] = Entry{Content: program, Mode: 0o755}
	whole := make(Tree)
	whole.add(cfg.name(p), t)
	if p.OS == "windows" {
		content, err = whole.zip(cfg.Time)
		return content, ".zip", err
	}
	if content, err = whole.tar("", cfg.Time); err != nil {
		return nil, "", err
	}
	content, err = compress(content)
	return content, ".tar.gz", err
}
