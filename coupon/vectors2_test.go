package coupon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

const vectors2File = "testdata/vectors2.json"

// vectors2 are the golden bytes that version 2 of the rules adds.
type vectors2 struct {
	Chain        vectorChain   `json:"chain"`
	Keys         []vectorKey   `json:"keys"`
	Transactions []vectorTx    `json:"transactions"`
	Objects      []vectorNamed `json:"objects"`
	Receipts     []vectorNamed `json:"receipts"`
	Rows         []vectorRow   `json:"rows"`
	Items        []vectorNamed `json:"items"`
	Seen         []vectorNamed `json:"seen"`
}

func makeVectors2(t *testing.T) vectors2 {
	c := testChain()
	v := vectors2{Chain: vectorChain{Name: "scrip-test-1", Digest: hexOf(c.Digest[:]), Hint: c.Hint()}}
	for _, name := range []string{"pay", "payer", "shop A 2"} {
		seed, key := sha256Of(name), keyOf(name).Key
		v.Keys = append(v.Keys, vectorKey{name, hexOf(seed[:]), hexOf(key[:])})
	}
	add := func(list *[]vectorNamed, name string, b []byte) { *list = append(*list, vectorNamed{name, hexOf(b)}) }
	for _, s := range samples2(c) {
		tx, err := c.CheckTxAt(Version2, s.raw)
		if err != nil {
			t.Fatal(err)
		}
		out := vectorTx{Name: s.name, Kind: uint8(tx.Kind), Expires: fmt.Sprint(tx.Expires), Body: hexOf(tx.Body()),
			ID: hexOf(tx.ID[:]), Raw: hexOf(tx.Raw)}
		for _, k := range tx.Signatures(c) {
			out.Signatures = append(out.Signatures, vectorSignature{hexOf(k.Key[:]), hexOf(k.Message), hexOf(k.Signature[:])})
		}
		v.Transactions = append(v.Transactions, out)
		if f, ok := tx.Fields.(*Trade); ok {
			offer, accept, pay := f.Offer.Digest(c), f.Accept.Digest(c), f.Pay.Digest(c)
			add(&v.Objects, "offer of "+s.name, f.Offer.AppendTo(nil))
			add(&v.Objects, "offer digest of "+s.name, offer[:])
			add(&v.Objects, "accept of "+s.name, f.Accept.AppendTo(nil))
			add(&v.Objects, "accept digest of "+s.name, accept[:])
			if f.money() {
				add(&v.Objects, "pay of "+s.name, f.Pay.AppendTo(nil))
				add(&v.Objects, "pay digest of "+s.name, pay[:])
			}
		}
	}
	for _, o := range receiptSamples2(t) {
		name := o.Code.String()
		if o.Code == OK {
			name = o.Event().String()
		}
		add(&v.Receipts, name, o.AppendTo(nil))
	}
	for _, r := range rowSamples2() {
		v.Rows = append(v.Rows, vectorRow{r.name, hexOf(r.key), hexOf(r.value)})
	}
	items := []SettlementItem{{5, eur, 0, 1, 1, 2, 500}, {5, eur, 0, 2, 2, 3, 300}, {5, eur, 1, 3, 3, 1, 100}}
	for n := range len(items) + 1 {
		root := ItemsRoot(items[:n])
		add(&v.Items, fmt.Sprintf("root of %d", n), root[:])
		if n < len(items) {
			add(&v.Items, fmt.Sprintf("item %d", n+1), items[n].AppendTo(nil))
		}
	}
	var row SeenRow
	for i := range 3 {
		row = row.AddWithCode(SeenEntry{ID: [32]byte{byte(i)}, Height: 7, Index: uint32(i), Code: Code(i)})
		add(&v.Seen, fmt.Sprintf("after %d entries", i+1), row.AppendTo(nil))
	}
	return v
}

// receiptSamples2 returns the outcome of every scene of version 2, and a refusal of each
// code that version 2 adds.
func receiptSamples2(t testing.TB) []Outcome {
	m, err := NewMachine(testChain(), testGenesis())
	if err != nil {
		t.Fatal(err)
	}
	var list []Outcome
	scenes := scenes2()
	for _, k := range KindsAt(Version2) {
		for _, prepare := range scenes[k] {
			s := newScene()
			prepare(s)
			list = append(list, s.outcome(t, m))
		}
	}
	for _, c := range []Code{TermsLocked, SupplyExhausted, PriceAboveCeiling, OfferGone, PaymentNotAttested, SwapTerms,
		PaymentUsed, RefundRule, CutoffNotReached, CycleState, PayerOverdue, TooLate, MemberBusy, VoteState} {
		list = append(list, Outcome{ID: [32]byte{1}, Code: c})
	}
	return list
}

