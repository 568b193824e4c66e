package coupon

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

const amendsFile = "testdata/amends.json"

// amends are terms that may or may not follow others, for every implementation of E203.
type amends struct {
	Cases []amendCase `json:"cases"`
}

type amendCase struct {
	Name  string `json:"name"`
	Old   string `json:"old"`
	Next  string `json:"next"`
	Holds bool   `json:"holds"`
}

// way is in which direction a field of the terms may move (rules 3.23).
type way int

const (
	fixed way = iota
	upwards
	downwards
	alone // may move, but not alone
)

// amendMoves has for each field a change to a higher and to a lower value, and which may be.
func amendMoves() []struct {
	name     string
	may      way
	up, down func(t *Terms)
} {
	type moves = []struct {
		name     string
		may      way
		up, down func(t *Terms)
	}
	return moves{
		{"issuer", fixed, func(t *Terms) { t.Issuer++ }, func(t *Terms) { t.Issuer-- }},
		{"funders", fixed, func(t *Terms) { t.Funders = []Funder{{1, 6000}, {3, 4000}} },
			func(t *Terms) { t.Funders = []Funder{{1, 10000}} }},
		{"currency", fixed, func(t *Terms) { t.Currency++ }, func(t *Terms) { t.Currency-- }},
		{"title", fixed, func(t *Terms) { t.Title = "Z" }, func(t *Terms) { t.Title = "A" }},
		{"terms hash", alone, func(t *Terms) { t.TermsHash[0]++ }, func(t *Terms) { t.TermsHash[0]-- }},
		{"list of goods", fixed, func(t *Terms) { t.ProductHash[0]++ }, func(t *Terms) { t.ProductHash[0]-- }},
		{"kind", fixed, func(t *Terms) { t.ValueKind = Stored }, func(t *Terms) { t.ValueKind = Amount }},
		{"reimburse", fixed, func(t *Terms) { t.Reimburse = ReimburseFace }, nil},
		{"time to undo", fixed, func(t *Terms) { t.RollbackMs++ }, func(t *Terms) { t.RollbackMs-- }},
		{"face", upwards, func(t *Terms) { t.Face++ }, func(t *Terms) { t.Face-- }},
		{"bps", upwards, func(t *Terms) { t.Bps++ }, func(t *Terms) { t.Bps-- }},
		{"ceiling", upwards, func(t *Terms) { t.Ceiling++ }, func(t *Terms) { t.Ceiling-- }},
		{"least spend", downwards, func(t *Terms) { t.MinSpend++ }, func(t *Terms) { t.MinSpend-- }},
		{"uses", upwards, func(t *Terms) { t.Uses++ }, func(t *Terms) { t.Uses-- }},
		{"buy", downwards, func(t *Terms) { t.Buy++ }, func(t *Terms) { t.Buy-- }},
		{"get", upwards, func(t *Terms) { t.Get++ }, func(t *Terms) { t.Get-- }},
		{"rounding", upwards, func(t *Terms) { t.Rounding = 1 }, nil},
		{"reimbursement", upwards, func(t *Terms) { t.ReimburseBps++ }, func(t *Terms) { t.ReimburseBps-- }},
		{"fee", upwards, func(t *Terms) { t.Fee++ }, func(t *Terms) { t.Fee-- }},
		{"show", upwards, func(t *Terms) { t.ShowMax++ }, func(t *Terms) { t.ShowMax = 0 }},
		{"supply", upwards, func(t *Terms) { t.MaxSupply++ }, func(t *Terms) { t.MaxSupply-- }},
		{"budget", upwards, func(t *Terms) { t.Budget++ }, func(t *Terms) { t.Budget-- }},
		{"claim from", downwards, func(t *Terms) { t.ClaimFrom++ }, func(t *Terms) { t.ClaimFrom-- }},
		{"claim until", upwards, func(t *Terms) { t.ClaimUntil++ }, func(t *Terms) { t.ClaimUntil-- }},
		{"redeem from", downwards, func(t *Terms) { t.RedeemFrom++ }, func(t *Terms) { t.RedeemFrom-- }},
		{"redeem until", upwards, func(t *Terms) { t.RedeemUntil++ }, func(t *Terms) { t.RedeemUntil-- }},
		{"life", upwards, func(t *Terms) { t.RelativeMs++ }, func(t *Terms) { t.RelativeMs-- }},
		{"life without limit", upwards, func(t *Terms) { t.RelativeMs = 0 }, nil},
		{"grace", upwards, func(t *Terms) { t.GraceMs++ }, func(t *Terms) { t.GraceMs-- }},
		{"cap", upwards, func(t *Terms) { t.HolderCap++ }, func(t *Terms) { t.HolderCap-- }},
		{"no cap", upwards, func(t *Terms) { t.HolderCap = 0 }, nil},
		{"passing on", upwards, func(t *Terms) { t.Transfer, t.ResaleBps = TransferTrade, 0 },
			func(t *Terms) { t.Transfer, t.MaxTransfers = TransferNone, 0 }},
		{"transfers", upwards, func(t *Terms) { t.MaxTransfers = TransfersUnlimited },
			func(t *Terms) { t.MaxTransfers-- }},
		{"resale", upwards, func(t *Terms) { t.Transfer, t.ResaleBps = TransferTrade, 5000 }, nil},
		{"shops", upwards, func(t *Terms) { t.Shops = []Shop{{2, 0}, {3, 1}, {3, 2}} },
			func(t *Terms) { t.Shops = []Shop{{2, 0}} }},
		{"another shop", fixed, func(t *Terms) { t.Shops = []Shop{{2, 0}, {3, 0}} }, func(t *Terms) { t.Shops = nil }},
		{"nothing", fixed, func(*Terms) {}, nil},
	}
}

