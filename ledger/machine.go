package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/internal/label"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// TxBytesMax bounds one transaction.
const TxBytesMax = coupon.TxSizeMax

// Machine is the coupon ledger as a node.StateMachine.
type Machine struct {
	chain coupon.Chain
	rules *coupon.Machine
	store *store.Ledger
	door  *door
	// buckets are the Seen buckets that have a row, ascending. Only Execute
	// uses them.
	buckets []uint64
	// scanErr are failures to read rows in order. Only Execute uses it.
	scanErr error
}

var _ node.StateMachine = (*Machine)(nil)

// New returns the machine over an open store, which may be empty. It fails if
// the genesis data is not valid or the store cannot be read.
func New(c coupon.Chain, g coupon.Genesis, s *store.Ledger) (*Machine, error) {
	rules, err := coupon.NewMachine(c, g)
	if err != nil {
		return nil, fmt.Errorf("make ledger: %w", err)
	}
	if err := restorePages(s); err != nil {
		return nil, fmt.Errorf("make ledger: %w", err)
	}
	m := &Machine{chain: c, rules: rules, store: s, door: newDoor(s)}
	for _, prefix := range []byte{coupon.PrefixSeen, coupon.PrefixSeen2} {
		err = s.Latest().Rows([]byte{prefix}, nil, func(key, _ []byte) bool {
			if len(key) == 1+8 {
				m.buckets = append(m.buckets, binary.BigEndian.Uint64(key[1:]))
			}
			return true
		})
		if err != nil {
			return nil, fmt.Errorf("make ledger: %w", err)
		}
	}
	slices.Sort(m.buckets)
	m.buckets = slices.Compact(m.buckets)
	return m, nil
}

// Rules returns the rules, for those who explain or preview transactions.
func (m *Machine) Rules() *coupon.Machine { return m.rules }

// Check implements node.StateMachine: the stateless checks of the domain rules
// rules 3.3 (a) but the signatures.
func (m *Machine) Check(raw []byte) (*node.Tx, error) {
	tx, err := m.chain.CheckTxAt(m.rules.Newest(), raw)
	if err != nil {
		var e *coupon.Error
		if errors.As(err, &e) {
			return nil, &node.Refusal{Code: uint16(e.Code), Text: e.Detail}
		}
		return nil, &node.Refusal{Code: uint16(coupon.BadEncoding), Text: err.Error()}
	}
	checks := tx.Signatures(m.chain)
	x := &checkedTx{Tx: node.Tx{Raw: raw, ID: tx.ID, Sender: tx.Sender(), ExpiresMs: tx.Expires, Decoded: tx}}
	x.Signatures = x.first[:0]
	for i := range checks {
		c := &checks[i]
		x.Signatures = append(x.Signatures, sig.Item{Key: &c.Key, Message: c.Message, Signature: &c.Signature})
	}
	return &x.Tx, nil
}

// checkedTx has a transaction and the signatures that most have in one allocation.
type checkedTx struct {
	node.Tx
	first [2]sig.Item
}

// Admit implements node.StateMachine. A Redeem that its own till hands in is
// admitted though the state refuses it, so that its refusal becomes a receipt (rules 3.3):
// if that receipt would end the id (3.40), and the key is one that may redeem. What
// ends nothing would be a receipt that looks final and is not.
func (m *Machine) Admit(tx *node.Tx, by *[32]byte, nowMs uint64) error {
	t := decoded(tx)
	if !label.Fits(t.Shown()) {
		return &node.Refusal{Code: uint16(coupon.BadEncoding), Text: "Its title or name is not composed (NFC), or holds " +
			"characters that nobody sees, or blanks at its ends."}
	}
	height, _ := m.store.Latest().Height()
	if !m.Allows(height+1, []*node.Tx{tx}) {
		return &node.Refusal{Code: uint16(coupon.BadEncoding), Text: "The rules that hold now have no such transaction."}
	}
	o, err := m.rules.DryRun(m.door, nowMs, t)
	if err != nil || o.Code == coupon.OK {
		// A row that does not fit the others is one read between two blocks:
		// the block decides.
		return nil
	}
	f, ok := t.Fields.(*coupon.Redeem)
	if ok && by != nil && *by == f.Invoice.TillKey && o.Code.Ending(t.Kind) == coupon.Ended &&
		o.Code != coupon.KeyState {
		return nil
	}
	info, _ := o.Code.Info()
	return &node.Refusal{Code: uint16(o.Code), Text: info.Explanation}
}

