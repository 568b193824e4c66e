package coupontest

import (
	"encoding/hex"
	"testing"
)

// start is the time of most directed tests; it is the first millisecond of a day.
const start = 20_776 * dayMs

// stage is a small chain for directed tests. Its block time is set by hand; every call of run is one block of one
// transaction, executed by model and machine alike.
type stage struct {
	*duel
	now  uint64
	next uint64 // for fresh hashes and keys
}

func newStage(t *testing.T) *stage {
	w := NewWorld(Options{
		Seed: 7, StartMs: start - 60*dayMs, Members: 2, Keys: 2, Threshold: 1, Tills: 2, Wallets: 4, Fake: true,
	})
	return &stage{duel: newDuel(t, w), now: start}
}

// run executes one transaction in a block of the present time and returns its code.
func (s *stage) run(t *Tx) uint16 {
	s.t.Helper()
	return s.block(s.now, nil, s.w.Finish(t))[0].Code
}

// must runs a transaction that has to be accepted, and returns the part of its receipt behind code and kind.
func (s *stage) must(t *Tx) []byte {
	s.t.Helper()
	o := s.block(s.now, nil, s.w.Finish(t))[0]
	if o.Code != 0 {
		s.t.Fatalf("kind %d: E%d %s", o.Kind, o.Code, o.Why)
	}
	return o.Receipt[35:]
}

// want runs a transaction that has to give a code.
func (s *stage) want(code uint16, t *Tx) {
	s.t.Helper()
	if got := s.run(t); got != code {
		s.t.Fatalf("kind %d: code %d, want %d", t.Kind, got, code)
	}
}

func (s *stage) fresh() uint64 { s.next++; return s.next }

// plain is an AMOUNT campaign of member 1 with long windows, to be changed at will.
func (s *stage) plain() Terms {
	return Terms{
		Format: 1, Issuer: 1, Funders: []Funder{{1, 10_000}}, Currency: 978, Title: "x", TermsHash: [32]byte{1},
		Face: 2_000, Uses: 1, ReimburseBps: 10_000, MaxSupply: 2_000, Budget: moneyMax / 10, ClaimFrom: start,
		ClaimUntil: start + 30*dayMs, RedeemFrom: start, RedeemUntil: start + 30*dayMs, RollbackMs: 3 * dayMs,
	}
}

// publish puts a campaign with a batch of 100 tickets on the chain and returns its number.
func (s *stage) publish(t Terms) uint32 {
	s.t.Helper()
	signers := []uint16{t.Issuer}
	for _, f := range t.Funders {
		signers = append(signers, f.Member)
	}
	if t.ReimburseBps < 10_000 {
		for _, shop := range t.Shops {
			signers = append(signers, shop.Member)
		}
	}
	s.must(&Tx{Kind: KindPublish, Expires: s.now + 1_000 + s.fresh(), Terms: t, Members: s.w.Entries(signers...)})
	number := s.model.nextCampaign - 1
	s.must(s.batchTx(number, 1, 100))
	return number
}

func (s *stage) batchTx(number, first, count uint32) *Tx {
	return &Tx{
		Kind: KindBatch, Expires: s.now + 1_000 + s.fresh(), Campaign: number, First: first, Count: count,
		TicketKey: s.w.Derive("desk"), Members: s.w.Entries(s.model.campaigns[number].issuer),
	}
}

func (s *stage) claimTx(number, serial uint32, to Key) *Tx {
	return &Tx{
		Kind: KindClaim, Expires: s.now + 1_000, Campaign: number, Batch: 1, Serial: serial,
		ClaimKey: s.w.Derive("claim", s.fresh()), TicketExpires: timeMax, TicketKey: s.w.Derive("desk"), To: to,
	}
}

// claim makes the first wallet claim a serial and returns the coupon.
func (s *stage) claim(number, serial uint32) uint64 {
	s.t.Helper()
	s.must(s.claimTx(number, serial, s.w.Wallets[0]))
	return couponID(number, serial)
}

