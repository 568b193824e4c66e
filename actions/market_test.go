package actions_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
)

// cycleEndsIn makes a file of version 2 of the rules whose first cycle ends so soon.
func cycleEndsIn(d time.Duration) func(*genesis.File) {
	return func(f *genesis.File) {
		now := apitest.Now()
		genesis.DevRules(coupon.Version2, now)(f)
		const cycles = 60 // so that a cycle is about a year, and its end within 60 ms of what is wanted
		f.Ledger.CycleMs = (now + uint64(d.Milliseconds())) / cycles
	}
}

// bazaar is a chain of version 2 of the rules with a campaign that may be traded, whose
// coupons the bookshop takes and the mall pays for.
type bazaar struct {
	ctx    context.Context
	x      *apitest.Network
	c      *client.Client
	holder actions.Holder
	issuer actions.Issuer
	number uint32
}

func openBazaar(t *testing.T, cycle time.Duration) *bazaar {
	t.Helper()
	x := apitest.StartWith(t, 4, nil, cycleEndsIn(cycle))
	x.WaitReady()
	c, err := client.New(x.Dev.Genesis.Raw, x.URLs())
	if err != nil {
		t.Fatal(err)
	}
	b := &bazaar{x: x, c: c, holder: actions.Holder{Client: c}, issuer: actions.Issuer{Client: c, Signers: mallSigns(x)}}
	var cancel context.CancelFunc
	b.ctx, cancel = context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	terms := fiveOff(apitest.Now())
	terms.Transfer, terms.MaxTransfers, terms.RollbackMs, terms.HolderCap = coupon.TransferTrade, 10, 0, 0
	if b.number, _, err = b.issuer.Publish(b.ctx, terms); err != nil {
		t.Fatal(err)
	}
	return b
}

func mallSigns(x *apitest.Network) []coupon.MemberSigner {
	return []coupon.MemberSigner{{Member: 1, Signer: apitest.Signer(x.Dev.Admins[0])}}
}

