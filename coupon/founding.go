package coupon

import (
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// Founding is what a chain of version 2 knows of consensus from its beginning on.
type Founding struct {
	// Chain is the digest that consensus signs with.
	Chain pbft.Digest
	// TimeMs is the time of the genesis file.
	TimeMs uint64
	// Set is that of epoch 0, its seats in the order of the genesis file.
	Set pbft.SetBody
}

func (f *Founding) check(members int, scheme pbft.Scheme) error {
	if err := f.Set.Check(); err != nil {
		return fmt.Errorf("coupon: founding: %w", err)
	}
	if f.Set.Epoch != 0 || scheme == nil {
		return fmt.Errorf("coupon: founding: set of epoch %d, scheme to verify signatures: %t", f.Set.Epoch, scheme != nil)
	}
	for _, s := range f.Set.Seats {
		if int(s.Member) > members {
			return fmt.Errorf("coupon: founding: there is no member %d", s.Member)
		}
	}
	return nil
}

// foundedRows returns what a chain that begins with a version of the rules has of its
// founding in its first state.
func (m *Machine) foundedRows(v Version) []Write {
	x := &exec{m: m, r: nothing{}, tables2: newTables2()}
	x.found(v)
	var w writer
	for _, t := range x.governance.all() {
		t.flush(&w)
	}
	return w.rows
}

// nothing is the state before the first.
type nothing struct{}

// Get implements Reader.
func (nothing) Get([]byte) ([]byte, bool) { return nil, false }

// Seen implements Reader.
func (nothing) Seen([32]byte, uint64) (e SeenEntry, ok bool) { return e, false }

// SeenBuckets implements Reader.
func (nothing) SeenBuckets(uint64) []uint64 { return nil }

// Keys implements Reader.
func (nothing) Keys([]byte, int) [][]byte { return nil }

// found writes the set of epoch 0 with its seats and keys. Known is the version that the
// programs of the members are taken to know.
func (x *exec) found(known Version) {
	f := &x.m.founding
	set := ValidatorSet{First: 1, SinceMs: f.TimeMs, Body: f.Set}
	set.Body.Seats = slices.Clone(f.Set.Seats)
	x.sets.put(x, struct{}{}, set)
	x.epochs.put(x, 0, EpochRow{First: 1, Digest: f.Set.Digest(f.Chain), SinceMs: f.TimeMs})
	for _, s := range f.Set.Seats {
		x.seats.put(x, s.Member, Seat{Key: s.Key, Known: known})
		x.announced.put(x, s.Key, Announced{Member: s.Member})
	}
}
