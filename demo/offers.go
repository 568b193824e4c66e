package demo

import (
	"crypto/sha256"

	"github.com/scrip-network/scrip/coupon"
)

// offer is a campaign of the scene.
type offer struct {
	name  string
	terms coupon.Terms
	// batch is how many tickets the desk has for it.
	batch uint32
	// ends are the transactions that follow when all have claimed.
	pause, close bool
}

// lapseMs is how long the offer that is to expire lives.
const lapseMs = 30_000

// offers are all campaigns, of each kind and in each state, at a time.
func offers(now uint64) []offer {
	all := []offer{
		{name: "coffee", batch: 150, terms: coupon.Terms{Issuer: bakery, Title: "Free coffee", ValueKind: coupon.FreeItem,
			Face: 450, Shops: only(bakery), MaxSupply: 200}},
		{name: "books", batch: 100, terms: coupon.Terms{Issuer: bookshop, Title: "15 % off books",
			ValueKind: coupon.Percent, Bps: 1500, Ceiling: 2000, Rounding: 1, MinSpend: 1000, Shops: only(bookshop),
			MaxSupply: 100}},
		{name: "five", batch: 100, terms: coupon.Terms{Issuer: mall, Title: "5 euros off from 20 euros",
			ValueKind: coupon.Amount, Face: 500, MinSpend: 2000, RelativeMs: 30 * dayMs, MaxSupply: 300}},
		{name: "card", batch: 20, terms: coupon.Terms{Issuer: mall, Title: "Gift card of 50 euros",
			ValueKind: coupon.Stored, Face: 5000, Uses: 20, MaxSupply: 40}},
		{name: "breakfast", batch: 30, terms: coupon.Terms{Issuer: bakery, Title: "Ten breakfasts, 1 euro off each",
			ValueKind: coupon.Amount, Face: 100, Uses: 10, Shops: only(bakery), MaxSupply: 50}},
		{name: "bread", batch: 10, terms: coupon.Terms{Issuer: bakery, Title: "1 euro off yesterday's bread",
			ValueKind: coupon.Amount, Face: 100, Shops: only(bakery), MaxSupply: 10, ClaimUntil: now + lapseMs,
			RedeemUntil: now + lapseMs}},
		{name: "night", batch: 10, pause: true, terms: coupon.Terms{Issuer: bookshop, Title: "Reading night, 10 euros off",
			ValueKind: coupon.Amount, Face: 1000, Shops: only(bookshop), MaxSupply: 20}},
		{name: "first", batch: 2, terms: coupon.Terms{Issuer: bookshop, Title: "3 euros for the first two readers",
			ValueKind: coupon.Amount, Face: 300, Shops: only(bookshop), MaxSupply: 2, HolderCap: 1}},
		{name: "winter", close: true, terms: coupon.Terms{Issuer: mall, Title: "Winter fair, 2 euros off",
			ValueKind: coupon.Amount, Face: 200, MaxSupply: 50}},
	}
	for i := range all {
		all[i].terms = complete(all[i].terms, now-hourMs)
	}
	return all
}

// termsText is the text of a campaign's terms.
func termsText(title string) string {
	return title + "\n\nOne coupon for one purchase. It is not paid out in money, and does not go together with other " +
		"offers. What was bought can be brought back within three days: then the coupon is good again.\n"
}

func only(member uint16) []coupon.Shop { return []coupon.Shop{{Member: member}} }

// complete fills in what the campaigns have in common from a time on: the issuer pays for
// all of what is used, coupons may be given, and a redemption can be undone for three days.
func complete(t coupon.Terms, from uint64) coupon.Terms {
	largest := max(t.Face, t.Ceiling)
	t.Funders = []coupon.Funder{{Member: t.Issuer, ShareBps: coupon.BpsMax}}
	t.Currency, t.TermsHash = currency, sha256.Sum256([]byte(termsText(t.Title)))
	t.Uses, t.ReimburseBps, t.ShowMax = max(t.Uses, 1), coupon.BpsMax, largest
	t.Budget = uint64(t.MaxSupply) * largest
	if t.ValueKind != coupon.Stored {
		t.Budget *= uint64(t.Uses)
	}
	t.ClaimFrom, t.RedeemFrom, t.RollbackMs = from, from, 3*dayMs
	if t.RedeemUntil == 0 {
		t.ClaimUntil, t.RedeemUntil = from+30*dayMs, from+60*dayMs
	}
	if t.Transfer == coupon.TransferNone {
		t.Transfer, t.MaxTransfers = coupon.TransferGift, 3
	}
	return t
}
