package coupon

import (
	"encoding/hex"
	"testing"
)

// The worked digest of rules 3.14.
func TestWorkedDigest(t *testing.T) {
	c := testChain()
	if got := hex.EncodeToString(c.Digest[:]); got != "b39d546bda8a75f019428e55b5b9a164d7dbaeed11485caea2bf736ffdb23ceb" {
		t.Errorf("chain digest %s", got)
	}
	body := c.Body(1795000000000, &CampaignControl{Op: KindCampaignPause, Campaign: 7})
	if got := hex.EncodeToString(body); got != "0102b39d546b005e56eea101000007000000" {
		t.Errorf("body %s", got)
	}
	id := c.TxID(body)
	if got := hex.EncodeToString(id[:]); got != "0dba1f799bea7cd5e7b4f80171d374651d029715bb74e3a230182ad6b3aa07ea" {
		t.Errorf("id %s", got)
	}
}

// step is one redemption of a worked example of rules 3.16.
type step struct {
	bill    bill
	code    Code
	value   uint64
	payable uint64
}

// runSteps redeems one coupon after the other and returns the last state.
func runSteps(t *testing.T, terms func(*Terms), steps ...step) (Coupon, Campaign) {
	t.Helper()
	w := newWorld(t)
	id := w.claimed(w.terms(terms))
	for i, s := range steps {
		w.tick()
		s.bill.salt = byte(i)
		o := w.one(w.redeemTx(id, w.coupon(id).Seq, s.bill))
		if o.Code != s.code || o.Value != s.value || o.Payable != s.payable {
			t.Errorf("step %d: %s value %d payable %d, want %s %d %d", i+1,
				o.Code, o.Value, o.Payable, s.code, s.value, s.payable)
		}
	}
	return w.coupon(id), w.campaign(id.Campaign())
}

func TestExample1AmountWithMinimumAndFee(t *testing.T) {
	terms := func(t *Terms) { t.MinSpend, t.Fee = 5000, 10 }
	c, g := runSteps(t, terms,
		step{bill: bill{basis: 4999, value: 2000}, code: MinSpend},
		step{bill: bill{basis: 8000, value: 1999}, code: ValueMismatch},
		step{bill: bill{basis: 8000, value: 2000}, value: 2000, payable: 2010},
		step{bill: bill{basis: 8000, value: 2000}, code: AlreadyRedeemed})
	if c.Status != Redeemed || c.Seq != 1 || g.Accrued != 2010 || g.Committed != 2010 {
		t.Errorf("coupon %+v, campaign %+v", c, g)
	}
}

func TestExample2FaceIsPaidThoughLessWasUsed(t *testing.T) {
	runSteps(t, func(t *Terms) { t.Face, t.Reimburse = 1000, ReimburseFace },
		step{bill: bill{basis: 800, value: 1000}, code: ValueMismatch},
		step{bill: bill{basis: 800, value: 800}, value: 800, payable: 1000})
}

func TestExample3ShopBearsHalf(t *testing.T) {
	_, g := runSteps(t, func(t *Terms) {
		t.Face, t.ReimburseBps, t.Fee, t.Shops = 1000, 5000, 5, []Shop{{shopA, 0}}
	}, step{bill: bill{basis: 801, value: 801}, value: 801, payable: 405})
	if g.Committed != 505 {
		t.Errorf("L is %d, want 505", g.Committed)
	}
}

func TestExample4PercentRounding(t *testing.T) {
	percent := func(bps uint16, rounding uint8) func(*Terms) {
		return func(t *Terms) {
			t.ValueKind, t.Face, t.Bps, t.Ceiling, t.Rounding = Percent, 0, bps, 5000, rounding
		}
	}
	runSteps(t, percent(1500, 0), step{bill: bill{basis: 12345, value: 1851}, value: 1851, payable: 1851})
	runSteps(t, percent(1500, 1), step{bill: bill{basis: 12345, value: 1852}, value: 1852, payable: 1852})
	runSteps(t, percent(100, 0), step{bill: bill{basis: 50, value: 1}, code: MinSpend})
	runSteps(t, percent(100, 1), step{bill: bill{basis: 50, value: 1}, value: 1, payable: 1})
}

