package coupontest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

// richState is the state after a workload of all value kinds, capped holders, gifts and voids.
func richState(t *testing.T) map[string][]byte {
	s := newStage(t)
	terms := s.plain()
	terms.HolderCap, terms.Transfer, terms.MaxTransfers, terms.Uses, terms.Fee = 9, TransferGift, 3, 2, 5
	terms.Funders = []Funder{{1, 5_000}, {2, 5_000}}
	first := s.publish(terms)
	terms.Kind, terms.Budget = KindStored, 1_000_000
	second := s.publish(terms)
	for _, number := range []uint32{first, second} {
		a, b := s.claim(number, 1), s.claim(number, 2)
		s.claim(number, 3)
		s.must(s.redeemTx(a, bill{basis: 2_000, auth: 2_000}))
		s.must(s.redeemTx(b, bill{basis: 2_000, auth: 2_000}))
		s.must(s.voidTx(b, 0))
		s.must(s.transferTx(b, s.w.Wallets[0], s.w.Wallets[1], s.now+1_000))
	}
	return s.table.Rows
}

// TestCheckRowsSeesEveryLaw changes one field after another of a good state, each of which breaks a law.
func TestCheckRowsSeesEveryLaw(t *testing.T) {
	good := richState(t)
	if err := CheckRows(good); err != nil {
		t.Fatal(err)
	}
	var (
		payer      = be16(be16([]byte{rowFunding}, 2), 978)
		stored     = be32([]byte{rowCampaign}, 2)
		desk       = be16(be32([]byte{rowBatch}, 2), 1)
		used       = be64([]byte{rowCoupon}, couponID(2, 1))
		plain      = be64([]byte{rowCoupon}, couponID(1, 1))
		wallet     = newStage(t).w.Wallets[0]
		holder     = append(be32([]byte{rowHolder}, 2), wallet[:]...)
		live       = be32(be64([]byte{rowRedemption}, couponID(2, 1)), 0)
		undone     = be32(be64([]byte{rowRedemption}, couponID(2, 2)), 0)
		cashier    = newStage(t).w.Tills[0].Key
		till       = append([]byte{rowTill}, cashier[:]...)
		obligation = be16(be32(be32([]byte{rowObligation}, uint32((start+3*dayMs)/(7*dayMs))), 2), 1)
	)
	cases := []struct {
		name   string
		key    []byte
		offset int  // of a byte of the row's value
		add    byte // to it
	}{
		{"locked more", payer, 8, 1},
		{"locked less", payer, 8, 255},
		{"locked above the limit", payer, 15, 1},
		{"next serial", stored, 5, 1},
		{"batches", stored, 9, 1},
		{"issued", stored, 11, 1},
		{"used up", stored, 15, 1},
		{"redemptions", stored, 19, 1},
		{"voids", stored, 23, 1},
		{"committed", stored, 27, 1},
		{"accrued", stored, 35, 255},
		{"redeem until", stored, 48, 255},
		{"batch first", desk, 0, 1},
		{"batch count", desk, 4, 1},
		{"uses left", used, 38, 1},
		{"value left", used, 40, 1},
		{"value left of another kind", plain, 40, 1},
		{"floor", used, 63, 1},
		{"transfers left", used, 64, 1},
		{"status", used, 65, redeemed},
		{"holder count", holder, 0, 1},
		{"live redemption voided", live, 0, voided},
		{"void redemption alive", undone, 0, 255},
		{"redemption member", live, 33, 1},
		{"redemption value", live, 70, 1},
		{"redemption payable", live, 78, 1},
		{"redemption at", live, 86, 1},
		{"final at", live, 94, 1},
		{"obligation sum", obligation, 0, 1},
		{"obligation count", obligation, 8, 1},
		{"day sum", till, 43, 1},
	}
	for _, c := range cases {
		bad := maps.Clone(good)
		row := slices.Clone(good[string(c.key)])
		if len(row) <= c.offset {
			t.Fatalf("%s: row %x is %x", c.name, c.key, row)
		}
		row[c.offset] += c.add
		bad[string(c.key)] = row
		if CheckRows(bad) == nil {
			t.Errorf("%s: not seen in row %x = %x", c.name, c.key, row)
		}
	}
}

// TestCheckRowsSeesMissingRows takes away one row after another.
func TestCheckRowsSeesMissingRows(t *testing.T) {
	good := richState(t)
	for _, key := range slices.Sorted(maps.Keys(good)) {
		if !strings.ContainsRune("\x05\x06\x07\x08\x09\x0A\x0B", rune(key[0])) {
			continue
		}
		bad := maps.Clone(good)
		delete(bad, key)
		if CheckRows(bad) == nil {
			t.Errorf("row %x is missing, and nothing noticed", key)
		}
	}
}

// TestShrink makes a history fail by one foreign transaction and finds it again.
func TestShrink(t *testing.T) {
	h := RandomHistory(4, 12, true)
	foreign := (&Tx{Kind: KindPause, Hint: h.World.Hint + 1, Members: []MemberSig{{Member: 1}}}).Bytes()
	h.Blocks[7].Txs = slices.Insert(slices.Clone(h.Blocks[7].Txs), 2, foreign)
	small := shrink(t, h)
	if len(small.Blocks) != 1 || len(small.Blocks[0].Txs) != 1 || !slices.Equal(small.Blocks[0].Txs[0], foreign) {
		t.Errorf("shrunk to\n%s", describe(small))
	}
	if err := replay(t, small); err == nil || errors.Unwrap(err) == nil {
		t.Errorf("the shrunk history fails with %v", err)
	}
}
