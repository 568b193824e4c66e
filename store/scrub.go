package store

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/time/rate"
)

// scrubBytesPerSecond is how fast Scrub reads: a part of what the slowest disk of a
// validator gives, so that nobody waits for it.
const scrubBytesPerSecond = 32 << 20

// Scrub reads the tables and segments that opening has left unread, the newest first, and compares
// them with the seal as opening does with the others. What is not what it was fails
// the ledger, see Failed, with ErrDamaged. Until it is found, Pebble's checksum of each
// block answers for what is read. Scrub returns when all is read or ctx ends. It is
// called once, beside anything but Close.
func (l *Ledger) Scrub(ctx context.Context) {
	g := l.guard
	if len(g.unread) == 0 {
		return
	}
	limit := rate.NewLimiter(scrubBytesPerSecond, sumBufferBytes)
	scratch, bytes := make([]byte, sumBufferBytes), int64(0)
	pace := func(n int) error { return limit.WaitN(ctx, n) }
	for _, sum := range g.unread {
		err := sum.check(g.FS, g.dir, true, scratch, pace)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && g.sealed(sum.name):
			if !errors.Is(err, ErrDamaged) && !isMachines(err) {
				err = fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			l.scrubbed.Store(true)
			l.alarm.raise(err)
			return
		}
		bytes += sum.length
	}
	g.unread = nil
	l.log.Info("the older files of the ledger are what they were", "bytes", bytes)
}

// sealed reports whether a table is one of the ledger's: Pebble removes those that it
// has merged into others.
func (g *guard) sealed(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.seal.files[name]
	return ok
}