// Allows implements node.StateMachine (rules 3.17).
func (m *Machine) Allows(height uint64, txs []*node.Tx) bool {
	newest := coupon.Version1
	for _, tx := range txs {
		newest = max(newest, decoded(tx).Kind.Since())
	}
	return newest == coupon.Version1 || newest <= m.rules.VersionAt(m.door, height)
}

// decoded returns the coupon form of a transaction, which Check has put there.
func decoded(tx *node.Tx) *coupon.Tx { return tx.Decoded.(*coupon.Tx) }

// Genesis implements node.StateMachine.
func (m *Machine) Genesis() (node.Result, error) {
	return m.result(coupon.Result{Writes: m.rules.Genesis()}, node.Batch{})
}

// Execute implements node.StateMachine.
func (m *Machine) Execute(b node.Batch) (node.Result, error) {
	txs := make([]*coupon.Tx, len(b.Txs))
	for i, tx := range b.Txs {
		txs[i] = decoded(tx)
	}
	m.warm(txs)
	r := m.rules.Apply(reader{m}, coupon.Block{Height: b.Height, TimeMs: b.TimeMs, Epoch: b.Epoch, View: b.View,
		BaseSeq: b.BaseSeq, Proposer: b.Proposer, ParentView: b.ParentView, ParentBase: b.ParentBase, Txs: txs})
	if err := errors.Join(r.Err, m.store.Err(), m.scanErr); err != nil {
		return node.Result{}, err
	}
	m.keepBuckets(r.SeenAdded, r.SeenDropped)
	out, err := m.result(r, b)
	out.Placed = r.Version >= coupon.Version2
	return out, err
}

// result adds to what the rules have done the state tree, the indexes, and the
// forms that the node and the store use.
func (m *Machine) result(r coupon.Result, b node.Batch) (node.Result, error) {
	changes := make([]chain.Change, len(r.Writes))
	out := node.Result{Receipts: r.Receipts, NextSet: r.NextSet,
		Weak: make([]bool, len(b.Txs)), Open: make([]bool, len(b.Txs))}
	c := &out.Changes
	c.Rows = make([]store.Write, len(r.Writes))
	for i, w := range r.Writes {
		changes[i] = chain.Change{Key: w.Key, Value: w.Value}
		// The store keeps values in its cache; those of the rules share memory.
		c.Rows[i] = store.Write{Key: w.Key, Value: slices.Clone(w.Value)}
	}
	var pages []chain.PageWrite
	var err error
	spread(2, func(i int) { // neither changes what the other reads
		if i == 0 {
			out.StateRoot, pages, err = chain.UpdateSpread(spread, statePages{m.store}, m.store.StateRoot(), changes)
		} else {
			c.Extra = m.indexes(&r, b)
		}
	})
	if err = errors.Join(err, m.store.Err()); err != nil {
		return node.Result{}, fmt.Errorf("update the state tree: %w", err)
	}
	c.Pages = pageWrites(pages)
	c.SeenDropped = r.SeenDropped
	c.SeenAdded = make([]store.SeenAdd, len(r.SeenAdded))
	for i := range out.Weak {
		out.Weak[i] = true
		out.Open[i] = r.Outcomes[i].Code.Ending(decoded(b.Txs[i]).Kind) == coupon.StaysOpen
	}
	for i, s := range r.SeenAdded {
		c.SeenAdded[i] = store.SeenAdd{Bucket: s.Bucket, ID: s.Entry.ID, Index: s.Entry.Index, Code: uint16(s.Entry.Code)}
		if b.Txs[s.Entry.Index].ID == s.Entry.ID {
			out.Weak[s.Entry.Index] = false // its outcome is recorded for ever
		}
	}
	// What the end of a block brings about has no receipt: its rows show it (rules 3.32).
	withReceipt := slices.IndexFunc(r.Events, func(e coupon.Event) bool { return e.TxIndex == coupon.EndOfBlock })
	if withReceipt < 0 {
		withReceipt = len(r.Events)
	}
	out.Events = events(r.Events[:withReceipt])
	m.door.changed(c.Rows)
	return out, nil
}

// events returns the events of a block as the node has them, in one piece of memory.
func events(list []coupon.Event) []node.Event {
	size := 0
	for i := range list {
		size += 1 + len(list[i].Receipt)
	}
	out, all := make([]node.Event, len(list)), make([]byte, 0, size)
	for i := range list {
		from := len(all)
		all = AppendEvent(all, &list[i])
		out[i] = node.Event{Tx: list[i].TxIndex, Data: all[from:len(all):len(all)]}
	}
	return out
}

