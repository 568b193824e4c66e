//go:build !linux

package network

import (
	"errors"
	"syscall"
	"time"
)

// childAttributes: the pipe alone ends the children with their parent.
func childAttributes() *syscall.SysProcAttr { return nil }

func cpuTime(int) (time.Duration, error) {
	return 0, errors.New("the CPU time of another process is known on Linux only")
}
