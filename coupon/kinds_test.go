package coupon

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"reflect"
	"slices"
	"testing"
)

// kindCase is what a test over the table is given of a kind: signed transactions, and
// scenes that are accepted, in which every event and every part of a receipt occurs.
type kindCase struct {
	signed [][]byte
	scenes []func(*scene)
}

// kindCases returns the case of every kind.
func kindCases(c Chain) map[Kind]kindCase {
	control := func(op Kind, from CampaignState) kindCase {
		return kindCase{scenes: []func(*scene){func(s *scene) {
			s.tx, s.campaign.State = &CampaignControl{op, 1}, from
		}}}
	}
	byShop := func(f Fields) func(*scene) {
		return func(s *scene) { s.entries, s.tx = []MemberSigner{{shopA, keyOf("shop A")}}, f }
	}
	cases := map[Kind]kindCase{
		KindCampaignPublish: {scenes: []func(*scene){func(s *scene) {
			t := s.terms
			t.ClaimUntil, t.RedeemUntil = t0+100, t0+200
			s.tx = &CampaignPublish{t}
		}}},
		KindCampaignPause:  control(KindCampaignPause, CampaignPublished),
		KindCampaignResume: control(KindCampaignResume, CampaignPaused),
		KindCampaignClose:  control(KindCampaignClose, CampaignPublished),
		KindBatchCommit: {scenes: []func(*scene){func(s *scene) {
			s.tx = &BatchCommit{Campaign: 1, First: 11, Count: 90, TicketKey: keyOf("ticket").Key}
		}}},
		KindTillKeyAdd: {scenes: []func(*scene){byShop(&TillKeyAdd{Member: shopA, Store: 1, TillKey: keyOf("new").Key,
			Rights: 1, Currency: usd, ValidFrom: t0 - 1, ValidUntil: t0 + 5, DayCap: 1})}},
		KindTillKeyRevoke: {scenes: []func(*scene){byShop(&TillKeyRevoke{Member: shopA, TillKey: keyOf("till").Key})}},
		KindClaim: {scenes: []func(*scene){func(s *scene) {
			s.tx = &Claim{Ticket: Ticket{Campaign: 1, Batch: 1, Serial: 6, ClaimKey: keyOf("claim").Key, Expires: t0 + 1},
				TicketKey: keyOf("ticket").Key, To: keyOf("holder").Key}
		}}},
		KindTransfer: {scenes: transferScenes()},
		KindRedeem: {scenes: []func(*scene){func(s *scene) {
			prepareRedeem(s)
			s.terms.ValueKind, s.terms.Face, s.coupon.ValueLeft, s.coupon.UsesLeft = Stored, 5000, 4000, 2
		}}},
		KindVoid: {scenes: []func(*scene){func(s *scene) {
			s.tx = &Void{Coupon: sceneCoupon, Seq: 2, Key: keyOf("till").Key}
		}}},
	}
	for _, list := range []map[Kind][]func(*scene){scenes2(), governanceScenes()} {
		for k, scenes := range list {
			cases[k] = kindCase{scenes: scenes}
		}
	}
	for _, s := range append(samples(c), all2(c)...) {
		k := cases[KindOf(s.raw)]
		k.signed = append(k.signed, s.raw)
		cases[KindOf(s.raw)] = k
	}
	return cases
}

// transferScenes returns one scene for each TransferCase.
func transferScenes() []func(*scene) {
	holder, friend, gift := keyOf("holder").Key, keyOf("friend").Key, keyOf("gift").Key
	held := func(to [32]byte, giftUntil uint64) func(*scene) {
		return func(s *scene) {
			s.tx = &Transfer{Coupon: sceneCoupon, Seq: 3, Mover: holder, To: to, GiftUntil: giftUntil}
		}
	}
	offered := func(mover, to [32]byte) func(*scene) {
		return func(s *scene) {
			s.coupon.Status, s.coupon.GiftKey, s.coupon.GiftUntil = Gifted, gift, t0+1
			s.tx = &Transfer{Coupon: sceneCoupon, Seq: 3, Mover: mover, To: to}
		}
	}
	return []func(*scene){held(friend, 0), held(holder, 0), held(gift, t0+1), offered(gift, friend),
		offered(holder, holder)}
}

