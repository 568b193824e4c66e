package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// network is one that does nothing but count.
type network struct {
	transport.Network
	received uint64 // on each bulk lane
	frames   int    // that were sent
}

func (n *network) Progress(_ uint16, lane transport.Lane) transport.Progress {
	if lane == transport.Bulk {
		return transport.Progress{ReceivedBytes: n.received}
	}
	return transport.Progress{RoundTrip: 7 * time.Millisecond}
}

func (*network) Queued(uint16, transport.Lane) int { return 0 }

func (n *network) Send(uint16, transport.Lane, []byte) bool {
	n.frames++
	return true
}

// told is an engine, over an empty store, that notes what it is told of its links.
type told struct {
	pbft.Engine
	bytes, measured, connected int
}

func (e *told) Arrived(_ pbft.ReplicaID, bytes int)        { e.bytes += bytes }
func (e *told) Measured(pbft.ReplicaID, uint64)            { e.measured++ }
func (e *told) Connected(pbft.ReplicaID)                   { e.connected++ }
func (*told) Now(uint64)                                   {}
func (*told) WakeUs() uint64                               { return 0 }
func (*told) Ready() (none pbft.Ready)                     { return none }
func (*told) ProposeHint() pbft.ProposeHint                { return pbft.ProposeNever }
func (*told) Status() (none pbft.EngineStatus)             { return none }
func (*told) Height() pbft.Seq                             { return 0 }
func (*told) Header(pbft.Seq) (driver.Stored, bool, error) { return driver.Stored{}, false, nil }
func (*told) Block(pbft.Seq) (driver.Stored, bool, error)  { return driver.Stored{}, false, nil }

// newLoop is the loop of member 0 of four over such an engine.
func newLoop(t *testing.T, e *told, net transport.Network) *loop {
	t.Helper()
	d, err := driver.New(driver.Config{Store: e, Engine: pbft.Config{Committee: testCommittee(t)},
		New: func(pbft.Config, []pbft.Record) (pbft.Engine, error) { return e, nil }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := newMetrics()
	n := &Node{network: net, metrics: m, inbox: newInbox(4, 0, m), payloads: &payloads{}, executor: &executor{}}
	n.engine.Store(&pbft.EngineStatus{})
	return &loop{n: n, driver: d, began: time.Now(), arrived: make([]uint64, 4)}
}

// The driver is told of every byte on the bulk lanes once, and now and then of the way.
func TestTheDriverIsToldOfItsLinksOnce(t *testing.T) {
	e, net := &told{}, &network{}
	l := newLoop(t, e, net)
	for i, received := range []uint64{100, 100, 250, 250} {
		net.received, l.ticks = received, distanceTicks*i/2
		if l.watchLinks(); e.bytes != int(4*received) {
			t.Errorf("after %d bytes from each of four it is told of %d", received, e.bytes)
		}
	}
	if e.measured != 2*4 {
		t.Errorf("in %d ticks it is told %d times how far four are", 2*distanceTicks, e.measured)
	}
}

// It is told of a channel when that is established, and not at each turn.
func TestTheEngineIsToldOfAChannelOnce(t *testing.T) {
	e := &told{}
	l := newLoop(t, e, nil)
	l.n.inbox.linkChanged(2, transport.Votes, true)
	l.n.inbox.linkChanged(2, transport.Bulk, true)
	for range 3 {
		l.drain()
	}
	if e.connected != 1 {
		t.Errorf("it is told %d times of one channel", e.connected)
	}
}

// What it takes to propose is measured once for each proposal.
func TestAProposalIsMeasuredOnce(t *testing.T) {
	l := newLoop(t, &told{}, nil)
	for i, proposed := range []bool{false, true, false} {
		l.proposed, l.offeredAt = proposed, time.Now()
		if err := l.turn(); err != nil {
			t.Fatal(err)
		}
		var m dto.Metric
		if err := l.n.metrics.steps[stepPropose].(prometheus.Metric).Write(&m); err != nil {
			t.Fatal(err)
		}
		if got := m.GetHistogram().GetSampleCount(); (got == 1) != (i > 0) || got > 1 {
			t.Errorf("after turn %d: %d proposals are measured", i, got)
		}
	}
}

// The events of a block are numbered within their transaction.
func TestEventsAreNumberedWithinTheirTransaction(t *testing.T) {
	r := Result{}
	for _, tx := range []uint32{0, 0, 2, 2, 2} {
		r.Events = append(r.Events, Event{Tx: tx})
	}
	b := BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{}}, nil, &r, pbft.Digest{})
	for i, want := range []uint32{0, 1, 0, 1, 2} {
		if got := b.Events[i]; got.Index != want || got.Tx != r.Events[i].Tx {
			t.Errorf("event %d: number %d of transaction %d, want %d", i, got.Index, got.Tx, want)
		}
	}
}

