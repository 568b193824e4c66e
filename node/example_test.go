package node_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// counter is a state machine that counts transactions: what a node knows of its ledger.
type counter struct{ ledger *store.Ledger }

func (counter) Check(raw []byte) (*node.Tx, error) {
	return &node.Tx{Raw: raw, ID: sha256.Sum256(raw), ExpiresMs: nowMs() + 60_000}, nil
}

func (counter) Admit(*node.Tx, *[32]byte, uint64) error { return nil }

func (counter) Allows(uint64, []*node.Tx) bool { return true }

func (c counter) Genesis() (node.Result, error) { return c.set(0), nil }

func (c counter) Execute(b node.Batch) (node.Result, error) {
	row, _ := c.ledger.Row([]byte("count"))
	r := c.set(binary.BigEndian.Uint64(row) + uint64(len(b.Txs)))
	for _, tx := range b.Txs {
		r.Receipts = append(r.Receipts, append([]byte("counted "), tx.Raw...))
	}
	return r, c.ledger.Err()
}

func (counter) set(n uint64) node.Result {
	value := binary.BigEndian.AppendUint64(nil, n)
	return node.Result{StateRoot: sha256.Sum256(value),
		Changes: node.Changes{Rows: []store.Write{{Key: []byte("count"), Value: value}}}}
}

// genesisMs is the time of the chains of these tests.
const genesisMs = 1

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }

// member makes one node of a chain in memory: its log, its ledger, its engine.
func member(c *pbft.Committee, id int, key sig.PrivateKey, network *transport.Memory) (
	n *node.Node, closed func() error, err error) {
	log, err := store.CreateLog(store.NewMem(), "log", store.LogID{Chain: c.Chain(), Key: key.Public()})
	if err != nil {
		return nil, nil, err
	}
	ledger, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: c.Chain(), FS: vfs.NewMem()})
	if err != nil {
		return nil, nil, err
	}
	n, err = node.New(node.Config{
		Committee: c, Self: pbft.ReplicaID(id), Key: key, GenesisTimeMs: genesisMs,
		Machine: counter{ledger}, TxBytesMax: 1024, Ledger: ledger, Log: log, NoRecall: true,
		NewEngine: func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) { return dualpath.New(cfg, log) },
		NewNetwork: func(h transport.Handler, _ node.LinkObserver) (transport.Network, error) {
			return network.Join(uint16(id), h)
		},
	})
	return n, func() error { return errors.Join(ledger.Close(), log.Close()) }, err
}

// Four nodes agree on a transaction, and the one that took it has a receipt under a proof.
func Example() {
	var keys []sig.PrivateKey
	var public []pbft.PublicKey
	for i := range 4 {
		keys = append(keys, sig.NewKeyFromSeed([32]byte{byte(i + 1)}))
		public = append(public, keys[i].Public())
	}
	committee, err := pbft.NewCommittee(pbft.Digest{1}, 0, public, pbft.Parameters{Faults: 1, FastFaults: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	network, err := transport.NewMemory([]uint16{0, 1, 2, 3}, transport.Limits{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 4)
	nodes := make([]*node.Node, 4)
	for i := range nodes {
		n, closed, err := member(committee, i, keys[i], network)
		if err != nil {
			fmt.Println(err)
			return
		}
		nodes[i] = n
		go func() { ended <- errors.Join(n.Run(ctx), closed()) }()
	}
	pending, err := nodes[2].Submit(ctx, []byte("a coupon"), nil)
	for err != nil { // until it runs
		time.Sleep(10 * time.Millisecond)
		pending, err = nodes[2].Submit(ctx, []byte("a coupon"), nil)
	}
	outcome, err := nodes[2].Wait(ctx, pending.ID, node.Proved)
	fmt.Printf("%s, %v\n", outcome.Receipt, err)
	stop()
	for range nodes {
		fmt.Println(<-ended)
	}
	// Output:
	// counted a coupon, <nil>
	// <nil>
	// <nil>
	// <nil>
	// <nil>
}
