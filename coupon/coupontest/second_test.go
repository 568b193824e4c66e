package coupontest

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/scrip-network/scrip/coupon"
)

// migratingHistory is the history of a seed: half of them are of chains that begin with version 2, the others migrate
// while campaigns live.
func migratingHistory(seed uint64) *History {
	upgradeAt := uint64(1)
	if seed%2 == 0 {
		upgradeAt = 8 + seed%11
	}
	return MigratingHistory(seed, 60, upgradeAt)
}

// secondSteps is the number of transactions of TestRandomHistoriesOfVersion2, SCRIP_STEPS if that is set.
func secondSteps(t *testing.T) int {
	if s := os.Getenv("SCRIP_STEPS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("SCRIP_STEPS: %v", err)
		}
		return n
	}
	return 20_000
}

// TestRandomHistoriesOfVersion2 runs model and machine over random chains of version 2 and checks the invariants of
// rules 3.37 after every block. SCRIP_SEED sets the first seed, SCRIP_STEPS the number of transactions.
func TestRandomHistoriesOfVersion2(t *testing.T) {
	steps, want := 0, secondSteps(t)
	first := firstSeed(t)
	seed := first
	for ; steps < want; seed++ {
		h := migratingHistory(seed)
		if err := replay(t, h); err != nil {
			small := shrink(t, h)
			t.Fatalf("seed %d: %v\nsmallest:\n%s%v", seed, err, describe(small), replay(t, small))
		}
		for _, b := range h.Blocks {
			steps += len(b.Txs)
		}
	}
	t.Logf("%d transactions of seeds %d to %d", steps, first, seed-1)
}

// TestSecondDecodersAgree damages transactions of version 2 and requires that model and rules read the same.
func TestSecondDecodersAgree(t *testing.T) {
	r := NewRandom(firstSeed(t))
	read, refused := 0, 0
	for seed := uint64(1); seed <= 12; seed++ {
		h := migratingHistory(seed)
		c := h.World.CouponChain()
		for _, b := range h.Blocks {
			for _, whole := range b.Txs {
				for _, raw := range [][]byte{whole, Damage(r, whole), Damage(r, whole)} {
					tx, bad := DecodeAt(2, raw)
					ok := bad == 0 && tx.Hint == h.World.Hint && tx.Bound(h.World.Chain)
					got, err := c.CheckTxAt(coupon.Version2, raw)
					if (err == nil) != ok {
						t.Fatalf("%x: the model says %d, %v; the rules %v", raw, bad, ok, err)
					}
					if ok && (uint8(got.Kind) != tx.Kind || got.ID != tx.ID(h.World.Chain) || len(tx.Bytes()) != len(raw)) {
						t.Fatalf("%x is read as %+v", raw, tx)
					}
					if ok {
						read++
					} else {
						refused++
					}
				}
			}
		}
	}
	if read < 1000 || refused < 1000 {
		t.Errorf("%d were read, %d refused", read, refused)
	}
}