// unmarked are kinds that leave no row which shows that they were accepted.
func unmarked() []Kind {
	return []Kind{KindCampaignPublish, KindCampaignPause, KindCampaignResume, KindCampaignClose, KindCouponIssue,
		KindOfferPost, KindRefund, KindPaymentPosted, KindPaymentConfirmed, KindMemberKeys, KindGovPropose, KindGovVote,
		KindSeatKey, KindMisbehaviour}
}

// digests are the names of fields of 32 bytes that are no keys.
func digests() []string {
	return []string{"TermsHash", "ProductHash", "BasketHash", "InvoiceDigest", "Offer", "Subject", "Ref", "Digest", "Root"}
}

// constant are parts of receipts that are always 0 in the versions that there are.
func constant() []Part { return []Part{PartRecredit} }

// TestKindsAreComplete requires of every row of the table, and of the fields that it
// decodes, all that those who read it rely on.
func TestKindsAreComplete(t *testing.T) {
	cases := kindCases(testChain())
	for _, k := range KindsAt(Version2) {
		for _, fault := range kindFaults(k, cases[k]) {
			t.Errorf("kind %d: %s", k, fault)
		}
	}
	if len(cases) != len(KindsAt(Version2)) {
		t.Errorf("%d kinds with cases, %d in the table", len(cases), len(KindsAt(Version2)))
	}
	names, events := map[string]bool{}, map[any]bool{}
	for _, e := range blockEvents {
		events[e.event], events[e.name] = true, true
	}
	for _, k := range KindsAt(Version2) {
		if names[k.String()] {
			t.Errorf("two kinds are called %s", k)
		}
		names[k.String()] = true
		for _, e := range kindTable[k].events {
			if events[e.event] || events[e.name] {
				t.Errorf("two events have the number or the name of %s", e.event)
			}
			events[e.event], events[e.name] = true, true
		}
	}
}

// kindFaults returns what is missing or wrong in the row of k.
func kindFaults(k Kind, c kindCase) []string {
	x := &kindJudge{kind: k, spec: kindTable[k]}
	if x.row(); len(x.faults) > 0 {
		return x.faults
	}
	x.need(len(c.signed) > 0, "no signed transaction among the samples")
	x.need(len(c.scenes) > 0, "no scene in which it is accepted")
	for _, raw := range c.signed {
		x.signed(raw)
	}
	if len(x.faults) == 0 {
		x.accepted(c.scenes)
	}
	return x.faults
}

// kindJudge collects the faults of one kind.
type kindJudge struct {
	kind   Kind
	spec   *kindSpec
	faults []string
}

func (x *kindJudge) need(ok bool, format string, args ...any) {
	if !ok {
		x.faults = append(x.faults, fmt.Sprintf(format, args...))
	}
}

// row looks at the row alone.
func (x *kindJudge) row() {
	s := x.spec
	if x.need(s != nil, "no row"); s == nil {
		return
	}
	x.need(s.name != "", "no name")
	x.need(s.since >= Version1 && s.since <= Version2, "since version %d", s.since)
	x.need(s.decode != nil, "no decoder")
	x.need(s.witness >= byMembers && s.witness <= byNobody, "nothing says who signs")
	x.need(s.further >= 0 && s.further <= furtherMax, "%d further signatures", s.further)
	x.need((s.witness == byNobody) == (s.further == 0 && s.witness != byMembers), "nobody signs")
	x.need(!s.unrecorded || s.witness != byMembers, "members sign what no refusal ends")
	x.need(s.witness == byMembers || !s.notFoundFirst, "E301 before signers that there are not")
	x.need(len(s.receipt) > 0, "an empty receipt")
	for i, p := range s.receipt {
		x.need(slices.Contains(parts(PartEvidence), p) && !slices.Contains(s.receipt[:i], p), "part %d of the receipt", p)
	}
	x.need(len(s.events) > 0, "no event")
	x.need(len(s.events) <= 1 || s.which != nil, "%d events, and nothing says which", len(s.events))
	for _, e := range s.events {
		x.need(e.event != EventNone && e.name != "", "event %d is called %q", e.event, e.name)
	}
	x.need(s.tally >= TallyClaim && s.tally <= TallyOther, "no counter")
}