// warm reads the coupons that a block is about, which no transaction shares, so that
// the rules, which read one row after the other, find them in the store's cache.
func (m *Machine) warm(txs []*coupon.Tx) {
	spread((len(txs)+warmPerPart-1)/warmPerPart, func(part int) {
		for _, tx := range txs[part*warmPerPart : min((part+1)*warmPerPart, len(txs))] {
			if id := tx.About().Coupon; id != 0 {
				var key [1 + 8]byte
				m.store.Row(coupon.AppendCouponKey(key[:0], id))
			}
		}
	})
}

// warmPerPart is the number of coupons read by one part of the work.
const warmPerPart = 32

// keepBuckets follows which Seen buckets have a row.
func (m *Machine) keepBuckets(added []coupon.SeenAdd, dropped []uint64) {
	for _, a := range added {
		if at, ok := slices.BinarySearch(m.buckets, a.Bucket); !ok {
			m.buckets = slices.Insert(m.buckets, at, a.Bucket)
		}
	}
	for _, bucket := range dropped {
		if at, ok := slices.BinarySearch(m.buckets, bucket); ok {
			m.buckets = slices.Delete(m.buckets, at, at+1)
		}
	}
}

// reader is the parent's state for Execute.
type reader struct{ m *Machine }

// Get implements coupon.Reader.
func (r reader) Get(key []byte) ([]byte, bool) { return r.m.store.Row(key) }

// Seen implements coupon.Reader.
func (r reader) Seen(id [32]byte, bucket uint64) (coupon.SeenEntry, bool) {
	return seenEntry(id)(r.m.store.Seen(id, bucket))
}

// SeenBuckets implements coupon.Reader.
func (r reader) SeenBuckets(below uint64) []uint64 {
	end, _ := slices.BinarySearch(r.m.buckets, below)
	return slices.Clone(r.m.buckets[:end])
}

// Keys implements coupon.Reader.
func (r reader) Keys(prefix []byte, limit int) [][]byte {
	keys, err := firstKeys(r.m.store.Latest(), prefix, limit)
	if err != nil {
		r.m.scanErr = errors.Join(r.m.scanErr, fmt.Errorf("scan rows %x: %w", prefix, err))
	}
	return keys
}

// firstKeys returns the keys of the first rows that begin with prefix.
func firstKeys(v *store.View, prefix []byte, limit int) (keys [][]byte, err error) {
	if limit <= 0 {
		return nil, nil
	}
	err = v.Rows(prefix, nil, func(key, _ []byte) bool {
		keys = append(keys, bytes.Clone(key))
		return len(keys) < limit
	})
	return keys, err
}

func seenEntry(id [32]byte) func(store.SeenEntry, bool) (coupon.SeenEntry, bool) {
	return func(e store.SeenEntry, ok bool) (coupon.SeenEntry, bool) {
		if !ok {
			return coupon.SeenEntry{}, false
		}
		return coupon.SeenEntry{ID: id, Height: e.Height, Index: e.Index, Code: coupon.Code(e.Code)}, true
	}
}

// restorePages makes the pages of the state tree again that a store had in memory
// only when its process ended. The tree depends on the rows alone, not on the blocks
// that led to them.
func restorePages(s *store.Ledger) error {
	root, changed, stale, err := s.StalePages()
	if err != nil || !stale {
		return err
	}
	changes := make([]chain.Change, len(changed))
	for i, key := range changed {
		changes[i].Key = key
		if value, ok := s.Row(key); ok {
			changes[i].Value = value
		}
	}
	root, pages, err := chain.UpdateSpread(spread, statePages{s}, root, changes)
	if err = errors.Join(err, s.Err()); err != nil {
		return fmt.Errorf("restore the state tree from %d changed rows: %w", len(changed), err)
	}
	if root != s.StateRoot() {
		return fmt.Errorf("%w: restore the state tree from %d changed rows: its root is %x, that of the last block %x",
			store.ErrDamaged, len(changed), root, s.StateRoot())
	}
	return s.RestorePages(pageWrites(pages))
}

func pageWrites(pages []chain.PageWrite) []store.Write {
	writes := make([]store.Write, len(pages))
	names := make([]byte, 0, len(pages)*chain.PageIDBytesMax)
	for i, p := range pages {
		from := len(names)
		names = p.ID.Append(names)
		writes[i] = store.Write{Key: names[from:len(names):len(names)], Value: p.Data}
	}
	return writes
}

// statePages are the pages of the latest state.
type statePages struct{ store *store.Ledger }

// Page implements chain.Pages.
func (p statePages) Page(id chain.PageID) ([]byte, bool) {
	var name [chain.PageIDBytesMax]byte
	return p.store.Page(id.Append(name[:0]))
}