func rowSamples2() []rowSample {
	id := NewCouponID(7, 3)
	protocol := Protocol{Version: 2, HolderLifeMs: 180_000, MemberLifeMs: MemberLifeDefault, PayMs: PayMsDefault,
		Clearer: 4, NextCycle: 2968, NextProposal: 1, MigCampaign: 9, NetMode: NetBilateral}
	money := CampaignMoney{Funders: [4]FunderMoney{{6667, 668, 1}, {3333, 333, 0}}, Settled: 1001, Refunded: 1}
	owed, unpaid := Obligation{Sum: 500, Count: 1}, uint32(2)
	closing := Cycle{State: CycleClosing, Items: 3, Phase: 3, Currency: usd, Peaks: [][32]byte{{1}, {2}}}
	closed := Cycle{State: CycleClosed, NetMode: 1, Items: 3, ClosedAt: t0, Root: [32]byte{9}}
	position, debt := Position{500, 100, 400}, Debt{200, DebtPosted, [32]byte{7}, t0}
	refunded := Refunded{500, t0}
	key := ServiceKey{Purpose: ServicePayment, Member: payer, ValidFrom: t0, ValidUntil: t0 + yearMs, Currency: eur,
		DayCap: 3000, Day: uint32(t0 / dayMs), DaySum: 1600}
	usDollar := Currency{usd, "USD", 2}
	pending := PendingKeys{t0 + dayMs, 1, [][32]byte{{1}, {2}}}
	total := DayTotal{uint32(t0 / dayMs), 700}
	seen := SeenRow{}.AddWithCode(SeenEntry{ID: [32]byte{1}, Height: 7, Index: 2, Code: NotOwner})
	mark := appendMark(nil, nil)
	return []rowSample{
		{"protocol", ProtocolKey(), protocol.AppendTo(nil)},
		{"campaign money", MoneyKey(7), money.AppendTo(nil)},
		{"refund bucket", RefundBucketKey(2968, 7, shopA), owed.AppendTo(nil)},
		{"cycle CLOSING", CycleKey(2968), closing.AppendTo(nil)},
		{"cycle CLOSED", CycleKey(2969), closed.AppendTo(nil)},
		{"position", PositionKey(2968, usd, shopA), position.AppendTo(nil)},
		{"debt", DebtKey(2968, usd, BookUnsecured, shopA, issuer), debt.AppendTo(nil)},
		{"unpaid", UnpaidKey(shopA, 2968), appendUnpaid(&unpaid, nil)},
		{"refund", RefundKey(id, 2), refunded.AppendTo(nil)},
		{"service key", ServiceRowKey(keyOf("pay").Key), key.AppendTo(nil)},
		{"end", EndKey(t0, 7), mark},
		{"due", appendDueKey(nil, dueID{t0, dueKeys, 3}), mark},
		{"currency", CurrencyKey(usd), usDollar.AppendTo(nil)},
		{"pending keys", PendingKey(shopA), pending.AppendTo(nil)},
		{"given back", GivenBackKey(keyOf("till A").Key), total.AppendTo(nil)},
		{"to prune", ToPruneKey(2968, 7), mark},
		{"seen 2", Seen2Key(SeenBucket(t0)), seen.AppendTo(nil)},
	}
}

// The sizes of rules 3.19, and keys that parse.
func TestRowSizesOfVersion2(t *testing.T) {
	want := map[string][2]int{"protocol": {0, 55}, "campaign money": {4, 149}, "refund bucket": {10, 12},
		"cycle CLOSING": {4, 13 + 64}, "cycle CLOSED": {4, 46}, "position": {8, 24}, "debt": {11, 49}, "unpaid": {6, 4},
		"refund": {12, 16}, "service key": {32, 74}, "end": {12, 1}, "due": {13, 1}, "currency": {2, 4},
		"pending keys": {2, 13 + 64}, "given back": {32, 12}, "to prune": {8, 1}, "seen 2": {8, 36}}
	var last []byte
	for _, r := range rowSamples2() {
		if len(r.key)-1 != want[r.name][0] || len(r.value) != want[r.name][1] {
			t.Errorf("%s: key %d, value %d, want %v", r.name, len(r.key)-1, len(r.value), want[r.name])
		}
		if at, err := ParseRowKey(r.key); err != nil || at.Prefix != r.key[0] || bytes.Compare(last, r.key) >= 0 {
			t.Errorf("%s: %+v, %v, after %x", r.name, at, err, last)
		}
		last = r.key
	}
}

// The sizes of rules 3.20.
func TestTransactionSizesOfVersion2(t *testing.T) {
	want := map[string]int{"campaign_amend": 20 + 202 + 4 + len("Twenty off") + 4 + 2*98, "coupon_issue": 124 + 3*32 + 98,
		"trade_swap": 407, "trade_money": 535, "offer_post_swap": 227, "offer_post_money": 175, "refund": 131,
		"cycle_close": 122, "payment_posted": 159, "payment_confirmed": 128, "service_key_add": 273,
		"service_key_revoke": 150, "member_keys": 25 + 64 + 4 + 98 + 64}
	for _, s := range samples2(testChain()) {
		if len(s.raw) != want[s.name] {
			t.Errorf("%s has %d bytes, want %d", s.name, len(s.raw), want[s.name])
		}
	}
}

func TestVectors2(t *testing.T) {
	got, err := json.MarshalIndent(makeVectors2(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *rewrite {
		if err := os.WriteFile(vectors2File, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectors2File)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the bytes differ from %s; run with -rewrite and read the difference", vectors2File)
	}
}

// A chain of version 1 refuses the kinds of version 2 as it always has, whole as they are.
func TestVersion1HasNoneOfVersion2(t *testing.T) {
	c := testChain()
	for _, s := range samples2(c) {
		if _, err := c.CheckTx(s.raw); code(err) != BadEncoding {
			t.Errorf("%s: %v", s.name, err)
		}
		if _, err := ParseTx(s.raw); code(err) != BadEncoding {
			t.Errorf("%s: %v", s.name, err)
		}
		tx, err := c.CheckTxAt(Version2, s.raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = c.CheckBody(tx.Body()); code(err) != BadEncoding {
			t.Errorf("body of %s: %v", s.name, err)
		}
	}
	if got := len(Kinds()); got != 11 {
		t.Errorf("version 1 has %d kinds", got)
	}
}
