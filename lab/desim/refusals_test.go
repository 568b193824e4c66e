package desim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// An overload: blocks of 40, one at a time, each of which takes a few delays of 5 ms, and
// twice as many transactions as that.
const (
	overloadDelayUs    = 5000
	overloadPerSecond  = 6000
	overloadDurationMs = 3000
	overloadMembers    = 4
)

var (
	overloadBatching = driver.Batching{TxsMax: 40, InFlightMax: 1, FarInFlightMax: 1}
	overloadPool     = driver.Limits{TxsMax: 800}
)

// Where work takes no time and the network alone is slow, real nodes under a clock of
// their own and the simulator refuse the same share of an overload: the door, the turns
// and the batches of one are those of the other.
func TestNodesAndSimulatorRefuseAlike(t *testing.T) {
	if testing.Short() {
		t.Skip("runs four nodes")
	}
	r, err := Run(Config{Costs: &Costs{}, Links: Uniform(overloadMembers, overloadDelayUs), Batching: overloadBatching,
		Pool: overloadPool, DurationMs: overloadDurationMs, WarmupMs: -1, Seed: 5,
		Load: Load{TxPerSecond: overloadPerSecond, Executed: true}})
	if err != nil {
		t.Fatal(err)
	}
	var refused, offered int
	synctest.Test(t, func(t *testing.T) { refused, offered = overloadNodes(t) })
	simulated, real := float64(r.Refused)/float64(r.Offered), float64(refused)/float64(offered)
	t.Logf("simulated: %d of %d refused, %.2f %%; nodes: %d of %d, %.2f %%", r.Refused, r.Offered, 100*simulated,
		refused, offered, 100*real)
	if simulated < 0.1 || simulated > 0.9 {
		t.Errorf("%.0f %% refused is no overload that shows anything", 100*simulated)
	}
	if math.Abs(simulated-real) > 0.02*simulated {
		t.Errorf("nodes refuse %.2f %%, the simulator %.2f %%", 100*real, 100*simulated)
	}
}

// overloadNodes offers the overload to four nodes and returns how many transactions they
// refused of how many.
func overloadNodes(t *testing.T) (refused, offered int) {
	keys := make([]sig.PrivateKey, overloadMembers)
	public := make([]pbft.PublicKey, overloadMembers)
	ids := make([]uint16, overloadMembers)
	for i := range keys {
		keys[i] = sig.NewKeyFromSeed([32]byte{byte(i + 1)})
		public[i], ids[i] = keys[i].Public(), uint16(i)
	}
	committee, err := pbft.NewCommittee(pbft.Digest{1}, 0, public, pbft.Parameters{Faults: 1, FastFaults: 1})
	if err != nil {
		t.Fatal(err)
	}
	shape := func(uint16, transport.Lane, int) (time.Duration, bool) {
		return overloadDelayUs * time.Microsecond, false
	}
	network, err := transport.NewMemory(ids, transport.Limits{}, shape)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	nodes := make([]*node.Node, overloadMembers)
	for i := range nodes {
		n, closeAll := overloadNode(t, committee, network, pbft.ReplicaID(i), keys[i])
		nodes[i] = n
		running.Go(func() {
			if err := n.Run(ctx); err != nil {
				t.Errorf("node %d: %v", i, err)
			}
			closeAll()
		})
	}
	time.Sleep(time.Second)
	offered = overloadPerSecond * overloadDurationMs / 1000
	txs := make([][]byte, offered)
	expires := uint64(time.Now().Add(time.Minute).UnixMilli())
	for i := range txs {
		txs[i] = signedTx(expires, uint64(i))
	}
	var mu sync.Mutex
	var clients sync.WaitGroup
	began := time.Now()
	for i, tx := range txs {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / overloadPerSecond)))
		clients.Go(func() {
			_, err := nodes[i%overloadMembers].Submit(ctx, tx, nil)
			var no *node.Refusal
			switch {
			case err == nil:
			case errors.As(err, &no) && no.Code == node.CodeOverloaded:
				mu.Lock()
				refused++
				mu.Unlock()
			default:
				t.Errorf("transaction %d: %v", i, err)
			}
		})
	}
	clients.Wait()
	return refused, offered
}

// overloadNode makes a node whose disks are memory.
func overloadNode(t *testing.T, committee *pbft.Committee, network *transport.Memory, self pbft.ReplicaID,
	key sig.PrivateKey) (n *node.Node, closeAll func()) {
	t.Helper()
	ledger, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: pbft.Digest{1}, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	log, err := store.CreateLog(store.NewMem(), "log", store.LogID{Chain: pbft.Digest{1}, Key: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	n, err = node.New(node.Config{Committee: committee, Self: self, Key: key, GenesisTimeMs: 1, Machine: counting{},
		TxBytesMax: 4096, Ledger: ledger, Log: log, NoRecall: true, Workers: 1, Mempool: overloadPool,
		Batching:  overloadBatching,
		NewEngine: func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) { return dualpath.New(cfg, log) },
		NewNetwork: func(h transport.Handler, _ node.LinkObserver) (transport.Network, error) {
			return network.Join(uint16(self), h)
		}})
	if err != nil {
		t.Fatal(err)
	}
	return n, func() {
		_ = log.Close()
		if err := ledger.Close(); err != nil {
			t.Errorf("close the ledger: %v", err)
		}
	}
}

// counting is a state machine that accepts everything. A transaction is its sender's
// key [32], the time it expires u64, filling, and a signature [64] of all that.
type counting struct{}

// signedTx makes a transaction of 250 bytes whose sender has no other.
func signedTx(expiresMs, number uint64) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], number)
	seed[31] = 1
	key := sig.NewKeyFromSeed(seed)
	public := key.Public()
	b := make([]byte, 250-sig.SignatureSize)
	copy(b, public[:])
	binary.LittleEndian.PutUint64(b[32:], expiresMs)
	s := key.Sign(b)
	return append(b, s[:]...)
}

func (counting) Check(raw []byte) (*node.Tx, error) {
	if len(raw) < 40+sig.SignatureSize {
		return nil, &node.Refusal{Code: 101, Text: "too short"}
	}
	body := raw[:len(raw)-sig.SignatureSize]
	return &node.Tx{Raw: raw, ID: sha256.Sum256(body), Sender: [32]byte(raw),
		ExpiresMs:  binary.LittleEndian.Uint64(raw[32:]),
		Signatures: []sig.Item{{Key: (*[32]byte)(raw), Message: body, Signature: (*[64]byte)(raw[len(body):])}}}, nil
}

func (counting) Admit(*node.Tx, *[32]byte, uint64) error { return nil }

func (counting) Allows(uint64, []*node.Tx) bool { return true }

func (counting) Genesis() (node.Result, error) { return node.Result{StateRoot: pbft.Digest{1}}, nil }

func (counting) Execute(b node.Batch) (node.Result, error) {
	r := node.Result{StateRoot: sha256.Sum256(fmt.Append(nil, b.Height, len(b.Txs)))}
	for _, tx := range b.Txs {
		r.Receipts = append(r.Receipts, tx.ID[:])
	}
	return r, nil
}
