//go:build !unix || solaris || aix

package purse

import (
	"fmt"
	"os"
)

// lockFile opens the file at path. Here processes do not wait for each other: two
// that change one wallet at once may lose an entry of the index, which a scan
// finds again.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the wallet: %w", err)
	}
	return f, nil
}
