//go:build unix

package validator

import "syscall"

// descriptorLimit returns how many files and connections this process may have open;
// Go has raised it as far as it may. ok is false where the system does not say.
func descriptorLimit() (limit uint64, ok bool) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, false
	}
	return uint64(l.Cur), true
}