// bill is what differs between the redemptions of directed tests.
type bill struct {
	show     bool
	basis    uint64
	auth     uint64
	qty      uint16
	unit     uint64
	campaign bool // named on the invoice
}

func (s *stage) redeemTx(id uint64, b bill) *Tx {
	k := s.model.coupons[id]
	t := &Tx{Kind: KindRedeem, Expires: s.now + 1_000}
	t.Invoice = Invoice{
		TillKey: s.w.Tills[0].Key, Currency: 978, Basis: b.basis, Qty: b.qty, Unit: b.unit, Expires: s.now + 1_000,
		BasketHash: [32]byte(s.w.Derive("basket", s.fresh())),
	}
	if b.campaign {
		t.Invoice.Campaign = uint32(id >> 32)
	}
	t.Auth = Auth{Coupon: id, Seq: k.seq, Holder: k.owner, Value: b.auth, Expires: s.now + 1_000, Mode: ModeShow}
	if !b.show {
		t.Auth.Mode = ModeInvoice
		t.Auth.Invoice = digest(s.w.Chain, tagInvoice, t.Invoice.Bytes())
	}
	return t
}

func (s *stage) voidTx(id uint64, seq uint32) *Tx {
	return &Tx{Kind: KindVoid, Expires: s.now + 1_000 + s.fresh(), Coupon: id, Seq: seq, Key: s.w.Tills[0].Key}
}

func (s *stage) transferTx(id uint64, mover, to Key, giftUntil uint64) *Tx {
	k := s.model.coupons[id]
	return &Tx{
		Kind: KindTransfer, Expires: s.now + 1_000, Coupon: id, Seq: k.seq, Mover: mover, To: to, GiftUntil: giftUntil,
	}
}

func TestWorkedDigest(t *testing.T) {
	chain := ChainDigest("scrip-test-1", nil)
	if got := hex.EncodeToString(chain[:]); got != "b39d546bda8a75f019428e55b5b9a164d7dbaeed11485caea2bf736ffdb23ceb" {
		t.Errorf("chain %s", got)
	}
	pause := Tx{Kind: KindPause, Hint: 0x6b549db3, Expires: 1_795_000_000_000, Campaign: 7}
	if got := hex.EncodeToString(pause.Body()); got != "0102b39d546b005e56eea101000007000000" {
		t.Errorf("body %s", got)
	}
	id := pause.ID(chain)
	if got := hex.EncodeToString(id[:]); got != "0dba1f799bea7cd5e7b4f80171d374651d029715bb74e3a230182ad6b3aa07ea" {
		t.Errorf("id %s", got)
	}
}

