package coupon

import (
	"slices"
	"testing"
)

// scene is a state and a transaction on it, small enough that each check of a
// kind can be made to fail by one change. Rows that are nil do not exist.
type scene struct {
	now         uint64
	expires     uint64
	seenID      bool
	seenInvoice bool
	wrongDigest bool
	tx          Fields
	entries     []MemberSigner

	params     Params
	members    map[uint16]*Member
	funding    Funding
	till       *Till // of key "till"
	terms      Terms // of campaign 1
	campaign   *Campaign
	batch      *Batch // 1 of campaign 1
	coupon     *Coupon
	claims     uint16 // of key "holder"
	redemption *Redemption

	protocol *Protocol // of version 2
	epoch    uint32
	rows     []Write // whatever else there is
	seen     [][32]byte
}

// version returns that of the scene's rules.
func (s *scene) version() Version {
	if s.protocol == nil {
		return Version1
	}
	return s.protocol.Version
}

var sceneCoupon = NewCouponID(1, 5)

// newScene returns a state in which every transaction made by the scenes below
// is accepted.
func newScene() *scene {
	admin := func(name string, roles uint8) *Member {
		return &Member{Roles: roles, Threshold: 1, Keys: [][32]byte{keyOf(name).Key}, Name: name}
	}
	s := &scene{now: t0, expires: t0 + 1000,
		params: Params{NextCampaign: 2, NextMember: 5, CycleMs: CycleMsDefault},
		members: map[uint16]*Member{issuer: admin("issuer 1", RoleIssuer), funder: admin("funder", 0),
			shopA: admin("shop A", RoleMerchant), shopB: admin("shop B", RoleMerchant)},
		funding: Funding{Limit: 1_000_000},
		till: &Till{Member: shopA, Store: 1, Rights: allRights, Currency: usd, ValidFrom: t0 - 5, ValidUntil: t0 + 5,
			DayCap: 5000},
		terms: Terms{Issuer: issuer, Funders: []Funder{{issuer, 10000}}, Currency: usd, Title: "x",
			TermsHash: [32]byte{1}, ValueKind: Amount, Face: 2000, Uses: 2, ReimburseBps: 10000, MaxSupply: 100,
			Budget: 100_000, ClaimFrom: t0 - 100, ClaimUntil: t0 + 100, RedeemFrom: t0 - 100, RedeemUntil: t0 + 200,
			GraceMs: 50, RollbackMs: 1000, HolderCap: 3, Transfer: TransferGift, MaxTransfers: 2},
		campaign: &Campaign{Issuer: issuer, Version: 1, NextSerial: 11, Batches: 1, Issued: 1, Redemptions: 1,
			Committed: 4000, Accrued: 2000, RedeemUntil: t0 + 200},
		batch: &Batch{First: 1, Count: 10, TicketKey: keyOf("ticket").Key},
		coupon: &Coupon{Owner: keyOf("holder").Key, Seq: 3, Version: 1, UsesLeft: 1, ClaimedAt: t0 - 50,
			TransfersLeft: 2},
		redemption: &Redemption{TillKey: keyOf("till").Key, Member: shopA, Store: 1, Value: 2000, Payable: 2000,
			At: t0 - 500, FinalAt: t0 + 500},
	}
	s.entries = []MemberSigner{{issuer, keyOf("issuer 1")}}
	return s
}

// Seen makes the scene a Reader.
func (s *sceneReader) Seen(id [32]byte, _ uint64) (SeenEntry, bool) {
	e, ok := s.seen[id]
	return e, ok
}

type sceneReader struct {
	*store
	seen map[[32]byte]SeenEntry
}

