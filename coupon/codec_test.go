package coupon

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"rsc.io/qr/coding"
)

// samples returns one valid transaction of each kind and mode, by name in a
// fixed order.
type sample struct {
	name string
	raw  []byte
}

func samples(c Chain) []sample {
	w := &world{chain: c, now: t0}
	till, holder, ticketKey := keyOf("till A"), keyOf("holder"), keyOf("ticket")
	shopAdmin := MemberSigner{shopA, keyOf("shop A")}
	expires := t0 + 60_000
	terms := w.terms()
	rich := w.terms(func(t *Terms) {
		t.Title, t.Funders, t.Shops = "優惠券", []Funder{{funder, 4000}, {issuer, 6000}}, []Shop{{shopA, 0}, {shopB, 7}}
		t.ProductHash, t.RelativeMs, t.GraceMs, t.HolderCap = [32]byte{9}, 60_000, 600_000, 5
		t.Transfer, t.MaxTransfers, t.ResaleBps = TransferTrade, 3, 9000
	})
	control := func(op Kind) []byte { return c.NewMemberTx(expires, &CampaignControl{op, 7}, w.issuers()[0]) }
	tk := Ticket{Campaign: 7, Batch: 1, Serial: 3, Expires: t0 + dayMs}
	claimKey := NewSigner(c.ClaimKeySeed([16]byte{5}, tk.Campaign, tk.Serial))
	tk.ClaimKey = claimKey.Key
	id := NewCouponID(7, 3)
	inv := Invoice{TillKey: till.Key, Campaign: 7, Currency: usd, Basis: 8000,
		BasketHash: BasketHash([16]byte{6}, []byte("basket")), Expires: expires}
	auth := Auth{Coupon: id, Seq: 2, Holder: holder.Key, Value: 2000, Expires: expires, InvoiceDigest: inv.Digest(c)}
	show := auth
	show.Mode, show.InvoiceDigest, show.Merchant = ModeShow, [32]byte{}, shopA
	add := &TillKeyAdd{Member: shopA, Store: 2, TillKey: till.Key, Rights: RightRedeem, Currency: usd, ValidFrom: t0,
		ValidUntil: t0 + yearMs, DayCap: 500_000, Label: "Counter 2"}
	return []sample{
		{"campaign_publish", c.NewMemberTx(expires, &CampaignPublish{terms}, w.issuers()...)},
		{"campaign_publish_lists", c.NewMemberTx(expires, &CampaignPublish{rich},
			append(w.issuers(), MemberSigner{funder, keyOf("funder")})...)},
		{"campaign_pause", control(KindCampaignPause)},
		{"campaign_resume", control(KindCampaignResume)},
		{"campaign_close", control(KindCampaignClose)},
		{"batch_commit", c.NewMemberTx(expires, &BatchCommit{7, 1, 100, ticketKey.Key}, w.issuers()[0])},
		{"till_key_add", c.NewTillKeyAdd(expires, add, till, shopAdmin)},
		{"till_key_revoke", c.NewMemberTx(expires, &TillKeyRevoke{shopA, till.Key}, shopAdmin)},
		{"claim", c.NewClaim(expires, tk, ticketKey.Key, c.SignTicket(tk, ticketKey), holder.Key, claimKey)},
		{"transfer", c.NewTransfer(expires, Transfer{id, 2, holder.Key, keyOf("friend").Key, t0 + dayMs}, holder)},
		{"redeem_invoice", c.NewRedeemInvoice(inv, c.SignInvoice(inv, till), auth, c.SignAuth(auth, holder))},
		{"redeem_show", c.NewRedeemShow(inv, till, show, c.SignAuth(show, holder))},
		{"void", c.NewVoid(expires, Void{id, 2, till.Key}, till)},
	}
}