// TestWorkedRedemptions runs the examples 1 to 6 of rules 3.16, each on a fresh coupon.
func TestWorkedRedemptions(t *testing.T) {
	amount := func(t *Terms) { t.MinSpend, t.Fee = 5_000, 10 }
	face := func(t *Terms) { t.Face, t.Reimburse = 1_000, 1 }
	half := func(t *Terms) { t.Face, t.ReimburseBps, t.Fee, t.Shops = 1_000, 5_000, 5, []Shop{{1, 0}} }
	percent := func(bps uint16, ceiling uint64, rounding uint8, showMax uint64) func(*Terms) {
		return func(t *Terms) {
			t.Kind, t.Face, t.Bps, t.Ceiling, t.Rounding, t.ShowMax = KindPercent, 0, bps, ceiling, rounding, showMax
		}
	}
	item := func(reimburse uint8) func(*Terms) {
		return func(t *Terms) { t.Kind, t.Face, t.Reimburse = KindFreeItem, 450, reimburse }
	}
	cases := []struct {
		name           string
		terms          func(*Terms)
		bill           bill
		code           uint16
		value, payable uint64
	}{
		{"1", amount, bill{basis: 8_000, auth: 2_000}, 0, 2_000, 2_010},
		{"1 basis", amount, bill{basis: 4_999, auth: 2_000}, 506, 0, 0},
		{"1 auth", amount, bill{basis: 8_000, auth: 1_999}, 507, 0, 0},
		{"2", face, bill{basis: 800, auth: 800}, 0, 800, 1_000},
		{"2 auth", face, bill{basis: 800, auth: 1_000}, 507, 0, 0},
		{"3", half, bill{basis: 801, auth: 801}, 0, 801, 405},
		{"4", percent(1_500, 5_000, 0, 0), bill{basis: 12_345, auth: 1_851}, 0, 1_851, 1_851},
		{"4 half up", percent(1_500, 5_000, 1, 0), bill{basis: 12_345, auth: 1_852}, 0, 1_852, 1_852},
		{"4 nothing", percent(100, 5_000, 0, 0), bill{basis: 50, auth: 1}, 506, 0, 0},
		{"4 one", percent(100, 5_000, 1, 0), bill{basis: 50, auth: 1}, 0, 1, 1},
		{"5", percent(2_000, 5_000, 0, 5_000), bill{show: true, basis: 40_000, auth: 5_000}, 0, 5_000, 5_000},
		{"5 clipped", percent(2_000, 5_000, 0, 5_000), bill{show: true, basis: 25_000, auth: 5_000}, 0, 5_000, 5_000},
		{"5 less", percent(2_000, 5_000, 0, 5_000), bill{show: true, basis: 24_999, auth: 5_000}, 0, 4_999, 4_999},
		{"5 auth", percent(2_000, 5_000, 0, 5_000), bill{show: true, basis: 40_000, auth: 4_000}, 507, 0, 0},
		{"5 show", percent(2_000, 5_000, 0, 4_999), bill{show: true, basis: 40_000, auth: 5_000}, 519, 0, 0},
		{"6", item(0), bill{basis: 480, auth: 450, qty: 1, unit: 480, campaign: true}, 0, 450, 450},
		{"6 cheap", item(0), bill{basis: 380, auth: 380, qty: 1, unit: 380, campaign: true}, 0, 380, 380},
		{"6 basis", item(0), bill{basis: 470, auth: 450, qty: 1, unit: 480, campaign: true}, 518, 0, 0},
		{"6 face", item(1), bill{basis: 380, auth: 380, qty: 1, unit: 380, campaign: true}, 0, 380, 450},
		{"6 campaign", item(0), bill{basis: 480, auth: 450, qty: 1, unit: 480}, 518, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			terms := s.plain()
			c.terms(&terms)
			id := s.claim(s.publish(terms), 1)
			s.want(c.code, s.redeemTx(id, c.bill))
			if c.code != 0 {
				return
			}
			r := s.model.redemptions[redemptionKey{id, 0}]
			if r.value != c.value || r.payable != c.payable {
				t.Errorf("value %d, payable %d, want %d, %d", r.value, r.payable, c.value, c.payable)
			}
			k := s.model.coupons[id]
			if k.status != redeemed || k.seq != 1 || s.model.campaigns[1].accrued != c.payable {
				t.Errorf("coupon %+v", k)
			}
		})
	}
}

