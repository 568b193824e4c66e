package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrMoved says that the files of a ledger have changed while they were looked at:
// something has it open.
var ErrMoved = errors.New("store: the ledger is in use")

// CheckSeal compares the files of a ledger that nothing has open with their seal, as
// OpenLedger does, and writes nothing. It reports whether there is a seal: an empty
// folder has none, nor has a ledger from before there were any.
//
// Errors: ErrDamaged, ErrVersion, ErrMoved, or the machine's.
func CheckSeal(dir string) (sealed bool, err error) {
	disk := &reader{FS: vfs.Default}
	names, err := disk.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("check the seal of %s: %w", dir, err)
	}
	before, _ := os.ReadFile(disk.PathJoin(dir, sealName))
	found, err := readSeal(disk, dir, names)
	if err == nil && found != nil {
		_, err = newGuard(disk, dir, OpenBytesDefault, newAlarm())
	}
	if err == nil {
		return found != nil, nil
	}
	if after, _ := os.ReadFile(disk.PathJoin(dir, sealName)); !bytes.Equal(before, after) {
		err = ErrMoved
	}
	return found != nil, fmt.Errorf("check the seal of %s: %w", dir, err)
}

// reader is a disk on which nothing is written: what is, goes nowhere.
type reader struct{ vfs.FS }

// OpenReadWrite implements vfs.FS.
func (*reader) OpenReadWrite(string, vfs.DiskWriteCategory, ...vfs.OpenOption) (vfs.File, error) {
	return sink{}, nil
}

// Create implements vfs.FS.
func (*reader) Create(string, vfs.DiskWriteCategory) (vfs.File, error) { return sink{}, nil }

// OpenDir implements vfs.FS.
func (*reader) OpenDir(string) (vfs.File, error) { return sink{}, nil }

// Rename implements vfs.FS.
func (*reader) Rename(string, string) error { return nil }

// FreeBytes returns how many bytes may be written to the disk that a folder is on.
func FreeBytes(dir string) (uint64, error) {
	usage, err := vfs.Default.GetDiskUsage(dir)
	if err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return usage.AvailBytes, nil
}
