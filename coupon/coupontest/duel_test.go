package coupontest

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/coupon"
)

// duel runs model and machine over the same blocks and compares them after each.
type duel struct {
	t       *testing.T
	w       *World
	model   *Model
	machine *coupon.Machine
	table   *Table
	height  uint64
}

func newDuel(t *testing.T, w *World) *duel {
	d := &duel{t: t, w: w, model: NewModel(w), machine: w.Machine()}
	d.table = NewTable(d.machine.Genesis())
	if err := sameRows(d.model.Rows(), d.table.Rows); err != nil {
		t.Fatalf("genesis: %v", err)
	}
	return d
}

// block runs one block in both, fails the test where they differ, and returns the model's outcomes.
func (d *duel) block(timeMs uint64, plants []Plant, raws ...[]byte) []Outcome {
	d.t.Helper()
	d.height++
	list, err := d.fight(Block{Height: d.height, TimeMs: timeMs, Plants: plants, Txs: raws})
	if err != nil {
		d.t.Fatalf("block %d: %v", d.height, err)
	}
	return list
}

// fight runs one block in both and compares receipts, rows, Seen members and events.
func (d *duel) fight(b Block) ([]Outcome, error) {
	for _, p := range b.Plants {
		key, value := d.model.Plant(p)
		d.table.Rows[string(key)] = value
	}
	if b.Height%8 == 0 {
		d.machine = d.w.Machine() // one that has seen nothing must say the same
	}
	block := coupon.Block{Height: b.Height, TimeMs: b.TimeMs, Epoch: b.Head.Epoch, View: b.Head.View,
		BaseSeq: b.Head.Base, Proposer: b.Head.Proposer, ParentView: b.Head.ParentView, ParentBase: b.Head.ParentBase}
	version := d.machine.VersionAt(d.table, b.Height)
	for i, raw := range b.Txs {
		tx, err := d.machine.Chain().CheckTxAt(version, raw)
		if err != nil {
			return nil, fmt.Errorf("transaction %d: %w", i, err)
		}
		block.Txs = append(block.Txs, tx)
	}
	before := maps.Clone(d.table.Rows)
	result := d.machine.Apply(d.table, block)
	if result.Err != nil {
		return nil, fmt.Errorf("apply: %w", result.Err)
	}
	// A dry run knows neither the height of its block nor whether an epoch begins with it.
	if len(b.Txs) > 0 && b.Txs[0][1] < KindPropose && b.Head.Epoch == d.epoch() {
		if err := d.dryRun(block, result); err != nil {
			return nil, err
		}
	}
	if err := sameRows(before, d.table.Rows); err != nil {
		return nil, fmt.Errorf("apply changed the parent's state: %w", err)
	}
	d.model.head = b.Head
	outcomes := d.model.Apply(b.Height, b.TimeMs, b.Txs)
	d.table.Commit(result)
	for i, o := range outcomes {
		if !bytes.Equal(o.Receipt, result.Receipts[i]) {
			return nil, fmt.Errorf("transaction %d, kind %d, model says %q:\nmodel   %x\nmachine %x",
				i, o.Kind, o.Why, o.Receipt, result.Receipts[i])
		}
	}
	if err := checkResult(result, before, outcomes, d.model.blockEvents()); err != nil {
		return nil, err
	}
	if err := sameRows(d.model.Rows(), d.table.Rows); err != nil {
		return nil, err
	}
	if err := d.sameSeen(); err != nil {
		return nil, err
	}
	if version == coupon.Version1 {
		if err := CheckRows(d.table.Rows); err != nil {
			return nil, err
		}
	}
	if version > coupon.Version1 || b.Height%4 == 0 {
		if err := coupon.CheckInvariants(d.table.ascending()); err != nil {
			return nil, fmt.Errorf("coupon's own check: %w", err)
		}
	}
	return outcomes, nil
}

// epoch is that of the state.
func (d *duel) epoch() uint32 {
	if d.model.two == nil {
		return 0
	}
	return d.model.two.set.body.Epoch
}

// ascending walks the rows by key.
func (t *Table) ascending() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for _, k := range slices.Sorted(maps.Keys(t.Rows)) {
			if !yield([]byte(k), t.Rows[k]) {
				return
			}
		}
	}
}

// dryRun compares the dry run of a block's first transaction with its outcome in the block.
func (d *duel) dryRun(b coupon.Block, result coupon.Result) error {
	o, err := d.machine.DryRun(d.table, b.TimeMs, b.Txs[0])
	if err != nil {
		return fmt.Errorf("dry run: %w", err)
	}
	if got := o.AppendTo(nil); !bytes.Equal(got, result.Receipts[0]) {
		return fmt.Errorf("dry run says %x, the block %x", got, result.Receipts[0])
	}
	return nil
}

