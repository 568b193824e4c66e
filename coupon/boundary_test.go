package coupon

import "testing"

// codeAt runs the scene made by prepare at a time.
func codeAt(t *testing.T, m *Machine, now uint64, prepare func(*scene)) Code {
	t.Helper()
	s := newScene()
	prepare(s)
	s.now = now
	return s.outcome(t, m).Code
}

// The table of rules 3.9: what a bound gives one ms before it and at it.
func TestBoundaries(t *testing.T) {
	m, err := NewMachine(testChain(), testGenesis())
	if err != nil {
		t.Fatal(err)
	}
	const bound = t0 + 10
	claim := func(s *scene) {
		s.tx = &Claim{Ticket: Ticket{Campaign: 1, Batch: 1, Serial: 6, ClaimKey: keyOf("claim").Key, Expires: TimeMax},
			TicketKey: keyOf("ticket").Key, To: keyOf("holder").Key}
	}
	redeem := func(s *scene) { prepareRedeem(s); s.till.ValidUntil = t0 + 1000 }
	transfer := func(s *scene) {
		s.tx = &Transfer{Coupon: sceneCoupon, Seq: 3, Mover: keyOf("holder").Key, To: keyOf("friend").Key}
	}
	gift := func(mover string) func(*scene) {
		return func(s *scene) {
			s.coupon.Status, s.coupon.GiftKey, s.coupon.GiftUntil = Gifted, keyOf("gift").Key, bound
			s.tx = &Transfer{Coupon: sceneCoupon, Seq: 3, Mover: keyOf(mover).Key, To: keyOf("friend").Key}
		}
	}
	void := func(s *scene) {
		s.till.ValidUntil = t0 + 1000
		s.tx = &Void{Coupon: sceneCoupon, Seq: 2, Key: keyOf("till").Key}
	}
	for _, c := range []struct {
		name       string
		prepare    func(*scene)
		set        func(*scene)
		before, at Code
	}{
		{"claim_from", claim, func(s *scene) { s.terms.ClaimFrom = bound }, ClaimWindow, OK},
		{"claim_until", claim, func(s *scene) { s.terms.ClaimUntil = bound }, OK, ClaimWindow},
		{"ticket expires", claim, func(s *scene) { s.tx.(*Claim).Ticket.Expires = bound }, OK, ClaimWindow},
		{"redeem_from", redeem, func(s *scene) { s.terms.RedeemFrom = bound }, NotYetValid, OK},
		{"till valid_from", redeem, func(s *scene) { s.till.ValidFrom = bound }, KeyState, OK},
		{"till valid_until", redeem, func(s *scene) { s.till.ValidUntil = bound }, OK, KeyState},
		{"until + grace", redeem, func(s *scene) { s.campaign.RedeemUntil = bound - 50 }, OK, Expired},
		{"relative until + grace", redeem, func(s *scene) {
			s.terms.RelativeMs, s.coupon.ClaimedAt = 60_000, bound-50-60_000
		}, OK, Expired},
		{"until, transfer", transfer, func(s *scene) { s.campaign.RedeemUntil = bound }, OK, Expired},
		{"floor, transfer", transfer, func(s *scene) {
			s.campaign.RedeemUntil, s.coupon.Floor = t0-100, bound
		}, OK, Expired},
		{"stretch, transfer", transfer, func(s *scene) {
			s.campaign.RedeemUntil, s.campaign.StretchMs = bound-7, 7
		}, OK, Expired},
		{"tx expires", transfer, func(s *scene) { s.expires = bound }, OK, TxExpired},
		{"invoice expires", redeem, func(s *scene) { s.tx.(*Redeem).Invoice.Expires = bound }, OK, InvoiceExpired},
		{"gift_until, gift key", gift("gift"), func(*scene) {}, OK, NotOwner},
		{"gift_until, owner", gift("holder"), func(*scene) {}, WrongState, OK},
		{"final_at", void, func(s *scene) { s.redemption.FinalAt = bound }, OK, RollbackWindow},
	} {
		prepare := func(s *scene) { c.prepare(s); c.set(s) }
		if got := codeAt(t, m, bound-1, prepare); got != c.before {
			t.Errorf("%s: one ms before: %s, want %s", c.name, got, c.before)
		}
		if got := codeAt(t, m, bound, prepare); got != c.at {
			t.Errorf("%s: at the bound: %s, want %s", c.name, got, c.at)
		}
	}
}