// The sizes of rules 3.14.
func TestTransactionSizes(t *testing.T) {
	want := map[string]int{
		"campaign_publish":       216 + 4 + len("Twenty off") + 4 + 2*98,
		"campaign_publish_lists": 216 + 8 + 9 + 8 + 4 + 3*98,
		"campaign_pause":         120, "campaign_resume": 120, "campaign_close": 120,
		"batch_commit": 160, "till_key_add": 81 + len("Counter 2") + 4 + 98 + 64, "till_key_revoke": 150,
		"claim": 256, "transfer": 162, "redeem_invoice": 331, "redeem_show": 301, "void": 122,
	}
	for _, s := range samples(testChain()) {
		if len(s.raw) != want[s.name] {
			t.Errorf("%s has %d bytes, want %d", s.name, len(s.raw), want[s.name])
		}
	}
}

func TestEveryTransactionDecodesAndVerifies(t *testing.T) {
	c := testChain()
	for _, s := range samples(c) {
		tx, err := c.CheckTx(s.raw)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		if got := c.Body(tx.Expires, tx.Fields); !bytes.Equal(got, tx.Body()) || tx.ID != c.TxID(got) {
			t.Errorf("%s: fields encode as %x, body is %x", s.name, got, tx.Body())
		}
		for i, k := range tx.Signatures(c) {
			if !ed25519.Verify(k.Key[:], k.Message, k.Signature[:]) {
				t.Errorf("%s: signature %d does not verify", s.name, i)
			}
			if n := int(k.Message[0]); len(k.Message) != 1+n+64 || !bytes.HasPrefix(k.Message[1:], []byte("scrip/")) {
				t.Errorf("%s: signature %d is over an untagged message", s.name, i)
			}
		}
		fields, expires, err := c.CheckBody(tx.Body())
		if err != nil || expires != tx.Expires || fields.Kind() != tx.Kind {
			t.Errorf("%s: body alone: %v", s.name, err)
		}
	}
}

func code(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return OK
}

func TestStatelessChecksInOrder(t *testing.T) {
	c := testChain()
	for _, s := range samples(c) {
		for n := range len(s.raw) {
			if _, err := c.CheckTx(s.raw[:n]); code(err) != BadEncoding {
				t.Fatalf("%s cut to %d bytes: %v", s.name, n, err)
			}
		}
		if _, err := c.CheckTx(append(bytes.Clone(s.raw), 0)); code(err) != BadEncoding {
			t.Errorf("%s with a trailing byte: %v", s.name, err)
		}
		other := bytes.Clone(s.raw)
		other[2] ^= 1
		if _, err := c.CheckTx(other); code(err) != WrongChain {
			t.Errorf("%s of another chain: %v", s.name, err)
		}
		late := bytes.Clone(s.raw)
		binary.LittleEndian.PutUint64(late[6:], TimeMax+1)
		if _, err := c.CheckTx(late); code(err) != BadEncoding {
			t.Errorf("%s with an expiry after the year 9999: %v", s.name, err)
		}
	}
	if _, err := c.CheckTx(make([]byte, TxSizeMax+1)); code(err) != TooLarge {
		t.Errorf("an oversized transaction: %v", err)
	}
	if _, err := c.CheckTx(make([]byte, TxSizeMax)); code(err) != BadEncoding {
		t.Errorf("zeros: %v", err)
	}
	raw := samples(c)[2].raw
	for kind := range 256 {
		if kind >= 1 && kind <= 11 {
			continue
		}
		raw[1] = byte(kind)
		if _, err := c.CheckTx(raw); code(err) != BadEncoding {
			t.Errorf("kind %d: %v", kind, err)
		}
	}
}

