//go:build unix

package e2e

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// TestKill kills, stops and restarts validators under load. Whatever was
// acknowledged stays, no key votes twice, and the network always goes on.
func TestKill(t *testing.T) {
	kills, seed := *killsFlag, *seedFlag
	if testing.Short() {
		kills = min(kills, 2)
	}
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-e2e.seed=%d", seed)
	// Small logs, so that compactions are interrupted too.
	c := startCluster(t, map[string]string{"limits-log-bytes": "1000000"})
	logs := startArchive(c)
	m := openMarket(c, 2, 4)
	l := startLoad(c, m, 6, seed)
	k := &killer{c: c, l: l, r: rand.New(rand.NewPCG(seed, 0)), counts: make(map[string]int)}
	k.began = time.Now()
	for done := 0; done < kills; {
		done += k.round(kills - done)
		if t.Failed() {
			break
		}
	}
	l.progress(20)
	l.finish()
	t.Logf("%d kills in %v: %v; %d acknowledged, %d tried again", kills, time.Since(k.began).Round(time.Second),
		k.counts, len(l.receipts), l.retried.Load())
	k.allVote()
	l.provenEverywhere(500)
	c.noOffences()
	b := openBooks(c)
	b.check(l.receipts)
	v := logs.read()
	t.Log(v)
	if v.prepares == 0 || len(v.committed) == 0 {
		t.Error("the logs hold no votes")
	}
}

// killer picks victims.
type killer struct {
	c      *cluster
	l      *load
	r      *rand.Rand
	counts map[string]int
	began  time.Time
}

// note counts and logs what is done to the network.
func (k *killer) note(what string, victims ...int) {
	k.c.t.Helper()
	k.counts[what]++
	k.c.t.Logf("%7.3f s, %d acknowledged: %s: %v", time.Since(k.began).Seconds(), k.l.acked.Load(), what, victims)
}

// round does one thing to the network, waits until it has gone on, and returns how
// many validators it has killed or stopped.
func (k *killer) round(most int) int {
	k.c.t.Helper()
	k.l.progress(1 + k.r.Int64N(40))
	time.Sleep(time.Duration(k.r.IntN(20_000)) * time.Microsecond) // any moment of a block's life
	victims := k.r.Perm(validators)
	switch n := k.r.IntN(10); {
	case n < 6 || most < 2 && n < 8:
		k.one(victims[0])
		return 1
	case n < 8:
		k.two(victims[0], victims[1])
		return 2
	default:
		k.freeze(victims[0])
		return 1
	}
}

// one kills a validator, lets the others go on without it for a while, and
// restarts it. Three times of four it waits until it has caught up; else the next
// round meets a network that is still recovering.
func (k *killer) one(i int) {
	k.c.t.Helper()
	k.note("killed", i)
	k.c.kill(i)
	k.l.progress(k.r.Int64N(40))
	height := k.c.height()
	k.c.startOne(i)
	k.l.progress(1)
	if k.r.IntN(4) > 0 {
		k.c.awaitHeight(i, height, "voting")
	}
}

// two kills two validators: two of four commit nothing, and with the third they
// go on.
func (k *killer) two(i, j int) {
	k.c.t.Helper()
	k.note("killed in pairs", i, j)
	k.c.kill(i)
	k.c.kill(j)
	k.halted(i, j)
	height := k.c.height()
	k.c.startOne(i)
	if k.r.IntN(2) == 0 {
		k.l.progress(1)
	}
	k.c.startOne(j)
	k.l.progress(1)
	k.c.awaitHeight(i, height, "voting")
	k.c.awaitHeight(j, height, "voting")
}

// halted checks that the network without two validators stops.
func (k *killer) halted(i, j int) {
	k.c.t.Helper()
	const still = 30 // looks in a row that see the same height
	last, same := uint64(0), 0
	k.c.await("two of four come to a halt", func() string {
		if height := k.c.height(); height == last {
			same++
		} else {
			last, same = height, 0
		}
		if same < still {
			return fmt.Sprintf("without %d and %d the height is still rising: %d", i, j, last)
		}
		return ""
	})
}

// freeze stops a process without ending it: its connections stay open and say
// nothing.
func (k *killer) freeze(i int) {
	k.c.t.Helper()
	k.note("frozen", i)
	k.c.signal(i, syscall.SIGSTOP)
	k.l.progress(k.r.Int64N(60))
	height := k.c.height()
	k.c.signal(i, syscall.SIGCONT)
	k.l.progress(1)
	k.c.awaitHeight(i, height, "voting")
}

// allVote waits until every validator votes at the height of the highest, and so
// has none in a condition that it cannot leave.
func (k *killer) allVote() {
	k.c.t.Helper()
	height := k.c.height()
	for i := range validators {
		k.c.awaitHeight(i, height, "voting")
	}
}