func testCommittee(t *testing.T) *pbft.Committee {
	t.Helper()
	var keys []pbft.PublicKey
	for i := range 4 {
		keys = append(keys, sig.NewKeyFromSeed([32]byte{byte(i)}).Public())
	}
	committee, err := pbft.NewCommittee(testChain, 0, keys, pbft.Parameters{Faults: 1})
	if err != nil {
		t.Fatal(err)
	}
	return committee
}

// What is sent counts once for each member that it goes to.
func TestSentBytesCountForEachMember(t *testing.T) {
	m := &pbft.Status{}
	size := float64(len(pbft.EncodeMessage(m)))
	for to, copies := range map[pbft.ReplicaID]int{pbft.Everyone: 3, 2: 1} {
		net, metrics := &network{}, newMetrics()
		n := &Node{network: net, metrics: metrics, committee: testCommittee(t), inbox: newInbox(4, 0, metrics)}
		n.sendMessage(pbft.Outgoing{To: to, Message: m})
		if got := counterOf(metrics.sentBy[m.Kind()]); got != float64(copies)*size || net.frames != copies {
			t.Errorf("to %d: %d frames and %v bytes, want %d of %v", to, net.frames, got, copies, size)
		}
	}
}

// A certificate fits if it is of the block, the state and the receipts of its height.
func TestACertificateIsOfAllThatABlockGave(t *testing.T) {
	l, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: testChain, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := &Node{cfg: Config{Ledger: l}, committee: testCommittee(t)}
	h := pbft.SignedHeader{Header: n.committee.GenesisHeader(pbft.Digest{1}, 1)}
	if err := l.Commit(BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: h}}, nil,
		&Result{StateRoot: [32]byte{2}}, pbft.Digest{3}), false); err != nil {
		t.Fatal(err)
	}
	good := pbft.CheckpointCertificate{Block: n.committee.HeaderDigest(&h.Header), StateRoot: pbft.Digest{2},
		ReceiptRoot: pbft.Digest{3}}
	for name, change := range map[string]func(x *pbft.CheckpointCertificate){
		"":         func(*pbft.CheckpointCertificate) {},
		"block":    func(x *pbft.CheckpointCertificate) { x.Block[0]++ },
		"state":    func(x *pbft.CheckpointCertificate) { x.StateRoot[0]++ },
		"receipts": func(x *pbft.CheckpointCertificate) { x.ReceiptRoot[0]++ },
		"height":   func(x *pbft.CheckpointCertificate) { x.Seq++ },
	} {
		x := good
		change(&x)
		if err := n.fits(&x); (err == nil) != (name == "") {
			t.Errorf("another %q: %v", name, err)
		}
	}
}

