//go:build unix

package e2e

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// books are the ledgers of a network whose validators have ended.
type books struct {
	c       *cluster
	ledgers []*store.Ledger
	heights []uint64
	places  map[[32]byte]place // of every transaction, from the longest ledger
	longest int
}

type place struct {
	height  uint64
	index   uint32
	receipt []byte
}

// openBooks stops the network and opens the ledgers of the given validators, of
// all without any.
func openBooks(c *cluster) *books {
	c.t.Helper()
	if err := c.Close(); err != nil {
		c.t.Fatal(err)
	}
	b := &books{c: c, places: make(map[[32]byte]place)}
	for i := range validators {
		l, err := store.OpenLedger(store.LedgerConfig{
			Dir: filepath.Join(c.Home(i), "data", "ledger"), Chain: c.Dev().Genesis.Digest, BlockCacheBytes: 1 << 20,
			MemTableBytes: 1 << 20, RowCacheBytes: 1 << 20, SeenEntries: 1024, Packer: c.packer()})
		if err != nil {
			c.t.Fatalf("the ledger of validator %d: %v", i, err)
		}
		c.t.Cleanup(func() { _ = l.Close() })
		height, _ := l.Height()
		b.ledgers, b.heights = append(b.ledgers, l), append(b.heights, height)
		if height > b.heights[b.longest] {
			b.longest = i
		}
	}
	return b
}

// check compares all blocks of all ledgers, audits each state, and looks up what
// was acknowledged.
func (b *books) check(acknowledged []*client.Receipt) {
	b.c.t.Helper()
	for h := range b.heights[b.longest] {
		b.compare(h + 1)
	}
	for i := range b.ledgers {
		if err := b.audit(i); err != nil {
			b.c.t.Errorf("the ledger of validator %d at height %d: %v", i, b.heights[i], err)
		}
	}
	for _, r := range acknowledged {
		p, ok := b.places[r.Outcome.ID]
		if !ok || p.height != r.Height || p.index != r.Proof.Index || !bytes.Equal(p.receipt, r.Proof.Leaf) {
			b.c.t.Errorf("acknowledged at %d.%d with %v, and now at %+v", r.Height, r.Proof.Index, r.Outcome.Code, p)
		}
	}
}

// compare checks that all ledgers hold the same block at a height, as far as they
// reach, and notes its transactions.
func (b *books) compare(height uint64) {
	b.c.t.Helper()
	first, receipts, err := read(b.ledgers[b.longest], height)
	if err != nil {
		b.c.t.Fatal(err)
	}
	for i, l := range b.ledgers {
		if i == b.longest || b.heights[i] < height {
			continue
		}
		other, otherReceipts, err := read(l, height)
		if err != nil {
			b.c.t.Fatalf("validator %d: %v", i, err)
		}
		if !bytes.Equal(first.Header, other.Header) || !bytes.Equal(first.Payload, other.Payload) ||
			!bytes.Equal(receipts, otherReceipts) {
			b.c.t.Fatalf("validators %d and %d differ at height %d", b.longest, i, height)
		}
	}
	list, err := node.DecodeReceipts(receipts)
	if err != nil {
		b.c.t.Fatal(err)
	}
	for i, receipt := range list {
		o, err := coupon.DecodeReceipt(receipt)
		if err != nil {
			b.c.t.Fatal(err)
		}
		if old, ok := b.places[o.ID]; ok {
			if o.Code != coupon.DuplicateTx {
				b.c.t.Errorf("one transaction at %d and at %d.%d", old.height, height, i)
			}
			continue
		}
		b.places[o.ID] = place{height, uint32(i), receipt}
	}
}

// read returns a block but for the primary's signature, which is left out where blocks
// without transactions are packed.
func read(l *store.Ledger, height uint64) (b store.Block, receipts []byte, err error) {
	view := l.Latest()
	if b, err = view.Block(height); err == nil {
		receipts, err = view.Receipts(height)
	}
	if err == nil {
		clear(b.Header[pbft.HeaderBytes : pbft.HeaderBytes+len(pbft.Signature{})])
	}
	if err != nil {
		err = fmt.Errorf("block %d: %w", height, err)
	}
	return b, receipts, err
}

// audit checks a state: its rows obey every conservation law, the tree over them
// has its root, and that is what the members have attested.
func (b *books) audit(i int) error {
	view := b.ledgers[i].Latest()
	rows, list := make(map[string][]byte), []chain.Change(nil)
	err := view.Rows(nil, nil, func(key, value []byte) bool {
		key, value = bytes.Clone(key), bytes.Clone(value)
		rows[string(key)] = value
		list = append(list, chain.Change{Key: key, Value: value})
		return true
	})
	if err != nil {
		return err
	}
	ordered := func(yield func(key, value []byte) bool) {
		for _, x := range list {
			if !yield(x.Key, x.Value) {
				return
			}
		}
	}
	if err := coupon.CheckInvariants(ordered); err != nil {
		return err
	}
	if err := coupontest.CheckRows(rows); err != nil {
		return err
	}
	root, _, err := chain.Update(chain.MemPages{}, [32]byte{}, list)
	if err != nil {
		return err
	}
	if stored := view.StateRoot(); root != stored {
		return fmt.Errorf("the rows have the root %x, the ledger says %x", root, stored)
	}
	return b.attested(b.heights[i], root)
}

// attested checks a state root against every certificate over its height.
func (b *books) attested(height uint64, root [32]byte) error {
	found := 0
	for i, l := range b.ledgers {
		raw, err := l.Latest().Checkpoint(height)
		if err != nil {
			continue // a node may stop before the others' signatures arrive
		}
		x, err := pbft.DecodeCheckpointCertificate(raw)
		if err != nil {
			return err
		}
		if x.StateRoot != root {
			return fmt.Errorf("the rows have the root %x, members attest %x to validator %d", root, x.StateRoot, i)
		}
		found++
	}
	if found == 0 {
		b.c.t.Logf("no certificate over height %d yet", height)
	}
	return nil
}
