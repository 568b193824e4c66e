package coupon

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// The golden bytes of version 2, those of governance apart: members' own programs alone make
// and show these.
const (
	vectors2File         = "testdata/vectors2.json"
	governanceVectorFile = "testdata/governance.json"
)

// vectors2 are the golden bytes that version 2 of the rules adds.
type vectors2 struct {
	Chain        vectorChain   `json:"chain"`
	Keys         []vectorKey   `json:"keys"`
	Transactions []vectorTx    `json:"transactions"`
	Objects      []vectorNamed `json:"objects"`
	Receipts     []vectorNamed `json:"receipts"`
	Rows         []vectorRow   `json:"rows"`
	Items        []vectorNamed `json:"items,omitempty"`
	Seen         []vectorNamed `json:"seen,omitempty"`
}

// vectorsOf returns the vectors of transactions, receipts and rows, with the keys of names.
func vectorsOf(t *testing.T, names []string, txs []sample, receipts []Outcome, rows []rowSample) vectors2 {
	c := testChain()
	v := vectors2{Chain: vectorChain{Name: "scrip-test-1", Digest: hexOf(c.Digest[:]), Hint: c.Hint()}}
	for _, name := range names {
		seed, key := sha256Of(name), keyOf(name).Key
		v.Keys = append(v.Keys, vectorKey{name, hexOf(seed[:]), hexOf(key[:])})
	}
	add := func(list *[]vectorNamed, name string, b []byte) { *list = append(*list, vectorNamed{name, hexOf(b)}) }
	for _, s := range txs {
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
	for _, o := range receipts {
		name := o.Code.String()
		if o.Code == OK {
			name = o.Event().String()
		}
		add(&v.Receipts, name, o.AppendTo(nil))
	}
	for _, r := range rows {
		v.Rows = append(v.Rows, vectorRow{r.name, hexOf(r.key), hexOf(r.value)})
	}
	return v
}

func makeVectors2(t *testing.T) vectors2 {
	v := vectorsOf(t, []string{"pay", "payer", "shop A 2"}, samples2(testChain()), receiptSamples2(t, scenes2()),
		settlementRows())
	for _, c := range []Code{TermsLocked, SupplyExhausted, PriceAboveCeiling, OfferGone, PaymentNotAttested, SwapTerms,
		PaymentUsed, RefundRule, CutoffNotReached, CycleState, PayerOverdue, TooLate, MemberBusy, VoteState} {
		v.Receipts = append(v.Receipts, vectorNamed{c.String(), hexOf((&Outcome{ID: [32]byte{1}, Code: c}).AppendTo(nil))})
	}
	add := func(list *[]vectorNamed, name string, b []byte) { *list = append(*list, vectorNamed{name, hexOf(b)}) }
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

func makeGovernanceVectors(t *testing.T) vectors2 {
	names := []string{"funder", "shop A", "shop B", "visitor", "validator 4", "validator 5", "new 1", "new 2", "shop B 2"}
	v := vectorsOf(t, names, governanceSamples(testChain()), receiptSamples2(t, governanceScenes()), governanceRows())
	for _, a := range sampleActions() {
		v.Objects = append(v.Objects, vectorNamed{fmt.Sprintf("action %d", a.Kind()), hexOf(AppendAction(nil, a))})
	}
	refused := Outcome{ID: [32]byte{1}, Code: EvidenceInvalid}
	v.Receipts = append(v.Receipts, vectorNamed{"E606", hexOf(refused.AppendTo(nil))})
	return v
}

// receiptSamples2 returns the outcome of every scene.
func receiptSamples2(t testing.TB, scenes map[Kind][]func(*scene)) []Outcome {
	m, err := NewMachine(testChain(), testGenesis())
	if err != nil {
		t.Fatal(err)
	}
	var list []Outcome
	for _, k := range KindsAt(Version2) {
		for _, prepare := range scenes[k] {
			s := newScene()
			prepare(s)
			list = append(list, s.outcome(t, m))
		}
	}
	return list
}

func rowSamples2() []rowSample {
	list := append(settlementRows(), governanceRows()...)
	slices.SortFunc(list, func(a, b rowSample) int { return bytes.Compare(a.key, b.key) })
	return list
}

func settlementRows() []rowSample {
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

// governanceRows returns one row of each table of governance.
func governanceRows() []rowSample {
	action := AppendAction(nil, sampleActions()[5])
	open := Proposal{Proposer: issuer, OpenedAt: t0, At: t0 + dayMs, Votes: []Vote{{issuer, BallotYes}, {shopA, BallotNo}},
		Digest: sha256.Sum256(action), Action: action}
	failed := Proposal{State: ProposalFailed, Code: VoteState, Proposer: issuer, OpenedAt: t0, Digest: open.Digest}
	numbers := []uint32{5, 9}
	stop := Stop{StopLifting, t0, t0 + dayMs, dayMs + stopSlackMs, 512, t0, dayMs}
	set := ValidatorSet{First: 1, SinceMs: t0, Body: foundingOf(4).Set}
	next := pbft.NextSet{At: 1064, Body: foundingOf(5).Set}
	next.Body.Epoch, next.Body.Skips = 1, []pbft.ReplicaID{2}
	seat := Seat{validatorOf(5).Key, "node.example:9000", SeatVouched, 2, 900, t0, t0 - dayMs, t0}
	announced, epoch := Announced{5, 800}, EpochRow{1, 0, [32]byte{7}, t0}
	convicted, tenures := Misbehaving{3, 900, t0, [32]byte{8}}, Tenures{7, 1}
	queued, rekeyed := Queued{queueProposal, 5}, Queued{queueRekey, 2}
	mark := appendMark(nil, nil)
	return []rowSample{
		{"proposal OPEN", ProposalKey(5), open.AppendTo(nil)},
		{"proposal FAILED", ProposalKey(6), failed.AppendTo(nil)},
		{"due proposal", appendDueKey(nil, dueID{t0, dueProposal, 5}), mark},
		{"stop", StopKey(StopCampaign, 7), stop.AppendTo(nil)},
		{"set", SetKey(), set.AppendTo(nil)},
		{"next set", NextSetKey(), next.Encode()},
		{"open proposals", OpenProposalsKey(issuer), appendOpenProposals(&numbers, nil)},
		{"seat", SeatKeyOf(5), seat.AppendTo(nil)},
		{"validator key", ValidatorRowKey(seat.Key), announced.AppendTo(nil)},
		{"epoch", EpochKey(0), epoch.AppendTo(nil)},
		{"former set", FormerSetKey(), set.Body.Encode()},
		{"misbehaviour", MisbehaviourKey(3, shopB, 3), convicted.AppendTo(nil)},
		{"tenures", TenuresKey(shopB), tenures.AppendTo(nil)},
		{"queued proposal", QueueKey(1), queued.AppendTo(nil)},
		{"queued key", QueueKey(2), rekeyed.AppendTo(nil)},
	}
}

// The sizes of rules 3.19, and keys that parse.
func TestRowSizesOfVersion2(t *testing.T) {
	want := map[string][2]int{"protocol": {0, 55}, "campaign money": {4, 149}, "refund bucket": {10, 12},
		"cycle CLOSING": {4, 13 + 64}, "cycle CLOSED": {4, 46}, "position": {8, 24}, "debt": {11, 49}, "unpaid": {6, 4},
		"refund": {12, 16}, "service key": {32, 74}, "end": {12, 1}, "due": {13, 1}, "currency": {2, 4},
		"pending keys": {2, 13 + 64}, "given back": {32, 12}, "to prune": {8, 1}, "seen 2": {8, 36},
		"proposal OPEN": {4, 61 + 2*3 + 7}, "proposal FAILED": {4, 61}, "due proposal": {13, 1}, "stop": {5, 45},
		"set": {0, 55 + 34*4}, "next set": {0, 47 + 34*5 + 2}, "open proposals": {2, 4 + 2*4}, "seat": {2, 67 + 4 + 17},
		"validator key": {32, 10}, "epoch": {4, 56}, "former set": {0, 39 + 34*4}, "misbehaviour": {7, 56},
		"tenures": {2, 8}, "queued proposal": {4, 5}, "queued key": {4, 5}}
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
		"service_key_revoke": 150, "member_keys": 25 + 64 + 4 + 98 + 64, "gov_vote": 155, "seat_ready": 154,
		"seat_key": 14 + 2 + 32 + 4 + 10 + 4 + 4 + 98 + 64, "seat_key_vouched": 14 + 2 + 32 + 4 + 17 + 4 + 32 + 4 + 98 + 2*64,
		"misbehaviour": 14 + 9 + 2*114 + 4, "misbehaviour_with_body": 14 + 9 + 175 + 2*114 + 4}
	for i, a := range sampleActions() {
		size := 32 + len(AppendAction(nil, a)) + 4 + 98
		if i%2 == 0 {
			size += 2 + 98
		}
		want[fmt.Sprintf("gov_propose_%d", a.Kind())] = size
	}
	for _, s := range all2(testChain()) {
		if len(s.raw) != want[s.name] {
			t.Errorf("%s has %d bytes, want %d", s.name, len(s.raw), want[s.name])
		}
	}
}

func TestVectors2(t *testing.T) {
	for file, v := range map[string]vectors2{
		vectors2File: makeVectors2(t), governanceVectorFile: makeGovernanceVectors(t),
	} {
		got, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		if *rewrite {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the bytes differ from %s; run with -rewrite and read the difference", file)
		}
	}
}

// A chain of version 1 refuses the kinds of version 2 as it always has, whole as they are.
func TestVersion1HasNoneOfVersion2(t *testing.T) {
	c := testChain()
	for _, s := range all2(c) {
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