// signed looks at a signed transaction.
func (x *kindJudge) signed(raw []byte) {
	c := testChain()
	asked := map[[32]byte]bool{}
	c.ValidKey = func(key [32]byte) bool { asked[key] = true; return true }
	tx, err := c.CheckTxAt(x.spec.since, raw)
	if err != nil {
		x.need(false, "a sample: %v", err)
		return
	}
	x.need(tx.Kind == x.kind && tx.Fields.Kind() == x.kind, "it decodes as a %s", tx.Fields.Kind())
	x.need(bytes.Equal(c.Body(tx.Expires, tx.Fields), tx.Body()), "it encodes otherwise than it decodes")
	walk(reflect.ValueOf(tx.Fields).Elem(), "", func(name string, v reflect.Value) {
		switch value := v.Interface().(type) {
		case [32]byte:
			x.need(value == [32]byte{} || asked[value] || slices.Contains(digests(), name), "the key %s is not checked", name)
		case string:
			x.need(value == tx.Shown(), "the text %s is not shown", name)
		}
	})
	x.signers(c, tx)
	n := &notedNames{}
	x.need(Asks(tx.Fields, n) != "", "nothing says what it asks for")
	x.need(tx.About().Coupon == 0 || n.coupon == tx.About().Coupon, "what it asks for does not name its coupon")
	if key, _ := tx.Mark(); !slices.Contains(unmarked(), x.kind) {
		_, err := ParseRowKey(key)
		x.need(err == nil, "its mark: %v", err)
	}
	if x.spec.witness == byMembers {
		m, err := NewMachine(testChain(), testGenesis())
		x.need(err == nil, "%v", err)
		m = upgradedAt(m, 1)
		tx.chain = m.chain.Digest
		out, err := m.DryRun(newStore(), t0, tx) // there are no members
		first := out.Code == NotFound
		x.need(err == nil && (first || out.Code == NotAuthorised), "without members: %s, %v", out.Code, err)
		x.need(first == x.spec.notFoundFirst, "E301 before the signers: %v", first)
	}
}

// signers requires a signature for each place of the witness, all of which count, and
// that the sender is one who signs.
func (x *kindJudge) signers(c Chain, tx *Tx) {
	checks := tx.Signatures(c)
	further := furtherOf(tx.Fields)
	x.need(len(checks) == len(tx.Members)+further, "%d signatures", len(checks))
	sender := false
	for _, k := range checks {
		x.need(ed25519.Verify(k.Key[:], k.Message, k.Signature[:]), "a signature does not verify")
		sender = sender || k.Key == tx.Sender()
	}
	x.need(sender || x.spec.witness == byNobody, "the sender %x does not sign", tx.Sender())
	for i := range len(checks) {
		raw := bytes.Clone(tx.Raw)
		at := len(raw) - 1 - 64*i // the last byte of a further signature
		if i >= further {
			at -= 34 * (i - further) // of a member's entry
		}
		raw[at] ^= 1
		other, err := c.CheckTxAt(x.spec.since, raw)
		x.need(err == nil && slices.ContainsFunc(other.Signatures(c), func(k SigCheck) bool {
			return !ed25519.Verify(k.Key[:], k.Message, k.Signature[:])
		}), "a changed signature verifies, %v", err)
	}
}

