//go:build unix

package keys

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// modesCount says whether a file's mode keeps others out here.
const modesCount = true

// foreignOwner returns the owner of a file that belongs neither to the user of
// this process nor to root, who can read everything anyway.
func foreignOwner(info fs.FileInfo) (owner uint32, foreign bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Uid, stat.Uid != 0 && int(stat.Uid) != os.Geteuid()
}

// syncFolder makes the names in a folder durable.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