// issue gives each key a coupon and returns them in order.
func (b *bazaar) issue(t *testing.T, to ...coupon.Signer) (list []coupon.CouponID) {
	t.Helper()
	var keys [][32]byte
	for _, s := range to {
		keys = append(keys, s.Key)
	}
	err := b.issuer.Issue(b.ctx, b.number, keys, func(r *client.Receipt, part [][32]byte) {
		if int(r.Outcome.Count) != len(part) {
			t.Errorf("%d coupons for %d keys", r.Outcome.Count, len(part))
		}
		for n := range r.Outcome.Count {
			list = append(list, coupon.NewCouponID(b.number, r.Outcome.Serial+n))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (b *bazaar) offer(t *testing.T, id coupon.CouponID, seller coupon.Signer) coupon.Payload {
	t.Helper()
	p, err := b.holder.MakeOffer(b.ctx, id, seller, coupon.Offer{Ask: coupon.AskSwap, Expires: apitest.Now() + 600_000,
		Swap: coupon.SwapAsk{Campaign: b.number, MinUses: 1, Get: seller.Key}})
	if err != nil {
		t.Fatal(err)
	}
	text := coupon.PayloadText(b.c.Chain().EncodePayload(&p))
	raw, err := coupon.ParsePayloadText(text)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = b.c.Chain().DecodePayload(raw); err != nil {
		t.Fatal(err)
	}
	return p
}

// Coupons are issued to keys, swapped, and an offer is taken once: what it is over by, who
// comes later is told before anything is handed in.
func TestAnOfferIsTakenOnce(t *testing.T) {
	b := openBazaar(t, time.Hour)
	bo, cy, dee := apitest.Holder(1), apitest.Holder(2), apitest.Holder(3)
	ids := b.issue(t, bo, cy, dee, bo)
	offer := b.offer(t, ids[0], bo)
	r, err := b.holder.TakeOffer(b.ctx, offer, actions.Held{Coupon: ids[1]}, cy, cy.Key)
	if err != nil {
		t.Fatal(err)
	}
	if o := r.Outcome; o.Coupon != ids[0] || o.Owner != cy.Key || o.Other != ids[1] || o.OtherOwner != bo.Key {
		t.Errorf("the swap is proven as %+v", o)
	}
	_, err = b.holder.TakeOffer(b.ctx, offer, actions.Held{Coupon: ids[2]}, dee, dee.Key)
	broken(t, "an offer that was taken", err, coupon.NotOwner)
	second := b.offer(t, ids[3], bo)
	if _, err := b.holder.PostOffer(b.ctx, second); err != nil {
		t.Error(err)
	}
	if _, err := b.holder.Refresh(b.ctx, actions.Held{Coupon: ids[3]}, bo); err != nil {
		t.Fatal(err)
	}
	_, err = b.holder.TakeOffer(b.ctx, second, actions.Held{Coupon: ids[2]}, dee, dee.Key)
	broken(t, "an offer that was taken back", err, coupon.StaleSeq)
	forged := b.offer(t, ids[3], bo)
	forged.Offer.Swap.MinUses = 0
	_, err = b.holder.TakeOffer(b.ctx, forged, actions.Held{Coupon: ids[2]}, dee, dee.Key)
	broken(t, "an offer that was changed", err, coupon.BadSignature)
	_, err = b.holder.MakeOffer(b.ctx, ids[0], bo, coupon.Offer{Expires: apitest.Now() + 1000})
	broken(t, "an offer of a coupon of others", err, coupon.NotOwner)

	// Both coupons of the swap have it in their histories, and as an event of their own.
	var seen []client.EventID
	for e, err := range b.c.Events(b.ctx, client.EventID{}, client.EventFilter{Types: []coupon.EventType{
		coupon.EventCouponTraded}}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen = append(seen, e.ID); len(seen) == 2 {
			break
		}
	}
	if seen[0].Height != seen[1].Height || seen[0].Index != 0 || seen[1].Index != 1 {
		t.Errorf("the swap's events are %v", seen)
	}
}

// A campaign is amended upwards, by all who must sign.
func TestACampaignIsAmended(t *testing.T) {
	b := openBazaar(t, time.Hour)
	version, r, err := b.issuer.Amend(b.ctx, b.number, func(t *coupon.Terms) { t.Budget *= 2 })
	if err != nil || version != 2 || r.Outcome.Version != 2 {
		t.Fatalf("version %d, %v", version, err)
	}
	money, _, err := b.c.Money(b.ctx, b.number)
	if g, e := b.c.Campaign(b.ctx, b.number); err != nil || e != nil || money.Funders[0].Lock != g.Terms.Budget {
		t.Errorf("locked %d, %v, %v", money.Funders[0].Lock, err, e)
	}
	_, _, err = b.issuer.Amend(b.ctx, b.number, func(t *coupon.Terms) { t.Face-- })
	var refusal *client.Refusal
	if !errors.As(err, &refusal) || refusal.Code != coupon.TermsLocked {
		t.Errorf("worth less than before: %v", err)
	}
	none := actions.Issuer{Client: b.c}
	_, _, err = none.Amend(b.ctx, b.number, func(t *coupon.Terms) { t.Budget *= 2 })
	broken(t, "an amendment without its issuer", err, coupon.Quorum)
}

// What was redeemed and refunded in a cycle is settled when it is over: the debt is what
// is left, the payer says that it was paid, and the payee that it was not, and was.
func TestACycleIsSettledAndPaid(t *testing.T) {
	b := openBazaar(t, 12*time.Second)
	bo := apitest.Holder(1)
	ids := b.issue(t, bo, bo)
	manager := apitest.Signer(b.x.Dev.Tills[1]) // the bakery's, which may give back
	till := actions.Till{Client: b.c, Key: manager}
	for _, id := range ids {
		if _, err := till.RedeemShown(b.ctx, bill(), b.holder.ShowCode(actions.Held{Coupon: id}, bo, 500, 0)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(20 * time.Millisecond) // a block later, what cannot be undone is final
	if r, err := till.Refund(b.ctx, actions.Held{Coupon: ids[0]}, 120); err != nil || r.Outcome.Refunded != 120 {
		t.Fatal(err)
	}
	if back, _, err := b.c.Refunded(b.ctx, ids[0], 0); err != nil || back.Sum != 120 {
		t.Errorf("given back: %+v, %v", back, err)
	}
	mall := actions.Settler{Client: b.c, Member: 1, Signers: mallSigns(b.x)}
	bakery := actions.Settler{Client: b.c, Member: 2, Signers: []coupon.MemberSigner{{Member: 2,
		Signer: apitest.Signer(b.x.Dev.Admins[1])}}}
	p, _, err := b.c.Protocol(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, err := mall.CloseCycle(b.ctx, p.NextCycle)
		var refusal *client.Refusal
		if err == nil {
			break
		} else if !errors.As(err, &refusal) || refusal.Code != coupon.CutoffNotReached {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
	}
	row, _, err := b.c.Cycle(b.ctx, p.NextCycle)
	if err != nil || row.State != coupon.CycleClosed || row.Items != 2 {
		t.Fatalf("the cycle is %+v, %v", row, err)
	}
	debt := coupon.DebtName{Cycle: p.NextCycle, Currency: 978, Payer: 1, Payee: 2}
	state := func(want coupon.DebtState) {
		t.Helper()
		d, _, err := b.c.Debt(b.ctx, debt)
		if err != nil || d.Amount != 880 || d.State != want {
			t.Fatalf("the debt is %+v, %v; wanted %v", d, err, want)
		}
	}
	state(coupon.DebtOpen)
	must := func(_ *client.Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(mall.PostPayment(b.ctx, debt, [32]byte{7}))
	state(coupon.DebtPosted)
	must(bakery.ObjectPayment(b.ctx, debt))
	state(coupon.DebtObjected)
	must(mall.PostPayment(b.ctx, debt, [32]byte{8}))
	state(coupon.DebtReposted)
	must(bakery.ConfirmPayment(b.ctx, debt))
	state(coupon.DebtConfirmed)
	b.settlementFile(t, debt.Cycle)
	if p, _, err := b.c.Position(b.ctx, debt.Cycle, 978, 1); err != nil || p.Out != 880 || p.Held != 0 {
		t.Errorf("the payer's position is %+v, %v", p, err)
	}
}

// settlementFile checks that two nodes give one statement, that its file is good without any
// node, and that no byte of it can be another.
func (b *bazaar) settlementFile(t *testing.T, cycle uint32) {
	t.Helper()
	var first client.SettlementStatement
	for i := range 2 {
		c, err := client.New(b.x.Dev.Genesis.Raw, b.x.URLs()[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		x, err := c.Settlement(b.ctx, cycle)
		if err != nil {
			t.Fatal(err)
		}
		s := c.StatementOf(x, 2)
		if i == 0 {
			first = s
		} else if !reflect.DeepEqual(s, first) || !bytes.Equal(s.CSV(), first.CSV()) {
			t.Errorf("another node says %+v, the first %+v", s, first)
		}
		euros := s.Currencies[0]
		if d := euros.Debts; len(d) != 1 || d[0].Amount != "8.80" || d[0].Payer != 1 || euros.In != "8.80" {
			t.Errorf("the statement is %+v", s)
		}
		file, err := c.EncodeSettlementFile(x, 2)
		if err != nil {
			t.Fatal(err)
		}
		v, err := client.NewVerifier(b.x.Dev.Genesis.Raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, read, err := v.ReadSettlementFile(file); err != nil || !reflect.DeepEqual(*read, s) {
			t.Fatalf("the file is read as %+v, %v", read, err)
		}
		for at := range file {
			forged := bytes.Clone(file)
			forged[at] ^= 1
			if _, _, err := v.ReadSettlementFile(forged); !errors.Is(err, client.ErrFalse) {
				t.Fatalf("byte %d of %q was changed: %v", at, file[max(0, at-40):min(len(file), at+40)], err)
			}
		}
	}
	if _, err := b.c.Settlement(b.ctx, cycle+1); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a cycle that nobody has closed: %v", err)
	}
}