// accepted looks at what accepted transactions leave.
func (x *kindJudge) accepted(scenes []func(*scene)) {
	stated, left := map[Part]bool{}, map[EventType]bool{}
	follows := x.spec.after == nil
	for _, prepare := range scenes {
		s := newScene()
		prepare(s)
		follows = x.scene(s, stated, left) || follows
	}
	x.need(follows, "no event of a decision follows")
	for _, p := range x.spec.receipt {
		x.need(stated[p] || slices.Contains(constant(), p), "no receipt states part %d", p)
	}
	for _, e := range x.spec.events {
		x.need(left[e.event], "the event %s does not occur", e.event)
	}
}

// scene looks at an accepted transaction and reports whether a decision followed from it.
func (x *kindJudge) scene(s *scene, stated map[Part]bool, left map[EventType]bool) bool {
	m, err := NewMachine(testChain(), testGenesis())
	x.need(err == nil, "%v", err)
	if s.protocol != nil {
		m = upgradedAt(m, 1)
	}
	tx, err := m.chain.CheckTxAt(max(x.spec.since, s.version()), s.raw(m.chain))
	if err != nil {
		x.need(false, "a scene: %v", err)
		return false
	}
	st := newStore()
	s.fill(st)
	key, unused := tx.Mark()
	x.need(key == nil || unused(st.rows[string(key)]), "its mark says that it was accepted before it was")
	done := m.Apply(st, Block{Height: 109, TimeMs: s.now, Epoch: s.epoch, Txs: []*Tx{tx}})
	out := done.Outcomes[0]
	x.need(done.Err == nil && out.Code == OK && out.Kind == x.kind, "a scene: %s, %v", out.Code, done.Err)
	back, err := DecodeReceipt(done.Receipts[0])
	x.need(err == nil && back == out, "the receipt %x does not say all of the outcome, %v", done.Receipts[0], err)
	for _, w := range done.Writes {
		if bytes.Equal(w.Key, key) {
			x.need(!unused(w.Value), "its mark does not say that it was accepted")
			key = nil
		}
	}
	x.need(key == nil, "it does not write its mark")
	x.need(!out.States(PartCoupon) || tx.About().Coupon == out.Coupon, "it is about coupon %d", tx.About().Coupon)
	walk(reflect.ValueOf(tx.Fields).Elem(), "", func(name string, v reflect.Value) {
		if name == "Campaign" && out.States(PartCampaign) {
			x.need(tx.About().Campaign == uint32(v.Uint()), "it is about campaign %d", tx.About().Campaign)
		}
	})
	for _, p := range x.spec.receipt {
		stated[p] = stated[p] || bytes.Trim(out.appendPart(nil, p), "\x00") != nil
	}
	_, times := out.occurs()
	x.need(len(done.Events) >= times && times > 0, "%d events", len(done.Events))
	for i, e := range done.Events {
		x.need(e.EventIndex == uint32(i) || e.TxIndex == EndOfBlock, "event %d has the place %d", i, e.EventIndex)
		left[e.Type] = true
	}
	e := out.follows()
	x.need(e == EventNone || slices.ContainsFunc(blockEvents, func(s eventSpec) bool { return s.event == e }) && left[e],
		"the event %s of a decision", e)
	return e != EventNone
}

// walk calls visit with every exported field inside v that is a number, a text or an
// array.
func walk(v reflect.Value, name string, visit func(name string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				walk(v.Field(i), f.Name, visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), name, visit)
		}
	default:
		visit(name, v)
	}
}

// notedNames remembers the coupon that a sentence names.
type notedNames struct{ coupon CouponID }

func (*notedNames) Member(id uint16) string     { return fmt.Sprint(id) }
func (*notedNames) Till(key [32]byte) string    { return fmt.Sprintf("%x", key[:4]) }
func (*notedNames) Holder(key [32]byte) string  { return fmt.Sprintf("%x", key[:4]) }
func (n *notedNames) Coupon(id CouponID) string { n.coupon = id; return fmt.Sprint(uint64(id)) }
