// Package offer turns what a marketer writes about a campaign into its terms: a
// TOML file with money, dates and shares as people write them, checked field by
// field, and the most that the campaign can cost. A field that is not known is an
// error with the nearest name, and so is a field that the campaign's kind does not
// use, since a rule that silently does nothing is a rule that somebody counts on.
package offer

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/label"
	"github.com/scrip-network/scrip/internal/spelling"
	"github.com/scrip-network/scrip/internal/textfile"
	"github.com/scrip-network/scrip/internal/units"
)

// FileBytesMax bounds an offer file and the documents that it names.
const FileBytesMax = 4 << 20

// Offer is a campaign as it is written. Fields left empty have the default that
// their comment states.
type Offer struct {
	Title  string `toml:"title"`
	Issuer uint16 `toml:"issuer"` // member
	// Funders are payers, "member: share", such as "2: 60%"; default the issuer.
	Funders  []string `toml:"funders"`
	Currency string   `toml:"currency"` // default the chain's only one
	Kind     string   `toml:"kind"`     // amount, percent, free_item or stored

	Face     string `toml:"face"`      // value of an amount, most for an item, or first stored value
	Percent  string `toml:"percent"`   // of a percent coupon
	Ceiling  string `toml:"ceiling"`   // the most that a percent coupon gives
	RoundUp  bool   `toml:"round_up"`  // round half minor units up instead of down
	MinSpend string `toml:"min_spend"` // default 0
	Uses     uint16 `toml:"uses"`      // default 1

	Reimburse      string `toml:"reimburse"`       // used or face; default used
	ReimburseShare string `toml:"reimburse_share"` // default 100%
	Fee            string `toml:"fee"`             // handling fee per use; default 0
	ShowMax        string `toml:"show_max"`        // the most that a shown code may take; default 0 = never

	Supply uint32 `toml:"supply"`
	Budget string `toml:"budget"` // default supply times the worst case of one coupon

	ClaimFrom   string `toml:"claim_from"`   // default now
	ClaimUntil  string `toml:"claim_until"`  // default the end of redemption
	RedeemFrom  string `toml:"redeem_from"`  // default as claim_from
	RedeemUntil string `toml:"redeem_until"` //
	Life        string `toml:"life"`         // of a coupon from its claim; default until redeem_until
	Grace       string `toml:"grace"`        // default 0
	Rollback    string `toml:"rollback"`     // how long a redemption can be undone; default 72h

	HolderCap    uint16 `toml:"holder_cap"`    // claims per key; default 0 = no limit
	Transfer     string `toml:"transfer"`      // none, gift or trade; default gift
	MaxTransfers string `toml:"max_transfers"` // a number or unlimited; default unlimited
	ResaleMax    string `toml:"resale_max"`    // of a trade coupon: share of the value; default 100%

	// Shops are "member/store", or "member" for all of its stores; default every
	// merchant.
	Shops []string `toml:"shops"`
	// Terms is the public text, or TermsFile its file; one of them is required.
	Terms     string `toml:"terms"`
	TermsFile string `toml:"terms_file"`
	// ProductsFile lists the goods; default all goods.
	ProductsFile string `toml:"products_file"`
}

// Load reads an offer file. Paths in it are relative to its folder.
func Load(path string) (*Offer, error) {
	raw, err := textfile.Read(path, FileBytesMax)
	if err != nil {
		return nil, err
	}
	o, err := Parse(string(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, p := range []*string{&o.TermsFile, &o.ProductsFile} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(path), *p)
		}
	}
	return o, nil
}

// Parse reads the text of an offer file.
func Parse(text string) (*Offer, error) {
	o := &Offer{}
	meta, err := toml.Decode(text, o)
	var p toml.ParseError
	if errors.As(err, &p) {
		return nil, fmt.Errorf("line %d: %s", p.Position.Line, p.Message)
	}
	if err != nil {
		return nil, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		wrong, hint := unknown[0].String(), ""
		if near := spelling.Nearest(wrong, fields()); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return nil, fmt.Errorf("there is no field %q%s", wrong, hint)
	}
	return o, nil
}

