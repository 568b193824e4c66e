package coupon

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// The kind table of rules 3.6 and the E201 list of rules 3.14, one by one.
func TestTermsCheck(t *testing.T) {
	w := &world{now: t0}
	percent := func(t *Terms) { t.ValueKind, t.Face, t.Bps, t.Ceiling = Percent, 0, 1500, 5000 }
	kind := func(k ValueKind) func(*Terms) { return func(t *Terms) { t.ValueKind = k } }
	for _, c := range []struct {
		name string
		base func(*Terms)
		set  func(*Terms)
		ok   bool
	}{
		{"AMOUNT", kind(Amount), func(*Terms) {}, true},
		{"AMOUNT of the face", kind(Amount), func(t *Terms) { t.Reimburse = ReimburseFace }, true},
		{"AMOUNT without face", kind(Amount), func(t *Terms) { t.Face = 0 }, false},
		{"AMOUNT with bps", kind(Amount), func(t *Terms) { t.Bps = 1 }, false},
		{"AMOUNT with ceiling", kind(Amount), func(t *Terms) { t.Ceiling = 1 }, false},
		{"AMOUNT with rounding", kind(Amount), func(t *Terms) { t.Rounding = 1 }, false},
		{"AMOUNT with buy", kind(Amount), func(t *Terms) { t.Buy = 1 }, false},
		{"AMOUNT with get", kind(Amount), func(t *Terms) { t.Get = 1 }, false},
		{"PERCENT", percent, func(t *Terms) { t.Rounding = 1 }, true},
		{"PERCENT with face", percent, func(t *Terms) { t.Face = 1 }, false},
		{"PERCENT without bps", percent, func(t *Terms) { t.Bps = 0 }, false},
		{"PERCENT without ceiling", percent, func(t *Terms) { t.Ceiling = 0 }, false},
		{"PERCENT of the face", percent, func(t *Terms) { t.Reimburse = ReimburseFace }, false},
		{"FREE_ITEM of the face", kind(FreeItem), func(t *Terms) { t.Reimburse = ReimburseFace }, true},
		{"FREE_ITEM with get", kind(FreeItem), func(t *Terms) { t.Get = 1 }, false},
		{"STORED", kind(Stored), func(*Terms) {}, true},
		{"STORED without face", kind(Stored), func(t *Terms) { t.Face = 0 }, false},
		{"STORED of the face", kind(Stored), func(t *Terms) { t.Reimburse = ReimburseFace }, false},
		{"FIXED_PRICE", kind(FixedPrice), func(t *Terms) { t.Ceiling = 1 }, false},
		{"BUY_GET", kind(BuyGet), func(t *Terms) { t.Buy, t.Get = 1, 1 }, false},
		{"part without shops", kind(Amount), func(t *Terms) { t.ReimburseBps = 9999 }, false},
		{"part with shops", kind(Amount), func(t *Terms) { t.ReimburseBps, t.Shops = 9999, []Shop{{3, 0}} }, true},
		{"part of the face", kind(Amount), func(t *Terms) {
			t.ReimburseBps, t.Shops, t.Reimburse = 9999, []Shop{{3, 0}}, ReimburseFace
		}, false},
		{"L is the budget", kind(Amount), func(t *Terms) { t.Budget = 2000 }, true},
		{"L above the budget", kind(Amount), func(t *Terms) { t.Budget = 1999 }, false},
		{"L above the largest amount", kind(Amount), func(t *Terms) {
			t.Face, t.Fee, t.Budget = MoneyMax, 1, MoneyMax
		}, false},
		{"the largest numbers", kind(Amount), func(t *Terms) {
			t.Face, t.Fee, t.Uses, t.Budget = MoneyMax, MoneyMax, UsesMax, MoneyMax
		}, false},
	} {
		terms := w.terms(c.base, c.set)
		if err := terms.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// randomUse returns terms of a kind and a use of them, over the whole range of
// amounts.
func randomUse(rng *rand.Rand, kind ValueKind) (Terms, Use) {
	amount := func() uint64 { return 1 + rng.Uint64N(MoneyMax>>rng.UintN(50)) }
	t := Terms{ValueKind: kind, Face: amount(), MinSpend: amount() >> 30, Uses: uint16(1 + rng.UintN(1000)),
		Fee: amount() >> 20, ReimburseBps: uint16(rng.UintN(10001)), Rounding: 0}
	if kind == Percent {
		t.Face, t.Ceiling, t.Bps, t.Rounding = 0, amount(), uint16(1+rng.UintN(10000)), uint8(rng.UintN(2))
	} else if kind != Stored && rng.UintN(2) == 0 {
		t.Reimburse, t.ReimburseBps = ReimburseFace, 10000
	}
	u := Use{Mode: Mode(rng.UintN(2)), Basis: amount(), AuthValue: amount(), ValueLeft: rng.Uint64N(t.Face + 1)}
	if kind.item() {
		u.Qty = uint16(1 + rng.UintN(5))
		u.Unit = u.Basis / uint64(u.Qty) / uint64(1+rng.UintN(3))
	}
	return t, u
}

func TestNoUseCostsMoreThanItsLiability(t *testing.T) {
	const seed = 20
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range 50_000 {
		terms, u := randomUse(rng, ValueKind(i%4))
		if terms.ValueKind == Stored && u.Mode == ModeInvoice && u.AuthValue > min(u.ValueLeft, u.Basis) {
			continue // E508 or E507
		}
		value := RuleValue(&terms, u)
		if value > u.Basis {
			t.Fatalf("seed %d, %d: value %d on a bill of %d: %+v", seed, i, value, u.Basis, terms)
		}
		if terms.Payable(value) > terms.UseLiability() {
			t.Fatalf("seed %d, %d: payable %d above %d: %+v", seed, i, terms.Payable(value), terms.UseLiability(), terms)
		}
	}
}

func TestClippedBasisGivesTheSameValue(t *testing.T) {
	const seed = 21
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range 50_000 {
		terms, u := randomUse(rng, ValueKind(i%4))
		if terms.ValueKind == Stored {
			u.AuthValue = min(u.AuthValue, terms.Face)
		}
		full := RuleValue(&terms, u)
		clipped := u
		clipped.Basis = ClipBasis(&terms, u.Basis, u.Qty, u.Unit)
		switch {
		case clipped.Basis > u.Basis:
			t.Fatalf("seed %d, %d: basis %d became %d", seed, i, u.Basis, clipped.Basis)
		case RuleValue(&terms, clipped) != full:
			t.Fatalf("seed %d, %d: value %d became %d: %+v", seed, i, full, RuleValue(&terms, clipped), terms)
		case (clipped.Basis < terms.MinSpend) != (u.Basis < terms.MinSpend):
			t.Fatalf("seed %d, %d: the minimum %d is judged otherwise", seed, i, terms.MinSpend)
		case u.Qty > 0 && u.Unit > clipped.Basis/uint64(u.Qty):
			t.Fatalf("seed %d, %d: the items no longer fit the basis", seed, i)
		}
	}
	terms := Terms{ValueKind: FreeItem, Face: 1}
	if got := ClipBasis(&terms, 100, 3, 1<<63); got != 100 {
		t.Errorf("items that cannot be on the bill: basis %d", got)
	}
}

func TestSharesAddUpToTheBudget(t *testing.T) {
	const seed = 22
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 10_000 {
		terms := Terms{Budget: rng.Uint64N(MoneyMax + 1)}
		left := BpsMax
		for n := 1 + rng.IntN(FundersMax); n > 0; n-- {
			share := left
			if n > 1 {
				share = uint16(1 + rng.IntN(int(left)-n+1))
			}
			left -= share
			terms.Funders = append(terms.Funders, Funder{ShareBps: share})
		}
		sum := uint64(0)
		for _, s := range terms.FunderShares() {
			sum += s
		}
		if sum != terms.Budget {
			t.Fatalf("seed %d: shares of %+v add up to %d", seed, terms, sum)
		}
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"AMOUNT": Amount.String(), "ValueKind(9)": ValueKind(9).String(), "Redeem": KindRedeem.String(),
		"Kind(99)": Kind(99).String(), "INVOICE": ModeInvoice.String(), "SHOW": ModeShow.String(),
		"LEFT": MemberLeft.String(), "REVOKED": TillRevoked.String(), "FACE": ReimburseFace.String(),
		"trade": TransferTrade.String(), "taken_back": CaseTakenBack.String(), "?": TransferCase(9).String(),
		"EventType(99)": EventType(99).String(), "ok": OK.Word(), "refused": Code(1).Word(), "": Code(1).Name(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if e := (&Error{TooLarge, "9000 bytes"}).Error(); !strings.Contains(e, "E107 TOO_LARGE: 9000 bytes") {
		t.Errorf("error reads %q", e)
	}
}

func TestObjectsDecode(t *testing.T) {
	c := testChain()
	for _, s := range samples(c) {
		tx, err := c.CheckTx(s.raw)
		if err != nil {
			t.Fatal(err)
		}
		switch f := tx.Fields.(type) {
		case *Claim:
			if got, err := DecodeTicket(f.Ticket.AppendTo(nil)); err != nil || got != f.Ticket {
				t.Errorf("ticket %+v, %v", got, err)
			}
		case *Redeem:
			if got, err := DecodeInvoice(f.Invoice.AppendTo(nil)); err != nil || got != f.Invoice {
				t.Errorf("invoice %+v, %v", got, err)
			}
			if got, err := DecodeAuth(f.Auth.AppendTo(nil)); err != nil || got != f.Auth {
				t.Errorf("auth %+v, %v", got, err)
			}
			if tx.InvoiceDigest() != f.Invoice.Digest(c) {
				t.Error("the transaction has another invoice digest")
			}
		}
	}
	if _, err := DecodeInvoice(make([]byte, InvoiceSize+1)); code(err) != BadEncoding {
		t.Errorf("a long invoice: %v", err)
	}
}
