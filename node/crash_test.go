package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/store"
)

// crash takes power from a member, at the latest now: the disks keep what was
// synced, and of the rest whatever the seed says.
func (m *member) crash(seed uint64) {
	log, ok := m.fs.(*store.Mem)
	if !ok {
		m.c.t.Fatal("the disk cannot crash")
	}
	log.CrashAt(log.Ops())
	if err := m.stop(); err != nil && !errors.Is(err, store.ErrCrashed) {
		m.c.t.Errorf("member %d: %v", m.id, err)
	}
	m.fs = log.Crash(store.CrashMixed, seed)
	m.disk = m.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, 2))})
}

// acknowledged collects the outcomes that clients have seen.
type acknowledged struct {
	mu       sync.Mutex
	outcomes []Outcome
}

// load submits through all members until ctx ends or they stop.
func (a *acknowledged) load(ctx context.Context, c *cluster, name string) {
	var g sync.WaitGroup
	for _, m := range c.members {
		n := m.node
		g.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				tx := newHashTx(clientKey, nowMs()+60_000, fmt.Sprintf("%s %d %d", name, m.id, i))
				if _, err := n.Submit(ctx, tx, nil); err != nil {
					return
				}
				o, err := n.Wait(ctx, hashID(tx), Executed)
				if err != nil {
					return
				}
				a.mu.Lock()
				a.outcomes = append(a.outcomes, o)
				a.mu.Unlock()
			}
		})
	}
	g.Wait()
}

// All members lose power at once, in the middle of their work. What any client
// was told stays true, and the chain goes on.
func TestNoPowerLossTakesBackWhatWasAcknowledged(t *testing.T) {
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { testPowerLoss(t, seed) })
	}
}

func testPowerLoss(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	c := makeCluster(t, options{size: 4, crashable: true})
	var acks acknowledged
	for round := range 3 {
		c.startAll()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		// Blocks that the crash took from its ledger are executed again from its log first.
		c.wait("member 0 stands where its log does", func() bool { return c.members[0].node.mayAnswer() == nil })
		c.members[0].mustSubmit(fmt.Sprintf("round %d", round), 1)
		for _, m := range c.members {
			log := m.fs.(*store.Mem)
			log.CrashAt(log.Ops() + 20 + r.IntN(60))
		}
		go func() { // with two members down nothing is acknowledged any more
			for stopped := 0; stopped < 2 && ctx.Err() == nil; time.Sleep(time.Millisecond) {
				stopped = 0
				for _, m := range c.members {
					if m.node.stopped() {
						stopped++
					}
				}
			}
			cancel()
		}()
		acks.load(ctx, c, fmt.Sprintf("load %d", round))
		for _, m := range c.members {
			m.crash(r.Uint64())
		}
	}
	c.startAll()
	c.wait("member 0 stands where its log does", func() bool { return c.members[0].node.mayAnswer() == nil })
	last := c.members[0].mustSubmit("after all", 1)
	c.agree(last.Height, 0, 1, 2, 3)
	t.Logf("%d transactions in %d blocks were acknowledged", len(acks.outcomes), last.Height)
	for _, o := range acks.outcomes {
		for _, m := range c.members {
			got, ok, err := m.node.Lookup(o.ID)
			if err != nil || !ok || got.Height != o.Height || got.Index != o.Index {
				t.Fatalf("member %d: acknowledged at %d/%d, now %+v, %v, %v", m.id, o.Height, o.Index, got, ok, err)
			}
		}
	}
}

// A node whose log cannot be written stops before it says anything more. If the
// disk is only full, it goes on answering reads.
func TestAFailingDiskStopsTheNode(t *testing.T) {
	for _, x := range []struct {
		name      string
		err       error
		condition string
		reads     bool
	}{
		{"input output error", syscall.EIO, "stopped", false},
		{"disk full", syscall.ENOSPC, "disk-full", true},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := makeCluster(t, options{size: 4, crashable: true})
			c.startAll()
			o := c.members[3].mustSubmit("before", 5)
			m := c.members[3]
			log := m.fs.(*store.Mem)
			log.FailAt(log.Ops()+1, x.err)
			c.members[0].mustSubmit("after", 5)
			c.wait("the node stops", func() bool { return m.node.Status().Condition == x.condition })
			if s := m.node.Status(); s.Ready || s.Live != x.reads || s.Reason == "" {
				t.Errorf("%+v", s)
			}
			if got, ok, err := m.node.Lookup(o.ID); err != nil || !ok || got.Height != o.Height {
				t.Errorf("read after the failure: %+v, %v, %v", got, ok, err)
			}
			if _, err := m.submit("too late", Executed); !errors.Is(err, ErrStopped) {
				t.Errorf("submission after the failure: %v", err)
			}
			if !x.reads {
				if err := m.end(); !errors.Is(err, x.err) {
					t.Errorf("Run ended with %v", err)
				}
			} else if err := m.stop(); !errors.Is(err, x.err) {
				t.Errorf("Run ended with %v", err)
			}
			c.members[0].mustSubmit("without it", 3)
		})
	}
}