// outcome executes the scene's transaction without signatures that verify.
func (s *scene) outcome(t testing.TB, m *Machine) Outcome {
	t.Helper()
	if s.protocol != nil {
		m = upgradedAt(m, 1)
	}
	tx, err := m.chain.CheckTxAt(s.version(), s.raw(m.chain))
	if err != nil {
		t.Fatal(err)
	}
	r := &sceneReader{store: newStore(), seen: map[[32]byte]SeenEntry{}}
	if s.seenID {
		r.seen[tx.ID] = SeenEntry{ID: tx.ID, Height: 7, Index: 9, Code: NotOwner}
	}
	if s.seenInvoice {
		r.seen[tx.spent] = SeenEntry{ID: tx.spent}
	}
	s.fill(r.store)
	o, err := m.DryRun(r, s.now, tx)
	if err != nil {
		t.Fatal(err)
	}
	s.checkEnding(t, m, r, tx)
	return o
}

// checkEnding executes the transaction and requires that a receipt which is said
// to end an id is one that the block records, and that no other is.
func (s *scene) checkEnding(t testing.TB, m *Machine, r Reader, tx *Tx) {
	t.Helper()
	done := m.Apply(r, Block{Height: 110, TimeMs: s.now, Epoch: s.epoch, Txs: []*Tx{tx}})
	recorded := slices.ContainsFunc(done.SeenAdded, func(a SeenAdd) bool { return a.Entry.ID == tx.ID })
	code := done.Outcomes[0].Code
	if code == LifeTooLong && recorded { // the invoice's: its code alone does not show that
		recorded = tx.Expires-s.now > m.Life(tx.Kind)
	}
	if ends := code.Ending(tx.Kind) == Ended; ends != recorded {
		t.Errorf("%s of a %s: recorded %v, and said to end the id: %v", code, tx.Kind, recorded, ends)
	}
	if code.Ending(0) == Ended && !recorded {
		t.Errorf("%s of a %s is said to end the id of a transaction of unknown kind", code, tx.Kind)
	}
}

func (s *scene) raw(c Chain) []byte {
	unsigned := func([]byte) (sig [64]byte) { return sig }
	if f, ok := s.tx.(*Trade); ok {
		f.Accept.Expires = s.expires
		f.bind(c)
	}
	if f, ok := s.tx.(*Redeem); ok {
		f.Auth.Expires = s.expires
		if f.Auth.Mode == ModeInvoice && !s.wrongDigest {
			f.Auth.InvoiceDigest = f.Invoice.Digest(c)
		}
	}
	body := c.Body(s.expires, s.tx)
	if !s.tx.Kind().MemberSigned() {
		return append(body, make([]byte, 64*furtherOf(s.tx))...)
	}
	for i := range s.entries {
		s.entries[i].Sign = unsigned
	}
	return append(c.signMembers(body, s.entries, nil), make([]byte, 64*furtherOf(s.tx))...)
}

func (s *scene) fill(st *store) {
	put := func(key, value []byte) { st.rows[string(key)] = value }
	put(ParamsKey(), s.params.AppendTo(nil))
	if s.protocol != nil {
		put(ProtocolKey(), s.protocol.AppendTo(nil))
		for _, cur := range testGenesis().Currencies {
			put(CurrencyKey(cur.Number), cur.AppendTo(nil))
		}
		foundedRows(put)
	}
	for _, w := range s.rows {
		put(w.Key, w.Value)
	}
	for id, m := range s.members {
		put(MemberKey(id), m.AppendTo(nil))
	}
	put(FundingKey(issuer, usd), s.funding.AppendTo(nil))
	put(TermsKey(1, 1), s.terms.AppendTo(nil))
	if s.till != nil {
		put(TillKey(keyOf("till").Key), s.till.AppendTo(nil))
	}
	if s.campaign != nil {
		put(CampaignKey(1), s.campaign.AppendTo(nil))
	}
	if s.batch != nil {
		put(BatchKey(1, 1), s.batch.AppendTo(nil))
	}
	if s.coupon != nil {
		put(CouponKey(sceneCoupon), s.coupon.AppendTo(nil))
	}
	if s.claims > 0 {
		put(HolderKey(1, keyOf("holder").Key), appendClaims(&s.claims, nil))
	}
	if s.redemption != nil {
		put(RedemptionKey(sceneCoupon, 2), s.redemption.AppendTo(nil))
		owed := Obligation{Sum: s.redemption.Payable, Count: 1}
		put(ObligationKey(uint32(s.redemption.FinalAt/s.params.CycleMs), 1, shopA), owed.AppendTo(nil))
	}
}