func TestEveryKeyIsChecked(t *testing.T) {
	c := testChain()
	for _, s := range samples(c) {
		tx, err := c.CheckTx(s.raw)
		if err != nil {
			t.Fatal(err)
		}
		var keys [][32]byte
		spy := c
		spy.ValidKey = func(k [32]byte) bool { keys = append(keys, k); return true }
		if _, err := spy.CheckTx(s.raw); err != nil {
			t.Fatal(err)
		}
		want := map[Kind]int{KindBatchCommit: 1, KindTillKeyAdd: 1, KindTillKeyRevoke: 1, KindClaim: 3, KindTransfer: 2,
			KindRedeem: 2, KindVoid: 1}[tx.Kind] + len(tx.Members)
		if len(keys) != want {
			t.Errorf("%s: %d keys were checked, want %d", s.name, len(keys), want)
		}
		for _, bad := range keys {
			spy.ValidKey = func(k [32]byte) bool { return k != bad }
			if _, err := spy.CheckTx(s.raw); code(err) != BadSignature {
				t.Errorf("%s with the invalid key %x: %v", s.name, bad[:4], err)
			}
		}
	}
	if _, err := (Chain{Digest: c.Digest}).CheckTx(samples(c)[9].raw); code(err) != BadSignature {
		t.Errorf("without a rule for keys: %v", err)
	}
}

