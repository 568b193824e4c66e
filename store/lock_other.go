//go:build !unix || solaris || aix

package store

import (
	"errors"
	"os"
)

// lockFile refuses: where a second process cannot be kept out, no key may sign.
func lockFile(*os.File) error { return errors.ErrUnsupported }