// fault makes one check fail.
type fault struct {
	name string
	code Code
	set  func(*scene)
}

// checkOrder requires that the scene is accepted, that each fault alone gives
// its code, and that of any two faults the earlier one gives the code.
func checkOrder(t *testing.T, prepare func(*scene), faults []fault) {
	t.Helper()
	m, err := NewMachine(testChain(), testGenesis())
	if err != nil {
		t.Fatal(err)
	}
	run := func(set ...func(*scene)) Code {
		s := newScene()
		prepare(s)
		for _, f := range set {
			f(s)
		}
		return s.outcome(t, m).Code
	}
	if c := run(); c != OK {
		t.Fatalf("without a fault: %s", c)
	}
	faults = append([]fault{
		{"expired", TxExpired, func(s *scene) { s.expires = s.now }},
		{"life too long", LifeTooLong, func(s *scene) { s.expires = s.now + MemberLifeDefault + 1 }},
		{"known id", DuplicateTx, func(s *scene) { s.seenID = true }},
	}, faults...)
	for i, first := range faults {
		if c := run(first.set); c != first.code {
			t.Errorf("%s: %s, want %s", first.name, c, first.code)
		}
		for _, later := range faults[i+1:] {
			// The earlier one is set last, where both change the same field.
			if c := run(later.set, first.set); c != first.code {
				t.Errorf("%s before %s: %s, want %s", first.name, later.name, c, first.code)
			}
		}
	}
}

// memberFaults are the checks (d) for the acting member.
func memberFaults(id uint16, role uint8) []fault {
	faults := []fault{
		{"member unknown", NotAuthorised, func(s *scene) { delete(s.members, id) }},
		{"member suspended", NotAuthorised, func(s *scene) { s.members[id].State = MemberSuspended }},
		{"key of nobody", NotAuthorised, func(s *scene) { s.entries[0].Key = keyOf("nobody").Key }},
		{"entry of another member", NotAuthorised, func(s *scene) {
			s.entries = append(s.entries, MemberSigner{shopB, keyOf("shop B")})
		}},
	}
	if role != 0 {
		faults = append(faults, fault{"role missing", NotAuthorised, func(s *scene) { s.members[id].Roles &^= role }})
	}
	return faults
}

// tooFew is E701: the member asks for one more key than have signed.
func tooFew(id uint16) fault {
	return fault{"threshold not met", Quorum, func(s *scene) {
		if m := s.members[id]; m != nil {
			m.Keys, m.Threshold = appendSorted(m.Keys, keyOf("second key").Key), 2
		}
	}}
}

func appendSorted(keys [][32]byte, k [32]byte) [][32]byte {
	if len(keys) > 0 && string(k[:]) < string(keys[0][:]) {
		return append([][32]byte{k}, keys...)
	}
	return append(keys, k)
}

func TestOrderOfCampaignPublish(t *testing.T) {
	terms := func(set func(*Terms)) func(*scene) {
		return func(s *scene) { set(&s.tx.(*CampaignPublish).Terms) }
	}
	bad := func(name string, set func(*Terms)) fault { return fault{name, BadTerms, terms(set)} }
	window := func(name string, set func(*Terms)) fault { return fault{name, BadWindow, terms(set)} }
	faults := append(memberFaults(issuer, RoleIssuer), tooFew(issuer),
		bad("currency unlisted", func(t *Terms) { t.Currency = 1 }),
		bad("AMOUNT with ceiling", func(t *Terms) { t.Ceiling = 1 }),
		bad("face 0", func(t *Terms) { t.Face = 0 }),
		bad("stage-2 kind", func(t *Terms) { t.ValueKind = BuyGet }),
		bad("reimbursement below without shops", func(t *Terms) { t.ReimburseBps, t.Shops = 9999, nil }),
		bad("shop unknown", func(t *Terms) { t.Shops = []Shop{{99, 0}} }),
		bad("shop no merchant", func(t *Terms) { t.Shops = []Shop{{funder, 0}} }),
		bad("L above budget", func(t *Terms) { t.Budget = 3999 }),
		window("claim window empty", func(t *Terms) { t.ClaimFrom = t.ClaimUntil }),
		window("claims after redeem end", func(t *Terms) { t.ClaimUntil = t.RedeemUntil + 1 }),
		window("redeem window empty", func(t *Terms) { t.RedeemFrom = t.RedeemUntil }),
		window("more than ten years", func(t *Terms) { t.RedeemUntil = t0 + RedeemAheadMsMax + 1 }),
		window("claim window over", func(t *Terms) { t.ClaimUntil = t0 }),
		fault{"underfunded", Underfunded, func(s *scene) { s.funding.Locked = 1_000_000 - 99_999 }})
	checkOrder(t, func(s *scene) { s.tx = &CampaignPublish{s.terms} }, faults)
}

