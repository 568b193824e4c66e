package release

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Same makes a release twice, from copies of the sources in two folders, each with a build
// cache of its own if apart is set, and returns the names of the files that differ. The
// copies are what git knows of the sources and has not ignored.
func Same(ctx context.Context, cfg Config, apart bool) (differ []string, err error) {
	work, err := os.MkdirTemp("", "scrip-same-")
	if err != nil {
		return nil, fmt.Errorf("make a release twice: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	folders := []string{filepath.Join(work, "first"), filepath.Join(work, "the-second-in-a-longer-folder")}
	for _, folder := range folders { // both at once: somebody may go on editing
		if err := copySources(ctx, cfg.Source, filepath.Join(folder, "src")); err != nil {
			return nil, fmt.Errorf("make a release twice: %w", err)
		}
	}
	var out []string
	for _, folder := range folders {
		cfg.Source, cfg.Out = filepath.Join(folder, "src"), filepath.Join(folder, "out")
		if apart {
			cfg.Cache = filepath.Join(folder, "cache")
		}
		if err := Make(ctx, cfg); err != nil {
			return nil, fmt.Errorf("make a release twice: %w", err)
		}
		out = append(out, cfg.Out)
	}
	return Differences(out[0], out[1])
}

func copySources(ctx context.Context, from, to string) error {
	list, err := exec.CommandContext(ctx, "git", "-C", from, "ls-files", "-z", "-co", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("list the sources: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue // deleted, and known to git
		}
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