// checkResult checks the writes, ascending and without a deletion of what is not there, and the events.
func checkResult(r coupon.Result, before map[string][]byte, outcomes []Outcome, ended []blockEvent) error {
	for i, w := range r.Writes {
		if i > 0 && bytes.Compare(r.Writes[i-1].Key, w.Key) >= 0 {
			return fmt.Errorf("write %d is out of order", i)
		}
		if _, was := before[string(w.Key)]; !was && w.Value == nil {
			return fmt.Errorf("write %d deletes row %x, which is not there", i, w.Key)
		}
	}
	events := r.Events
	next := func(want coupon.Event, name string) error {
		if len(events) == 0 {
			return fmt.Errorf("no event %q", name)
		}
		e := events[0]
		events = events[1:]
		if e.TxIndex != want.TxIndex || e.EventIndex != want.EventIndex || e.Type.String() != name ||
			!bytes.Equal(e.Receipt, want.Receipt) || !bytes.Equal(e.Row, want.Row) {
			return fmt.Errorf("event %+v is not %q", e, name)
		}
		return nil
	}
	for i, o := range outcomes {
		decoded, err := coupon.DecodeReceipt(r.Receipts[i])
		if err != nil {
			return fmt.Errorf("receipt %d: %w", i, err)
		}
		if decoded != r.Outcomes[i] || uint16(decoded.Code) != o.Code {
			return fmt.Errorf("outcome %d is %+v, its receipt says %+v", i, r.Outcomes[i], decoded)
		}
		for n, name := range o.Events {
			e := coupon.Event{TxIndex: uint32(i), EventIndex: uint32(n), Receipt: o.Receipt}
			if err := next(e, name); err != nil {
				return fmt.Errorf("transaction %d: %w", i, err)
			}
		}
	}
	for n, e := range ended {
		if err := next(coupon.Event{TxIndex: 1<<32 - 1, EventIndex: uint32(n), Row: e.row}, e.name); err != nil {
			return fmt.Errorf("end of block: %w", err)
		}
	}
	if len(events) > 0 {
		return fmt.Errorf("%d events too many", len(events))
	}
	return nil
}

// sameRows reports the first row in which two states differ.
func sameRows(model, machine map[string][]byte) error {
	var errs []error
	for _, k := range slices.Sorted(maps.Keys(model)) {
		if v, ok := machine[k]; !ok {
			errs = append(errs, fmt.Errorf("row %x is missing, model has %x", k, model[k]))
		} else if !bytes.Equal(v, model[k]) {
			errs = append(errs, fmt.Errorf("row %x\nmodel   %x\nmachine %x", k, model[k], v))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(machine)) {
		if _, ok := model[k]; !ok {
			errs = append(errs, fmt.Errorf("row %x = %x is not in the model", k, machine[k]))
		}
	}
	return errors.Join(errs[:min(len(errs), 4)]...)
}

// sameSeen compares the members of the Seen buckets.
func (d *duel) sameSeen() error {
	if len(d.table.members) != len(d.model.seen) {
		return fmt.Errorf("%d Seen buckets, model has %d", len(d.table.members), len(d.model.seen))
	}
	for no, b := range d.model.seen {
		if len(d.table.members[no]) != len(b.members) {
			return fmt.Errorf("Seen bucket %d has %d members, model %d", no, len(d.table.members[no]), len(b.members))
		}
		for id, f := range b.members {
			e, ok := d.table.Seen(id, no)
			if !ok || e.Height != f.Height || e.Index != f.Index || uint16(e.Code) != f.Code {
				return fmt.Errorf("Seen member %x is %+v, model has %+v", id, e, f)
			}
		}
	}
	return nil
}

// replay runs a history from its genesis and returns where and how model and machine first differ.
func replay(t *testing.T, h *History) error {
	d := newDuel(t, h.World)
	for _, b := range h.Blocks {
		if _, err := d.fight(b); err != nil {
			return fmt.Errorf("block %d at %d: %w", b.Height, b.TimeMs, err)
		}
	}
	return nil
}

// shrink leaves out transactions, plants and blocks as long as the history still fails, and returns what is left.
func shrink(t *testing.T, h *History) *History {
	fails := func(blocks []Block) (failed bool) {
		defer func() {
			if recover() != nil { // a plant of what is no longer there
				failed = false
			}
		}()
		return replay(t, &History{World: h.World, Blocks: blocks}) != nil
	}
	blocks := slices.Clone(h.Blocks)
	for len(blocks) > 1 && fails(blocks[:len(blocks)-1]) {
		blocks = blocks[:len(blocks)-1]
	}
	for size := 1 << 10; size > 0; size /= 2 {
		for b := range blocks {
			for i := 0; i < len(blocks[b].Txs); {
				fewer := slices.Clone(blocks)
				fewer[b].Txs = slices.Delete(slices.Clone(fewer[b].Txs), i, min(i+size, len(fewer[b].Txs)))
				if fails(fewer) {
					blocks = fewer
				} else {
					i += size
				}
			}
		}
	}
	for b := 0; b < len(blocks); {
		fewer := slices.Delete(slices.Clone(blocks), b, b+1)
		if len(blocks) > 1 && fails(fewer) {
			blocks = fewer
		} else {
			b++
		}
	}
	return &History{World: h.World, Blocks: blocks}
}

// describe prints a history for a failure report.
func describe(h *History) string {
	var b bytes.Buffer
	for _, block := range h.Blocks {
		fmt.Fprintf(&b, "block %d at %d, plants %+v\n", block.Height, block.TimeMs, block.Plants)
		for _, raw := range block.Txs {
			tx, _ := DecodeAt(2, raw)
			fmt.Fprintf(&b, "  kind %d: %x\n", tx.Kind, tx.Body())
		}
	}
	return b.String()
}