func TestPublishNeedsFundersAndBearingShops(t *testing.T) {
	w := newWorld(t)
	terms := w.terms(func(t *Terms) {
		t.Funders, t.ReimburseBps, t.Shops = []Funder{{funder, 10000}}, 5000, []Shop{{shopA, 1}, {shopA, 2}}
	})
	signers := w.issuers()
	publish := func(code Code, more ...MemberSigner) {
		t.Helper()
		w.tick()
		w.want(code, w.chain.NewMemberTx(w.expires(), &CampaignPublish{terms}, append(signers[:2:2], more...)...))
	}
	pays, bears := MemberSigner{funder, keyOf("funder")}, MemberSigner{shopA, keyOf("shop A")}
	publish(Quorum)
	publish(Quorum, pays)
	publish(Quorum, bears)
	publish(NotAuthorised, pays, bears, MemberSigner{shopB, keyOf("shop B")})
	publish(OK, pays, bears)
	terms.ReimburseBps = 10000
	publish(OK, pays)
	publish(NotAuthorised, pays, bears)
	terms.Funders = []Funder{{99, 10000}}
	publish(BadTerms)
}

func TestOrderOfCampaignControl(t *testing.T) {
	for _, c := range []struct {
		op   Kind
		from CampaignState
		bad  CampaignState
	}{
		{KindCampaignPause, CampaignPublished, CampaignPaused},
		{KindCampaignPause, CampaignPublished, CampaignClosed},
		{KindCampaignResume, CampaignPaused, CampaignPublished},
		{KindCampaignResume, CampaignPaused, CampaignClosed},
		{KindCampaignClose, CampaignPaused, CampaignClosed},
		{KindCampaignClose, CampaignPublished, CampaignClosed},
	} {
		faults := append([]fault{{"unknown", NotFound, func(s *scene) { s.tx = &CampaignControl{c.op, 2} }}},
			memberFaults(issuer, RoleIssuer)...)
		if c.op != KindCampaignPause {
			faults = append(faults, tooFew(issuer))
		}
		faults = append(faults, fault{"wrong state", CampaignNotActive, func(s *scene) { s.campaign.State = c.bad }})
		checkOrder(t, func(s *scene) {
			s.tx, s.campaign.State = &CampaignControl{c.op, 1}, c.from
		}, faults)
	}
}

func TestOrderOfBatchCommit(t *testing.T) {
	serials := func(first, count uint32) func(*scene) {
		return func(s *scene) { f := s.tx.(*BatchCommit); f.First, f.Count = first, count }
	}
	faults := append([]fault{{"unknown", NotFound, func(s *scene) { s.tx.(*BatchCommit).Campaign = 2 }}},
		memberFaults(issuer, RoleIssuer)...)
	faults = append(faults, tooFew(issuer),
		fault{"closed", CampaignNotActive, func(s *scene) { s.campaign.State = CampaignClosed }},
		fault{"claim window over", ClaimWindow, func(s *scene) { s.terms.ClaimUntil = t0 }},
		fault{"gap", SerialRange, serials(12, 1)},
		fault{"beyond supply", SerialRange, serials(11, 91)},
		fault{"beyond u32", SerialRange, serials(11, 1<<32-1)},
		fault{"too many batches", SerialRange, func(s *scene) { s.campaign.Batches = BatchesMax }})
	checkOrder(t, func(s *scene) {
		s.campaign.State = CampaignPaused
		s.tx = &BatchCommit{Campaign: 1, First: 11, Count: 90, TicketKey: keyOf("ticket").Key}
	}, faults)
}