// fields are the names of all fields.
func fields() []string {
	return []string{"title", "issuer", "funders", "currency", "kind", "face", "percent", "ceiling", "round_up",
		"min_spend",
		"uses", "reimburse", "reimburse_share", "fee", "show_max", "supply", "budget", "claim_from", "claim_until",
		"redeem_from", "redeem_until", "life", "grace", "rollback", "holder_cap", "transfer", "max_transfers",
		"resale_max", "shops", "terms", "terms_file", "products_file"}
}

// builder collects the faults of an offer, so that all are told at once.
type builder struct {
	o        *Offer
	file     *genesis.File
	currency coupon.Currency
	now      time.Time
	zone     *time.Location
	faults   []string
}

func (b *builder) fault(field, format string, args ...any) {
	b.faults = append(b.faults, field+": "+fmt.Sprintf(format, args...))
}

func (b *builder) money(field, text string) uint64 {
	if text == "" || b.currency.Letters == "" { // a currency that is not known is a fault of its own
		return 0
	}
	v, err := units.ParseMoney(text, b.currency)
	if err != nil {
		b.fault(field, "%v", err)
	}
	return v
}

func (b *builder) share(field, text string, empty uint16) uint16 {
	if text == "" {
		return empty
	}
	v, err := units.ParseShare(text)
	if err != nil {
		b.fault(field, "%v", err)
	}
	return v
}

func (b *builder) span(field, text string, empty uint64) uint64 {
	if text == "" {
		return empty
	}
	v, err := units.ParseSpan(text)
	if err != nil {
		b.fault(field, "%v", err)
	}
	return v
}

func (b *builder) instant(field, text string, empty uint64) uint64 {
	return b.time(units.ParseInstant, field, text, empty)
}

// end is an instant that is not in the window; a bare date includes its day.
func (b *builder) end(field, text string, empty uint64) uint64 {
	return b.time(units.ParseEnd, field, text, empty)
}

func (b *builder) time(parse func(string, time.Time, *time.Location) (uint64, error), field, text string,
	empty uint64) uint64 {
	if text == "" {
		return empty
	}
	v, err := parse(text, b.now, b.zone)
	if err != nil {
		b.fault(field, "%v", err)
	}
	return v
}

// Faults is an error that lists everything that is wrong with an offer.
type Faults []string

// Error implements error.
func (f Faults) Error() string { return strings.Join(f, "; ") }

// Build returns the terms of an offer for a chain. Dates without a zone are in
// zone. The error is a Faults, or one of reading a document.
func (o *Offer) Build(file *genesis.File, now time.Time, zone *time.Location) (coupon.Terms, error) {
	b := &builder{o: o, file: file, now: now, zone: zone}
	b.currency = b.findCurrency()
	t := coupon.Terms{Issuer: o.Issuer, Currency: b.currency.Number, Uses: max(1, o.Uses),
		MaxSupply: o.Supply, HolderCap: o.HolderCap}
	b.parties(&t)
	b.value(&t)
	b.windows(&t)
	b.passing(&t)
	if err := b.documents(&t); err != nil {
		return t, err
	}
	if o.Supply == 0 {
		b.fault("supply", "say how many coupons there can be at most")
	}
	if len(b.faults) > 0 {
		return t, Faults(b.faults)
	}
	b.budget(&t)
	if err := t.Check(); err != nil && len(b.faults) == 0 {
		b.fault("terms", "%v", err)
	}
	if len(b.faults) > 0 {
		return t, Faults(b.faults)
	}
	return t, nil
}

func (b *builder) findCurrency() coupon.Currency {
	c, err := b.file.CurrencyNamed(b.o.Currency)
	if err != nil {
		b.fault("currency", "%v", err)
	}
	return c
}