// TestMoneyEndToEnd winds histories down and compares every unit that was confirmed between members with what they
// earned, refunded and bore as funders, taken from the receipts of redemptions, voids and refunds alone.
func TestMoneyEndToEnd(t *testing.T) {
	over := 0
	for seed := firstSeed(t); over < 8; seed++ {
		h := migratingHistory(seed)
		if !h.over {
			continue
		}
		over++
		if err := endToEnd(h); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// balance is a sum that may be below zero.
type balance map[fundingKey]int64

func (b balance) move(currency, from, to uint16, amount uint64) {
	b[fundingKey{from, currency}] -= int64(amount)
	b[fundingKey{to, currency}] += int64(amount)
}

// endToEnd plays a history that was wound down. What members confirmed must be what campaigns made them owe.
func endToEnd(h *History) error {
	m := NewModel(h.World)
	owed, confirmed := balance{}, balance{} // between members; funders of a campaign are one in owed, by its number
	byCampaign := map[uint32]map[uint16]int64{}
	due := func(coupon uint64, payee uint16, amount int64) {
		c := uint32(coupon >> 32)
		if byCampaign[c] == nil {
			byCampaign[c] = map[uint16]int64{}
		}
		byCampaign[c][payee] += amount
	}
	for _, b := range h.Blocks {
		for _, p := range b.Plants {
			m.Plant(p)
		}
		m.Begin(b.Height, b.TimeMs)
		for _, raw := range b.Txs {
			t, _ := DecodeAt(2, raw)
			var void *redemption
			if t.Kind == KindVoid {
				void = m.redemptions[redemptionKey{t.Coupon, t.Seq}]
			}
			if m.Execute(raw).Code != 0 {
				continue
			}
			switch t.Kind {
			case KindRedeem:
				r := m.redemptions[redemptionKey{t.Auth.Coupon, t.Auth.Seq}]
				due(t.Auth.Coupon, r.member, int64(r.payable))
			case KindVoid:
				due(t.Coupon, void.member, -int64(void.payable))
			case KindRefund:
				due(t.Coupon, m.tills[t.Key].Member, -int64(t.Amount))
			case KindConfirmed:
				d := m.two.debts[debtKey{t.Cycle, t.Currency, t.Book, t.Payer, t.Payee}]
				if d.state == debtConfirmed {
					confirmed.move(t.Currency, t.Payer, t.Payee, d.amount)
				}
			}
		}
		m.End()
	}
	for id, payees := range byCampaign {
		c := m.campaigns[id]
		var all int64
		for payee, amount := range payees {
			owed[fundingKey{payee, c.terms.Currency}] += amount
			all += amount
		}
		row := m.two.money[id]
		var borne int64
		for i, f := range c.terms.Funders {
			part := int64(row.funders[i].paid - row.funders[i].back)
			owed[fundingKey{f.Member, c.terms.Currency}] -= part
			borne += part
			if exact := all * int64(f.ShareBps) / 10_000; part > exact+6 || part < exact-6 {
				return fmt.Errorf("campaign %d: funder %d bears %d of %d, its share is %d", id, f.Member, part, all, exact)
			}
		}
		if borne != all {
			return fmt.Errorf("campaign %d: %d earned, %d borne", id, all, borne)
		}
	}
	for k, f := range m.funding {
		if f.locked != 0 {
			return fmt.Errorf("%+v has %d locked at the end", k, f.locked)
		}
		if owed[k] != confirmed[k] {
			return fmt.Errorf("%+v is owed %d and was paid %d", k, owed[k], confirmed[k])
		}
	}
	for prefix := range m.Rows() {
		switch prefix[0] {
		case rowCoupon, rowHolder, rowBatch, rowRedemption, rowObligation, rowTerms, rowRefund, rowRefundSums, rowEnd,
			rowToPrune, rowUnpaid:
			return fmt.Errorf("row %x is left", prefix)
		}
	}
	return nil
}

// reachable2 lists, by kind, what random histories of version 2 have to reach of its rules, as reachable does for
// version 1.
var reachable2 = map[uint8][]string{
	1: {
		"607 overdue",
	},
	2: {
		"204 released",
	},
	3: {
		"204 released",
	},
	4: {
		"204 released",
	},
	5: {
		"204 released",
	},
	8: {
		"204 issuer no issuer",
	},
	10: {
		"702 member no merchant",
	},
	11: {
		"516 key's currency",
	},
	12: {
		"0 amended", "104 expired", "105 seen", "106 member not active", "106 not an admin key", "106 role",
		"106 signer not active", "106 signer not required", "106 signer unknown", "109 life",
		"201 L above budget", "201 L above the largest money", "201 kind table", "202 past", "203 budget",
		"203 buy", "203 cap", "203 claim until", "203 currency", "203 issuer", "203 kind",
		"203 nothing moves", "203 redeem from", "203 reimburse", "203 reimburse bps", "203 relative life",
		"203 rounding", "203 shops", "203 title or funders", "203 version", "204 closed", "204 ended",
		"204 released", "301 campaign", "601 underfunded", "607 overdue", "701 quorum",
	},
	13: {
		"0 issued", "104 expired", "105 seen", "106 member not active", "106 not an admin key", "106 role",
		"106 signer not active", "106 signer not required", "106 signer unknown", "109 life",
		"204 not published", "204 released", "301 campaign", "303 supply", "304 holder", "307 early",
		"307 late", "510 budget",
	},
	15: {
		"0 sold", "0 swapped", "104 expired", "105 seen", "109 life", "110 seq full", "401 not the owner",
		"402 no transfer left", "402 not tradable", "403 seq", "404 gift pending", "405 ceiling",
		"406 for another", "406 over", "406 with itself", "407 another member's", "407 early", "407 late",
		"407 no key", "407 payer not active", "407 payment over", "407 revoked", "410 campaign",
		"410 coupon", "410 until", "410 uses", "410 value", "410 version", "504 expired", "509 redeemed",
		"516 campaign's currency", "516 key's currency", "517 day cap",
	},
	16: {
		"0 posted", "104 expired", "105 seen", "109 life", "401 not the owner", "402 no transfer left",
		"402 not tradable", "403 seq", "404 gift pending", "405 ceiling", "406 over", "406 too far",
		"504 expired", "509 redeemed",
	},
	20: {
		"0 refunded", "104 expired", "105 seen", "106 another member's", "109 life", "301 redemption",
		"514 not final", "514 recredit", "514 released", "514 too much", "514 voided", "516 key's currency",
		"517 given back today", "702 late", "702 member not active", "702 revoked", "702 right",
		"702 unknown",
	},
	23: {
		"0 closing", "104 expired", "105 seen", "106 member not active", "106 not an admin key",
		"106 signer not active", "106 signer not required", "106 signer unknown", "109 life", "602 not over",
		"603 closing", "603 not the next",
	},
	24: {
		"0 posted", "0 posted again", "104 expired", "105 seen", "106 not an admin key",
		"106 signer not required", "109 life", "603 no debt", "603 not closed", "603 posted",
	},
	25: {
		"0 cleared", "0 confirmed", "0 objected", "104 expired", "105 seen", "106 clearer",
		"106 member not active", "106 not an admin key", "106 role", "106 signer not active",
		"106 signer not required", "106 signer unknown", "109 life", "603 confirmed", "603 no debt",
		"603 not posted", "603 too early",
	},
	35: {
		"0 added", "104 expired", "105 seen", "106 member not active", "106 member unknown",
		"106 not an admin key", "106 role", "106 signer not required", "106 signer unknown", "109 life",
		"201 currency", "202 past", "202 too far", "202 window empty", "701 quorum", "702 a till's",
		"702 known",
	},
	36: {
		"0 revoked", "104 expired", "105 seen", "106 member not active", "106 member unknown",
		"106 not an admin key", "106 signer not active", "106 signer not required", "106 signer unknown",
		"109 life", "702 another member's", "702 revoked", "702 unknown",
	},
	40: {
		"0 dropped", "0 pending", "104 expired", "105 seen", "106 not an admin key",
		"106 signer not required", "109 life", "609 not active", "702 a service key", "702 a till's",
	},
}

// TestHistoriesOfVersion2ReachEveryOutcome is what makes TestRandomHistoriesOfVersion2 worth its time.
func TestHistoriesOfVersion2ReachEveryOutcome(t *testing.T) {
	reached := map[string]int{}
	for seed := uint64(1); seed <= 60; seed++ {
		for _, b := range migratingHistory(seed).Blocks {
			for _, name := range b.reached {
				reached[name]++
			}
		}
	}
	for kind, outcomes := range reachable2 {
		for _, o := range outcomes {
			if name := fmt.Sprintf("%d/%s", kind, o); reached[name] == 0 {
				t.Errorf("%s is not reached", name)
			}
		}
	}
	for _, k := range coupon.KindsAt(coupon.Version2) {
		if len(reachable3[uint8(k)])+len(reachable2[uint8(k)])+len(reachable[uint8(k)]) == 0 {
			t.Errorf("no outcome of a %s has to be reached", k)
		}
	}
}
