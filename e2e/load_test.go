//go:build unix

package e2e

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// load is customers without pause: each claims a coupon, passes it on, uses it
// up, now and then takes a use back, and begins again with another. None of their
// transactions may be refused.
type load struct {
	t       *testing.T
	c       *cluster
	m       *market
	stop    context.CancelFunc
	workers sync.WaitGroup
	acked   atomic.Int64
	retried atomic.Int64

	mu       sync.Mutex // guards receipts
	receipts []*client.Receipt
}

// startLoad begins with so many customers, each of whom asks another node first.
func startLoad(c *cluster, m *market, customers int, seed uint64) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{t: c.t, c: c, m: m, stop: stop}
	for k := range customers {
		r := rand.New(rand.NewPCG(seed, uint64(k)))
		x := c.newClient([]int{k % 4, (k + 1) % 4, (k + 2) % 4, (k + 3) % 4}, client.WithPatience(500*time.Millisecond))
		l.workers.Go(func() {
			for ctx.Err() == nil {
				l.shop(ctx, x, r)
			}
		})
	}
	return l
}

// shop is the life of one coupon. It ends early with ctx, or when the outcome of
// a step could not be learned.
func (l *load) shop(ctx context.Context, x *client.Client, r *rand.Rand) {
	serial, n, seq := l.m.serial.Add(1), 0, uint32(0)
	till := l.m.tills[r.IntN(len(l.m.tills))]
	goOn := l.submit(x, l.m.claim(serial))
	for ; goOn && n < r.IntN(3); n++ {
		goOn = ctx.Err() == nil && l.submit(x, l.m.transfer(serial, n, seq))
		seq++
	}
	for range l.m.terms.Uses {
		goOn = goOn && ctx.Err() == nil && l.submit(x, l.m.redeem(till, serial, n, seq, coupon.Mode(r.IntN(2))))
		seq++
		if goOn && r.IntN(8) == 0 {
			goOn = l.submit(x, l.m.void(till, serial, seq-1))
			seq++
		}
	}
}

// submit hands in a transaction until its outcome is proven, and reports whether
// it is and whether it was accepted. Nodes that have just come back may refuse
// what rests on blocks that they lack, even f+1 of them.
func (l *load) submit(x *client.Client, raw []byte) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var last error // refusal
	for {
		r, err := x.Submit(ctx, raw)
		var refusal *client.Refusal
		switch {
		case err == nil:
			l.mu.Lock()
			l.receipts = append(l.receipts, r)
			l.mu.Unlock()
			l.acked.Add(1)
			return true
		case errors.As(err, &refusal) && !refusal.Final && ctx.Err() == nil:
			l.retried.Add(1)
			last = err
			time.Sleep(10 * pause)
			continue
		}
		l.t.Errorf("a customer's transaction: %v; refused before: %v", err, last)
		return false
	}
}

// progress waits until so many more transactions are acknowledged.
func (l *load) progress(more int64) {
	l.t.Helper()
	goal := l.acked.Load() + more
	l.c.await("progress", func() string {
		if l.acked.Load() < goal {
			return "clients wait for receipts"
		}
		return ""
	})
}

// finish lets every customer end the step that it is at.
func (l *load) finish() {
	l.stop()
	l.workers.Wait()
}

// provenEverywhere asks single nodes for the receipts of acknowledged
// transactions, at most so many, and compares.
func (l *load) provenEverywhere(most int) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	step := max(1, len(l.receipts)/most)
	var g sync.WaitGroup
	for i, x := range l.c.nodes {
		g.Go(func() {
			for j := 0; j < len(l.receipts); j += step {
				want := l.receipts[j]
				got, err := x.Receipt(ctx, want.Outcome.ID, 0)
				switch {
				case err != nil:
					l.t.Errorf("validator %d: the receipt of an acknowledged transaction at height %d: %v", i, want.Height, err)
					return
				case got.Height != want.Height || got.Outcome != want.Outcome || got.Proof.Index != want.Proof.Index:
					l.t.Errorf("validator %d gives another receipt: %+v, acknowledged %+v", i, got.Outcome, want.Outcome)
				}
			}
		})
	}
	g.Wait()
}