func TestTermsAreStrict(t *testing.T) {
	w := &world{now: t0}
	for name, change := range map[string]func(*Terms){
		"no funder":               func(t *Terms) { t.Funders = nil },
		"five funders":            func(t *Terms) { t.Funders = append(make([]Funder, 4), Funder{1, 10000}) },
		"shares below 10000":      func(t *Terms) { t.Funders = []Funder{{1, 9999}} },
		"share 0":                 func(t *Terms) { t.Funders = []Funder{{1, 10000}, {2, 0}} },
		"funder twice":            func(t *Terms) { t.Funders = []Funder{{1, 5000}, {1, 5000}} },
		"empty title":             func(t *Terms) { t.Title = "" },
		"long title":              func(t *Terms) { t.Title = strings.Repeat("x", 65) },
		"control character":       func(t *Terms) { t.Title = "a\nb" },
		"direction override":      func(t *Terms) { t.Title = "a\u202eb" },
		"no terms hash":           func(t *Terms) { t.TermsHash = [32]byte{} },
		"kind 6":                  func(t *Terms) { t.ValueKind = 6 },
		"face above the largest":  func(t *Terms) { t.Face = MoneyMax + 1 },
		"bps above 10000":         func(t *Terms) { t.Bps = 10001 },
		"uses 0":                  func(t *Terms) { t.Uses = 0 },
		"uses 1001":               func(t *Terms) { t.Uses = 1001 },
		"rounding 2":              func(t *Terms) { t.Rounding = 2 },
		"reimburse 2":             func(t *Terms) { t.Reimburse = 2 },
		"supply 0":                func(t *Terms) { t.MaxSupply = 0 },
		"supply above":            func(t *Terms) { t.MaxSupply = SupplyMax + 1 },
		"relative below a minute": func(t *Terms) { t.RelativeMs = 59_999 },
		"relative above":          func(t *Terms) { t.RelativeMs = RelativeMsMax + 1 },
		"grace above":             func(t *Terms) { t.GraceMs = GraceMsMax + 1 },
		"rollback above":          func(t *Terms) { t.RollbackMs = RollbackMsMax + 1 },
		"transfers without mode":  func(t *Terms) { t.MaxTransfers = 1 },
		"mode without transfers":  func(t *Terms) { t.Transfer = TransferGift },
		"transfer mode 3":         func(t *Terms) { t.Transfer, t.MaxTransfers = 3, 1 },
		"resale without trade":    func(t *Terms) { t.ResaleBps = 1 },
		"shops not ascending":     func(t *Terms) { t.Shops = []Shop{{3, 2}, {3, 1}} },
		"shop twice":              func(t *Terms) { t.Shops = []Shop{{3, 2}, {3, 2}} },
		"too many shops":          func(t *Terms) { t.Shops = make([]Shop, 257) },
	} {
		terms := w.terms(change)
		if _, err := DecodeTerms(terms.AppendTo(nil)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestFieldsAreStrict(t *testing.T) {
	c := testChain()
	edit := func(name string, off int, b ...byte) {
		t.Helper()
		for _, s := range samples(c) {
			if s.name != name {
				continue
			}
			raw := bytes.Clone(s.raw)
			copy(raw[off:], b)
			if _, err := c.CheckTx(raw); code(err) != BadEncoding {
				t.Errorf("%s with % x at %d: %v", name, b, off, err)
			}
		}
	}
	zero := make([]byte, 8)
	over := binary.LittleEndian.AppendUint64(nil, MoneyMax+1)
	edit("campaign_pause", 0, 2)              // version
	edit("campaign_pause", 18, 0)             // no member signature
	edit("campaign_pause", 18, 33)            // more than 32
	edit("batch_commit", 22, zero[:4]...)     // count 0
	edit("till_key_add", 16, zero[:2]...)     // store 0
	edit("till_key_add", 50, 0)               // rights 0
	edit("till_key_add", 50, 8)               // rights 8
	edit("till_key_add", 69, zero...)         // day cap 0
	edit("till_key_add", 77, 33)              // label over 32
	edit("claim", 20, zero[:4]...)            // serial 0
	edit("redeem_invoice", 14+38, over...)    // basis
	edit("redeem_invoice", 14+48, over...)    // unit
	edit("redeem_invoice", 14+96+44, zero...) // value 0
	edit("redeem_invoice", 14+96+44, over...) // value
	edit("redeem_invoice", 14+96+52, 0xff)    // not the envelope's expiry
	edit("redeem_invoice", 14+96+60, 1)       // mode SHOW with a digest
	edit("redeem_invoice", 14+96+60, 2)       // mode 2
	raw := samples(c)[0].raw                  // entries not ascending
	swapped := bytes.Clone(raw)
	copy(swapped[len(raw)-196:], raw[len(raw)-98:])
	copy(swapped[len(raw)-98:], raw[len(raw)-196:len(raw)-98])
	if _, err := c.CheckTx(swapped); code(err) != BadEncoding {
		t.Errorf("swapped member signatures: %v", err)
	}
	copy(swapped[len(raw)-196:], raw[len(raw)-98:])
	copy(swapped[len(raw)-98:], raw[len(raw)-98:])
	if _, err := c.CheckTx(swapped); code(err) != BadEncoding {
		t.Errorf("the same member signature twice: %v", err)
	}
}

// The examples of RFC 9285, sections 4.3 and 4.4.
func TestBase45(t *testing.T) {
	for text, want := range map[string]string{"BB8": "AB", "%69 VD92EX0": "Hello!!", "UJCLQE7W581": "base-45",
		"QED8WEX0": "ietf!", "": ""} {
		if got := EncodeBase45([]byte(want)); got != text {
			t.Errorf("%q encodes as %q, want %q", want, got, text)
		}
		if got, err := DecodeBase45(text); err != nil || string(got) != want {
			t.Errorf("%q decodes as %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"GGW", "A", "BB8A", "bb8", "::", "BB\x00", ":::", "Ü"} {
		if got, err := DecodeBase45(text); err == nil {
			t.Errorf("%q decodes as %x", text, got)
		}
	}
}

// payloads returns one payload of each type, by name in a fixed order.
func payloads(c Chain) (names []string, list []Payload) {
	till, holder := keyOf("till A"), keyOf("holder")
	inv := Invoice{TillKey: till.Key, Campaign: 7, Currency: usd, Basis: 8000, Expires: t0 + 60_000}
	auth := Auth{Coupon: NewCouponID(7, 3), Seq: 2, Holder: holder.Key, Value: 2000, Expires: t0 + 60_000,
		InvoiceDigest: inv.Digest(c)}
	show := auth
	show.Mode, show.InvoiceDigest = ModeShow, [32]byte{}
	tp := TicketPayload{Campaign: 7, Batch: 1, Serial: 3, Expires: t0 + dayMs, Seed: [16]byte{5}}
	tp.TicketSig = c.SignTicket(tp.Restore(tp.ClaimSigner(c).Key), keyOf("ticket"))
	return []string{"invoice", "auth_show", "auth_invoice", "ticket", "gift"}, []Payload{
		InvoicePayload(inv, c.SignInvoice(inv, till)),
		AuthPayload(show, c.SignAuth(show, holder)),
		AuthPayload(auth, c.SignAuth(auth, holder)),
		{Type: PayloadTicket, Ticket: tp},
		{Type: PayloadGift, Gift: GiftPayload{NewCouponID(7, 3), c.GiftSeed([]byte("wallet secret"), NewCouponID(7, 3), 2)}},
	}
}

// The table of payloads in rules 3.14: bytes, text, QR version.
func TestPayloads(t *testing.T) {
	c := testChain()
	sizes := [][3]int{{165, 253, 9}, {132, 203, 8}, {162, 248, 9}, {103, 138, 0}, {29, 39, 0}}
	names, list := payloads(c)
	for i, p := range list {
		b := c.EncodePayload(&p)
		back, err := c.DecodePayload(b)
		if err != nil || back != p {
			t.Errorf("%s decodes as %+v, %v", names[i], back, err)
		}
		text, parse := PayloadText(b), ParsePayloadText
		if p.Type.LinkPath() != "" {
			text, parse = LinkFragment(b), ParseLinkFragment
		}
		if got, err := parse(text); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: text %q gives %x, %v", names[i], text, got, err)
		}
		if len(b) != sizes[i][0] || len(text) != sizes[i][1] {
			t.Errorf("%s has %d bytes and %d characters, want %v", names[i], len(b), len(text), sizes[i])
		}
		if v := sizes[i][2]; v > 0 && qrVersion(t, text) != v {
			t.Errorf("%s needs version %d, want %d", names[i], qrVersion(t, text), v)
		}
		if k, ok := p.SigCheck(c); ok && !ed25519.Verify(k.Key[:], k.Message, k.Signature[:]) {
			t.Errorf("%s: the signature does not verify", names[i])
		}
		for n := range len(b) {
			if _, err := c.DecodePayload(b[:n]); code(err) != BadEncoding {
				t.Errorf("%s cut to %d bytes: %v", names[i], n, err)
			}
		}
		b[1] ^= 1
		if _, err := c.DecodePayload(b); code(err) != WrongChain {
			t.Errorf("%s of another chain: %v", names[i], err)
		}
	}
	k := list[3].Ticket.SigCheck(c, keyOf("ticket").Key)
	if !ed25519.Verify(k.Key[:], k.Message, k.Signature[:]) {
		t.Error("ticket: the signature does not verify")
	}
}

// qrVersion returns the smallest version that holds an alphanumeric text at
// error correction M.
func qrVersion(t *testing.T, text string) int {
	t.Helper()
	e := coding.Alpha(text)
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	for v := coding.Version(1); v <= coding.MaxVersion; v++ {
		if e.Bits(v) <= v.DataBytes(coding.M)*8 {
			return int(v)
		}
	}
	return 0
}

func TestPayloadTextsAreStrict(t *testing.T) {
	for _, s := range []string{"", "SCRP", "scrp:BB8", "SCRP:bb8", "SCRP:A", "SCRP:" + strings.Repeat("0", 600)} {
		if _, err := ParsePayloadText(s); code(err) != BadEncoding {
			t.Errorf("text %q: %v", s, err)
		}
	}
	for _, s := range []string{"AA==", "A", "AB", "AA\nAA", "A+AA", strings.Repeat("A", 600)} {
		if b, err := ParseLinkFragment(s); code(err) != BadEncoding {
			t.Errorf("fragment %q gives %x, %v", s, b, err)
		}
	}
}

// linkVectors are what stands around links as people hand them on; the TypeScript SDK
// reads them too.
type linkVectors struct {
	Around  [][2]string `json:"around"`
	Refused []string    `json:"refused"`
}

func TestWhatStandsAroundALinkDoesNotDamageIt(t *testing.T) {
	var v linkVectors
	readVectors(t, "testdata/links.json", &v)
	c := testChain()
	_, list := payloads(c)
	for _, p := range list[3:] { // the ticket and the gift
		want := c.EncodePayload(&p)
		fragment := LinkFragment(want)
		for _, around := range v.Around {
			text := around[0] + fragment + around[1]
			if got, err := ParseLink(text); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%q gives %x, %v", text, got, err)
			}
		}
		for _, tail := range v.Refused {
			got, err := ParseLink("https://coupons.example/c#" + fragment + tail)
			if err == nil {
				_, err = c.DecodePayload(got)
			}
			if code(err) != BadEncoding {
				t.Errorf("a payload with %q: %v", tail, err)
			}
		}
		if got, err := ParseLink("https://coupons.example/c#" + fragment[:len(fragment)-1] + "."); bytes.Equal(got, want) {
			t.Errorf("a payload cut short is read, %v", err)
		}
	}
	if _, err := ParseLink(strings.Repeat("x", linkTextMax) + "#AAAA"); code(err) != BadEncoding {
		t.Errorf("a text without end: %v", err)
	}
}

// readVectors reads a file of testdata.
func readVectors(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDerivationsDependOnEveryInput(t *testing.T) {
	c, other := testChain(), Chain{Digest: ChainDigest("another", nil)}
	id := NewCouponID(1, 2)
	seen := map[[32]byte]string{}
	add := func(name string, seed [32]byte) {
		if before, ok := seen[seed]; ok {
			t.Errorf("%s equals %s", name, before)
		}
		seen[seed] = name
	}
	gift := func(s [16]byte) (a [32]byte) { copy(a[:], s[:]); return a }
	add("claim key", c.ClaimKeySeed([16]byte{1}, 1, 2))
	add("claim key, other seed", c.ClaimKeySeed([16]byte{2}, 1, 2))
	add("claim key, other campaign", c.ClaimKeySeed([16]byte{1}, 2, 2))
	add("claim key, other serial", c.ClaimKeySeed([16]byte{1}, 1, 3))
	add("claim key, other chain", other.ClaimKeySeed([16]byte{1}, 1, 2))
	add("gift key", c.GiftKeySeed([16]byte{1}, id))
	add("gift key, other coupon", c.GiftKeySeed([16]byte{1}, id+1))
	add("gift seed", gift(c.GiftSeed([]byte("secret"), id, 0)))
	add("gift seed, other seq", gift(c.GiftSeed([]byte("secret"), id, 1)))
	add("gift seed, other coupon", gift(c.GiftSeed([]byte("secret"), id+1, 0)))
	add("gift seed, other wallet", gift(c.GiftSeed([]byte("other"), id, 0)))
}

func TestCodesAreCompleteAndOrdered(t *testing.T) {
	list := Codes()
	for i, c := range list {
		if i > 0 && list[i-1].Code >= c.Code {
			t.Errorf("%s after %s", c.Code, list[i-1].Code)
		}
		for _, back := range []string{c.Name, c.Code.String(), c.Code.String()[1:]} {
			if got, ok := ParseCode(back); !ok || got != c.Code {
				t.Errorf("%q is %s", back, got)
			}
		}
		if c.Name == "" || c.Word == "" || !strings.HasSuffix(c.Explanation, ".") || !strings.HasSuffix(c.Advice, ".") {
			t.Errorf("%s is described as %+v", c.Code, c)
		}
	}
	if len(list) != 10+5+9+10+20+9+3 {
		t.Errorf("%d codes", len(list))
	}
	if NotFound.String() != "E301" || NotFound.Name() != "NOT_FOUND" || NotFound.Word() != "unknown_code" {
		t.Errorf("%s %s %s", NotFound, NotFound.Name(), NotFound.Word())
	}
	if _, ok := ParseCode("E408"); ok {
		t.Error("the retired E408 is known")
	}
	if OK.Explain() != "" || Code(1).Explain() != "" || Expired.Explain() == "" {
		t.Error("explanations")
	}
}

func TestGenesisIsValidated(t *testing.T) {
	for want, change := range map[string]func(*Genesis){
		"cycle":                  func(g *Genesis) { g.CycleMs = CycleMsMin - 1 },
		"life of":                func(g *Genesis) { g.LifeMs = 0 },
		"member life":            func(g *Genesis) { g.MemberLifeMs = g.LifeMs - 1 },
		"0 currencies":           func(g *Genesis) { g.Currencies = nil },
		"number 0":               func(g *Genesis) { g.Currencies[0].Number = 0 },
		"capital letters":        func(g *Genesis) { g.Currencies[0].Letters = "usd" },
		"exponent 5":             func(g *Genesis) { g.Currencies[0].Exponent = 5 },
		"(840) is listed twice":  func(g *Genesis) { g.Currencies[1].Number = usd },
		"0 members":              func(g *Genesis) { g.Members = nil },
		"name \"\"":              func(g *Genesis) { g.Members[1].Name = "" },
		"roles 32":               func(g *Genesis) { g.Members[1].Roles = 32 },
		"0 admin keys":           func(g *Genesis) { g.Members[1].Keys = nil },
		"threshold 4 of 3":       func(g *Genesis) { g.Members[0].Threshold = 4 },
		"threshold 0":            func(g *Genesis) { g.Members[0].Threshold = 0 },
		"is not valid":           func(g *Genesis) { g.Members[1].Keys[0] = [32]byte{} },
		"is listed twice":        func(g *Genesis) { g.Members[0].Keys[1] = g.Members[0].Keys[0] },
		"funding 1: no member 9": func(g *Genesis) { g.Funding[0].Member = 9 },
		"currency 1 is not":      func(g *Genesis) { g.Funding[0].Currency = 1 },
		"limit":                  func(g *Genesis) { g.Funding[0].Limit = MoneyMax + 1 },
		"has a limit":            func(g *Genesis) { g.Funding[1] = g.Funding[0] },
		"till 1: no member 0":    func(g *Genesis) { g.Tills[0].Member = 0 },
		"not a merchant":         func(g *Genesis) { g.Tills[0].Member = issuer },
		"till 1: key":            func(g *Genesis) { g.Tills[0].Key = [32]byte{} },
		"till 2: key":            func(g *Genesis) { g.Tills[1].Key = g.Tills[0].Key },
		"store 0":                func(g *Genesis) { g.Tills[0].Store = 0 },
		"rights 8":               func(g *Genesis) { g.Tills[0].Rights = 8 },
		"till 1: currency 1":     func(g *Genesis) { g.Tills[0].Currency = 1 },
		"window":                 func(g *Genesis) { g.Tills[0].ValidFrom = g.Tills[0].ValidUntil },
		"day cap 0":              func(g *Genesis) { g.Tills[0].DayCap = 0 },
		"label":                  func(g *Genesis) { g.Tills[0].Label = "\x00" },
	} {
		g := testGenesis()
		change(&g)
		if _, err := NewMachine(testChain(), g); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The names of roles and rights stand in the order of their bits.
func TestRolesAndRightsHaveNames(t *testing.T) {
	for _, x := range []struct {
		all   uint8
		names []string
		one   string
		bit   uint8
	}{{allRoles, RoleNames(), "mall", RoleMall}, {RightRedeem | RightVoidOwn | RightVoidAny, RightNames(), "void_any",
		RightVoidAny}} {
		for set := range x.all + 1 {
			if got, unknown := ParseBits(BitNames(set, x.names), x.names); got != set || unknown != "" {
				t.Errorf("%b is read as %b, unknown %q", set, got, unknown)
			}
		}
		if set, _ := ParseBits([]string{x.one}, x.names); set != x.bit {
			t.Errorf("%s is %b, want %b", x.one, set, x.bit)
		}
		if set, unknown := ParseBits([]string{x.one, "king"}, x.names); set != 0 || unknown != "king" {
			t.Errorf("a name that is none: %b, %q", set, unknown)
		}
	}
}