// parties fills in issuer, funders and shops.
func (b *builder) parties(t *coupon.Terms) {
	var err error
	if t.Title, _, err = label.Read(b.o.Title, coupon.TitleSizeMax); err != nil {
		b.fault("title", "%v", err)
	} else if t.Title == "" {
		b.fault("title", "say what people will read")
	}
	if b.o.Issuer == 0 || int(b.o.Issuer) > len(b.file.Ledger.Members) {
		b.fault("issuer", "wanted the number of a member, 1 to %d", len(b.file.Ledger.Members))
	}
	t.Funders = []coupon.Funder{{Member: b.o.Issuer, ShareBps: coupon.BpsMax}}
	if len(b.o.Funders) > 0 {
		t.Funders = nil
	}
	sum := 0
	for _, s := range b.o.Funders {
		member, share, ok := strings.Cut(s, ":")
		n, err := strconv.ParseUint(strings.TrimSpace(member), 10, 16)
		if !ok || err != nil || n == 0 {
			b.fault("funders", "%q is not \"member: share\", such as \"2: 60%%\"", s)
			continue
		}
		f := coupon.Funder{Member: uint16(n), ShareBps: b.share("funders", share, 0)}
		t.Funders = append(t.Funders, f)
		sum += int(f.ShareBps)
	}
	if len(b.o.Funders) > 0 && sum != int(coupon.BpsMax) {
		b.fault("funders", "the shares are %s together, not 100%%", units.Share(uint16(min(sum, 65535))))
	}
	b.shops(t)
}

func (b *builder) shops(t *coupon.Terms) {
	for _, s := range b.o.Shops {
		member, store, hasStore := strings.Cut(s, "/")
		m, err := strconv.ParseUint(strings.TrimSpace(member), 10, 16)
		n := uint64(0)
		if err == nil && hasStore {
			n, err = strconv.ParseUint(strings.TrimSpace(store), 10, 16)
		}
		if err != nil || m == 0 || hasStore && n == 0 {
			b.fault("shops", "%q is no shop: wanted \"member/store\", or \"member\" for all its stores", s)
			continue
		}
		if int(m) > len(b.file.Ledger.Members) || b.file.Ledger.Members[m-1].Roles&coupon.RoleMerchant == 0 {
			b.fault("shops", "member %d is no merchant of this chain", m)
			continue
		}
		t.Shops = append(t.Shops, coupon.Shop{Member: uint16(m), Store: uint16(n)})
	}
	slices.SortFunc(t.Shops, func(x, y coupon.Shop) int {
		if x.Member != y.Member {
			return int(x.Member) - int(y.Member)
		}
		return int(x.Store) - int(y.Store)
	})
	if len(slices.Compact(slices.Clone(t.Shops))) != len(t.Shops) {
		b.fault("shops", "a shop is named twice")
	}
}

// value fills in the rule and what the funders pay for it.
func (b *builder) value(t *coupon.Terms) {
	o := b.o
	kinds := []string{"amount", "percent", "free_item", "stored"}
	i := slices.Index(kinds, o.Kind)
	if i < 0 {
		b.fault("kind", "%q is none of %s", o.Kind, strings.Join(kinds, ", "))
		return
	}
	t.ValueKind = coupon.ValueKind(i)
	t.Face, t.Ceiling = b.money("face", o.Face), b.money("ceiling", o.Ceiling)
	t.Bps = b.share("percent", o.Percent, 0)
	if o.RoundUp {
		t.Rounding = 1
	}
	t.MinSpend, t.Fee, t.ShowMax = b.money("min_spend", o.MinSpend), b.money("fee", o.Fee), b.money("show_max", o.ShowMax)
	isPercent := t.ValueKind == coupon.Percent
	for _, f := range []struct {
		name        string
		set, wanted bool
	}{
		{"face", o.Face != "", !isPercent}, {"percent", o.Percent != "", isPercent}, {"ceiling", o.Ceiling != "", isPercent},
	} {
		switch {
		case f.wanted && !f.set:
			b.fault(f.name, "a coupon of the kind %s needs it", o.Kind)
		case f.set && !f.wanted:
			b.fault(f.name, "a coupon of the kind %s does not use it: leave it out", o.Kind)
		}
	}
	if o.RoundUp && !isPercent {
		b.fault("round_up", "only a percentage is rounded: leave it out")
	}
	switch o.Reimburse {
	case "", "used":
	case "face":
		t.Reimburse = coupon.ReimburseFace
	default:
		b.fault("reimburse", "%q is neither used nor face", o.Reimburse)
	}
	t.ReimburseBps = b.share("reimburse_share", o.ReimburseShare, coupon.BpsMax)
}