func TestLifeBounds(t *testing.T) {
	m, err := NewMachine(testChain(), testGenesis())
	if err != nil {
		t.Fatal(err)
	}
	at := func(life uint64, prepare func(*scene)) Code {
		return codeAt(t, m, t0, func(s *scene) { prepare(s); s.expires = t0 + life })
	}
	pause := func(s *scene) { s.tx = &CampaignControl{KindCampaignPause, 1} }
	transfer := func(s *scene) {
		s.tx = &Transfer{Coupon: sceneCoupon, Seq: 3, Mover: keyOf("holder").Key, To: keyOf("friend").Key}
	}
	if a, b := at(LifeMsDefault, transfer), at(LifeMsDefault+1, transfer); a != OK || b != LifeTooLong {
		t.Errorf("transfer: %s, %s", a, b)
	}
	if a, b := at(MemberLifeDefault, pause), at(MemberLifeDefault+1, pause); a != OK || b != LifeTooLong {
		t.Errorf("pause: %s, %s", a, b)
	}
}

func TestTillDayCap(t *testing.T) {
	g := testGenesis()
	g.Tills[0].DayCap = 4020
	w := newWorldOf(t, g)
	w.now = t0 / dayMs * dayMs
	w.now += dayMs - 2
	id := w.claimed(w.terms(func(t *Terms) { t.Fee, t.Uses = 10, 9 }))
	redeem := func(code Code) {
		t.Helper()
		w.want(code, w.redeemTx(id, w.coupon(id).Seq, bill{basis: 2000, value: 2000}))
	}
	redeem(OK)
	redeem(OK)
	redeem(TillCap)
	w.want(OK, w.voidTx(id, 0)) // gives nothing back of the day's sum
	redeem(TillCap)
	w.now++
	redeem(TillCap)
	w.now++ // midnight UTC
	redeem(OK)
	till, err := DecodeTill(w.rows[string(TillKey(keyOf("till A").Key))])
	if err != nil || till.DaySum != 2010 || till.Day != uint32(w.now/dayMs) {
		t.Errorf("till %+v, %v", till, err)
	}
}

func TestOneIDHasOneOutcome(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms(func(t *Terms) { t.Uses = 5 }))
	ok := w.redeemTx(id, 0, bill{basis: 2000, value: 2000})
	refused := w.redeemTx(id, 7, bill{basis: 2000, value: 2000})
	outs := w.block(ok, refused, ok, refused)
	if outs[0].Code != OK || outs[1].Code != StaleSeq {
		t.Fatalf("outcomes %+v", outs[:2])
	}
	h := w.height
	if outs[2].Code != DuplicateTx || outs[2].First != (First{h, 0, OK}) ||
		outs[3].Code != DuplicateTx || outs[3].First != (First{h, 1, StaleSeq}) {
		t.Errorf("in the same block: %+v, %+v", outs[2].First, outs[3].First)
	}
	w.now += 9_000
	if o := w.want(DuplicateTx, refused); o.First != (First{h, 1, StaleSeq}) {
		t.Errorf("in a later block: %+v", o.First)
	}
	if len(w.last.Writes) != 0 || len(w.last.SeenAdded) != 0 {
		t.Errorf("a duplicate changed %d rows", len(w.last.Writes))
	}
	w.now += 60_000
	w.want(TxExpired, refused)
}

func TestTooFewSignaturesDoNotBurnAnID(t *testing.T) {
	w := newWorld(t)
	g := w.publish(w.terms())
	body := w.chain.Body(w.expires(), &CampaignControl{KindCampaignClose, g})
	entry := func(s MemberSigner) MemberSignature { return w.chain.SignMember(body, s) }
	both := w.issuers()
	few := JoinMemberSigned(body, []MemberSignature{entry(both[0])}, nil)
	foreign := JoinMemberSigned(body, []MemberSignature{entry(MemberSigner{visitor, keyOf("visitor")})}, nil)
	w.want(Quorum, few)
	w.want(NotAuthorised, foreign)
	w.want(OK, JoinMemberSigned(body, []MemberSignature{entry(both[1]), entry(both[0])}, nil))
	w.want(DuplicateTx, few)

	// A campaign may come to exist after the first submission.
	pause := w.chain.NewMemberTx(w.expires(), &CampaignControl{KindCampaignPause, g + 1}, w.issuers()...)
	w.want(NotFound, pause)
	w.publish(w.terms(func(t *Terms) { t.Title = "Second" }))
	w.want(OK, pause)
}

func TestNotFoundBurnsTheIDOfAClaim(t *testing.T) {
	w := newWorld(t)
	claim := w.claimTx(1, 1, keyOf("holder"))
	w.want(NotFound, claim)
	w.publish(w.terms())
	if o := w.want(DuplicateTx, claim); o.First.Code != NotFound {
		t.Errorf("first outcome %s", o.First.Code)
	}
}