func TestOrderOfTillKeyAdd(t *testing.T) {
	add := func(set func(*TillKeyAdd)) func(*scene) { return func(s *scene) { set(s.tx.(*TillKeyAdd)) } }
	faults := append(memberFaults(shopA, RoleMerchant), tooFew(shopA),
		fault{"known key", KeyState, add(func(f *TillKeyAdd) { f.TillKey = keyOf("till").Key })},
		fault{"revoked key", KeyState, func(s *scene) {
			s.tx.(*TillKeyAdd).TillKey, s.till.State = keyOf("till").Key, TillRevoked
		}},
		fault{"window empty", BadWindow, add(func(f *TillKeyAdd) { f.ValidFrom = f.ValidUntil })},
		fault{"window over", BadWindow, add(func(f *TillKeyAdd) { f.ValidUntil = t0 })},
		fault{"more than three years", BadWindow, add(func(f *TillKeyAdd) { f.ValidUntil = t0 + TillAheadMsMax + 1 })},
		fault{"currency unlisted", BadTerms, add(func(f *TillKeyAdd) { f.Currency = 1 })})
	checkOrder(t, func(s *scene) {
		s.entries = []MemberSigner{{shopA, keyOf("shop A")}}
		s.tx = &TillKeyAdd{Member: shopA, Store: 1, TillKey: keyOf("new").Key, Rights: 1, Currency: usd,
			ValidFrom: t0 - 1, ValidUntil: t0 + TillAheadMsMax, DayCap: 1}
	}, faults)
}

func TestOrderOfTillKeyRevoke(t *testing.T) {
	faults := append(memberFaults(shopA, 0),
		fault{"unknown key", KeyState, func(s *scene) { s.till = nil }},
		fault{"key of another member", KeyState, func(s *scene) {
			if s.till != nil {
				s.till.Member = shopB
			}
		}},
		fault{"revoked", KeyState, func(s *scene) {
			if s.till != nil {
				s.till.State = TillRevoked
			}
		}})
	checkOrder(t, func(s *scene) {
		s.entries = []MemberSigner{{shopA, keyOf("shop A")}}
		s.tx = &TillKeyRevoke{Member: shopA, TillKey: keyOf("till").Key}
	}, faults)
}

func TestPauseAndRevokeNeedOneKeyOnly(t *testing.T) {
	w := newWorld(t)
	g := w.publish(w.terms())
	one := w.issuers()[:1]
	w.want(OK, w.chain.NewMemberTx(w.expires(), &CampaignControl{KindCampaignPause, g}, one...))
	w.want(Quorum, w.chain.NewMemberTx(w.expires(), &CampaignControl{KindCampaignResume, g}, one...))
	w.want(OK, w.chain.NewMemberTx(w.expires(), &CampaignControl{KindCampaignResume, g}, w.issuers()...))
}

