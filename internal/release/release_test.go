package release

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
)

var when = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// config is that of a release of this repository.
func config(t *testing.T) *Config {
	t.Helper()
	cfg := &Config{Source: "../..", Out: filepath.Join(t.TempDir(), "out"), Version: "1.2.3", Time: when}
	if err := cfg.fill(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

var (
	stub = []byte("#!/bin/sh\necho a program\n")
	leaf = Tree{"man/scrip.1": {Content: []byte(".TH SCRIP 1\n"), Mode: 0o644},
		"completions/scrip.bash": {Content: []byte("complete scrip\n"), Mode: 0o644}}
)

// contents reads a tar archive.
func contents(t *testing.T, archive []byte) map[string]*tar.Header {
	t.Helper()
	all := make(map[string]*tar.Header)
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(when) || h.Uname != "" {
			t.Errorf("%s is of %v, %q", h.Name, h.ModTime, h.Uname)
		}
		all[h.Name] = h
	}
}

// Debian orders versions: one that comes later must be the larger.
func TestDebianOrdersVersions(t *testing.T) {
	ordered := []string{"3f2c1d7", "0.1.0-rc.1", "v0.1.0", "v0.1.0-5-gabc1234", "0.2.0-rc.1", "0.2.0",
		"0.2.0-1-g0123456-dirty",
		"0.10.0"}
	want := []string{"0~git.3f2c1d7", "0.1.0~rc.1", "0.1.0", "0.1.0+5.gabc1234", "0.2.0~rc.1", "0.2.0",
		"0.2.0+1.g0123456+dirty",
		"0.10.0"}
	for i, v := range ordered {
		if got := DebianVersion(v); got != want[i] {
			t.Errorf("%s is %s for Debian, want %s", v, got, want[i])
		}
	}
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("dpkg is not installed")
	}
	for i := 1; i < len(ordered); i++ {
		a, b := DebianVersion(ordered[i-1]), DebianVersion(ordered[i])
		if err := exec.CommandContext(t.Context(), dpkg, "--compare-versions", a, "lt", b).Run(); err != nil {
			t.Errorf("%s is not before %s: %v", a, b, err)
		}
	}
}