func TestInvoiceIsUsedOnceAlsoAfterAVoid(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms(func(t *Terms) { t.Uses = 5 }))
	till, holder := keyOf("till A"), keyOf("holder")
	inv := Invoice{TillKey: till.Key, Currency: usd, Basis: 2000, Expires: w.now + 100_000}
	pay := func(seq uint32) []byte {
		w.tick()
		a := Auth{Coupon: id, Seq: seq, Holder: holder.Key, Value: 2000, Expires: w.expires(),
			InvoiceDigest: inv.Digest(w.chain)}
		return w.chain.NewRedeemInvoice(inv, w.chain.SignInvoice(inv, till), a, w.chain.SignAuth(a, holder))
	}
	outs := w.block(pay(0), pay(1))
	if outs[0].Code != OK || outs[1].Code != InvoiceUsed {
		t.Fatalf("outcomes %s, %s", outs[0].Code, outs[1].Code)
	}
	w.want(OK, w.voidTx(id, 0))
	w.want(InvoiceUsed, pay(2))
}

func TestSeenBucketsFallWhenPast(t *testing.T) {
	w := newWorld(t)
	g := w.publish(w.terms())
	w.want(OK, w.claimTx(g, 1, keyOf("holder")))
	bucket := SeenBucket(w.expires())
	w.now = (bucket+1)*SeenBucketMs - 1
	w.block()
	if len(w.last.Writes) != 0 {
		t.Errorf("an empty block changed %d rows", len(w.last.Writes))
	}
	w.now++
	w.block()
	if len(w.last.SeenDropped) == 0 || w.last.SeenDropped[len(w.last.SeenDropped)-1] != bucket {
		t.Errorf("dropped %v, want %d", w.last.SeenDropped, bucket)
	}
	if _, ok := w.Get(SeenKey(bucket)); ok {
		t.Error("the row is still there")
	}
}

func TestHolderCapCountsClaimsNotHoldings(t *testing.T) {
	w := newWorld(t)
	g := w.publish(w.terms(func(t *Terms) { t.HolderCap, t.Transfer, t.MaxTransfers = 1, TransferGift, 255 }))
	holder, friend := keyOf("holder"), keyOf("friend")
	first := w.want(OK, w.claimTx(g, 1, holder)).Coupon
	w.want(HolderLimit, w.claimTx(g, 2, holder))
	w.want(OK, w.transferTx(first, 0, holder, friend, 0))
	w.want(HolderLimit, w.claimTx(g, 3, holder))
	w.want(OK, w.claimTx(g, 4, friend))
	if c := w.coupon(first); c.TransfersLeft != TransfersUnlimited {
		t.Errorf("unlimited transfers were counted down to %d", c.TransfersLeft)
	}
}

func TestGiftStates(t *testing.T) {
	holder, gift, friend, thief := keyOf("holder"), keyOf("gift"), keyOf("friend"), keyOf("thief")
	setup := func() (*world, CouponID) {
		w := newWorld(t)
		id := w.claimed(w.terms(func(t *Terms) { t.Transfer, t.MaxTransfers, t.Uses = TransferGift, 2, 3 }))
		w.want(OK, w.redeemTx(id, 0, bill{basis: 2000, value: 2000}))
		w.want(OK, w.transferTx(id, 1, holder, gift, w.now+dayMs))
		w.tick()
		return w, id
	}
	t.Run("pending", func(t *testing.T) {
		w, id := setup()
		w.want(WrongState, w.redeemTx(id, 2, bill{basis: 2000, value: 2000}))
		w.want(WrongState, w.transferTx(id, 2, holder, friend, 0))
		w.want(WrongState, w.transferTx(id, 2, holder, holder, w.now+5))
		w.want(NotOwner, w.transferTx(id, 2, thief, thief, 0))
		w.want(GiftTerms, w.transferTx(id, 2, gift, friend, w.now+5))
		w.want(StaleSeq, w.transferTx(id, 1, gift, friend, 0))
	})
	t.Run("a void leaves it pending and the gift key follows the new seq", func(t *testing.T) {
		w, id := setup()
		w.want(OK, w.voidTx(id, 0))
		w.want(StaleSeq, w.transferTx(id, 2, gift, friend, 0))
		if o := w.want(OK, w.transferTx(id, 3, gift, friend, 0)); o.Case != CaseAccepted || o.Owner != friend.Key {
			t.Errorf("outcome %+v", o)
		}
		w.want(NotOwner, w.transferTx(id, 4, holder, holder, 0))
	})
	t.Run("the gift key can give it back", func(t *testing.T) {
		w, id := setup()
		o := w.want(OK, w.transferTx(id, 2, gift, holder, 0))
		if c := w.coupon(id); o.Case != CaseTakenBack || c.Status != Held || c.TransfersLeft != 2 {
			t.Errorf("case %d, coupon %+v", o.Case, c)
		}
	})
	t.Run("lapsed, any write stores HELD", func(t *testing.T) {
		w, id := setup()
		w.now += dayMs
		w.want(NotOwner, w.transferTx(id, 2, gift, friend, 0))
		if c := w.coupon(id); c.Status != Gifted {
			t.Errorf("a refusal stored status %d", c.Status)
		}
		w.want(OK, w.voidTx(id, 0))
		if c := w.coupon(id); c.Status != Held || c.GiftUntil != 0 || c.GiftKey != [32]byte{} {
			t.Errorf("coupon %+v", c)
		}
		w.want(OK, w.redeemTx(id, 3, bill{basis: 2000, value: 2000}))
	})
}

