package actions_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/actions/purse"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// stage is a running chain with one campaign and who acts on it.
type stage struct {
	x      *apitest.Network
	holder actions.Holder
	till   actions.Till
	issuer actions.Issuer
	ticket coupon.Signer
	number uint32
	batch  uint16
}

func setUp(t *testing.T) (context.Context, *stage) {
	t.Helper()
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	key := apitest.Signer(x.Dev.Tills[0])
	c, err := client.New(x.Dev.Genesis.Raw, x.URLs())
	if err != nil {
		t.Fatal(err)
	}
	at, err := client.New(x.Dev.Genesis.Raw, x.URLs(), client.WithTill(key))
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{x: x, holder: actions.Holder{Client: c}, till: actions.Till{Client: at, Key: key},
		issuer: actions.Issuer{Client: c, Signers: []coupon.MemberSigner{{Member: 1,
			Signer: apitest.Signer(x.Dev.Admins[0])}}}, ticket: apitest.Holder(99)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	if s.number, _, err = s.issuer.Publish(ctx, fiveOff(apitest.Now())); err != nil {
		t.Fatal(err)
	}
	if s.batch, _, _, err = s.issuer.Release(ctx, s.number, 50, s.ticket.Key); err != nil {
		t.Fatal(err)
	}
	return ctx, s
}

func (s *stage) ticketOf(serial uint32) coupon.TicketPayload {
	return actions.SignedTicket(s.holder.Client.Chain(), coupon.TicketPayload{Campaign: s.number, Batch: s.batch,
		Serial: serial, Expires: apitest.Now() + 3_600_000}, s.ticket)
}

// claim gives a holder the coupon of a serial.
func (s *stage) claim(ctx context.Context, t *testing.T, serial uint32, owner coupon.Signer) actions.Held {
	t.Helper()
	r, err := s.holder.Claim(ctx, s.ticketOf(serial), owner.Key)
	if err != nil {
		t.Fatal(err)
	}
	return actions.Held{Coupon: r.Outcome.Coupon}
}

func bill() actions.Bill {
	return actions.Bill{Currency: 978, Basis: 2000, BasketHash: actions.BasketHash(nil)}
}

// broken wants an error of a rule, before anything was handed in.
func broken(t *testing.T, what string, err error, code coupon.Code) {
	t.Helper()
	var rule *actions.RuleError
	if !errors.As(err, &rule) || rule.Code != code || err.Error() == code.String()+": " {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// A coupon is given as a gift, taken back, given again, accepted, shown, and its
// redemption undone: each in one call.
func TestTheLifeOfACouponInCalls(t *testing.T) {
	ctx, s := setUp(t)
	bo, cy := apitest.Holder(1), apitest.Holder(2)
	held := s.claim(ctx, t, 1, bo)
	chain, secret := s.holder.Client.Chain(), []byte("the secret of a wallet, 32 bytes")
	next := func(r *client.Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		held.Seq++
	}
	until := apitest.Now() + 3_600_000
	next(s.holder.OfferGift(ctx, held, bo, actions.GiftOf(chain, held, secret), until))
	next(s.holder.Refresh(ctx, held, bo))
	gift := actions.GiftOf(chain, held, secret)
	next(s.holder.OfferGift(ctx, held, bo, gift, until))
	next(s.holder.AcceptGift(ctx, gift, cy.Key))
	r, err := s.till.RedeemShown(ctx, bill(), s.holder.ShowCode(held, cy, 500, 0))
	next(r, err)
	if r.Outcome.Value != 500 {
		t.Errorf("%d cents were taken", r.Outcome.Value)
	}
	tx, err := s.till.Client.CheckTx(mustRedemption(t, ctx, s, r))
	if err != nil {
		t.Fatal(err)
	}
	if basis := tx.Fields.(*coupon.Redeem).Invoice.Basis; basis != 500 {
		t.Errorf("a bill of 2000 is stated as %d, 500 give the same value", basis)
	}
	manager := actions.Till{Client: s.till.Client, Key: apitest.Signer(s.x.Dev.Tills[1])}
	last, stands, err := manager.LastRedemption(ctx, held.Coupon)
	if err != nil || last != held.Seq-1 || stands.Value != 500 {
		t.Errorf("the last redemption is %d: %+v, %v", last, stands, err)
	}
	next(manager.VoidRedemption(ctx, actions.Held{Coupon: held.Coupon, Seq: last}))
	if _, _, err := manager.LastRedemption(ctx, held.Coupon); !errors.Is(err, actions.ErrNoRedemption) {
		t.Errorf("a redemption that was undone stands: %v", err)
	}
	next(s.holder.Transfer(ctx, held, cy, bo.Key))
	x, err := s.holder.Client.Coupon(ctx, held.Coupon)
	if err != nil || x.Owner != bo.Key || x.Seq != held.Seq || x.UsesLeft != 1 {
		t.Errorf("%+v, %v", x, err)
	}
}

// Of a wallet's coupons those fit an invoice that it owns and that are worth something in
// this shop.
func TestTheCouponsThatFitAnInvoice(t *testing.T) {
	ctx, s := setUp(t)
	words, err := keys.NewMnemonic(24)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	folder := purse.Folder{Phrases: filepath.Join(home, "keys"), Wallets: filepath.Join(home, "wallets")}
	if err := purse.CreateUnencrypted(folder, "bo", words); err != nil {
		t.Fatal(err)
	}
	p, err := purse.Open(folder, "bo", s.holder.Client.Chain(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	for serial := uint32(1); serial <= 3; serial++ {
		key, err := p.Expect(coupon.NewCouponID(s.number, serial), false)
		if err != nil {
			t.Fatal(err)
		}
		held := s.claim(ctx, t, serial, apitest.Signer(key))
		if serial == 2 { // given away
			if _, err := s.holder.Transfer(ctx, held, apitest.Signer(key), apitest.Holder(2).Key); err != nil {
				t.Fatal(err)
			}
		}
	}
	one, three := coupon.NewCouponID(s.number, 1), coupon.NewCouponID(s.number, 3)
	at := coupon.Till{Member: 2, Store: 1}
	for name, x := range map[string]struct {
		invoice coupon.Invoice
		want    []coupon.CouponID
	}{
		"any":              {coupon.Invoice{Currency: 978, Basis: 800}, []coupon.CouponID{one, three}},
		"this campaign's":  {coupon.Invoice{Currency: 978, Basis: 800, Campaign: s.number}, []coupon.CouponID{one, three}},
		"another's":        {coupon.Invoice{Currency: 978, Basis: 800, Campaign: s.number + 1}, nil},
		"of no value":      {coupon.Invoice{Currency: 978}, nil},
		"another currency": {coupon.Invoice{Currency: 392, Basis: 800}, nil},
	} {
		got, err := s.holder.Fitting(ctx, p, &x.invoice, &at)
		if err != nil || !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, x.want)
		}
	}
	x, err := s.holder.Client.Coupon(ctx, one)
	if err != nil {
		t.Fatal(err)
	}
	x.Campaign.Terms.Shops = []coupon.Shop{{Member: 2, Store: 2}}
	if actions.Fits(x, &coupon.Invoice{Currency: 978, Basis: 800}, &at) {
		t.Error("a coupon fits in a shop where it is not good")
	}
}

// mustRedemption reads the redemption of a receipt from its block.
func mustRedemption(t *testing.T, ctx context.Context, s *stage, r *client.Receipt) []byte {
	t.Helper()
	b, err := s.till.Client.Block(ctx, r.Height)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range b.Txs {
		if tx, err := s.till.Client.CheckTx(raw); err == nil && tx.ID == r.Outcome.ID {
			return raw
		}
	}
	t.Fatal("the block does not hold the redemption")
	return nil
}

// What would break a rule is neither signed nor handed in.
func TestWhatBreaksARuleIsNotHandedIn(t *testing.T) {
	ctx, s := setUp(t)
	bo := apitest.Holder(1)
	held := s.claim(ctx, t, 1, bo)

	unsigned := actions.Issuer{Client: s.issuer.Client}
	_, _, err := unsigned.Publish(ctx, fiveOff(apitest.Now()))
	broken(t, "a campaign that its issuer has not signed", err, coupon.Quorum)

	forged := s.ticketOf(2)
	forged.TicketSig[0] ^= 1
	_, err = s.holder.Claim(ctx, forged, bo.Key)
	broken(t, "a forged ticket", err, coupon.NotFound)

	invoice := s.till.MakeInvoice(bill())
	cheaper := invoice
	cheaper.Invoice.Basis--
	_, err = s.holder.AuthorizeInvoice(held, bo, cheaper, 500)
	broken(t, "an invoice that was changed", err, coupon.BadSignature)

	late := actions.SignedInvoice(s.holder.Client.Chain(), s.till.Key, bill(),
		actions.AuthLimit(s.holder.Client.Verifier)+60_000)
	_, err = s.holder.AuthorizeInvoice(held, bo, late, 500)
	broken(t, "an invoice that lives too long", err, coupon.LifeTooLong)

	over := actions.SignedInvoice(s.holder.Client.Chain(), s.till.Key, bill(), apitest.Now()-1)
	_, err = s.holder.AuthorizeInvoice(held, bo, over, 500)
	broken(t, "an invoice that has expired", err, coupon.InvoiceExpired)
	_, err = s.holder.CheckInvoice(ctx, over)
	broken(t, "the same", err, coupon.InvoiceExpired)
	stranger := actions.Till{Client: s.till.Client, Key: apitest.Holder(5)}
	if _, err = s.holder.CheckInvoice(ctx, stranger.MakeInvoice(bill())); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("an invoice of no till: %v", err)
	}
	if at, err := s.holder.CheckInvoice(ctx, invoice); err != nil || at.Key != s.till.Key.Key {
		t.Errorf("the invoice of a till: %+v, %v", at, err)
	}

	auth, err := s.holder.AuthorizeInvoice(held, bo, invoice, 500)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.till.RedeemInvoice(ctx, s.till.MakeInvoice(bill()), auth)
	broken(t, "the answer to another invoice", err, coupon.InvoiceFacts)
	_, err = s.till.RedeemShown(ctx, bill(), auth)
	broken(t, "an answer to an invoice as a shown code", err, coupon.InvoiceFacts)
	_, err = s.till.RedeemInvoice(ctx, invoice, s.holder.ShowCode(held, bo, 500, 0))
	broken(t, "a shown code as an answer to an invoice", err, coupon.InvoiceFacts)
	more := auth
	more.Auth.Value++
	_, err = s.till.RedeemInvoice(ctx, invoice, more)
	broken(t, "an authorisation that was changed", err, coupon.BadSignature)
	code := s.holder.ShowCode(held, bo, 500, 0)
	code.Auth.Merchant = 2
	_, err = s.till.RedeemShown(ctx, bill(), code)
	broken(t, "a code that was changed", err, coupon.BadSignature)

	if _, err := s.till.RedeemInvoice(ctx, invoice, auth); err != nil {
		t.Errorf("the true one: %v", err)
	}
}

// The values that wallets and tills show are those of the rules, for each kind.
func TestTheValueOfACouponIsThatOfTheRules(t *testing.T) {
	for _, x := range []struct {
		name       string
		terms      coupon.Terms
		left       uint64
		invoice    coupon.Invoice
		value, may uint64
	}{
		{"amount", coupon.Terms{ValueKind: coupon.Amount, Face: 500, ShowMax: 400}, 0, coupon.Invoice{Basis: 300}, 300, 400},
		{"below the least bill", coupon.Terms{ValueKind: coupon.Amount, Face: 500, MinSpend: 301, ShowMax: 900}, 0,
			coupon.Invoice{Basis: 300}, 0, 500},
		{"percent", coupon.Terms{ValueKind: coupon.Percent, Bps: 1500, Ceiling: 200, ShowMax: 500}, 0,
			coupon.Invoice{Basis: 1000}, 150, 200},
		{"item", coupon.Terms{ValueKind: coupon.FreeItem, Face: 450, ShowMax: 450}, 0,
			coupon.Invoice{Basis: 380, Qty: 1, Unit: 380}, 380, 450},
		{"stored", coupon.Terms{ValueKind: coupon.Stored, Face: 5000, ShowMax: 5000}, 700, coupon.Invoice{Basis: 900}, 700,
			700},
		{"not shown", coupon.Terms{ValueKind: coupon.Amount, Face: 500}, 0, coupon.Invoice{Basis: 900}, 500, 0},
	} {
		if got := actions.ValueOn(&x.terms, x.left, &x.invoice); got != x.value {
			t.Errorf("%s: %d on the bill, want %d", x.name, got, x.value)
		}
		if got := actions.ShowValue(&x.terms, x.left); got != x.may {
			t.Errorf("%s: %d may be shown, want %d", x.name, got, x.may)
		}
	}
	one := coupon.Terms{Shops: []coupon.Shop{{Member: 3, Store: 1}, {Member: 3, Store: 4}}}
	two := coupon.Terms{Shops: []coupon.Shop{{Member: 2}, {Member: 3}}}
	if m := actions.OnlyMerchant(&one); m != 3 {
		t.Errorf("the only merchant is %d", m)
	}
	if a, b := actions.OnlyMerchant(&two), actions.OnlyMerchant(&coupon.Terms{}); a != 0 || b != 0 {
		t.Errorf("the only merchant of several is %d, of all %d", a, b)
	}
}

// exports of actions.ts that Go has no need of.
var onlyTypeScript = map[string]string{
	"receiptOf":   "an outcome in Go has the fields of every kind",
	"showRenewMs": "of a page that draws the code anew",
}

// Both SDKs have the same actions under the same names.
func TestTheNamesAreThoseOfTheTypeScriptSDK(t *testing.T) {
	source, err := os.ReadFile("../sdk/typescript/src/actions.ts")
	if err != nil {
		t.Fatal(err)
	}
	have := exported(t)
	names := regexp.MustCompile(`(?m)^export (?:async )?(?:function|const|class) (\w+)`).FindAllSubmatch(source, -1)
	if len(names) < 10 {
		t.Fatalf("only %d exports were found in actions.ts", len(names))
	}
	for _, m := range names {
		name := string(m[1])
		_, excused := onlyTypeScript[name]
		if in := have[strings.ToUpper(name[:1])+name[1:]]; in == excused {
			t.Errorf("actions.ts has %s: in Go %v, excused %v", name, in, excused)
		}
		delete(onlyTypeScript, name)
	}
	if len(onlyTypeScript) > 0 {
		t.Errorf("excused, and not in actions.ts: %v", onlyTypeScript)
	}
}

// exported returns the exported functions, methods and constants of the package.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch d := n.(type) {
			case *ast.FuncDecl:
				have[d.Name.Name] = true
				return false
			case *ast.ValueSpec:
				have[d.Names[0].Name] = true
			}
			return true
		})
	}
	return have
}

// The lines that the README and the package's comment show are those of the example,
// which is compiled and run.
func TestTheExampleIsShown(t *testing.T) {
	text := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	_, rest, _ := strings.Cut(text("../README.md"), "```go\n")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok || shown == "" || !strings.Contains(words(text("example_test.go")), words(shown)) {
		t.Errorf("example_test.go does not hold the README's lines:\n%s", shown)
	}
	if doc := strings.ReplaceAll(text("doc.go"), "//", ""); !strings.Contains(words(doc), words(shown)) {
		t.Error("doc.go does not show them")
	}
}
