package validator

import (
	"net"
	"os"
	"slices"
)

// What an operator's tools look at before a validator is started. Nothing here
// opens the data, which would wait for a running validator, or writes.

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
