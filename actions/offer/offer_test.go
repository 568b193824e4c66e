package offer

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/internal/units"
)

var now = time.UnixMilli(1_790_000_000_000)

const coffee = `
title = "Free coffee"
issuer = 1
kind = "amount"
face = "4.50"
show_max = "4.50"
supply = 200
redeem_until = "+30d"
shops = ["3", "2/1"]
terms = "One coffee for each coupon."
`

func testFile(t *testing.T) *genesis.File {
	t.Helper()
	d, err := genesis.Dev("offer", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	return &d.Genesis.File
}

func build(t *testing.T, text string) (coupon.Terms, error) {
	t.Helper()
	o, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return o.Build(testFile(t), now, time.UTC)
}

func TestAnOfferBecomesTermsWithDefaults(t *testing.T) {
	got, err := build(t, coffee)
	if err != nil {
		t.Fatal(err)
	}
	ms := uint64(now.UnixMilli())
	want := coupon.Terms{
		Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: 10000}}, Currency: 978, Title: "Free coffee",
		TermsHash: sha256.Sum256([]byte("One coffee for each coupon.")), ValueKind: coupon.Amount, Face: 450, Uses: 1,
		ReimburseBps: 10000, ShowMax: 450, MaxSupply: 200, Budget: 90000, ClaimFrom: ms, ClaimUntil: ms + 30*units.DayMs,
		RedeemFrom: ms, RedeemUntil: ms + 30*units.DayMs, RollbackMs: 3 * units.DayMs, Transfer: coupon.TransferGift,
		MaxTransfers: 255, Shops: []coupon.Shop{{Member: 2, Store: 1}, {Member: 3}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("terms\n%+v, wanted\n%+v", got, want)
	}
}

func TestEveryFaultOfAnOfferIsNamedByItsField(t *testing.T) {
	for field, text := range map[string]string{
		"title": strings.Replace(coffee, `"Free coffee"`, `""`, 1), "issuer": strings.Replace(coffee, "issuer = 1",
			"issuer = 9", 1),
		"kind": strings.Replace(coffee, `"amount"`, `"cashback"`, 1), "face": strings.Replace(coffee, `"4.50"`, `"4.505"`, 1),
		"percent": coffee + `percent = "10%"`, "ceiling": coffee + `ceiling = "1"`, "round_up": coffee + "round_up = true",
		"supply": strings.Replace(coffee, "200", "0", 1), "redeem_until": strings.Replace(coffee, "+30d", "soon", 1),
		"claim_until": coffee + `claim_until = "+40d"`, "claim_from": coffee + `claim_from = "yesterday"`,
		"shops":   strings.Replace(coffee, `"2/1"`, `"4/1"`, 1),
		"funders": coffee + `funders = ["1: 60%", "2: 30%"]`, "budget": coffee + `budget = "4.49"`,
		"terms": strings.Replace(coffee, "terms = ", "# ", 1), "terms_file": coffee + `terms_file = "x"`,
		"transfer": coffee + `transfer = "sell"`, "max_transfers": coffee + `max_transfers = "255"`,
		"resale_max": coffee + `resale_max = "50%"`, "reimburse": coffee + `reimburse = "all"`,
		"grace":    coffee + `grace = "11m"`,
		"rollback": coffee + `rollback = "3"`, "life": coffee + `life = "forever"`, "currency": coffee + `currency = "USD"`,
		"fee": coffee + `fee = "x"`, "min_spend": coffee + `min_spend = "-1"`,
	} {
		o, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", field, err)
			continue
		}
		if field == "terms_file" {
			o.TermsFile = filepath.Join(t.TempDir(), "terms.txt")
			if err := os.WriteFile(o.TermsFile, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err = o.Build(testFile(t), now, time.UTC); err == nil || !strings.Contains(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestTheCurrencyIsAskedForWhereThereAreSeveralAndNothingElseIsBlamed(t *testing.T) {
	file := testFile(t)
	file.Ledger.Currencies = append(file.Ledger.Currencies, coupon.Currency{Number: 392, Letters: "JPY"})
	for text, wanted := range map[string]string{
		coffee:                         "currency: say which one: the chain has EUR, JPY",
		coffee + `currency = "USD"`:    `currency: the chain has no "USD", but EUR, JPY`,
		coffee + `min_spend = "1,000"`: "currency: say which one: the chain has EUR, JPY",
	} {
		o, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = o.Build(file, now, time.UTC); err == nil || err.Error() != wanted {
			t.Errorf("%v, wanted %s", err, wanted)
		}
	}
}

func TestAnUnknownFieldIsAnErrorWithTheNearestName(t *testing.T) {
	_, err := Parse("minimum_spend = \"3\"")
	if err == nil || !strings.Contains(err.Error(), `did you mean "min_spend"?`) {
		t.Errorf("%v", err)
	}
	if _, err = Parse("title = \n"); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("%v", err)
	}
}

func TestTheNamesOfAllFieldsAreKnown(t *testing.T) {
	var names []string
	for f := range reflect.TypeFor[Offer]().Fields() {
		names = append(names, f.Tag.Get("toml"))
	}
	if !reflect.DeepEqual(names, fields()) {
		t.Errorf("fields %v, listed %v", names, fields())
	}
}

func TestTheWorstCaseIsWhatTheRulesLock(t *testing.T) {
	terms, err := build(t,
		coffee+"budget = \"450.00\"\nfunders = [\"1: 66.67%\", \"2: 33.33%\"]\nfee = \"0.05\"\nuses = 2\n")
	if err != nil {
		t.Fatal(err)
	}
	c := CostOf(&terms)
	// One use is 4.50 + 0.05, one coupon two of them, 200 coupons 1,820.00; the budget covers 49.
	want := Cost{Use: 455, Coupon: 910, Supply: 182_000, Budget: 45_000, Covered: 49, Shares: []uint64{30_002, 14_998}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("cost %+v, wanted %+v", c, want)
	}
	w := strings.Join(Warnings(&terms, coupon.Currency{Letters: "EUR", Exponent: 2}), "\n")
	if !strings.Contains(w, "49 of 200") {
		t.Errorf("warnings %s", w)
	}
}