// Certificates that are wanted and hold are handed on; who sends others is blamed.
func TestWhichCertificatesAreLearnt(t *testing.T) {
	l, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: testChain, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m := newMetrics()
	n := &Node{cfg: Config{Ledger: l, Verifier: sig.NewVerifier(0)}, committee: testCommittee(t), metrics: m,
		inbox: newInbox(4, 0, m)}
	h := pbft.SignedHeader{Header: n.committee.GenesisHeader(pbft.Digest{1}, 1)}
	if err := l.Commit(BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: h}}, nil, &Result{},
		pbft.Digest{}), false); err != nil {
		t.Fatal(err)
	}
	good := pbft.CheckpointCertificate{Block: n.committee.HeaderDigest(&h.Header)}
	for _, id := range []byte{1, 2} {
		good.Signers.Add(pbft.ReplicaID(id))
		message := n.committee.CheckpointBytes(0, good.Block, good.StateRoot, good.ReceiptRoot)
		good.Signatures = append(good.Signatures, sig.NewKeyFromSeed([32]byte{id}).Sign(message))
	}
	forged := good
	forged.Signatures = []pbft.Signature{good.Signatures[0], good.Signatures[0]}
	answer := func(x pbft.CheckpointCertificate) []byte {
		return wire.AppendBytes(wire.AppendUint32(nil, 1), x.Encode())
	}
	for _, x := range []struct {
		name         string
		body         []byte
		wanted       bool
		taken, blame bool
	}{
		{"one that is wanted", answer(good), true, true, false},
		{"one that is not", answer(good), false, false, false},
		{"a forged one", answer(forged), true, false, true},
		{"half of one", answer(good)[:40], true, false, true},
	} {
		c, p := newCerts(n), &peerState{}
		if x.wanted {
			c.add(0, time.Time{})
		}
		if err := c.learn(t.Context(), wantedFrame{p, x.body}); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
		if taken, blame := len(c.found) == 1, p.malice > 0; taken != x.taken || blame != x.blame {
			t.Errorf("%s: taken %t, its sender blamed %t", x.name, taken, blame)
		}
	}
}

// A payload that does not decode is refused, an empty one is in order, and one that says
// something twice is not.
func TestWhichPayloadsAreInOrder(t *testing.T) {
	p := newPayloads(newTestFront(t), nil, 1<<20, hashTxMax, newMetrics())
	a, b := newHashTx(clientKey, 1, "a"), newHashTx(clientKey, 1, "b")
	for _, x := range []struct {
		name    string
		payload []byte
		txs     int
		want    bool
	}{
		{"empty", nil, 0, true},
		{"two", chain.EncodePayload([][]byte{a, b}), 2, true},
		{"one twice", chain.EncodePayload([][]byte{a, a}), 2, false},
		{"one forged", chain.EncodePayload([][]byte{a, forge(b)}), 0, false},
		{"cut off", chain.EncodePayload([][]byte{a, b})[:20], 0, false},
	} {
		txs, got := p.check(context.Background(), &pbft.Block{Payload: x.payload})
		if got != x.want || len(txs) != x.txs {
			t.Errorf("%s: valid %t, %d transactions", x.name, got, len(txs))
		}
	}
}

// A transaction of an own client has a time from its first moment on.
func TestTheTimeOfAnOwnTransactionIsNeverNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, driver.Limits{})
		if got := p.sinceEpoch(); got != 1 {
			t.Errorf("at the beginning: %v", got)
		}
		if time.Sleep(time.Second); p.sinceEpoch() != time.Second {
			t.Errorf("a second later: %v", p.sinceEpoch())
		}
	})
}

// A peer that is silent for the period is away, to the moment, and is connected anew when
// it is heard.
func TestAPeerIsAwayAfterThePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newInbox(2, 0, newMetrics()).peer(1)
		p.listen()
		p.takeConnected()
		for _, away := range []bool{false, true} {
			time.Sleep(heardPeriod - 1)
			if away {
				time.Sleep(1)
			}
			if p.isUp() == away {
				t.Errorf("away %t: up is %t", away, !away)
			}
			if p.listen(); p.takeConnected() != away {
				t.Errorf("away %t: connected anew is %t", away, !away)
			}
		}
	})
}