func TestOrderOfClaim(t *testing.T) {
	claim := func(set func(*Claim)) func(*scene) { return func(s *scene) { set(s.tx.(*Claim)) } }
	checkOrder(t, func(s *scene) {
		s.claims = 2
		s.tx = &Claim{Ticket: Ticket{Campaign: 1, Batch: 1, Serial: 6, ClaimKey: keyOf("claim").Key, Expires: t0 + 1},
			TicketKey: keyOf("ticket").Key, To: keyOf("holder").Key}
	}, []fault{
		{"campaign unknown", NotFound, claim(func(f *Claim) { f.Ticket.Campaign = 2 })},
		{"batch unknown", NotFound, claim(func(f *Claim) { f.Ticket.Batch = 2 })},
		{"ticket key of another batch", NotFound, claim(func(f *Claim) { f.TicketKey = keyOf("x").Key })},
		{"serial outside the batch", NotFound, claim(func(f *Claim) { f.Ticket.Serial = 11 })},
		{"paused", CampaignNotActive, func(s *scene) { s.campaign.State = CampaignPaused }},
		{"issuer suspended", CampaignNotActive, func(s *scene) { s.members[issuer].State = MemberSuspended }},
		{"before the window", ClaimWindow, func(s *scene) { s.terms.ClaimFrom = t0 + 1 }},
		{"after the window", ClaimWindow, func(s *scene) { s.terms.ClaimUntil = t0 }},
		{"ticket expired", ClaimWindow, claim(func(f *Claim) { f.Ticket.Expires = t0 })},
		{"claimed before", AlreadyClaimed, claim(func(f *Claim) { f.Ticket.Serial = 5 })},
		{"budget exhausted", BudgetExhausted, func(s *scene) { s.campaign.Committed = 96_001 }},
		{"holder cap", HolderLimit, func(s *scene) { s.claims = 3 }},
		{"counter full", Overflow, func(s *scene) { s.campaign.Issued = 1<<32 - 1 }},
	})
}

// guardFaults are the checks of G, for the coupon's owner.
func guardFaults(stale func(*scene), expired uint64) []fault {
	set := func(change func(*Coupon)) func(*scene) {
		return func(s *scene) {
			if s.coupon != nil {
				change(s.coupon)
			}
		}
	}
	return []fault{
		{"unknown coupon", NotFound, func(s *scene) { s.coupon = nil }},
		{"redeemed", AlreadyRedeemed, set(func(c *Coupon) { c.Status = Redeemed })},
		{"expired", Expired, func(s *scene) { s.campaign.RedeemUntil = expired }},
		{"not the owner", NotOwner, set(func(c *Coupon) { c.Owner = keyOf("x").Key })},
		{"stale seq", StaleSeq, stale},
	}
}

func TestOrderOfTransfer(t *testing.T) {
	move := func(set func(*Transfer)) func(*scene) { return func(s *scene) { set(s.tx.(*Transfer)) } }
	faults := append(guardFaults(move(func(f *Transfer) { f.Seq = 2 }), t0),
		fault{"gift pending", WrongState, func(s *scene) {
			if s.coupon != nil {
				s.coupon.Status, s.coupon.GiftKey, s.coupon.GiftUntil = Gifted, keyOf("gift").Key, t0+1
			}
		}},
		fault{"transfer none", NotTransferable, func(s *scene) { s.terms.Transfer, s.terms.MaxTransfers = TransferNone, 0 }},
		fault{"no transfer left", NotTransferable, func(s *scene) {
			if s.coupon != nil {
				s.coupon.TransfersLeft = 0
			}
		}},
		fault{"gift ends now", GiftTerms, move(func(f *Transfer) { f.GiftUntil = t0 })},
		fault{"gift beyond 30 days", GiftTerms, move(func(f *Transfer) { f.GiftUntil = t0 + GiftAheadMsMax + 1 })},
		fault{"gift to the owner", GiftTerms, move(func(f *Transfer) { f.To, f.GiftUntil = f.Mover, t0+1 })},
		fault{"seq is full", Overflow, func(s *scene) {
			if s.coupon != nil {
				s.coupon.Seq, s.tx.(*Transfer).Seq = 1<<32-1, 1<<32-1
			}
		}})
	checkOrder(t, func(s *scene) {
		s.tx = &Transfer{Coupon: sceneCoupon, Seq: 3, Mover: keyOf("holder").Key, To: keyOf("friend").Key,
			GiftUntil: t0 + GiftAheadMsMax}
	}, faults)
}

