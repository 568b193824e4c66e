package node

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
)

// bareEngine commits blocks without certificates of their own, as those commit that
// are ancestors of a certified block, while bare says so. It proposes when due says so.
type bareEngine struct {
	pbft.Engine
	bare *atomic.Bool
	due  func() bool
}

func (e *bareEngine) Ready() pbft.Ready {
	r := e.Engine.Ready()
	for i := range r.Committed {
		if e.bare.Load() {
			r.Committed[i].Certificate = nil
		}
	}
	return r
}

func (e *bareEngine) ProposeHint() pbft.ProposeHint {
	if e.due != nil && !e.due() {
		return pbft.ProposeNever
	}
	return e.Engine.ProposeHint()
}

// A member that was away during a run of blocks that have no certificate of their own
// catches up, however many they are and however large: each answer ends where it is
// full, and headers lead from there to the next certificate.
func TestAMemberCatchesUpThroughUncertifiedBlocks(t *testing.T) {
	for _, x := range []struct {
		name          string
		blocks, bytes int
	}{
		{"many small blocks", pbft.BlocksMax + 50, 100},
		{"blocks that do not fit one frame", 5, 4 << 20},
	} {
		t.Run(x.name, func(t *testing.T) { testUncertified(t, x.blocks, x.bytes) })
	}
}

func testUncertified(t *testing.T, blocks, size int) {
	var bare atomic.Bool
	bare.Store(true)
	var c *cluster
	c = makeCluster(t, options{size: 4, payloadMax: 5 << 20, configure: func(cfg *Config) {
		cfg.Batching.BytesMax, cfg.Batching.InFlightMax = 5<<20, 1
		cfg.Timers.TimeoutTicksMin, cfg.Timers.TimeoutTicksMax = 3000, 3000
		cfg.Timers.IdleTicks = 1 << 20
		self := cfg.Self
		cfg.NewEngine = func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
			e, err := dualpath.New(cfg, log)
			due := func() bool {
				n := c.members[self].node
				return n != nil && (!bare.Load() || n.mempool.size().freeBytes >= size)
			}
			return &bareEngine{Engine: e, bare: &bare, due: due}, err
		}
	}})
	for _, m := range c.members[:3] {
		m.start()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	m := c.members[0]
	for i := range blocks {
		for j := 0; j == 0 || j*(hashTxMax-300) < size; j++ {
			text := fmt.Sprintf("%d %d %s", i, j, bytes.Repeat([]byte{'x'}, min(size, hashTxMax-300)))
			if _, err := m.node.Submit(ctx, newHashTx(clientKey, nowMs()+600_000, text), nil); err != nil {
				t.Fatal(err)
			}
		}
		c.wait(fmt.Sprintf("block %d", i+1), func() bool { return m.node.Status().Height > uint64(i) })
	}
	bare.Store(false)
	last := m.mustSubmit("with a certificate", 1)
	c.agree(last.Height, 0, 1, 2)
	for _, height := range []uint64{1, uint64(blocks)} {
		if b, err := m.node.Block(height); err != nil || b.Certificate != nil {
			t.Fatalf("block %d has a certificate, or %v", height, err)
		}
	}
	c.members[3].start()
	c.agree(last.Height, 0, 1, 2, 3)
}
