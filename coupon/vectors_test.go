package coupon

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/vectors.json; read the difference before committing it")

const vectorsFile = "testdata/vectors.json"

// vectors are the golden bytes that any implementation of the domain rules must
// reproduce. All byte strings are hex.
type vectors struct {
	Chain        vectorChain   `json:"chain"`
	Keys         []vectorKey   `json:"keys"`
	Transactions []vectorTx    `json:"transactions"`
	Objects      []vectorNamed `json:"objects"`
	Payloads     []vectorText  `json:"payloads"`
	Derivations  []vectorNamed `json:"derivations"`
	Receipts     []vectorNamed `json:"receipts"`
	Rows         []vectorRow   `json:"rows"`
	Seen         []vectorNamed `json:"seen"`
}

type vectorChain struct {
	Name    string `json:"name"`
	Genesis string `json:"genesis"`
	Digest  string `json:"digest"`
	Hint    uint32 `json:"hint"`
}

type vectorKey struct {
	Name   string `json:"name"`
	Seed   string `json:"seed"`
	Public string `json:"public"`
}

type vectorTx struct {
	Name       string            `json:"name"`
	Kind       uint8             `json:"kind"`
	Expires    string            `json:"expires"`
	Body       string            `json:"body"`
	ID         string            `json:"id"`
	Raw        string            `json:"raw"`
	Signatures []vectorSignature `json:"signatures"`
}

type vectorSignature struct {
	Key       string `json:"key"`
	Message   string `json:"message"`
	Signature string `json:"signature"`
}

type vectorNamed struct {
	Name  string `json:"name"`
	Bytes string `json:"bytes"`
}

type vectorText struct {
	Name  string `json:"name"`
	Bytes string `json:"bytes"`
	Text  string `json:"text"`
}

