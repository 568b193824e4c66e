package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Limits of Copy: how often it begins anew when the files have moved meanwhile, and how long
// it waits each time. A node under load makes or drops a table every few seconds.
const (
	copyTriesMax = 60
	copyPause    = 50 * time.Millisecond
)

// Copy puts into the folder to, which it makes, a ledger that is what the one in dir would
// be after a power cut at some moment of the call, whether or not a process has that one
// open. It writes nothing in dir. Files that never change are linked where both folders are
// on one disk, so that the copy costs what is still in Pebble's write-ahead log, and the last
// segment. Whoever opens the copy verifies it: its seal is one of those that the ledger had.
// drop removes the copy. What a killed process has left at that place is removed first; to
// with ".lock" behind it keeps two calls apart.
//
// Errors: ErrLocked if another process copies to that place; ErrMoved if the files have moved
// at every try; ctx's; the machine's. Then there is no folder to.
func Copy(ctx context.Context, dir, to string) (drop func() error, err error) {
	lock, err := os.OpenFile(to+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("copy the ledger: %w", err)
	}
	if err := lockFile(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("copy the ledger to %s: %w", to, err), lock.Close())
	}
	drop = func() error { return errors.Join(os.RemoveAll(to), os.Remove(lock.Name()), lock.Close()) }
	if err := copyWhole(ctx, dir, to); err != nil {
		return nil, errors.Join(fmt.Errorf("copy the ledger in %s: %w", dir, err), drop())
	}
	return drop, nil
}

func copyWhole(ctx context.Context, dir, to string) (err error) {
	for range copyTriesMax {
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		if err := os.Mkdir(to, 0o700); err != nil {
			return err
		}
		if err = copyOnce(dir, to); !errors.Is(err, ErrMoved) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(copyPause):
		}
	}
	return err
}

// copyOnce copies the files in an order that is safe while blocks are written: the seal and
// the list of tables, then the write-ahead logs, then the last segment of the archive, which
// may be ahead of the logs and is cut when the copy is opened. If seal, list and names are
// the same afterwards, all files are of one moment but for what was appended.
func copyOnce(dir, to string) error {
	before, err := stillOf(dir)
	if err != nil {
		return err
	}
	last := before.lastSegment()
	for _, name := range before.order(last) {
		from, into := filepath.Join(dir, name), filepath.Join(to, name)
		if isTable(name) || isSegment(name) && name != last {
			err = linkOrCopy(from, into)
		} else {
			err = copyFile(from, into)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return ErrMoved
		}
		if err != nil {
			return err
		}
	}
	after, err := stillOf(dir)
	if err != nil {
		return err
	}
	if !bytes.Equal(before.seal, after.seal) || !maps.Equal(before.files, after.files) {
		return ErrMoved
	}
	return nil
}

// still is what a ledger's files are at a moment: the seal, and the names with the sizes of
// those that must not change between two of them.
type still struct {
	seal  []byte
	files map[string]int64
}

// lockName is the file that a process holds while it has the ledger open.
const lockName = "LOCK"

func stillOf(dir string) (s still, err error) {
	if s.seal, err = os.ReadFile(filepath.Join(dir, sealName)); err != nil {
		return s, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return s, err
	}
	s.files = make(map[string]int64, len(entries))
	for _, e := range entries {
		if e.Name() == lockName || e.IsDir() {
			continue
		}
		size := int64(0)
		if isList(e.Name()) {
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return s, ErrMoved
			}
			if err != nil {
				return s, err
			}
			size = info.Size()
		}
		s.files[e.Name()] = size
	}
	return s, nil
}

func (s *still) lastSegment() (last string) {
	for name := range s.files {
		if isSegment(name) {
			last = max(last, name)
		}
	}
	return last
}

// order returns the names: the last segment at the end, the write-ahead logs before it.
func (s *still) order(last string) []string {
	rank := func(name string) int {
		switch {
		case name == last:
			return 2
		case isWAL(name):
			return 1
		}
		return 0
	}
	return slices.SortedFunc(maps.Keys(s.files), func(a, b string) int {
		if ra, rb := rank(a), rank(b); ra != rb {
			return ra - rb
		}
		return strings.Compare(a, b)
	})
}

func linkOrCopy(from, to string) error {
	if err := os.Link(from, to); err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return copyFile(from, to)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
