package validator

import (
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/scrip-network/scrip/store"
)

// What an operator's tools look at before a validator is started. Nothing here
// opens the data, which would wait for a running validator, or writes.

const (
	// DiskBad is as many free bytes as a validator fills within minutes: a new consensus
	// log, the tables of what is in memory, one compaction.
	DiskBad = 256 << 20
	// DiskFew is as many free bytes as leave an operator little time to make room.
	DiskFew = 4 << 30
)

// CheckListen reports, as a *Trouble, what would keep Run from listening on an
// address; setting is the flag's name without dashes. The port is free again when it
// returns.
func CheckListen(addr, setting string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return listenTrouble(addr, setting, err)
	}
	return l.Close()
}

// HasJoined reports whether the home has joined the chain with this digest, which
// made its consensus log.
func (c *Config) HasJoined(digest [32]byte) (bool, error) {
	joined, err := c.joined()
	return slices.Contains(joined, digest), err
}

// LogIsThere reports whether the folder of the consensus log holds anything but a
// lock.
func (c *Config) LogIsThere() (bool, error) {
	entries, err := os.ReadDir(c.logDir())
	if os.IsNotExist(err) {
		return false, nil
	}
	there := slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != "LOCK" })
	return there, troubleOf("look for the consensus log", err)
}

// CheckLedger compares the ledger with its seal, as a start does, for a validator that
// does not run. It reports whether there is a seal. The error is a *Trouble if the
// ledger is damaged.
func (c *Config) CheckLedger() (sealed bool, err error) {
	sealed, err = store.CheckSeal(c.ledgerDir())
	return sealed, troubleOf("check the ledger", c.damaged(err))
}

// FreeBytes returns how many bytes the disk of the data has room for, and the folder
// that was asked about: the data's, or the nearest one above that exists.
func (c *Config) FreeBytes() (free uint64, dir string, err error) {
	dir = c.Path(c.Data)
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, err = store.FreeBytes(dir)
	return free, dir, troubleOf("look for free space", err)
}
