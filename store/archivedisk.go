package store

import (
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// archiveDisk is the ledger's disk as the archive uses it. Like Pebble's files, those
// of the archive are written no more once anything has failed.
type archiveDisk struct{ g *guard }

var _ segmentFS = archiveDisk{}

// try does what changes the disk.
func (d archiveDisk) try(what string, do func() error) error {
	if d.g.alarm.frozen.Load() {
		return errFrozen
	}
	if err := do(); err != nil {
		d.g.freeze(what, err)
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Create implements segmentFS.
func (d archiveDisk) Create(name string) (f File, err error) {
	err = d.try("create "+d.g.PathBase(name), func() error {
		if _, err := d.g.FS.Stat(name); err == nil {
			return fs.ErrExist
		}
		made, err := d.g.FS.Create(name, vfs.WriteCategoryUnspecified)
		if err == nil { // only a file that was opened for both can be read
			err = made.Close()
		}
		if err == nil {
			f, err = d.open(name)
		}
		return err
	})
	return f, err
}

// Open implements segmentFS.
func (d archiveDisk) Open(name string) (File, error) {
	if _, err := d.g.FS.Stat(name); err != nil { // else it would be made
		return nil, err
	}
	return d.open(name)
}

func (d archiveDisk) open(name string) (File, error) {
	f, err := d.g.FS.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	return &archiveFile{File: f, disk: d, name: d.g.PathBase(name), size: -1}, nil
}

// Rename implements segmentFS.
func (d archiveDisk) Rename(oldName, newName string) error {
	return d.try("rename "+d.g.PathBase(oldName), func() error { return d.g.FS.Rename(oldName, newName) })
}

// Remove implements segmentFS.
func (d archiveDisk) Remove(name string) error {
	return d.try("remove "+d.g.PathBase(name), func() error { return d.g.FS.Remove(name) })
}

// SyncDir implements segmentFS.
func (d archiveDisk) SyncDir(dir string) error {
	return d.try("sync the directory", func() error { return syncDir(d.g.FS, dir) })
}

// List implements segmentFS.
func (d archiveDisk) List(dir string) ([]string, error) { return d.g.FS.List(dir) }

// archiveFile is a segment. Write appends.
type archiveFile struct {
	vfs.File
	disk archiveDisk
	name string
	size int64 // -1 = not asked for yet
}

// Write implements File.
func (f *archiveFile) Write(p []byte) (n int, err error) {
	err = f.disk.try("write "+f.name, func() (err error) {
		if f.size < 0 {
			if f.size, err = f.Size(); err != nil {
				return err
			}
		}
		n, err = f.File.WriteAt(p, f.size)
		f.size += int64(n)
		return err
	})
	return n, err
}

// Size implements File.
func (f *archiveFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Sync implements File.
func (f *archiveFile) Sync() error { return f.disk.try("sync "+f.name, f.SyncData) }
