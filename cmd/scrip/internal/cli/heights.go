package cli

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
)

// Commands are short: each is a new client, and a node that it asks may be behind
// the one that answered the command before. So the height that was proven last is
// remembered for each chain, and states below it are refused.

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
	path := heightsPath()
	if path == "" || height <= heightOf(chain) {
		return
	}
	seen := []seenHeight{{hex.EncodeToString(chain[:]), height}}
	for _, s := range readHeights() {
		if s.Chain != seen[0].Chain && len(seen) < heightsMax {
			seen = append(seen, s)
		}
	}
	b, err := json.Marshal(seen)
	if err != nil || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), "heights-*")
	if err != nil {
		return
	}
	_, err = f.Write(b)
	if f.Close() != nil || err != nil || os.Rename(f.Name(), path) != nil {
		_ = os.Remove(f.Name())
	}
}
