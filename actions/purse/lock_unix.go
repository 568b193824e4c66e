//go:build unix && !solaris && !aix

package purse

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFile locks the file at path, made if need be, until it is closed. It waits
// for a process that has it; the system unlocks it when that process ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the wallet: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock the wallet: %w", err), f.Close())
		}
	}
}
