//go:build !unix

package costing

import (
	"errors"
	"time"
)

// cpuTime is known on Unix only.
func cpuTime() (time.Duration, error) {
	return 0, errors.New("this system does not tell the processor time of a process")
}