// TestWorkedStoredValue is example 7 of rules 3.16.
func TestWorkedStoredValue(t *testing.T) {
	s := newStage(t)
	terms := s.plain()
	terms.Kind, terms.Face, terms.Uses, terms.Fee, terms.ShowMax = KindStored, 5_000, 3, 5, moneyMax
	number := s.publish(terms)
	id := s.claim(number, 1)
	k := func() *couponState { return s.model.coupons[id] }
	s.must(s.redeemTx(id, bill{basis: 9_000, auth: 1_999}))
	if k().valueLeft != 3_001 || s.model.campaigns[number].accrued != 2_004 {
		t.Errorf("after the first take: %+v", k())
	}
	s.want(508, s.redeemTx(id, bill{basis: 9_000, auth: 3_002}))
	s.must(s.redeemTx(id, bill{basis: 9_000, auth: 2_500}))
	s.must(s.redeemTx(id, bill{basis: 9_000, auth: 500}))
	if k().valueLeft != 1 || k().usesLeft != 0 || k().status != redeemed || s.model.campaigns[number].accrued != 5_014 {
		t.Errorf("after the third take: %+v", k())
	}
	id = s.claim(number, 2)
	s.must(s.redeemTx(id, bill{basis: 9_000, auth: 1_999}))
	s.must(s.redeemTx(id, bill{show: true, basis: 1_200, auth: 5_000}))
	if k().valueLeft != 1_801 {
		t.Errorf("after showing: %+v", k())
	}
}

// TestWorkedVoid is example 8 of rules 3.16.
func TestWorkedVoid(t *testing.T) {
	s := newStage(t)
	terms := s.plain()
	terms.Face, terms.Uses = 300, 3
	number := s.publish(terms)
	id := s.claim(number, 1)
	expect := func(usesLeft uint16, seq uint32, accrued uint64) {
		t.Helper()
		k, c := s.model.coupons[id], s.model.campaigns[number]
		if k.usesLeft != usesLeft || k.seq != seq || c.accrued != accrued {
			t.Errorf("uses left %d, seq %d, accrued %d", k.usesLeft, k.seq, c.accrued)
		}
	}
	s.must(s.redeemTx(id, bill{basis: 900, auth: 300}))
	expect(2, 1, 300)
	s.must(s.redeemTx(id, bill{basis: 900, auth: 300}))
	expect(1, 2, 600)
	stale := s.redeemTx(id, bill{basis: 900, auth: 300})
	s.must(s.voidTx(id, 0))
	expect(2, 3, 300)
	s.want(403, stale)
	s.want(512, s.voidTx(id, 0))
}

// TestWorkedEnds is example 9 of rules 3.16, moved so that its redeem_until falls on the last millisecond but some
// of the windows of the test tills.
func TestWorkedEnds(t *testing.T) {
	s := newStage(t)
	terms := s.plain()
	terms.RollbackMs = 259_200_000
	zero := terms.RedeemUntil - 1_000_000_000
	number := s.publish(terms)
	id, other := s.claim(number, 1), s.claim(number, 2)
	s.now = zero + 999_999_999
	s.must(s.redeemTx(id, bill{basis: 2_000, auth: 2_000}))
	if f := s.model.redemptions[redemptionKey{id, 0}].finalAt; f != zero+1_259_199_999 {
		t.Errorf("final at %d", f-zero)
	}
	s.now++
	s.want(504, s.redeemTx(other, bill{basis: 2_000, auth: 2_000}))
	s.now = zero + 1_259_199_998
	s.must(s.voidTx(id, 0))
	if f := s.model.coupons[id].floor; f != zero+1_345_599_998 {
		t.Errorf("floor %d", f-zero)
	}
	s.must(s.redeemTx(id, bill{basis: 2_000, auth: 2_000}))
	s.now = s.model.redemptions[redemptionKey{id, 2}].finalAt
	s.want(513, s.voidTx(id, 2))
}