// redeemFaults are the checks of rules 3.5 that hold for every kind of value.
func redeemFaults() []fault {
	till := func(set func(*Till)) func(*scene) {
		return func(s *scene) {
			if s.till != nil {
				set(s.till)
			}
		}
	}
	inv := func(set func(*Invoice)) func(*scene) { return func(s *scene) { set(&s.tx.(*Redeem).Invoice) } }
	faults := []fault{
		{"till unknown", KeyState, func(s *scene) { s.till = nil }},
		{"till revoked", KeyState, till(func(t *Till) { t.State = TillRevoked })},
		{"till not yet valid", KeyState, till(func(t *Till) { t.ValidFrom = t0 + 1 })},
		{"till no longer valid", KeyState, till(func(t *Till) { t.ValidUntil = t0 })},
		{"till without right", KeyState, till(func(t *Till) { t.Rights = RightVoidAny | RightVoidOwn })},
		{"merchant suspended", KeyState, func(s *scene) { s.members[shopA].State = MemberSuspended }},
	}
	faults = append(faults, guardFaults(func(s *scene) { s.tx.(*Redeem).Auth.Seq = 4 }, t0-50)...)
	return append(faults,
		fault{"gift pending", WrongState, func(s *scene) {
			if s.coupon != nil {
				s.coupon.Status, s.coupon.GiftKey, s.coupon.GiftUntil = Gifted, keyOf("gift").Key, t0+1
			}
		}},
		fault{"not started", NotYetValid, func(s *scene) { s.terms.RedeemFrom = t0 + 1 }},
		fault{"other shop", MerchantNotEligible, func(s *scene) { s.terms.Shops = []Shop{{shopB, 0}} }},
		fault{"other store", MerchantNotEligible, func(s *scene) { s.terms.Shops = []Shop{{shopA, 2}} }},
		fault{"invoice expired", InvoiceExpired, inv(func(v *Invoice) { v.Expires = t0 })},
		fault{"invoice lives too long", LifeTooLong, inv(func(v *Invoice) { v.Expires = t0 + LifeMsDefault + 1 })},
		fault{"invoice used", InvoiceUsed, func(s *scene) { s.seenInvoice = true }},
		fault{"currency not the campaign's", CurrencyMismatch, func(s *scene) { s.terms.Currency = eur }},
		fault{"currency not the till's", CurrencyMismatch, till(func(t *Till) { t.Currency = eur })},
		fault{"invoice of another campaign", InvoiceFacts, inv(func(v *Invoice) { v.Campaign = 2 })},
		fault{"product list but no campaign", InvoiceFacts, func(s *scene) {
			s.terms.ProductHash, s.tx.(*Redeem).Invoice.Campaign = [32]byte{1}, 0
		}},
		fault{"items without need", InvoiceFacts, inv(func(v *Invoice) { v.Qty = 1 })},
		fault{"digest of another invoice", InvoiceFacts, func(s *scene) {
			s.wrongDigest, s.tx.(*Redeem).Auth.Mode = true, ModeInvoice
		}},
		fault{"below the minimum", MinSpend, func(s *scene) { s.terms.MinSpend = 3001 }},
		fault{"nothing to take", MinSpend, inv(func(v *Invoice) { v.Basis = 0 })})
}

var tillCap = fault{"till cap", TillCap, func(s *scene) {
	if s.till != nil {
		s.till.Day, s.till.DaySum = uint32(t0/dayMs), s.till.DayCap-999
	}
}}

func prepareRedeem(s *scene) {
	s.tx = &Redeem{Invoice: Invoice{TillKey: keyOf("till").Key, Campaign: 1, Currency: usd, Basis: 3000,
		Expires: t0 + LifeMsDefault}, Auth: Auth{Coupon: sceneCoupon, Seq: 3, Holder: keyOf("holder").Key, Value: 2000}}
}

func TestOrderOfRedeemAmountByInvoice(t *testing.T) {
	faults := append(redeemFaults(),
		fault{"value not the rule's", ValueMismatch, func(s *scene) { s.tx.(*Redeem).Auth.Value = 1999 }}, tillCap,
		fault{"seq is full", Overflow, func(s *scene) {
			if s.coupon != nil {
				s.coupon.Seq, s.tx.(*Redeem).Auth.Seq = 1<<32-1, 1<<32-1
			}
		}})
	checkOrder(t, prepareRedeem, faults)
}

