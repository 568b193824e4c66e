package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
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

// told is an engine that notes what it is told of its links.
type told struct {
	pbft.Engine
	bytes, measured int
}

func (e *told) Arrived(_ pbft.ReplicaID, bytes int)        { e.bytes += bytes }
func (e *told) Measured(pbft.ReplicaID, uint64)            { e.measured++ }
func (*told) Height() pbft.Seq                             { return 0 }
func (*told) Header(pbft.Seq) (driver.Stored, bool, error) { return driver.Stored{}, false, nil }
func (*told) Block(pbft.Seq) (driver.Stored, bool, error)  { return driver.Stored{}, false, nil }

// The driver is told of every byte on the bulk lanes once, and now and then of the way.
func TestTheDriverIsToldOfItsLinksOnce(t *testing.T) {
	committee := testCommittee(t)
	e, net := &told{}, &network{}
	d, err := driver.New(driver.Config{Store: e, Engine: pbft.Config{Committee: committee},
		New: func(pbft.Config, []pbft.Record) (pbft.Engine, error) { return e, nil }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{n: &Node{network: net}, driver: d, began: time.Now(), arrived: make([]uint64, 4)}
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
