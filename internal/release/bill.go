package release

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A bill of materials in CycloneDX 1.6: the modules that the toolchain has written into the
// program, Go's library, and the packages that are built into the pages of web/dist.

type (
	billOf struct {
		Schema       string           `json:"$schema"`
		Format       string           `json:"bomFormat"`
		SpecVersion  string           `json:"specVersion"`
		Serial       string           `json:"serialNumber"`
		Version      int              `json:"version"`
		Metadata     billMetadata     `json:"metadata"`
		Components   []billComponent  `json:"components"`
		Dependencies []billDependency `json:"dependencies"`
	}
	billMetadata struct {
		Timestamp string        `json:"timestamp"`
		Component billComponent `json:"component"`
	}
	billComponent struct {
		Type     string         `json:"type"`
		Ref      string         `json:"bom-ref"`
		Name     string         `json:"name"`
		Version  string         `json:"version"`
		Scope    string         `json:"scope,omitempty"`
		Hashes   []billHash     `json:"hashes,omitempty"`
		Licenses []billLicense  `json:"licenses,omitempty"`
		PURL     string         `json:"purl"`
		Notes    []billProperty `json:"properties,omitempty"`
	}
	billHash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	billLicense struct {
		License struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	billProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	billDependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

func licensed(id string) []billLicense {
	if id == "" {
		return nil
	}
	l := billLicense{}
	l.License.ID = id
	return []billLicense{l}
}

// bill returns the bill of materials of a program that was built.
func (cfg *Config) bill(ctx context.Context, program string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("read what the program is made of: %w", err)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(binary)
	own := billComponent{Type: "application", Name: "scrip", Version: cfg.Version, Licenses: licensed("Apache-2.0"),
		PURL: "pkg:golang/" + info.Main.Path + "@" + cfg.Version, Hashes: []billHash{{"SHA-256", hex.EncodeToString(sum[:])}}}
	own.Ref = own.PURL
	for _, s := range info.Settings {
		if slices.Contains([]string{"GOOS", "GOARCH", "CGO_ENABLED"}, s.Key) {
			own.Notes = append(own.Notes, billProperty{"build:" + s.Key, s.Value})
		}
	}
	parts, err := cfg.modules(ctx, info)
	if err != nil {
		return nil, err
	}
	pages, err := cfg.webParts()
	if err != nil {
		return nil, err
	}
	parts = sortedParts(append(parts, pages...))
	whole := billOf{Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6",
		Serial: serial(sum), Version: 1, Components: parts,
		Metadata: billMetadata{cfg.Time.Format("2006-01-02T15:04:05Z"), own}}
	uses := billDependency{Ref: own.Ref}
	for _, c := range parts {
		uses.DependsOn = append(uses.DependsOn, c.Ref)
	}
	whole.Dependencies = []billDependency{uses}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(&whole); err != nil {
		return nil, fmt.Errorf("write the bill of materials: %w", err)
	}
	return b.Bytes(), nil
}

// serial is a name for a bill that follows from what it is of.
func serial(sum [32]byte) string {
	s := sum
	s[6], s[8] = s[6]&0x0f|0x80, s[8]&0x3f|0x80 // version 8: a form of our own
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", s[:4], s[4:6], s[6:8], s[8:10], s[10:16])
}

// modules are the Go modules in the program.
func (cfg *Config) modules(ctx context.Context, info *buildinfo.BuildInfo) ([]billComponent, error) {
	cache, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("look for the modules: %w", err)
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	parts := []billComponent{{Type: "library", Name: "std", Version: version, PURL: "pkg:golang/std@" + version,
		Scope: "required", Licenses: licensed("BSD-3-Clause")}}
	for _, m := range info.Deps {
		for m.Replace != nil {
			m = m.Replace
		}
		c := billComponent{Type: "library", Name: m.Path, Version: m.Version, Scope: "required",
			PURL: "pkg:golang/" + m.Path + "@" + m.Version}
		if m.Sum != "" {
			c.Notes = []billProperty{{"go:sum", m.Sum}}
		}
		c.Licenses = licensed(licenseIn(filepath.Join(strings.TrimSpace(string(cache)), escaped(m.Path)+"@"+m.Version)))
		parts = append(parts, c)
	}
	for i := range parts {
		parts[i].Ref = parts[i].PURL
	}
	return parts, nil
}

// escaped is a module's path as the cache of modules has it: !a for A.
func escaped(path string) string {
	var b strings.Builder
	for _, r := range path {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('!')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return filepath.FromSlash(b.String())
}

// licenseIn is the license of a module by the words of its file, "" if it is none that is
// known here.
func licenseIn(folder string) string {
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "COPYING", "License"} {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
			return licenseOf(string(text))
		}
	}
	return ""
}

func licenseOf(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	has := func(words string) bool { return strings.Contains(text, words) }
	switch {
	case has("Apache License") && has("Version 2.0"):
		return "Apache-2.0"
	case has("Mozilla Public License") && has("2.0"):
		return "MPL-2.0"
	case has("Permission is hereby granted, free of charge"):
		return "MIT"
	case has("Redistribution and use in source and binary forms"):
		if has("Neither the name") || has("names of its contributors") {
			return "BSD-3-Clause"
		}
		return "BSD-2-Clause"
	case has("Permission to use, copy, modify, and"):
		return "ISC"
	}
	return ""
}

// webParts are the packages that the pages of web/dist are built from: all that their lock
// file names and that are not for development alone.
func (cfg *Config) webParts() (parts []billComponent, err error) {
	text, err := os.ReadFile(filepath.Join(cfg.Source, "web", "package-lock.json"))
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct {
			Version, License, Integrity string
			Dev, DevOptional, Link      bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("read web/package-lock.json: %w", err)
	}
	for place, p := range lock.Packages {
		i := strings.LastIndex(place, "node_modules/")
		if i < 0 || p.Dev || p.DevOptional || p.Link {
			continue
		}
		name := place[i+len("node_modules/"):]
		c := billComponent{Type: "library", Name: name, Version: p.Version, Scope: "required", Licenses: licensed(p.License),
			PURL: "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + p.Version}
		c.Ref = c.PURL
		if sum, found := strings.CutPrefix(p.Integrity, "sha512-"); found {
			raw, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("read web/package-lock.json: the sum of %s: %w", name, err)
			}
			c.Hashes = []billHash{{"SHA-512", hex.EncodeToString(raw)}}
		}
		parts = append(parts, c)
	}
	if len(parts) == 0 {
		return nil, errors.New("web/package-lock.json names no package")
	}
	return slices.CompactFunc(sortedParts(parts), func(a, b billComponent) bool { return a.PURL == b.PURL }), nil
}

func sortedParts(parts []billComponent) []billComponent {
	slices.SortFunc(parts, func(a, b billComponent) int { return cmp.Compare(a.PURL, b.PURL) })
	return parts
}