type vectorRow struct {
	Name  string `json:"name"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func makeVectors(t *testing.T) vectors {
	c := testChain()
	v := vectors{Chain: vectorChain{Name: "scrip-test-1", Digest: hexOf(c.Digest[:]), Hint: c.Hint()}}
	for _, name := range []string{"issuer 1", "issuer 2", "issuer 3", "funder", "shop A", "shop B", "till A", "holder",
		"friend", "ticket"} {
		seed := sha256Of(name)
		key := keyOf(name).Key
		v.Keys = append(v.Keys, vectorKey{name, hexOf(seed[:]), hexOf(key[:])})
	}
	for _, s := range samples(c) {
		tx, err := c.CheckTx(s.raw)
		if err != nil {
			t.Fatal(err)
		}
		out := vectorTx{Name: s.name, Kind: uint8(tx.Kind), Expires: fmt.Sprint(tx.Expires), Body: hexOf(tx.Body()),
			ID: hexOf(tx.ID[:]), Raw: hexOf(tx.Raw)}
		for _, k := range tx.Signatures(c) {
			out.Signatures = append(out.Signatures, vectorSignature{hexOf(k.Key[:]), hexOf(k.Message), hexOf(k.Signature[:])})
		}
		v.Transactions = append(v.Transactions, out)
	}
	v.Objects = objectVectors(c)
	names, list := payloads(c)
	for i := range list {
		b := c.EncodePayload(&list[i])
		text := PayloadText(b)
		if list[i].Type.LinkPath() != "" {
			text = LinkFragment(b)
		}
		v.Payloads = append(v.Payloads, vectorText{names[i], hexOf(b), text})
	}
	v.Derivations = derivationVectors(c)
	for _, o := range receiptSamples() {
		name := o.Code.String()
		if o.Code == OK {
			name = o.Event().String()
		}
		v.Receipts = append(v.Receipts, vectorNamed{name, hexOf(o.AppendTo(nil))})
	}
	for _, r := range rowSamples() {
		v.Rows = append(v.Rows, vectorRow{r.name, hexOf(r.key), hexOf(r.value)})
	}
	var row SeenRow
	for i := range 3 {
		row = row.Add(SeenEntry{ID: [32]byte{byte(i)}, Height: 7, Index: uint32(i)})
		v.Seen = append(v.Seen, vectorNamed{fmt.Sprintf("after %d entries", i+1), hexOf(row.AppendTo(nil))})
	}
	return v
}

func objectVectors(c Chain) []vectorNamed {
	var out []vectorNamed
	add := func(name string, b []byte) { out = append(out, vectorNamed{name, hexOf(b)}) }
	for _, s := range samples(c) {
		tx, err := c.CheckTx(s.raw)
		if err != nil {
			panic(err)
		}
		switch f := tx.Fields.(type) {
		case *Claim:
			add("ticket", f.Ticket.AppendTo(nil))
		case *Redeem:
			digest := f.Invoice.Digest(c)
			add("invoice of "+s.name, f.Invoice.AppendTo(nil))
			add("invoice digest of "+s.name, digest[:])
			add("auth of "+s.name, f.Auth.AppendTo(nil))
		}
	}
	basket := BasketHash([16]byte{6}, []byte("basket"))
	add("basket_hash, salt 06 and 15 zero bytes, basket \"basket\"", basket[:])
	return out
}

func derivationVectors(c Chain) []vectorNamed {
	var out []vectorNamed
	add := func(name string, b []byte) { out = append(out, vectorNamed{name, hexOf(b)}) }
	id := NewCouponID(7, 3)
	claim := c.ClaimKeySeed([16]byte{5}, 7, 3)
	add("claim key seed: ticket seed 05 and 15 zero bytes, campaign 7, serial 3", claim[:])
	public := NewSigner(claim).Key
	add("claim key of it", public[:])
	seed := c.GiftSeed([]byte("wallet secret"), id, 2)
	add("gift seed: secret \"wallet secret\", campaign 7, serial 3, seq 2", seed[:])
	gift := c.GiftKeySeed(seed, id)
	add("gift key seed of it", gift[:])
	public = NewSigner(gift).Key
	add("gift key of it", public[:])
	return out
}

// receiptSamples returns one receipt of each form.
func receiptSamples() []Outcome {
	id, owner, coupon := [32]byte{1, 2, 3}, keyOf("holder").Key, NewCouponID(7, 3)
	list := []Outcome{
		{ID: id, Code: NotFound},
		{ID: id, Code: DuplicateTx, First: First{Height: 9, Index: 2, Code: StaleSeq}},
		{ID: id, Kind: KindCampaignPublish, Campaign: 7},
		{ID: id, Kind: KindCampaignPause, Campaign: 7},
		{ID: id, Kind: KindCampaignResume, Campaign: 7},
		{ID: id, Kind: KindCampaignClose, Campaign: 7},
		{ID: id, Kind: KindBatchCommit, Campaign: 7, Batch: 1},
		{ID: id, Kind: KindTillKeyAdd, TillKey: keyOf("till A").Key},
		{ID: id, Kind: KindTillKeyRevoke, TillKey: keyOf("till A").Key},
		{ID: id, Kind: KindClaim, Coupon: coupon, Owner: owner, Until: t0 + yearMs},
	}
	for c := CaseTransferred; c <= CaseTakenBack; c++ {
		list = append(list, Outcome{ID: id, Kind: KindTransfer, Coupon: coupon, Seq: 4, Owner: owner, Case: c})
	}
	return append(list,
		Outcome{ID: id, Kind: KindRedeem, Coupon: coupon, Seq: 4, Value: 1999, Payable: 2004, Before: 5000, After: 3001,
			UsesLeft: 2, FinalAt: t0 + dayMs},
		Outcome{ID: id, Kind: KindVoid, Coupon: coupon, Seq: 4, Value: 1999, Until: t0 + yearMs})
}

type rowSample struct {
	name       string
	key, value []byte
}

// rowSamples returns one row of each form, in ascending key order.
func rowSamples() []rowSample {
	g := testGenesis()
	rows := g.rows()
	s, w := newScene(), &world{now: t0}
	s.till.Label = "Counter 2"
	terms := w.terms(func(t *Terms) { t.Shops = []Shop{{shopA, 0}, {shopB, 7}} })
	gifted := *s.coupon
	gifted.Status, gifted.GiftKey, gifted.GiftUntil = Gifted, keyOf("friend").Key, t0+dayMs
	used := *s.coupon
	used.Status, used.UsesLeft, used.Floor = Redeemed, 0, t0+dayMs
	claims := uint16(3)
	owed, seen := Obligation{Sum: 2000, Count: 1}, SeenRow{}.Add(SeenEntry{ID: [32]byte{1}, Height: 7})
	return []rowSample{
		{"params", rows[0].Key, rows[0].Value},
		{"member", rows[1].Key, rows[1].Value},
		{"funding", FundingKey(issuer, usd), (&Funding{Limit: 1_000_000, Locked: 5}).AppendTo(nil)},
		{"till", TillKey(keyOf("till A").Key), s.till.AppendTo(nil)},
		{"campaign", CampaignKey(7), s.campaign.AppendTo(nil)},
		{"terms", TermsKey(7, 1), terms.AppendTo(nil)},
		{"batch", BatchKey(7, 1), s.batch.AppendTo(nil)},
		{"coupon HELD", CouponKey(NewCouponID(7, 3)), s.coupon.AppendTo(nil)},
		{"coupon GIFTED", CouponKey(NewCouponID(7, 4)), gifted.AppendTo(nil)},
		{"coupon REDEEMED", CouponKey(NewCouponID(7, 5)), used.AppendTo(nil)},
		{"holder count", HolderKey(7, keyOf("holder").Key), appendClaims(&claims, nil)},
		{"redemption", RedemptionKey(NewCouponID(7, 3), 2), s.redemption.AppendTo(nil)},
		{"obligation", ObligationKey(2968, 7, shopA), owed.AppendTo(nil)},
		{"seen", SeenKey(SeenBucket(t0)), seen.AppendTo(nil)},
	}
}

// The sizes of rules 3.15.
func TestRowSizes(t *testing.T) {
	want := map[string][2]int{"params": {0, 14}, "member": {2, 11 + 32*3 + len("Issuer")}, "funding": {4, 16},
		"till": {32, 48 + len("Counter 2")}, "campaign": {4, 63}, "terms": {6, 202 + 4 + len("Twenty off") + 8},
		"batch": {6, 40}, "coupon HELD": {8, 66}, "coupon GIFTED": {8, 106}, "coupon REDEEMED": {8, 66},
		"holder count": {36, 2}, "redemption": {12, 102}, "obligation": {10, 12}, "seen": {8, 36}}
	var last []byte
	for _, r := range rowSamples() {
		if len(r.key)-1 != want[r.name][0] || len(r.value) != want[r.name][1] {
			t.Errorf("%s: key %d, value %d, want %v", r.name, len(r.key)-1, len(r.value), want[r.name])
		}
		if bytes.Compare(last, r.key) >= 0 {
			t.Errorf("%s does not follow %x", r.name, last)
		}
		last = r.key
	}
}

func TestVectors(t *testing.T) {
	got, err := json.MarshalIndent(makeVectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorsFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the bytes differ from %s; run with -rewrite and read the difference", vectorsFile)
	}
}