func TestRefreshKillsOldAuthorisations(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms())
	holder := keyOf("holder")
	old := w.redeemTx(id, 0, bill{basis: 2000, value: 2000})
	if o := w.want(OK, w.transferTx(id, 0, holder, holder, 0)); o.Case != CaseRefreshed || o.Seq != 1 {
		t.Errorf("outcome %+v", o)
	}
	w.want(StaleSeq, old)
	w.want(NotTransferable, w.transferTx(id, 1, holder, keyOf("friend"), 0))
}

func TestPausedAndClosedCampaignsKeepTheirHolders(t *testing.T) {
	for _, op := range []Kind{KindCampaignPause, KindCampaignClose} {
		w := newWorld(t)
		id := w.claimed(w.terms(func(t *Terms) { t.Transfer, t.MaxTransfers = TransferGift, 1 }))
		w.want(OK, w.chain.NewMemberTx(w.expires(), &CampaignControl{op, id.Campaign()}, w.issuers()...))
		w.want(CampaignNotActive, w.claimTx(id.Campaign(), 2, keyOf("holder")))
		w.want(OK, w.redeemTx(id, 0, bill{basis: 2000, value: 2000}))
		w.want(OK, w.voidTx(id, 0))
		w.want(OK, w.transferTx(id, 2, keyOf("holder"), keyOf("friend"), 0))
	}
}

func TestTillsOfTheChain(t *testing.T) {
	w := newWorld(t)
	id := w.claimed(w.terms(func(t *Terms) { t.Uses = 5 }))
	key, admin := keyOf("till A"), MemberSigner{shopA, keyOf("shop A")}
	w.want(OK, w.redeemTx(id, 0, bill{basis: 2000, value: 2000}))
	revoke := w.chain.NewMemberTx(w.expires(), &TillKeyRevoke{shopA, key.Key}, admin)
	outs := w.block(revoke, w.redeemTx(id, 1, bill{basis: 2000, value: 2000}))
	if outs[0].Code != OK || outs[1].Code != KeyState {
		t.Errorf("revoked from the next transaction on: %s, %s", outs[0].Code, outs[1].Code)
	}
	add := &TillKeyAdd{Member: shopA, Store: 2, TillKey: key.Key, Rights: allRights, Currency: usd,
		ValidFrom: w.now, ValidUntil: w.now + dayMs, DayCap: 1, Label: "again"}
	w.want(KeyState, w.chain.NewTillKeyAdd(w.expires(), add, key, admin))
	fresh := keyOf("till A 2")
	add.TillKey = fresh.Key
	w.want(OK, w.chain.NewTillKeyAdd(w.expires(), add, fresh, admin))
}

func TestTwoFundersLockTheWholeBudget(t *testing.T) {
	w := newWorld(t)
	w.publish(w.terms(func(t *Terms) { t.Funders, t.Budget = []Funder{{issuer, 6667}, {funder, 3333}}, 10_001 }))
	for id, want := range map[uint16]uint64{issuer: 6668, funder: 3333} {
		f, err := DecodeFunding(w.rows[string(FundingKey(id, usd))])
		if err != nil || f.Locked != want {
			t.Errorf("member %d has locked %d, want %d; %v", id, f.Locked, want, err)
		}
	}
}

func TestEventsFollowTheTransactions(t *testing.T) {
	w := newWorld(t)
	g := w.publish(w.terms())
	w.block(w.claimTx(g, 1, keyOf("holder")), w.claimTx(g, 1, keyOf("friend")), w.redeemTx(NewCouponID(g, 1), 0,
		bill{basis: 2000, value: 2000}))
	var got []string
	for _, e := range w.last.Events {
		got = append(got, e.Type.String())
		if string(e.Receipt) != string(w.last.Receipts[e.TxIndex]) {
			t.Errorf("event %s does not say what its receipt says", e.Type)
		}
	}
	if len(got) != 2 || got[0] != "coupon.claimed" || got[1] != "redemption.accrued" || w.last.Events[1].TxIndex != 2 {
		t.Errorf("events %v", w.last.Events)
	}
}
