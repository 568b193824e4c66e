package node

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"testing"
	"time"

	"github.com/scrip-network/scrip/transport"
)

// recorder is a network that keeps what is sent to member 1.
type recorder struct{ frames [][]byte }

func (r *recorder) Send(to uint16, _ transport.Lane, frame []byte) bool {
	if to == 1 {
		r.frames = append(r.frames, frame)
	}
	return true
}

func (r *recorder) Queued(uint16, transport.Lane) int { return 0 }

func (r *recorder) Progress(uint16, transport.Lane) transport.Progress { return transport.Progress{} }

func (r *recorder) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// The frames of members beside those of consensus have these bytes for good.
func TestFramesBesideConsensusHaveTheirBytes(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	m := c.members[0]
	c.startAll()
	m.mustSubmit("a block", 1)
	c.wait("a certificate", func() bool {
		_, err := m.node.cfg.Ledger.Latest().Checkpoint(1)
		return err == nil
	})
	certificate, err := m.node.cfg.Ledger.Latest().Checkpoint(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range c.members {
		if err := x.stopNode(); err != nil {
			t.Fatal(err)
		}
	}
	n, r := m.node, new(recorder)
	n.network = r
	next := func(what, want string) {
		t.Helper()
		if len(r.frames) != 1 || hex.EncodeToString(r.frames[0]) != want {
			t.Errorf("%s: %x, want %s", what, r.frames, want)
		}
		r.frames = nil
	}

	clear(n.certs.wanted)
	n.certs.add(3, time.Time{})
	n.certs.add(0x0102, time.Time{})
	n.inbox.peers[1].heard = time.Now()
	n.certs.ask(1)
	question := "81" + "02000000" + "0201000000000000" + "0300000000000000"
	next("wanted", question)
	if asked := n.inbox.peers[1].asked.Load(); asked != 1 {
		t.Errorf("one question allows %d answers", asked)
	}
	for range 2 * certsAskedMax {
		n.certs.add(3, time.Time{})
		n.certs.ask(1)
	}
	if asked := n.inbox.peers[1].asked.Load(); asked != certsAskedMax {
		t.Errorf("many questions allow %d answers, at most %d", asked, certsAskedMax)
	}
	r.frames = nil

	asked, err := hex.DecodeString("01000000" + "0100000000000000")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.certs.answer(wantedFrame{n.inbox.peers[1], asked}); err != nil {
		t.Fatal(err)
	}
	size := binary.LittleEndian.AppendUint32(nil, uint32(len(certificate)))
	next("certificates", "82"+"01000000"+hex.EncodeToString(size)+hex.EncodeToString(certificate))

	before := nowMs()
	n.tellClock()
	if len(r.frames) != 1 || len(r.frames[0]) != 9 || r.frames[0][0] != 0x83 {
		t.Fatalf("clock: %x", r.frames)
	}
	if told := binary.LittleEndian.Uint64(r.frames[0][1:]); told < before || told > nowMs() {
		t.Errorf("the clock shows %d, not %d", told, before)
	}
	r.frames = nil

	n.gossip.send(transport.Bulk, append([]byte{frameTxs}, 1, 2))
	next("transactions", "800102")
}