// amendable are terms of which every field can move both ways.
func amendable() Terms {
	return Terms{Issuer: 2, Funders: []Funder{{1, 5000}, {3, 5000}}, Currency: 840, Title: "Lunch",
		TermsHash: [32]byte{7}, ProductHash: [32]byte{8}, ValueKind: Percent, Face: 100, Bps: 2000, Ceiling: 500,
		MinSpend: 10, Uses: 3, Buy: 2, Get: 1, ReimburseBps: 9000, Fee: 5, ShowMax: 400, MaxSupply: 50, Budget: 100_000,
		ClaimFrom: 1000, ClaimUntil: 2000, RedeemFrom: 1500, RedeemUntil: 9000, RelativeMs: 100_000, GraceMs: 60,
		RollbackMs: 70, HolderCap: 2, Transfer: TransferGift, MaxTransfers: 3, Shops: []Shop{{2, 0}, {3, 1}}}
}

func makeAmends() amends {
	var v amends
	add := func(name string, old, next Terms, holds bool) {
		v.Cases = append(v.Cases, amendCase{name, hexOf(old.AppendTo(nil)), hexOf(next.AppendTo(nil)), holds})
	}
	change := func(old Terms, f func(*Terms)) Terms {
		f(&old)
		return old
	}
	for _, m := range amendMoves() {
		add(m.name+" up", amendable(), change(amendable(), m.up), m.may == upwards)
		if m.down != nil {
			add(m.name+" down", amendable(), change(amendable(), m.down), m.may == downwards)
		}
		if m.may == alone {
			both := change(change(amendable(), m.up), func(t *Terms) { t.Budget++ })
			add(m.name+" with another", amendable(), both, true)
		}
	}
	// What is at its top, and what a list may not become.
	open := change(amendable(), func(t *Terms) { t.HolderCap, t.RelativeMs, t.Shops, t.ReimburseBps = 0, 0, nil, BpsMax })
	add("a cap where none was", open, change(open, func(t *Terms) { t.HolderCap = 65535 }), false)
	add("a life where none was", open, change(open, func(t *Terms) { t.RelativeMs = 200_000 }), false)
	add("a list where none was", open, change(open, func(t *Terms) { t.Shops = []Shop{{2, 0}} }), false)
	add("all goods", amendable(), change(amendable(), func(t *Terms) { t.ProductHash = [32]byte{} }), true)
	add("goods where all were", change(amendable(), func(t *Terms) { t.ProductHash = [32]byte{} }), amendable(), false)
	add("better and worse", amendable(), change(amendable(), func(t *Terms) { t.Face, t.MinSpend = 200, 11 }), false)
	return v
}

func TestTermsMayOnlyBecomeBetter(t *testing.T) {
	v := makeAmends()
	for _, c := range v.Cases {
		old, next := termsOfHex(t, c.Old), termsOfHex(t, c.Next)
		if got := Amends(old, next); got != c.Holds {
			t.Errorf("%s: %v, want %v", c.Name, got, c.Holds)
		}
	}
	want, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *rewrite {
		if err := os.WriteFile(amendsFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(amendsFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the rules say (%v); run with -rewrite and read the difference", amendsFile, err)
	}
}

func termsOfHex(t *testing.T, text string) *Terms {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	terms, err := DecodeTerms(b)
	if err != nil {
		t.Fatal(err)
	}
	return &terms
}
