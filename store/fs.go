package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrLocked says that another process, or another part of this one, holds the
// lock.
var ErrLocked = errors.New("store: locked by another user")

// FS is the part of a file system that the Log needs. Names are paths with the
// separator of the platform. Nothing is durable before Sync (contents) and
// SyncDir (names) have returned; a rename is atomic all the same.
// Implementations are OS and Mem.
type FS interface {
	// MkdirAll creates dir and its missing parents, durably.
	MkdirAll(dir string) error
	// Create makes an empty file; it fails with fs.ErrExist if name exists.
	Create(name string) (File, error)
	// Open opens an existing file; it fails with fs.ErrNotExist.
	Open(name string) (File, error)
	// Rename replaces newName, both in one directory.
	Rename(oldName, newName string) error
	// Remove deletes a file; it fails with fs.ErrNotExist.
	Remove(name string) error
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
	// Lock takes name, a file that it creates, for one holder until the
	// closer is closed or the process ends. It fails with ErrLocked.
	Lock(name string) (io.Closer, error)
}

// File is an open file. Write appends at the end, always. It is not safe for
// concurrent use.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
	// Size returns the length in bytes.
	Size() (int64, error)
	// Sync makes length and contents durable.
	Sync() error
}

// OS is the file system of the machine. Files are readable by their owner only.
type OS struct{}

// MkdirAll implements FS.
func (OS) MkdirAll(dir string) error {
	dir = filepath.Clean(dir)
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("create directory %s: %w", dir, fs.ErrExist)
		}
		return nil
	}
	parent := filepath.Dir(dir)
	if err := (OS{}).MkdirAll(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return OS{}.SyncDir(parent)
}

// Create implements FS.
func (OS) Create(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL)
}

// Open implements FS.
func (OS) Open(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_APPEND)
}

func openOS(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename implements FS.
func (OS) Rename(oldName, newName string) error { return os.Rename(oldName, newName) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir implements FS.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close() // the sync's error is the one that matters
		return err
	}
	return d.Close()
}

// Lock implements FS. The lock belongs to the open file, so a second Lock in
// the same process fails too.
func (OS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