// windows fills in the times.
func (b *builder) windows(t *coupon.Terms) {
	o, now := b.o, uint64(b.now.UnixMilli())
	if o.RedeemUntil == "" {
		b.fault("redeem_until", "say when redemption ends")
	}
	t.RedeemUntil = b.end("redeem_until", o.RedeemUntil, 0)
	t.ClaimFrom = b.instant("claim_from", o.ClaimFrom, now)
	t.ClaimUntil = b.end("claim_until", o.ClaimUntil, t.RedeemUntil)
	t.RedeemFrom = b.instant("redeem_from", o.RedeemFrom, t.ClaimFrom)
	t.RelativeMs = b.span("life", o.Life, 0)
	grace := b.span("grace", o.Grace, 0)
	if grace > uint64(coupon.GraceMsMax) {
		b.fault("grace", "it is at most %s", units.Span(uint64(coupon.GraceMsMax)))
	}
	t.GraceMs = uint32(min(grace, uint64(coupon.GraceMsMax)))
	t.RollbackMs = b.span("rollback", o.Rollback, 3*units.DayMs)
	if len(b.faults) > 0 {
		return
	}
	// E202, in words.
	switch {
	case t.ClaimFrom >= t.ClaimUntil:
		b.fault("claim_until", "it is not after claim_from")
	case t.ClaimUntil > t.RedeemUntil:
		b.fault("claim_until", "it is after redeem_until: coupons could be claimed that are over")
	case t.RedeemFrom >= t.RedeemUntil:
		b.fault("redeem_until", "it is not after redeem_from")
	case now >= t.ClaimUntil:
		b.fault("claim_until", "it has passed")
	case t.RedeemUntil > now+coupon.RedeemAheadMsMax:
		b.fault("redeem_until", "it is more than ten years ahead")
	}
}

// passing fills in who may pass a coupon on.
func (b *builder) passing(t *coupon.Terms) {
	modes := []string{"none", "gift", "trade"}
	mode := b.o.Transfer
	if mode == "" {
		mode = "gift"
	}
	i := slices.Index(modes, mode)
	if i < 0 {
		b.fault("transfer", "%q is none of %s", mode, strings.Join(modes, ", "))
		return
	}
	t.Transfer = coupon.TransferMode(i)
	switch {
	case t.Transfer == coupon.TransferNone && b.o.MaxTransfers != "":
		b.fault("max_transfers", "nothing is passed on where transfer is none: leave it out")
	case t.Transfer == coupon.TransferNone:
	case b.o.MaxTransfers == "" || b.o.MaxTransfers == "unlimited":
		t.MaxTransfers = coupon.TransfersUnlimited
	default:
		n, err := strconv.ParseUint(b.o.MaxTransfers, 10, 8)
		if err != nil || n == 0 || n == uint64(coupon.TransfersUnlimited) {
			b.fault("max_transfers", "%q is neither 1 to 254 nor unlimited", b.o.MaxTransfers)
		}
		t.MaxTransfers = uint8(n)
	}
	if t.Transfer == coupon.TransferTrade {
		t.ResaleBps = b.share("resale_max", b.o.ResaleMax, coupon.BpsMax)
	} else if b.o.ResaleMax != "" {
		b.fault("resale_max", "only a coupon that may be traded has one: leave it out")
	}
}

