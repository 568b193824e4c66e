package release

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Where Debian's files are.
const (
	debDocs  = "usr/share/doc/scrip"
	debUnits = "usr/lib/systemd/system"
)

// described is what git describe says of a commit behind a tag: tag, distance, commit.
var described = regexp.MustCompile(`^(\d[\w.]*)-(\d+)-g([0-9a-f]+)$`)

// DebianVersion is a version of ours as Debian orders them: 1.2.0-rc.1 before 1.2.0, a commit
// behind 1.2.0 after it, one without any tag before everything.
func DebianVersion(version string) string {
	v := strings.TrimPrefix(version, "v")
	dirty := ""
	if clean, found := strings.CutSuffix(v, "-dirty"); found {
		v, dirty = clean, "+dirty"
	}
	switch m := described.FindStringSubmatch(v); {
	case m != nil:
		v = m[1] + "+" + m[2] + ".g" + m[3]
	case v == "" || v[0] < '0' || v[0] > '9' || !strings.Contains(v, "."):
		v = "0~git." + v
	default:
		v = strings.Replace(v, "-", "~", 1)
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || strings.ContainsRune(".+~", r) {
			return r
		}
		return '.'
	}, v+dirty)
}

// deb returns the Debian package of the program.
func (cfg *Config) deb(p Platform, program, bill []byte, pages Tree) ([]byte, error) {
	files, err := cfg.debFiles(program, bill, pages)
	if err != nil {
		return nil, err
	}
	data, err := files.tar("./", cfg.Time)
	if err != nil {
		return nil, err
	}
	control, err := cfg.debControl(p, files).tar("./", cfg.Time)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, part := range []struct {
		name    string
		content []byte
		packed  bool
	}{{"debian-binary", []byte("2.0\n"), false}, {"control.tar.gz", control, true}, {"data.tar.gz", data, true}} {
		if part.packed {
			if part.content, err = compress(part.content); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", part.name, cfg.Time.Unix(), 0, 0, "100644", len(part.content))
		b.Write(part.content)
		if len(part.content)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes(), nil
}

// debFiles are what the package puts onto a machine.
func (cfg *Config) debFiles(program, bill []byte, pages Tree) (Tree, error) {
	t := Tree{"usr/bin/scrip": {Content: program, Mode: 0o755}, debDocs + "/scrip.cdx.json": {Content: bill, Mode: 0o644}}
	papers, err := cfg.papers()
	if err != nil {
		return nil, err
	}
	for from, to := range map[string]string{"deploy/systemd/scrip.service": debUnits + "/scrip.service",
		"deploy/systemd/scrip.sysusers": "usr/lib/sysusers.d/scrip.conf", "LICENSE": debDocs + "/copyright"} {
		e, there := papers[from]
		if !there {
			return nil, fmt.Errorf("the sources have no %s", from)
		}
		t[to] = e
		delete(papers, from)
	}
	papers["changelog.md"] = papers["CHANGELOG.md"]
	delete(papers, "CHANGELOG.md")
	for name, e := range papers {
		if below, found := strings.CutPrefix(name, "deploy/"); found {
			name = "examples/" + below
		}
		t[path.Join(debDocs, name)] = e
	}
	places := map[string]string{"completions/scrip.bash": "usr/share/bash-completion/completions/scrip",
		"completions/scrip.zsh":  "usr/share/zsh/vendor-completions/_scrip",
		"completions/scrip.fish": "usr/share/fish/vendor_completions.d/scrip.fish"}
	for name, e := range pages {
		if to, known := places[name]; known {
			t[to] = e
		} else if strings.HasPrefix(name, "man/") {
			if e.Content, err = compress(e.Content); err != nil {
				return nil, err
			}
			t["usr/share/man/man1/"+path.Base(name)+".gz"] = e
		}
	}
	return t, nil
}

// debScripts are what dpkg runs. They start nothing: which validator may be restarted when
// is for its members to say. They remove nothing that a validator has written either: a key
// without its log must not vote again.
var debScripts = map[string]string{
	"postinst": `#!/bin/sh
set -e
if [ "$1" = configure ]; then
	if command -v systemd-sysusers >/dev/null; then
		systemd-sysusers scrip.conf
	elif ! getent passwd scrip >/dev/null; then
		useradd --system --home-dir /var/lib/scrip --shell /usr/sbin/nologin scrip
	fi
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
`,
	"prerm": `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	systemctl disable --now scrip.service
fi
`,
	"postrm": `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ "$1" = purge ] && [ -d /var/lib/scrip ]; then
	echo "scrip: /var/lib/scrip stays: it holds keys and what they have promised" >&2
fi
`,
}

// debControl is what dpkg reads of the package.
func (cfg *Config) debControl(p Platform, files Tree) Tree {
	t := make(Tree)
	var sums strings.Builder
	size := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(files[name].Content), name)
		size += (len(files[name].Content) + 1023) / 1024
	}
	t["md5sums"] = Entry{Content: []byte(sums.String()), Mode: 0o644}
	t["control"] = Entry{Mode: 0o644, Content: []byte("Package: scrip\nVersion: " + DebianVersion(cfg.Version) +
		"\nArchitecture: " + p.Arch + "\nMaintainer: " + cfg.Maintainer + fmt.Sprintf("\nInstalled-Size: %d", size) +
		"\nSection: net\nPriority: optional\nRecommends: systemd, time-daemon\n" +
		"Description: electronic coupons on a ledger that its members run together\n" +
		" Runs a member's validator, and has the commands of issuers, holders and tills.\n" +
		" A home for a validator is made with scrip init; see scrip(1).\n")}
	for name, script := range debScripts {
		t[name] = Entry{Content: []byte(script), Mode: 0o755}
	}
	return t
}
