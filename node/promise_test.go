package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// script is an engine that asks for what a test says, once.
type script struct {
	pbft.Engine
	ready    pbft.Ready
	advanced bool
}

func (s *script) Ready() pbft.Ready {
	r := s.ready
	s.ready = pbft.Ready{}
	return r
}

func (s *script) Advance()                      { s.advanced = true }
func (s *script) ProposeHint() pbft.ProposeHint { return pbft.ProposeNever }

// outbox is a network that keeps what is sent.
type outbox struct {
	mu   sync.Mutex
	sent int
	// look, if not nil, sees each frame as it is sent.
	look func()
}

func (o *outbox) Send(uint16, transport.Lane, []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent++
	if o.look != nil {
		o.look()
	}
	return true
}

func (o *outbox) Queued(uint16, transport.Lane) int { return 0 }

func (o *outbox) Progress(uint16, transport.Lane) transport.Progress { return transport.Progress{} }

func (o *outbox) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// scripted is a member whose engine wants a vote logged and sent, and a block
// executed.
func scripted(t *testing.T) (*member, *script, *outbox) {
	t.Helper()
	engine, out := &script{}, &outbox{}
	c := makeCluster(t, options{size: 4, crashable: true, configure: func(cfg *Config) {
		build := cfg.NewEngine
		cfg.NewEngine = func(e pbft.Config, log []pbft.Record) (pbft.Engine, error) {
			real, err := build(e, log)
			engine.Engine = real
			return engine, err
		}
		cfg.NewNetwork = func(transport.Handler, LinkObserver) (transport.Network, error) { return out, nil }
	}})
	m := c.members[0]
	m.start()
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	vote := &pbft.Prepare{Vote: pbft.Vote{Block: pbft.BlockRef{View: 1, Seq: 1, Digest: pbft.Digest{1}}}}
	engine.ready = pbft.Ready{
		Records:   []pbft.Record{{Kind: pbft.RecordPrepare, Prepare: vote}},
		Messages:  []pbft.Outgoing{{To: pbft.Everyone, Message: vote}, {To: 2, Message: vote}},
		Committed: []pbft.CommittedBlock{{Block: &pbft.Block{SignedHeader: pbft.SignedHeader{Header: pbft.Header{Seq: 1}}}}},
	}
	engine.advanced, out.sent = false, 0
	return m, engine, out
}

// Whatever operation of the log fails, nothing has left that rests on it: no message,
// no block for execution, and the engine does not count its own vote.
func TestNothingLeavesBeforeItIsDurable(t *testing.T) {
	failures := 0
	for ; ; failures++ {
		m, engine, out := scripted(t)
		disk := m.fs.(*store.Mem)
		disk.FailAt(disk.Ops()+failures, syscall.EIO)
		err := m.node.loop.turn()
		if err == nil { // the turn has no further operation
			if out.sent != 4 || !engine.advanced {
				t.Errorf("%d frames sent, own votes count %t", out.sent, engine.advanced)
			}
			break
		}
		if !errors.Is(err, syscall.EIO) || out.sent > 0 || engine.advanced || len(m.node.loop.jobs) > 0 {
			t.Errorf("operation %d fails: %v; %d frames sent, own votes count %t, %d blocks wait", failures, err, out.sent,
				engine.advanced, len(m.node.loop.jobs))
		}
	}
	if failures < 2 {
		t.Errorf("a turn has %d operations, at least a write and a sync", failures)
	}
}

// At the moment at which a vote leaves, no loss of power can take it from the log.
func TestWhatIsSentIsInTheLog(t *testing.T) {
	m, _, out := scripted(t)
	out.look = func() {
		id := store.LogID{Chain: testChain, Key: m.c.keys[0].Public()}
		log, err := store.OpenLog(m.fs.(*store.Mem).Crash(store.CrashClean, 1), m.path("log"), id)
		if err != nil {
			t.Fatal(err)
		}
		votes := 0
		err = log.Frames(func(frame []byte) error {
			rs, err := pbft.DecodeRecords(frame)
			for i := range rs {
				if rs[i].Kind == pbft.RecordPrepare {
					votes++
				}
			}
			return err
		})
		if err != nil || votes == 0 {
			t.Errorf("a vote leaves, and the log has %d, %v", votes, err)
		}
		_ = log.Close()
	}
	if err := m.node.loop.turn(); err != nil {
		t.Fatal(err)
	}
	if out.sent == 0 {
		t.Error("nothing was sent")
	}
}

// A compacted log still has the blocks that a crash takes from the ledger: a member
// that loses power right after a compaction executes them again, with nobody's help.
func TestACompactedLogHasWhatTheLedgerMayLose(t *testing.T) {
	c := makeCluster(t, options{size: 4, crashable: true})
	c.startAll()
	var last Outcome
	for i := range 5 {
		last = c.members[0].mustSubmit(fmt.Sprintf("tx %d", i), 1)
	}
	c.agree(last.Height, 0, 1, 2, 3)
	for _, m := range c.members[1:] {
		if err := m.stop(); err != nil {
			t.Fatal(err)
		}
	}
	m := c.members[0]
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	reached, _ := m.ledger.SyncedHeight()
	m.node.loop.driver.Synced(pbft.Seq(reached)) // as if it had been synced long ago
	before := counterOf(m.node.metrics.compactions)
	if err := m.node.loop.turn(); err != nil || counterOf(m.node.metrics.compactions) != before+1 {
		t.Fatalf("no compaction: %v", err)
	}
	synced, _ := m.ledger.SyncedHeight()
	if synced >= last.Height {
		t.Fatalf("the ledger is synced up to %d of %d: the test shows nothing", synced, last.Height)
	}
	disk := m.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0, RNG: rand.New(rand.NewPCG(1, 1))})
	m.crash(1)
	m.disk = disk
	m.start()
	c.wait("the blocks are executed again", func() bool { return m.node.Status().Height >= last.Height })
}
