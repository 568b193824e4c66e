package coupon_test

import (
	"fmt"

	"github.com/scrip-network/scrip/coupon"
)

// table is the smallest Reader: the rows of the parent block and no Seen
// members.
type table map[string][]byte

func (t table) Get(key []byte) ([]byte, bool) { v, ok := t[string(key)]; return v, ok }

func (table) Seen([32]byte, uint64) (coupon.SeenEntry, bool) { return coupon.SeenEntry{}, false }

func (table) SeenBuckets(uint64) []uint64 { return nil }

func (table) Keys([]byte, int) [][]byte { return nil }

// A block with one transaction: a till is registered, and what the block writes
// goes into the table.
func Example() {
	admin, till := coupon.NewSigner([32]byte{1}), coupon.NewSigner([32]byte{2})
	chain := coupon.Chain{
		Digest:   coupon.ChainDigest("example", []byte("the genesis file")),
		ValidKey: func([32]byte) bool { return true }, // package sig has the real rule
	}
	machine, err := coupon.NewMachine(chain, coupon.Genesis{
		Currencies: []coupon.Currency{{Number: 978, Letters: "EUR", Exponent: 2}},
		Members: []coupon.GenesisMember{{Name: "Corner shop", Roles: coupon.RoleMerchant, Threshold: 1,
			Keys: [][32]byte{admin.Key}}},
		LifeMs: coupon.LifeMsDefault, MemberLifeMs: coupon.MemberLifeDefault, CycleMs: coupon.CycleMsDefault,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	state := table{}
	for _, w := range machine.Genesis() {
		state[string(w.Key)] = w.Value
	}

	const now = 1_795_000_000_000
	raw := chain.NewTillKeyAdd(now+60_000, &coupon.TillKeyAdd{Member: 1, Store: 1, TillKey: till.Key,
		Rights: coupon.RightRedeem, Currency: 978, ValidFrom: now, ValidUntil: now + 86_400_000, DayCap: 500_000,
		Label: "Counter 1"}, till, coupon.MemberSigner{Member: 1, Signer: admin})

	tx, err := chain.CheckTx(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tx.Kind, "with", len(tx.Signatures(chain)), "signatures to verify")

	result := machine.Apply(state, coupon.Block{Height: 1, TimeMs: now, Txs: []*coupon.Tx{tx}})
	for _, w := range result.Writes {
		state[string(w.Key)] = w.Value
	}
	fmt.Println(result.Outcomes[0].Code, result.Events[0].Type)
	row, err := coupon.DecodeTill(state[string(coupon.TillKey(till.Key))])
	fmt.Println(row.Label, row.State, err)
	// Output:
	// TillKeyAdd with 2 signatures to verify
	// OK till.added
	// Counter 1 ACTIVE <nil>
}