// TestRevivalEnds redeems and voids a coupon for as long as it can: it lives until the last use and no longer. The
// campaign has been extended and stretched before.
func TestRevivalEnds(t *testing.T) {
	s := newStage(t)
	terms := s.plain()
	terms.RollbackMs, terms.GraceMs = 2*dayMs, 1_000
	number := s.publish(terms)
	id := s.claim(number, 1)
	s.block(s.now, []Plant{{Campaign: number, ExtendMs: 70_000, StretchMs: 5_000}})
	until := terms.RedeemUntil + 75_000
	lastUse := until + 1_000 + 2*dayMs + dayMs
	if got := s.model.until(id); got != until {
		t.Errorf("until %d, want %d", got, until)
	}
	s.now = until - 1
	for seq := uint32(0); s.model.until(id) < lastUse; seq += 2 {
		if seq > 20 {
			t.Fatalf("until %d, last use %d", s.model.until(id), lastUse)
		}
		s.must(s.redeemTx(id, bill{basis: 2_000, auth: 2_000}))
		s.now = s.model.redemptions[redemptionKey{id, seq}].finalAt - 1
		s.must(s.voidTx(id, seq))
		s.now = s.model.until(id) - 1
	}
	if got := s.model.until(id); got != lastUse {
		t.Errorf("until %d, last use %d", got, lastUse)
	}
	seq := s.model.coupons[id].seq
	s.now = lastUse + 999
	s.must(s.redeemTx(id, bill{basis: 2_000, auth: 2_000}))
	s.now = s.model.redemptions[redemptionKey{id, seq}].finalAt - 1
	s.must(s.voidTx(id, seq))
	if got := s.model.until(id); got != lastUse {
		t.Errorf("until %d after the last void, last use %d", got, lastUse)
	}
	s.want(504, s.redeemTx(id, bill{basis: 2_000, auth: 2_000}))
}

// TestWorkedBudget is example 10 of rules 3.16.
func TestWorkedBudget(t *testing.T) {
	s := newStage(t)
	terms := s.plain()
	terms.Fee, terms.Budget, terms.Funders = 10, 10_000, []Funder{{1, 6_667}, {2, 3_333}}
	number := s.publish(terms)
	for serial := uint32(1); serial <= 4; serial++ {
		s.claim(number, serial)
	}
	if c := s.model.campaigns[number]; c.committed != 8_040 || c.accrued != 0 {
		t.Errorf("committed %d, accrued %d", c.committed, c.accrued)
	}
	s.want(510, s.claimTx(number, 5, s.w.Wallets[1]))
	first, second := s.model.funding[fundingKey{1, 978}], s.model.funding[fundingKey{2, 978}]
	if first.locked != 6_667 || second.locked != 3_333 {
		t.Errorf("locked %d and %d", first.locked, second.locked)
	}
}

// TestWorkedGifts is example 12 of rules 3.16.
func TestWorkedGifts(t *testing.T) {
	s := newStage(t)
	terms := s.plain()
	terms.Transfer, terms.MaxTransfers = TransferGift, 1
	id := s.claim(s.publish(terms), 1)
	owner, friend, gift := s.w.Wallets[0], s.w.Wallets[1], s.w.Derive("gift")
	step := func(code uint16, left uint8, mover, to Key, giftUntil uint64) {
		t.Helper()
		s.want(code, s.transferTx(id, mover, to, giftUntil))
		if got := s.model.coupons[id].transfersLeft; got != left {
			t.Errorf("%d transfers left, want %d", got, left)
		}
	}
	step(0, 1, owner, gift, s.now+1_000)
	step(0, 1, owner, owner, 0)
	step(0, 1, owner, gift, s.now+1_000)
	step(0, 0, gift, friend, 0)
	if k := s.model.coupons[id]; k.owner != friend || k.seq != 4 {
		t.Errorf("after the gift: %+v", k)
	}
	step(402, 0, friend, gift, s.now+1_000)
}

// TestBatchLimit fills a campaign's 1024 batches.
func TestBatchLimit(t *testing.T) {
	s := newStage(t)
	number := s.publish(s.plain())
	var raws [][]byte
	for i := uint32(2); i <= 1024; i++ {
		raws = append(raws, s.w.Finish(s.batchTx(number, 99+i, 1)))
	}
	for _, o := range s.block(s.now, nil, raws...) {
		if o.Code != 0 {
			t.Fatalf("E%d %s", o.Code, o.Why)
		}
	}
	s.want(205, s.batchTx(number, 1124, 1))
}
