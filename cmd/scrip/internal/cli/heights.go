package cli

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Commands are short: each is a new client, and a node that it asks may be behind
// the one that answered the command before. So the height that was proven last is
// remembered for each chain, and states below it are refused. A chain that was set
// back is then refused for good, until its height is forgotten (--forget-heights).

// heightsMax bounds the chains that are remembered.
const heightsMax = 32

// seenHeight is what was proven of one chain.
type seenHeight struct {
	Chain  string `json:"chain"`
	Height uint64 `json:"height"`
}

// heightsPath returns the file of seen heights, or "" if this user has no place
// for it.
func heightsPath() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "scrip", "heights.json")
}

// readHeights returns the seen heights, newest first. A file that cannot be read
// is an empty one: it only saves commands from states that are older.
func readHeights() (seen []seenHeight) {
	b, err := os.ReadFile(heightsPath())
	if err != nil || json.Unmarshal(b, &seen) != nil || len(seen) > heightsMax {
		return nil
	}
	return seen
}

func heightOf(chain [32]byte) uint64 {
	for _, s := range readHeights() {
		if s.Chain == hex.EncodeToString(chain[:]) {
			return s.Height
		}
	}
	return 0
}

// noteHeight remembers a height, if it is new. What cannot be written is not
// remembered.
func noteHeight(chain [32]byte, height uint64) {
	if height <= heightOf(chain) {
		return
	}
	seen := []seenHeight{{hex.EncodeToString(chain[:]), height}}
	for _, s := range readHeights() {
		if s.Chain != seen[0].Chain && len(seen) < heightsMax {
			seen = append(seen, s)
		}
	}
	_ = writeHeights(seen)
}

// forgetHeight forgets what was proven of a chain.
func forgetHeight(chain [32]byte) error {
	if heightOf(chain) == 0 {
		return nil
	}
	name := hex.EncodeToString(chain[:])
	rest := slices.DeleteFunc(readHeights(), func(s seenHeight) bool { return s.Chain == name })
	if err := writeHeights(rest); err != nil {
		return fmt.Errorf("forget the height that was proven last: %w", err)
	}
	return nil
}

// writeHeights replaces the file of seen heights, in one step.
func writeHeights(seen []seenHeight) error {
	path := heightsPath()
	if path == "" {
		return errors.New("this user has no folder for caches")
	}
	b, err := json.Marshal(seen)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "heights-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