func TestExample5PercentShown(t *testing.T) {
	shown := func(max uint64) func(*Terms) {
		return func(t *Terms) { t.ValueKind, t.Face, t.Bps, t.Ceiling, t.ShowMax = Percent, 0, 2000, 5000, max }
	}
	show := func(basis, value uint64) bill { return bill{basis: basis, value: value, show: true} }
	runSteps(t, shown(5000), step{bill: show(40000, 4000), code: ValueMismatch},
		step{bill: show(40000, 5000), value: 5000, payable: 5000})
	runSteps(t, shown(5000), step{bill: show(25000, 5000), value: 5000, payable: 5000})
	runSteps(t, shown(5000), step{bill: show(24999, 5000), value: 4999, payable: 4999})
	runSteps(t, shown(4999), step{bill: show(40000, 5000), code: ShowLimit})
	terms := Terms{ValueKind: Percent, Bps: 2000, Ceiling: 5000}
	if got := ClipBasis(&terms, 40000, 0, 0); got != 25000 {
		t.Errorf("40000 is clipped to %d, want 25000", got)
	}
}

func TestExample6FreeItem(t *testing.T) {
	item := func(t *Terms) { t.ValueKind, t.Face = FreeItem, 450 }
	one := func(unit, basis, value uint64) bill { return bill{basis: basis, value: value, qty: 1, unit: unit} }
	runSteps(t, item, step{bill: one(480, 470, 450), code: InvoiceFacts},
		step{bill: bill{basis: 480, value: 450, qty: 1, unit: 480, anyCampaign: true}, code: InvoiceFacts},
		step{bill: one(480, 480, 450), value: 450, payable: 450})
	runSteps(t, item, step{bill: one(380, 380, 380), value: 380, payable: 380})
	face := func(t *Terms) { item(t); t.Reimburse = ReimburseFace }
	runSteps(t, face, step{bill: one(380, 380, 380), value: 380, payable: 450})
}

func TestExample7StoredValue(t *testing.T) {
	stored := func(t *Terms) { t.ValueKind, t.Face, t.Uses, t.Fee, t.ShowMax = Stored, 5000, 3, 5, 5000 }
	take := func(v uint64) bill { return bill{basis: 9000, value: v} }
	c, g := runSteps(t, stored,
		step{bill: take(1999), value: 1999, payable: 2004},
		step{bill: take(3002), code: InsufficientValue},
		step{bill: take(2500), value: 2500, payable: 2505},
		step{bill: take(500), value: 500, payable: 505})
	if c.ValueLeft != 1 || c.UsesLeft != 0 || c.Status != Redeemed || g.Accrued != 5014 || g.Committed != 5015 {
		t.Errorf("coupon %+v, campaign %+v", c, g)
	}
	runSteps(t, stored, step{bill: take(1999), value: 1999, payable: 2004},
		step{bill: bill{basis: 1200, value: 5000, show: true}, value: 1200, payable: 1205})
}

func TestExample8VoidGivesOneUseBack(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms(func(t *Terms) { t.Face, t.Uses = 300, 3 }))
	after := func(uses uint16, seq uint32, accrued uint64) {
		t.Helper()
		c, g := w.coupon(id), w.campaign(id.Campaign())
		if c.UsesLeft != uses || c.Seq != seq || g.Accrued != accrued {
			t.Errorf("uses %d seq %d accrued %d, want %d %d %d", c.UsesLeft, c.Seq, g.Accrued, uses, seq, accrued)
		}
	}
	b := bill{basis: 1000, value: 300}
	w.want(OK, w.redeemTx(id, 0, b))
	after(2, 1, 300)
	w.want(OK, w.redeemTx(id, 1, b))
	after(1, 2, 600)
	stale := w.redeemTx(id, 2, b)
	if o := w.want(OK, w.voidTx(id, 0)); o.Value != 300 || o.Seq != 0 {
		t.Errorf("void gave back %d of (coupon, %d)", o.Value, o.Seq)
	}
	after(2, 3, 300)
	w.want(StaleSeq, stale)
	w.tick()
	w.want(AlreadyVoided, w.voidTx(id, 0))
}

