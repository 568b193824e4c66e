package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Config says what to make.
type Config struct {
	// Source is the folder of the sources, Out the one for what is made; it must not exist
	// or be empty.
	Source, Out string
	// Version is that of the program, such as "0.3.1". Time is that of the commit: every
	// file of the release has it.
	Version string
	Time    time.Time
	// Platforms are those to build for; none means all.
	Platforms []Platform
	// Maintainer stands in Debian packages, "Name <address>".
	Maintainer string
	// Cache is the folder of Go's build cache; "" is the user's.
	Cache string
	// Say is told what is being done; it may be nil.
	Say func(format string, args ...any)
}

// fill checks cfg and sets defaults.
func (cfg *Config) fill() error {
	switch {
	case cfg.Source == "" || cfg.Out == "":
		return errors.New("folders of the sources and of the release are required")
	case cfg.Version == "" || strings.ContainsAny(cfg.Version, " /\\\n"):
		return fmt.Errorf("%q is no version", cfg.Version)
	case cfg.Time.Unix() <= 0:
		return errors.New("the time of the commit is required")
	}
	cfg.Time = cfg.Time.UTC().Truncate(time.Second)
	if len(cfg.Platforms) == 0 {
		cfg.Platforms = Platforms()
	}
	if cfg.Maintainer == "" {
		cfg.Maintainer = "Whoever made this release <root@localhost>"
	}
	if cfg.Say == nil {
		cfg.Say = func(string, ...any) {}
	}
	entries, err := os.ReadDir(cfg.Out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty", cfg.Out)
	}
	return nil
}

// name is that of the release's files for a platform, without an ending.
func (cfg *Config) name(p Platform) string {
	return fmt.Sprintf("scrip_%s_%s_%s", cfg.Version, p.OS, p.Arch)
}

// Make makes a release: for each platform an archive with its bill of materials, for Linux
// a Debian package and an image too, and the file of sums. Nothing that is there is
// replaced.
func Make(ctx context.Context, cfg Config) error {
	if err := cfg.fill(); err != nil {
		return fmt.Errorf("make a release: %w", err)
	}
	if err := os.MkdirAll(cfg.Out, 0o755); err != nil {
		return fmt.Errorf("make a release: %w", err)
	}
	work, err := os.MkdirTemp("", "scrip-release-")
	if err != nil {
		return fmt.Errorf("make a release: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	pages, err := cfg.pages(ctx, filepath.Join(work, "pages"))
	if err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	for _, p := range cfg.Platforms {
		cfg.Say("%s", p)
		if err := cfg.makeFor(ctx, p, filepath.Join(work, p.OS+"-"+p.Arch), pages); err != nil {
			return fmt.Errorf("make the release for %s: %w", p, err)
		}
	}
	return writeSums(cfg.Out)
}

// makeFor makes everything for one platform.
func (cfg *Config) makeFor(ctx context.Context, p Platform, work string, pages Tree) error {
	program := filepath.Join(work, p.program())
	if err := cfg.build(ctx, p, program); err != nil {
		return err
	}
	bill, err := cfg.bill(ctx, program)
	if err != nil {
		return err
	}
	if err := cfg.write(p, ".cdx.json", bill); err != nil {
		return err
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	archive, ending, err := cfg.archive(p, binary, pages)
	if err != nil {
		return err
	}
	if err := cfg.write(p, ending, archive); err != nil || p.OS != "linux" {
		return err
	}
	pack, err := cfg.deb(p, binary, bill, pages)
	if err != nil {
		return err
	}
	if err := cfg.write(p, ".deb", pack); err != nil {
		return err
	}
	image, err := cfg.image(p, binary)
	if err != nil {
		return err
	}
	return cfg.write(p, ".oci.tar", image)
}

func (cfg *Config) write(p Platform, ending string, content []byte) error {
	name := cfg.name(p) + ending
	cfg.Say("  %s  %.1f MB", name, float64(len(content))/1e6)
	return os.WriteFile(filepath.Join(cfg.Out, name), content, 0o644)
}

// build compiles the program. What could differ between machines is fixed here: flags and
// levels of processors from the environment, the folder, the state of the repository.
func (cfg *Config) build(ctx context.Context, p Platform, out string) error {
	flags := "-s -w -buildid= -X main.version=" + cfg.Version
	return cfg.run(ctx, p, "go", "build", "-ldflags", flags, "-o", out, "./cmd/scrip")
}

// pages lets the tree of commands write its manual pages and completions.
func (cfg *Config) pages(ctx context.Context, out string) (Tree, error) {
	here := Platform{runtime.GOOS, runtime.GOARCH}
	err := cfg.run(ctx, here, "go", "run", "./cmd/scrip/internal/manual", "-version", cfg.Version,
		"-date", cfg.Time.Format(time.DateOnly), out)
	if err != nil {
		return nil, err
	}
	return readTree(out, "")
}

// run runs a program of the toolchain in the sources.
func (cfg *Config) run(ctx context.Context, p Platform, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = cfg.Source
	c.Env = append(os.Environ(), "GOOS="+p.OS, "GOARCH="+p.Arch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=-trimpath -buildvcs=false -mod=readonly", "GOEXPERIMENT=", "GOWORK=off", "GOTOOLCHAIN=local", "LC_ALL=C")
	if cfg.Cache != "" {
		c.Env = append(c.Env, "GOCACHE="+cfg.Cache)
	}
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, args[0], err, out)
	}
	return nil
}