// PublicTerms returns the text of the terms, whose SHA-256 the ledger will have.
func (o *Offer) PublicTerms() ([]byte, error) {
	if o.TermsFile == "" {
		return []byte(o.Terms), nil
	}
	text, err := textfile.Read(o.TermsFile, FileBytesMax)
	if err != nil {
		return nil, fmt.Errorf("terms_file: %w", err)
	}
	return text, nil
}

// documents hashes the public texts.
func (b *builder) documents(t *coupon.Terms) error {
	if b.o.Terms != "" && b.o.TermsFile != "" {
		b.fault("terms_file", "give terms or terms_file, not both")
	}
	text, err := b.o.PublicTerms()
	if err != nil {
		return err
	}
	if len(text) == 0 {
		b.fault("terms", "the public terms are missing: give their text, or a file with terms_file")
	}
	t.TermsHash = sha256.Sum256(text)
	if b.o.ProductsFile != "" {
		raw, err := textfile.Read(b.o.ProductsFile, FileBytesMax)
		if err != nil {
			return fmt.Errorf("products_file: %w", err)
		}
		t.ProductHash = sha256.Sum256(raw)
	}
	return nil
}

// budget fills in the budget and checks it against the worst case.
func (b *builder) budget(t *coupon.Terms) {
	each := t.Liability()
	if b.o.Budget != "" {
		t.Budget = b.money("budget", b.o.Budget)
		if t.Budget < each && len(b.faults) == 0 {
			b.fault("budget", "%s does not cover a single coupon, which can cost %s", units.Money(t.Budget, b.currency),
				units.Money(each, b.currency))
		}
		return
	}
	if each > 0 && uint64(t.MaxSupply) > coupon.MoneyMax/each {
		b.fault("budget", "%d coupons of %s are more than the largest amount", t.MaxSupply, units.Money(each, b.currency))
		return
	}
	t.Budget = uint64(t.MaxSupply) * each
}

// Cost is the most that a campaign can cost, in minor units.
type Cost struct {
	// Use and Coupon are the worst case of one use and of one coupon.
	Use, Coupon uint64
	// Supply is the worst case of all coupons that there may be; it is at most
	// MaxCost.
	Supply uint64
	// Budget is what is locked, hence the most that is ever paid.
	Budget uint64
	// Covered is how many coupons the budget covers.
	Covered uint64
	// Shares are what each funder locks, in the order of the terms.
	Shares []uint64
}

// MaxCost bounds the worst case of a supply.
const MaxCost = ^uint64(0)

// CostOf returns the most that terms can cost.
func CostOf(t *coupon.Terms) Cost {
	c := Cost{Use: t.UseLiability(), Coupon: t.Liability(), Budget: t.Budget, Shares: t.FunderShares(), Supply: MaxCost}
	if c.Coupon == 0 {
		c.Supply, c.Covered = 0, uint64(t.MaxSupply)
		return c
	}
	c.Covered = min(uint64(t.MaxSupply), t.Budget/c.Coupon)
	if uint64(t.MaxSupply) <= MaxCost/c.Coupon {
		c.Supply = uint64(t.MaxSupply) * c.Coupon
	}
	return c
}

// Warnings says what in terms is allowed and often not meant.
func Warnings(t *coupon.Terms, currency coupon.Currency) (w []string) {
	c := CostOf(t)
	if c.Covered < uint64(t.MaxSupply) {
		w = append(w, fmt.Sprintf("the budget covers %d of %d coupons: later claims are refused (E510)", c.Covered,
			t.MaxSupply))
	}
	if t.Reimburse == coupon.ReimburseFace && t.MinSpend < t.Face {
		w = append(w, fmt.Sprintf("the full %s are paid to the shop even for a smaller bill: set min_spend to at least that",
			units.Money(t.Face, currency)))
	}
	if len(t.Shops) == 0 {
		w = append(w, "the coupons are good at every merchant of the chain")
	}
	if t.RollbackMs == 0 {
		w = append(w, "a redemption can never be undone, not even a cashier's mistake")
	}
	if t.ShowMax == 0 {
		w = append(w, "a shown code takes nothing (show_max is 0): customers must scan the till")
	}
	return w
}