func TestExample9FloorOfAVoid(t *testing.T) {
	const rollback = 259_200_000
	w := newWorld(t)
	w.now = 900_000_000
	id := w.claimed(w.terms(func(t *Terms) {
		t.ClaimUntil, t.RedeemUntil, t.RollbackMs = 1_000_000_000, 1_000_000_000, rollback
		t.Uses = 2
	}))
	w.now = 999_999_999
	if o := w.want(OK, w.redeemTx(id, 0, bill{basis: 2000, value: 2000})); o.FinalAt != 1_259_199_999 {
		t.Errorf("final at %d", o.FinalAt)
	}
	w.now = 1_000_000_000
	w.want(Expired, w.redeemTx(id, 1, bill{basis: 2000, value: 2000}))
	terms, g := w.terms(func(t *Terms) { t.RollbackMs = rollback }), w.campaign(id.Campaign())
	if got := LastUse(&terms, &g); got != 1_345_600_000 {
		t.Errorf("last use %d", got)
	}
	late := *w
	late.store = newStore()
	for k, v := range w.rows {
		late.rows[k] = v
	}
	for b, m := range w.seen {
		late.seen[b] = m
	}
	late.receipts = w.receipts
	late.now = 1_259_199_999
	late.want(RollbackWindow, late.voidTx(id, 0))
	w.now = 1_259_199_998
	if o := w.want(OK, w.voidTx(id, 0)); o.Until != 1_345_599_998 {
		t.Errorf("until %d after the void", o.Until)
	}
	if c := w.coupon(id); c.Floor != 1_345_599_998 {
		t.Errorf("floor %d", c.Floor)
	}
}

func TestExample10BudgetIsMetAtClaims(t *testing.T) {
	w := newWorld(t)
	g := w.publish(w.terms(func(t *Terms) { t.Fee, t.Budget = 10, 10_000 }))
	for serial := uint32(1); serial <= 4; serial++ {
		w.want(OK, w.claimTx(g, serial, keyOf("holder")))
	}
	if got := w.campaign(g).Committed; got != 8040 {
		t.Errorf("committed %d", got)
	}
	w.want(BudgetExhausted, w.claimTx(g, 5, keyOf("holder")))
	terms := Terms{Budget: 1001, Funders: []Funder{{1, 6667}, {2, 3333}}}
	if got := terms.FunderShares(); got[0] != 668 || got[1] != 333 {
		t.Errorf("shares %v of 1001", got)
	}
}

func TestExample12OneAcceptedGiftIsOneTransfer(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms(func(t *Terms) { t.Transfer, t.MaxTransfers = TransferGift, 1 }))
	holder, gift, friend := keyOf("holder"), keyOf("gift"), keyOf("friend")
	until := w.now + dayMs
	for i, s := range []struct {
		mover, to Signer
		until     uint64
		code      Code
		left      uint8
	}{
		{holder, gift, until, OK, 1},
		{holder, holder, 0, OK, 1},
		{holder, gift, until, OK, 1},
		{gift, friend, 0, OK, 0},
		{friend, gift, until, NotTransferable, 0},
	} {
		w.want(s.code, w.transferTx(id, uint32(i), s.mover, s.to, s.until))
		if c := w.coupon(id); c.TransfersLeft != s.left {
			t.Errorf("step %d: %d transfers left, want %d", i+1, c.TransfersLeft, s.left)
		}
	}
	if c := w.coupon(id); c.Seq != 4 || c.Owner != friend.Key {
		t.Errorf("coupon %+v", c)
	}
}
