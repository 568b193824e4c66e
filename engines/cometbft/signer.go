package cometbft

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cometjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/privval"
)

// openSigner returns what signs votes with the member's key. It remembers, synced,
// what it has signed last, and signs nothing that contradicts it. If that memory is
// gone although there are blocks, the key might sign twice: an error.
func openSigner(c *config.Config, key ed25519.PrivKey, height uint64) (*privval.FilePV, error) {
	path := c.PrivValidatorStateFile()
	s := privval.NewFilePV(key, "", path)
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && height == 0:
		s.LastSignState.Save()
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("read what the key has signed last: %w", err)
	}
	if err := cometjson.Unmarshal(raw, &s.LastSignState); err != nil {
		return nil, fmt.Errorf("read what the key has signed last in %s: %w", path, err)
	}
	return s, nil
}
