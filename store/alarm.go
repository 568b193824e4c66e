package store

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// alarm keeps the first failure after which nothing of a ledger counts, whoever met
// it: the owner, a reader, or Pebble in the background. Safe for concurrent use.
type alarm struct {
	once    sync.Once
	raised  chan struct{} // closed when err is set
	err     atomic.Pointer[error]
	watched atomic.Bool
	// frozen says that nothing is written any more. Whoever sets it raises the alarm next.
	frozen atomic.Bool
}

func newAlarm() *alarm { return &alarm{raised: make(chan struct{})} }

func (a *alarm) raise(err error) {
	a.once.Do(func() {
		err = fmt.Errorf("%w: %w", ErrPoisoned, err)
		a.err.Store(&err)
		close(a.raised)
	})
}

// failure returns the first failure, or nil. On a frozen disk it waits for the reason:
// what was not written must not be reported to be done in between.
func (a *alarm) failure() error {
	if a.frozen.Load() {
		<-a.raised
	}
	if err := a.err.Load(); err != nil {
		return *err
	}
	return nil
}

// fatal does what Pebble expects of a failure that it cannot survive: it does not
// return. Beneath a function of this package the panic becomes an error there. On a
// goroutine of Pebble's own nobody could recover it: whoever watches the alarm ends
// the process, and without a watcher the panic does.
func (a *alarm) fatal(err error) {
	a.raise(err)
	if ownCaller() || !a.watched.Load() {
		panic(err)
	}
	select {}
}

// ownCaller reports whether a function of this package that turns panics into
// errors is being executed on this goroutine.
func ownCaller() bool {
	pcs := make([]uintptr, 256)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		_, name, ok := strings.Cut(f.Function, "/scrip/store.")
		if ok && (strings.HasPrefix(name, "(*Ledger).") || strings.HasPrefix(name, "openPebble")) {
			return true
		}
	}
	return false
}