func TestOrderOfRedeemStored(t *testing.T) {
	faults := redeemFaults()
	faults = append(faults[:len(faults)-1],
		fault{"shown but not allowed", ShowLimit, func(s *scene) { s.tx.(*Redeem).Auth.Mode = ModeShow }},
		fault{"more than is left", InsufficientValue, func(s *scene) { s.tx.(*Redeem).Auth.Value = 4001 }},
		fault{"more than the bill", ValueMismatch, func(s *scene) { s.tx.(*Redeem).Auth.Value = 3001 }}, tillCap)
	checkOrder(t, func(s *scene) {
		prepareRedeem(s)
		s.terms.ValueKind, s.terms.Face, s.coupon.ValueLeft = Stored, 5000, 4000
	}, faults)
}

func TestOrderOfRedeemShown(t *testing.T) {
	auth := func(set func(*Auth)) func(*scene) { return func(s *scene) { set(&s.tx.(*Redeem).Auth) } }
	var faults []fault
	for _, f := range redeemFaults() {
		if f.name == "digest of another invoice" {
			continue
		}
		if f.name == "invoice expired" {
			faults = append(faults, fault{"other merchant", MerchantNotEligible, auth(func(a *Auth) { a.Merchant = shopB })})
		}
		faults = append(faults, f)
	}
	faults = append(faults,
		fault{"never shown", ShowLimit, func(s *scene) { s.terms.ShowMax = 0 }},
		fault{"above the show limit", ShowLimit, func(s *scene) { s.terms.ShowMax = 1999 }},
		fault{"above what the holder allowed", ValueMismatch, auth(func(a *Auth) { a.Value = 1999 })}, tillCap)
	checkOrder(t, func(s *scene) {
		prepareRedeem(s)
		s.terms.ShowMax = 2000
		a := &s.tx.(*Redeem).Auth
		a.Mode, a.Merchant, a.Value = ModeShow, shopA, 9000
	}, faults)
}

func TestOrderOfVoid(t *testing.T) {
	till := func(set func(*Till)) func(*scene) {
		return func(s *scene) {
			if s.till != nil {
				set(s.till)
			}
		}
	}
	past := func(set func(*Redemption)) func(*scene) {
		return func(s *scene) {
			if s.redemption != nil {
				set(s.redemption)
			}
		}
	}
	checkOrder(t, func(s *scene) {
		s.tx = &Void{Coupon: sceneCoupon, Seq: 2, Key: keyOf("till").Key}
		s.till.Rights = RightVoidOwn
	}, []fault{
		{"till unknown", KeyState, func(s *scene) { s.till = nil }},
		{"till revoked", KeyState, till(func(t *Till) { t.State = TillRevoked })},
		{"till not yet valid", KeyState, till(func(t *Till) { t.ValidFrom = t0 + 1 })},
		{"till no longer valid", KeyState, till(func(t *Till) { t.ValidUntil = t0 })},
		{"merchant suspended", KeyState, func(s *scene) { s.members[shopA].State = MemberSuspended }},
		{"till without right", KeyState, till(func(t *Till) { t.Rights = RightRedeem })},
		{"no such redemption", NotFound, func(s *scene) { s.redemption = nil }},
		{"redemption of another member", NotAuthorised, past(func(r *Redemption) { r.Member = shopB })},
		{"redemption of another till", NotAuthorised, past(func(r *Redemption) { r.TillKey = keyOf("x").Key })},
		{"voided before", AlreadyVoided, past(func(r *Redemption) { r.State = Voided })},
		{"final", RollbackWindow, past(func(r *Redemption) { r.FinalAt = t0 })},
		{"seq is full", Overflow, func(s *scene) { s.coupon.Seq = 1<<32 - 1 }},
	})
}

func TestDuplicateTellsTheFirstOutcome(t *testing.T) {
	m, err := NewMachine(testChain(), testGenesis())
	if err != nil {
		t.Fatal(err)
	}
	s := newScene()
	prepareRedeem(s)
	s.seenID = true
	if o := s.outcome(t, m); o.Code != DuplicateTx || o.First != (First{7, 9, NotOwner}) {
		t.Errorf("outcome %+v", o)
	}
}
