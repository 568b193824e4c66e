package node

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// The engine is told once of a channel: when both lanes are up, and when a peer speaks
// that was silent for long, whatever the network says of its links.
func TestAChannelIsToldOfOnce(t *testing.T) {
	b := newInbox(3, 0, newMetrics())
	p := b.peer(1)
	told := func(what string, want bool) {
		t.Helper()
		if p.takeConnected() != want {
			t.Errorf("%s: told %t", what, !want)
		}
	}
	told("nothing happened", false)
	b.linkChanged(1, transport.Votes, true)
	told("one lane", false)
	b.linkChanged(1, transport.Bulk, true)
	told("both lanes", true)
	told("again", false)
	b.linkChanged(1, transport.Bulk, false)
	told("a lane is gone", false)
	b.linkChanged(1, transport.Bulk, true)
	b.linkChanged(1, transport.Votes, false)
	told("it was whole in between", true)

	p.heard = time.Now().Add(-heardPeriod)
	p.listen()
	p.listen()
	told("it was silent for long", true)
	p.listen()
	told("it goes on speaking", false)
	if !p.isUp() {
		t.Error("it was heard and does not count as present")
	}
	p.heard = time.Now().Add(-heardPeriod)
	if p.isUp() {
		t.Error("it is silent and counts as present")
	}
	b.linkChanged(1, transport.Lanes, true) // no such lane, no such peer, itself
	b.linkChanged(9, transport.Votes, true)
	b.linkChanged(0, transport.Votes, true)
}

// A node that may not answer says why, and is not ready.
func TestANodeBelowItsFloorIsNotReady(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	c.startAll()
	m := c.members[0]
	m.mustSubmit("before", 1)
	c.wait("it is ready", func() bool { return m.node.Status().Ready })
	c.stopAll()
	m.node.end.Store(nil)
	m.node.floor = 1 << 40
	if s := m.node.Status(); s.Ready || !s.Live || !strings.HasPrefix(s.Reason, ErrRestoring.Error()) {
		t.Errorf("ready %t, live %t: %s", s.Ready, s.Live, s.Reason)
	}
}

// A certificate that is damaged in the ledger is an error, not one to be replaced.
func TestADamagedCertificateIsNotReplaced(t *testing.T) {
	c := makeCluster(t, options{size: 4})
	c.startAll()
	m := c.members[0]
	last := m.mustSubmit("before", 1)
	c.agree(last.Height, 0, 1, 2, 3)
	if err := m.ledger.PutCheckpoint(1<<20, []byte{1}); err != nil {
		t.Fatal(err)
	}
	e := newExecutor(m.node)
	err := e.certify(&pbft.CheckpointCertificate{Seq: 1 << 20, Signatures: make([]pbft.Signature, 3)})
	if err == nil || !strings.Contains(err.Error(), "stored certificate of height") {
		t.Errorf("%v", err)
	}
	if held, err := m.ledger.Latest().Checkpoint(1 << 20); err != nil || len(held) != 1 {
		t.Errorf("%d bytes are held, %v", len(held), err)
	}
}

// A stored block that cannot be read is an error wherever it is read, and neither left
// out nor taken for an empty one.
func TestAStoredBlockThatCannotBeRead(t *testing.T) {
	good := make([]byte, recordBytes)
	h := pbft.Header{View: 1, Seq: 2}
	copy(good, h.Append(nil))
	for _, x := range []struct {
		name string
		b    store.BlockBatch
		ok   bool
	}{
		{"whole", store.BlockBatch{Header: good}, true},
		{"a header of one byte", store.BlockBatch{Header: []byte{1}}, false},
		{"a certificate of one byte", store.BlockBatch{Header: good, Certificate: []byte{1}}, false},
	} {
		c := makeCluster(t, options{size: 4})
		m := c.members[0]
		m.start()
		if err := m.stopNode(); err != nil {
			t.Fatal(err)
		}
		height, _ := m.ledger.Latest().Height()
		x.b.Height = height + 1
		if err := m.ledger.Commit(x.b, false); err != nil {
			t.Fatal(err)
		}
		stored := executed{m.ledger.Latest()}
		if _, found, err := stored.Block(pbft.Seq(x.b.Height)); (err == nil) != x.ok || found != x.ok {
			t.Errorf("%s: found %v, %v", x.name, found, err)
		}
		if _, found, err := stored.Header(pbft.Seq(x.b.Height)); (err == nil) != x.ok || found != x.ok {
			t.Errorf("%s: without its payload: found %v, %v", x.name, found, err)
		}
		if _, found, err := stored.Block(pbft.Seq(x.b.Height) + 1); err != nil || found {
			t.Errorf("%s: above it: found %v, %v", x.name, found, err)
		}
	}
}

// What a crash took of certificates is wanted again, the newest blocks' at least.
func TestMissingCertificatesAreWantedAfterAStart(t *testing.T) {
	m := makeCluster(t, options{size: 4}).members[0]
	m.start()
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	header := make([]byte, recordBytes)
	height, _ := m.ledger.Latest().Height()
	for range 3 {
		height++
		h := pbft.Header{View: 1, Seq: pbft.Seq(height)}
		copy(header, h.Append(nil))
		if err := m.ledger.Commit(store.BlockBatch{Height: height, Header: header}, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.ledger.PutCheckpoint(height-1, []byte{1}); err != nil {
		t.Fatal(err)
	}
	c := newCerts(m.node)
	if err := c.scan(height); err != nil {
		t.Fatal(err)
	}
	for h, wanted := range map[uint64]bool{height: true, height - 1: false, height - 2: true} {
		if _, is := c.wanted[h]; is != wanted {
			t.Errorf("the certificate of height %d of %d: wanted %t", h, height, is)
		}
	}
}

// What an operator must mend is said once in a while, not at each look, and again when
// it comes back.
func TestTroubleIsSaidOnceInAWhile(t *testing.T) {
	m := makeCluster(t, options{size: 4}).members[0]
	m.start()
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	n, said := m.node, new(strings.Builder)
	n.log = slog.New(slog.NewTextHandler(said, nil))
	alone := time.Now().Add(-2 * alonePeriod)
	n.inbox.began = alone
	var look trouble
	want := func(what string, lines int) {
		t.Helper()
		look.look(n)
		if got := strings.Count(said.String(), "nobody has reached this node"); got != lines {
			t.Errorf("%s: said %d times, want %d", what, got, lines)
		}
	}
	want("at first", 1)
	want("at once again", 1)
	look.saidAt = look.saidAt.Add(-warnPeriod)
	want("after a while", 2)
	n.inbox.began = time.Now()
	want("somebody is there", 2)
	n.inbox.began = alone
	want("it comes back", 3)
}
