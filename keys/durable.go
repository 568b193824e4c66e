package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// writeNew puts data at path, which must not exist. The data is written and
// synced under a temporary name in the same folder, then linked to its own name:
// linking, unlike renaming, fails if the name is taken, so two processes that
// make a key at once cannot destroy each other's. At last the folder is synced,
// without which the name could vanish in a power cut.
func writeNew(path string, data []byte, options ...Option) (err error) {
	folder := filepath.Dir(path)
	if err := makeFolder(folder, options...); err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("save %s: %w: move the old file away or give another name", path, ErrExists)
	}
	temporary, err := writeTemporary(folder, data)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	defer func() {
		if removeErr := os.Remove(temporary); err == nil && removeErr != nil {
			err = fmt.Errorf("save %s: the key is saved, but its temporary copy is left: %w", path, removeErr)
		}
	}()
	err = os.Link(temporary, path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("save %s: %w: move the old file away or give another name", path, ErrExists)
	}
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	if err := syncFolder(folder); err != nil {
		return fmt.Errorf("save %s: sync its folder: %w", path, err)
	}
	return nil
}

// replace puts data at path, where a key file is, in one step: a crash leaves the
// old file or the new one.
func replace(path string, data []byte) error {
	folder := filepath.Dir(path)
	temporary, err := writeTemporary(folder, data)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("save %s: %w", path, errors.Join(err, os.Remove(temporary)))
	}
	if err := syncFolder(folder); err != nil {
		return fmt.Errorf("save %s: sync its folder: %w", path, err)
	}
	return nil
}

// writeTemporary writes data to a synced file of a fresh name and mode 0600.
func writeTemporary(folder string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(folder, ".new-key-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// makeFolder makes a missing folder with mode 0700 and checks a present one.
func makeFolder(folder string, options ...Option) error {
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("make the key folder: %w", err)
		}
		return syncFolder(filepath.Dir(folder))
	}
	if err != nil {
		return fmt.Errorf("look at the key folder: %w", err)
	}
	return checkPrivate(folder, info, options...)
}
