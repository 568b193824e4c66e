package coupontest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/pbft"
)

// Genesis returns the world as the genesis data of package coupon.
func (w *World) Genesis() coupon.Genesis {
	g := coupon.Genesis{LifeMs: w.LifeMs, MemberLifeMs: w.MemberLifeMs, CycleMs: w.CycleMs}
	for _, c := range w.Currencies {
		g.Currencies = append(g.Currencies, coupon.Currency(c))
	}
	for _, m := range w.Members {
		g.Members = append(g.Members, coupon.GenesisMember{
			Name: m.Name, Roles: m.Roles, Threshold: m.Threshold, Keys: m.Keys,
		})
	}
	for _, f := range w.Funding {
		g.Funding = append(g.Funding, coupon.GenesisFunding{Member: f.Member, Currency: f.Currency, Limit: f.Limit})
	}
	for _, t := range w.Tills {
		g.Tills = append(g.Tills, coupon.GenesisTill{
			Key: t.Key, Member: t.Member, Store: t.Store, Rights: t.Rights, Currency: t.Currency,
			ValidFrom: t.ValidFrom, ValidUntil: t.ValidUntil, DayCap: t.DayCap, Label: t.Label,
		})
	}
	return g
}

// CouponChain returns the chain for package coupon. It takes every 32 bytes for a key; the keys of a world without
// Fake are valid ones.
func (w *World) CouponChain() coupon.Chain {
	return coupon.Chain{Digest: w.Chain, ValidKey: func([32]byte) bool { return true }, Scheme: ringScheme{}}
}

// Machine returns a machine at the genesis of the world.
func (w *World) Machine() *coupon.Machine {
	m, err := coupon.NewMachine(w.CouponChain(), w.Genesis())
	if err != nil {
		panic(fmt.Sprintf("coupontest: the world is no genesis: %v", err))
	}
	if w.UpgradeAt > 0 {
		if m, err = m.UpgradedAt(w.UpgradeAt, w.Founding()); err != nil {
			panic(fmt.Sprintf("coupontest: the world has no set of validators: %v", err))
		}
	}
	return m
}

// Founding returns what version 2 takes from the genesis beside the data of the ledger.
func (w *World) Founding() coupon.Founding {
	s := &w.Set
	f := coupon.Founding{Chain: w.Chain, TimeMs: w.FoundedMs, Set: pbft.SetBody{
		Parameters: pbft.Parameters{Faults: int(s.F), FastFaults: int(s.P), Window: uint64(s.W), Tenure: uint64(s.K),
			CheckpointInterval: uint64(s.C), ExecutionLag: uint64(s.D), PrecisionMs: uint64(s.PrecisionMs),
			DelayMs: uint64(s.DelayMs), PayloadBytesMax: s.PayloadMax},
	}}
	for _, one := range s.Seats {
		f.Set.Seats = append(f.Set.Seats, pbft.Seat{Member: one.Member, Key: one.Key})
	}
	return f
}

// ringScheme verifies the signatures that a ring without private keys makes.
type ringScheme struct{}

// Verify implements pbft.Scheme.
func (ringScheme) Verify(key pbft.PublicKey, message []byte, s pbft.Signature) bool {
	return s == (&Ring{}).sign(key, message)
}

// VerifyBatch implements pbft.Scheme.
func (x ringScheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, sigs []pbft.Signature) bool {
	for i := range keys {
		if !x.Verify(keys[i], messages[i], sigs[i]) {
			return false
		}
	}
	return true
}

// Table is a state in memory that a machine can read. It must not change while Apply runs.
type Table struct {
	Rows    map[string][]byte
	members map[uint64]map[[32]byte]coupon.SeenEntry
}

// NewTable returns a table of some rows, such as those of Machine.Genesis.
func NewTable(rows []coupon.Write) *Table {
	t := &Table{Rows: map[string][]byte{}, members: map[uint64]map[[32]byte]coupon.SeenEntry{}}
	t.write(rows)
	return t
}

func (t *Table) write(rows []coupon.Write) {
	for _, w := range rows {
		if w.Value == nil {
			delete(t.Rows, string(w.Key))
		} else {
			t.Rows[string(w.Key)] = w.Value
		}
	}
}

// Commit brings the table to the state after a block.
func (t *Table) Commit(r coupon.Result) {
	t.write(r.Writes)
	for _, add := range r.SeenAdded {
		if t.members[add.Bucket] == nil {
			t.members[add.Bucket] = map[[32]byte]coupon.SeenEntry{}
		}
		t.members[add.Bucket][add.Entry.ID] = add.Entry
	}
	for _, b := range r.SeenDropped {
		delete(t.members, b)
	}
}

// Get implements coupon.Reader.
func (t *Table) Get(key []byte) ([]byte, bool) {
	v, ok := t.Rows[string(key)]
	return v, ok
}

// Seen implements coupon.Reader.
func (t *Table) Seen(id [32]byte, bucket uint64) (coupon.SeenEntry, bool) {
	e, ok := t.members[bucket][id]
	return e, ok
}

// SeenBuckets implements coupon.Reader.
func (t *Table) SeenBuckets(below uint64) (list []uint64) {
	for b := range t.members {
		if b < below {
			list = append(list, b)
		}
	}
	slices.Sort(list)
	return list
}

// Keys implements coupon.Reader.
func (t *Table) Keys(prefix []byte, limit int) (list [][]byte) {
	for k := range t.Rows {
		if strings.HasPrefix(k, string(prefix)) {
			list = append(list, []byte(k))
		}
	}
	slices.SortFunc(list, bytes.Compare)
	return list[:min(limit, len(list))]
}