// Debian's own tools read the package, and its unit is what systemd accepts.
func TestDebianReadsThePackage(t *testing.T) {
	cfg := config(t)
	pack, err := cfg.deb(Platform{"linux", "amd64"}, stub, []byte("{}"), leaf)
	if err != nil {
		t.Fatal(err)
	}
	again, err := cfg.deb(Platform{"linux", "amd64"}, stub, []byte("{}"), leaf)
	if err != nil || !bytes.Equal(pack, again) {
		t.Errorf("another package of the same: %v", err)
	}
	path := filepath.Join(t.TempDir(), "scrip.deb")
	if err := os.WriteFile(path, pack, 0o644); err != nil {
		t.Fatal(err)
	}
	tool, err := exec.LookPath("dpkg-deb")
	if err != nil {
		t.Skip("dpkg-deb is not installed")
	}
	root := t.TempDir()
	for _, args := range [][]string{{"--info", path}, {"--contents", path}, {"--extract", path, root},
		{"--control", path, filepath.Join(root, "DEBIAN")}} {
		if out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil {
			t.Fatalf("dpkg-deb %v: %v\n%s", args, err, out)
		}
	}
	for name, mode := range map[string]os.FileMode{"usr/bin/scrip": 0o755, debUnits + "/scrip.service": 0o644,
		"usr/lib/sysusers.d/scrip.conf": 0o644, "usr/share/man/man1/scrip.1.gz": 0o644, debDocs + "/copyright": 0o644,
		"usr/share/bash-completion/completions/scrip": 0o644, debDocs + "/examples/grafana/scrip-node.json": 0o644,
		"DEBIAN/postinst": 0o755, "DEBIAN/md5sums": 0o644} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if sums, err := exec.LookPath("md5sum"); err == nil {
		c := exec.CommandContext(t.Context(), sums, "--quiet", "-c", filepath.Join(root, "DEBIAN", "md5sums"))
		if c.Dir = root; c.Run() != nil {
			t.Error("md5sums are not those of the files")
		}
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		path := filepath.Join(root, "DEBIAN", script)
		if out, err := exec.CommandContext(t.Context(), "sh", "-n", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}

// systemd knows every line of the unit, and finds little that it leaves open.
func TestSystemdAcceptsTheUnit(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	out, err := exec.CommandContext(t.Context(), tool, "security", "--offline=yes", "--threshold=20",
		"../../deploy/systemd/scrip.service").CombinedOutput()
	if err != nil || strings.Contains(string(out), "Unknown") {
		t.Errorf("%v\n%s", err, out)
	}
}

// An image is what its digests say, runs as nobody, and has a place for the data.
func TestAnImageIsWhatItsDigestsSay(t *testing.T) {
	cfg := config(t)
	image, err := cfg.image(Platform{"linux", "arm64"}, stub)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(image)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	blob := func(d imageDescriptor) []byte {
		content := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
		if digestOf(content) != d.Digest || len(content) != d.Size {
			t.Fatalf("%+v is not there", d)
		}
		return content
	}
	var index, manifest imageManifest
	var run imageConfig
	read(t, files["index.json"], &index)
	read(t, blob(index.Manifests[0]), &manifest)
	read(t, blob(*manifest.Config), &run)
	if index.Manifests[0].Platform.Architecture != "arm64" || run.Architecture != "arm64" || run.OS != "linux" {
		t.Errorf("of another platform: %+v", run.imagePlatform)
	}
	if run.Config.User != "65532:65532" || run.Config.Healthcheck.Test[2] != "health" ||
		run.Created != "2026-11-30T12:00:00Z" {
		t.Errorf("%+v", run)
	}
	layer, err := decompress(blob(manifest.Layers[0]), 1<<30)
	if err != nil || digestOf(layer) != run.RootFS.DiffIDs[0] {
		t.Errorf("the layer is not what its id says: %v", err)
	}
	all := contents(t, layer)
	for name, want := range map[string]struct {
		mode  int64
		owner int
	}{"usr/bin/scrip": {0o755, 0}, "var/lib/scrip/": {0o700, imageUser}, "tmp/": {0o1777, 0}, "etc/passwd": {0o644, 0},
		rootsPath: {0o644, 0}} {
		if h := all[name]; h == nil || h.Mode != want.mode || h.Uid != want.owner || h.Gid != want.owner {
			t.Errorf("%s: %+v", name, h)
		}
	}
	var list []imageList
	read(t, files["manifest.json"], &list)
	if list[0].RepoTags[0] != "scrip:1.2.3" || files[list[0].Config] == nil || files[list[0].Layers[0]] == nil {
		t.Errorf("%+v", list)
	}
}

func read(t *testing.T, text []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

// Licences are told by their words, and what is not known is not guessed.
func TestLicensesAreToldByTheirWords(t *testing.T) {
	own, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		string(own): "Apache-2.0", "all rights reserved": "", "Mozilla Public License Version 2.0": "MPL-2.0",
		"Permission is hereby granted, free of charge, to any person":                "MIT",
		"Redistribution and use in source\nand binary forms ... Neither the name of": "BSD-3-Clause",
		"Redistribution and use in source and binary forms":                          "BSD-2-Clause",
		"Permission to use, copy, modify, and/or distribute this software":           "ISC",
	} {
		if got := licenseOf(text); got != want {
			t.Errorf("%.40q is %q, want %q", text, got, want)
		}
	}
}

// What is in the pages is in the bill, with the sums of its lock file.
func TestTheBillNamesWhatPagesAreBuiltFrom(t *testing.T) {
	parts, err := config(t).webParts()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if p.Name == "@noble/curves" {
			if !strings.HasPrefix(p.PURL, "pkg:npm/%40noble/curves@") || len(p.Hashes) != 1 || len(p.Licenses) != 1 {
				t.Errorf("%+v", p)
			}
			return
		}
	}
	t.Error("no word of @noble/curves")
}

// release makes a small one of stubs, with its sums.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"scrip_1.2.3_linux_amd64.tar.gz", "scrip_1.2.3_linux_amd64.deb"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeSums(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A release is verified by the key that signed it; a changed file, a foreign one, changed
// sums and another key are found, here and by the minisign program.
func TestASignatureIsVerified(t *testing.T) {
	dir, keys := small(t), t.TempDir()
	secret := make(map[string]minisign.PrivateKey)
	for _, name := range []string{"release", "other"} {
		public, private, err := minisign.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		text, err := public.MarshalText()
		if err := errors.Join(err, os.WriteFile(filepath.Join(keys, name+".pub"), text, 0o644)); err != nil {
			t.Fatal(err)
		}
		secret[name] = private
	}
	if err := signSums(dir, secret["release"], "1.2.3"); err != nil {
		t.Fatal(err)
	}
	pub := filepath.Join(keys, "release.pub")
	said, checked, err := Verify(dir, pub)
	if err != nil || said != "scrip 1.2.3" || len(checked) != 2 {
		t.Errorf("%q %v %v", said, checked, err)
	}
	if tool, err := exec.LookPath("minisign"); err == nil {
		out, err := exec.CommandContext(t.Context(), tool, "-Vm", filepath.Join(dir, SumsName), "-p", pub).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "scrip 1.2.3") {
			t.Errorf("minisign: %v\n%s", err, out)
		}
	} else {
		t.Log("minisign is not installed: nobody else has read the signature")
	}
	if _, _, err := Verify(dir, filepath.Join(keys, "other.pub")); !errors.Is(err, ErrFalse) {
		t.Errorf("by another key: %v", err)
	}
	falsify := func(name, content string) {
		path := filepath.Join(dir, name)
		old, err := os.ReadFile(path)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Verify(dir, pub); !errors.Is(err, ErrFalse) {
			t.Errorf("%s was changed: %v", name, err)
		}
		if err := errors.Join(os.Remove(path), err); err != nil {
			return // it was not there
		}
		if err := os.WriteFile(path, old, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	falsify("scrip_1.2.3_linux_amd64.deb", "something else")
	falsify("scrip_1.2.3_linux_amd64.exe", "a stranger")
	falsify(SumsName, strings.Repeat("0", 64)+"  scrip_1.2.3_linux_amd64.deb\n")
	if err := os.Remove(filepath.Join(dir, "scrip_1.2.3_linux_amd64.deb")); err != nil {
		t.Fatal(err)
	}
	if _, checked, err := Verify(dir, pub); err != nil || len(checked) != 1 {
		t.Errorf("one file was not fetched: %v %v", checked, err)
	}
}

// No key is made without a passphrase, and none is replaced. What locks a key takes a
// gigabyte and ten seconds, so no test does it.
func TestAKeyIsNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "release.key")
	if _, err := NewKey(path, ""); err == nil {
		t.Error("made without a passphrase")
	}
	if err := os.WriteFile(publicPath(path), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := NewKey(path, "a passphrase"); !errors.Is(err, os.ErrExist) {
		t.Errorf("a public key was replaced: %v", err)
	}
}

// Two releases are compared by what they hold.
func TestReleasesAreCompared(t *testing.T) {
	a, b := small(t), small(t)
	if differ, err := Differences(a, b); err != nil || len(differ) != 0 {
		t.Errorf("%v %v", differ, err)
	}
	for _, name := range []string{"scrip_1.2.3_linux_amd64.deb", "more"} {
		if err := os.WriteFile(filepath.Join(b, name), []byte("else"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeSums(b); err != nil {
		t.Fatal(err)
	}
	if differ, err := Differences(a, b); err != nil || strings.Join(differ, " ") != "more scrip_1.2.3_linux_amd64.deb" {
		t.Errorf("%v %v", differ, err)
	}
}

// What cannot be a release is said before anything is built.
func TestNoReleaseWithoutAVersionAndAnEmptyFolder(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"no version":    {Source: ".", Out: t.TempDir(), Time: when},
		"two words":     {Source: ".", Out: t.TempDir(), Time: when, Version: "1 2"},
		"no time":       {Source: ".", Out: t.TempDir(), Version: "1"},
		"no folder":     {Source: ".", Time: when, Version: "1"},
		"a full folder": {Source: ".", Out: full, Time: when, Version: "1"},
	} {
		if err := Make(context.Background(), cfg); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	for _, s := range []string{"linux", "plan9/386", "linux/386", "/"} {
		if _, err := ParsePlatform(s); err == nil {
			t.Errorf("%s is a platform", s)
		}
	}
}
