package coupontest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/coupon"
)

// sameVerdict compares the decoders of model and package coupon on one input, and returns the model's code.
func sameVerdict(t *testing.T, raw []byte) uint16 {
	t.Helper()
	tx, code := Decode(raw)
	_, err := coupon.ParseTx(raw)
	var got uint16
	if refused := (*coupon.Error)(nil); errors.As(err, &refused) {
		got = uint16(refused.Code)
	} else if err != nil {
		t.Fatalf("error of another kind: %v", err)
	}
	if got != code {
		t.Fatalf("ParseTx says %d, model %d: %x", got, code, raw)
	}
	if code == 0 && !bytes.Equal(tx.Bytes(), raw) {
		t.Fatalf("decoded and encoded again: %x, was %x", tx.Bytes(), raw)
	}
	return code
}

// TestDamagedTransactions damages the transactions of random histories.
func TestDamagedTransactions(t *testing.T) {
	seed := firstSeed(t)
	r := NewRandom(seed)
	good := 0
	for _, b := range RandomHistory(seed, 40, true).Blocks {
		for _, raw := range b.Txs {
			if code := sameVerdict(t, raw); code != 0 {
				t.Fatalf("seed %d: history holds E%d", seed, code)
			}
			for range 40 {
				if sameVerdict(t, Damage(r, raw)) == 0 {
					good++
				}
			}
		}
	}
	if good == 0 {
		t.Errorf("seed %d: no damaged transaction decodes", seed)
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range RandomHistory(1, 12, true).Blocks {
		for _, raw := range b.Txs {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) { sameVerdict(t, raw) })
}

// termsLimits are the limits that rules 3.14 states for CampaignPublish, just inside and just outside.
var termsLimits = []struct {
	name string
	ok   bool
	edit func(*Terms)
}{
	{"as it is", true, func(*Terms) {}},
	{"format 0", false, func(t *Terms) { t.Format = 0 }},
	{"format 2", false, func(t *Terms) { t.Format = 2 }},
	{"no funder", false, func(t *Terms) { t.Funders = nil }},
	{"four funders", true, func(t *Terms) { t.Funders = []Funder{{4, 1}, {3, 1}, {2, 1}, {1, 9_997}} }},
	{"five funders", false, func(t *Terms) { t.Funders = []Funder{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 9_996}} }},
	{"share 0", false, func(t *Terms) { t.Funders = []Funder{{1, 10_000}, {2, 0}} }},
	{"shares 9999", false, func(t *Terms) { t.Funders[0].ShareBps = 9_999 }},
	{"shares 10001", false, func(t *Terms) { t.Funders = []Funder{{1, 1}, {2, 10_000}} }},
	{"funder twice", false, func(t *Terms) { t.Funders = []Funder{{1, 1}, {1, 9_999}} }},
	{"no title", false, func(t *Terms) { t.Title = "" }},
	{"title of 64", true, func(t *Terms) { t.Title = strings.Repeat("é", 32) }},
	{"title of 65", false, func(t *Terms) { t.Title = strings.Repeat("é", 32) + "e" }},
	{"not UTF-8", false, func(t *Terms) { t.Title = "a\xff" }},
	{"surrogate", false, func(t *Terms) { t.Title = "\xed\xa0\x80" }},
	{"0x1F", false, func(t *Terms) { t.Title = "a\x1f" }},
	{"space", true, func(t *Terms) { t.Title = " " }},
	{"0x7E", true, func(t *Terms) { t.Title = "~" }},
	{"0x7F", false, func(t *Terms) { t.Title = "\x7f" }},
	{"U+0080", false, func(t *Terms) { t.Title = "\u0080" }},
	{"U+009F", false, func(t *Terms) { t.Title = "\u009f" }},
	{"U+00A0", true, func(t *Terms) { t.Title = "\u00a0" }},
	{"U+200D", true, func(t *Terms) { t.Title = "\u200d" }},
	{"U+200E", false, func(t *Terms) { t.Title = "\u200e" }},
	{"U+200F", false, func(t *Terms) { t.Title = "\u200f" }},
	{"U+2010", true, func(t *Terms) { t.Title = "\u2010" }},
	{"U+2029", true, func(t *Terms) { t.Title = "\u2029" }},
	{"U+202A", false, func(t *Terms) { t.Title = "\u202a" }},
	{"U+202E", false, func(t *Terms) { t.Title = "\u202e" }},
	{"U+202F", true, func(t *Terms) { t.Title = "\u202f" }},
	{"U+2065", true, func(t *Terms) { t.Title = "\u2065" }},
	{"U+2066", false, func(t *Terms) { t.Title = "\u2066" }},
	{"U+2069", false, func(t *Terms) { t.Title = "\u2069" }},
	{"U+206A", true, func(t *Terms) { t.Title = "\u206a" }},
	{"U+FFFD", true, func(t *Terms) { t.Title = "\ufffd" }},
	{"no terms hash", false, func(t *Terms) { t.TermsHash = [32]byte{} }},
	{"kind 5", true, func(t *Terms) { t.Kind = 5 }},
	{"kind 6", false, func(t *Terms) { t.Kind = 6 }},
	{"face", true, func(t *Terms) { t.Face = moneyMax }},
	{"face above", false, func(t *Terms) { t.Face = moneyMax + 1 }},
	{"bps", true, func(t *Terms) { t.Bps = 10_000 }},
	{"bps above", false, func(t *Terms) { t.Bps = 10_001 }},
	{"ceiling above", false, func(t *Terms) { t.Ceiling = moneyMax + 1 }},
	{"min spend above", false, func(t *Terms) { t.MinSpend = moneyMax + 1 }},
	{"no use", false, func(t *Terms) { t.Uses = 0 }},
	{"1000 uses", true, func(t *Terms) { t.Uses = 1000 }},
	{"1001 uses", false, func(t *Terms) { t.Uses = 1001 }},
	{"buy and get", true, func(t *Terms) { t.Buy, t.Get = 255, 255 }},
	{"rounding 1", true, func(t *Terms) { t.Rounding = 1 }},
	{"rounding 2", false, func(t *Terms) { t.Rounding = 2 }},
	{"reimburse 1", true, func(t *Terms) { t.Reimburse = 1 }},
	{"reimburse 2", false, func(t *Terms) { t.Reimburse = 2 }},
	{"reimburse bps 0", true, func(t *Terms) { t.ReimburseBps = 0 }},
	{"reimburse bps above", false, func(t *Terms) { t.ReimburseBps = 10_001 }},
	{"fee above", false, func(t *Terms) { t.Fee = moneyMax + 1 }},
	{"show above", false, func(t *Terms) { t.ShowMax = moneyMax + 1 }},
	{"no supply", false, func(t *Terms) { t.MaxSupply = 0 }},
	{"supply", true, func(t *Terms) { t.MaxSupply = 10_000_000 }},
	{"supply above", false, func(t *Terms) { t.MaxSupply = 10_000_001 }},
	{"budget above", false, func(t *Terms) { t.Budget = moneyMax + 1 }},
	{"claim from above", false, func(t *Terms) { t.ClaimFrom = timeMax + 1 }},
	{"claim until above", false, func(t *Terms) { t.ClaimUntil = timeMax + 1 }},
	{"redeem from above", false, func(t *Terms) { t.RedeemFrom = timeMax + 1 }},
	{"redeem until", true, func(t *Terms) { t.RedeemUntil = timeMax }},
	{"redeem until above", false, func(t *Terms) { t.RedeemUntil = timeMax + 1 }},
	{"relative short", false, func(t *Terms) { t.RelativeMs = 59_999 }},
	{"relative shortest", true, func(t *Terms) { t.RelativeMs = 60_000 }},
	{"relative longest", true, func(t *Terms) { t.RelativeMs = 10 * yearMs }},
	{"relative long", false, func(t *Terms) { t.RelativeMs = 10*yearMs + 1 }},
	{"grace", true, func(t *Terms) { t.GraceMs = 600_000 }},
	{"grace above", false, func(t *Terms) { t.GraceMs = 600_001 }},
	{"rollback", true, func(t *Terms) { t.RollbackMs = 7_776_000_000 }},
	{"rollback above", false, func(t *Terms) { t.RollbackMs = 7_776_000_001 }},
	{"holder cap", true, func(t *Terms) { t.HolderCap = 65_535 }},
	{"gift", true, func(t *Terms) { t.Transfer, t.MaxTransfers = 1, 255 }},
	{"gift without count", false, func(t *Terms) { t.Transfer = 1 }},
	{"count without gift", false, func(t *Terms) { t.MaxTransfers = 1 }},
	{"trade", true, func(t *Terms) { t.Transfer, t.MaxTransfers, t.ResaleBps = 2, 1, 10_000 }},
	{"resale above", false, func(t *Terms) { t.Transfer, t.MaxTransfers, t.ResaleBps = 2, 1, 10_001 }},
	{"resale of gifts", false, func(t *Terms) { t.Transfer, t.MaxTransfers, t.ResaleBps = 1, 1, 1 }},
	{"transfer 3", false, func(t *Terms) { t.Transfer, t.MaxTransfers = 3, 1 }},
	{"256 shops", true, func(t *Terms) { t.Shops = shops(256) }},
	{"257 shops", false, func(t *Terms) { t.Shops = shops(257) }},
	{"shop twice", false, func(t *Terms) { t.Shops = []Shop{{1, 1}, {1, 1}} }},
	{"stores descending", false, func(t *Terms) { t.Shops = []Shop{{1, 2}, {1, 1}} }},
	{"shops descending", false, func(t *Terms) { t.Shops = []Shop{{2, 0}, {1, 1}} }},
}

func TestTermsLimits(t *testing.T) {
	s := stage{}
	for _, c := range termsLimits {
		tx := Tx{Kind: KindPublish, Terms: s.plain(), Members: []MemberSig{{Member: 1}}}
		c.edit(&tx.Terms)
		if code := sameVerdict(t, tx.Bytes()); (code == 0) != c.ok {
			t.Errorf("%s: E%d", c.name, code)
		}
	}
}

func shops(n int) (list []Shop) {
	for i := range n {
		list = append(list, Shop{uint16(i / 300), uint16(i % 300)})
	}
	return list
}

func oneEntry() []MemberSig { return []MemberSig{entry(1, 1)} }

func entry(member uint16, key byte) MemberSig { return MemberSig{Member: member, Key: Key{key}} }

// entries returns some entries of one member.
func entries(n int) (list []MemberSig) {
	for i := range n {
		list = append(list, entry(1, byte(i)))
	}
	return list
}

func add(edit func(*Tx)) Tx {
	tx := Tx{Kind: KindTillAdd, Members: oneEntry(), Member: 1, Store: 1, Rights: 7, DayCap: 1, Label: "x"}
	edit(&tx)
	return tx
}

func pay(edit func(*Tx)) Tx {
	tx := Tx{Kind: KindRedeem, Auth: Auth{Value: 1}}
	edit(&tx)
	return tx
}

// bodyLimits are the limits of the other kinds, the envelope and the witness.
var bodyLimits = []struct {
	name string
	ok   bool
	tx   Tx
}{
	{"pause", true, Tx{Kind: KindPause, Members: oneEntry()}},
	{"expires last", true, Tx{Kind: KindPause, Members: oneEntry(), Expires: timeMax}},
	{"expires above", false, Tx{Kind: KindPause, Members: oneEntry(), Expires: timeMax + 1}},
	{"kind 0", false, Tx{Kind: 0, Members: oneEntry()}},
	{"kind 12", false, Tx{Kind: 12}},
	{"no entry", false, Tx{Kind: KindPause}},
	{"32 entries", true, Tx{Kind: KindPause, Members: entries(32)}},
	{"33 entries", false, Tx{Kind: KindPause, Members: entries(33)}},
	{"entry twice", false, Tx{Kind: KindPause, Members: []MemberSig{entry(1, 1), entry(1, 1)}}},
	{"keys descending", false, Tx{Kind: KindPause, Members: []MemberSig{entry(1, 2), entry(1, 1)}}},
	{"members descending", false, Tx{Kind: KindPause, Members: []MemberSig{entry(2, 1), entry(1, 2)}}},
	{"members ascending", true, Tx{Kind: KindPause, Members: []MemberSig{entry(1, 2), entry(2, 1)}}},
	{"count 1", true, Tx{Kind: KindBatch, Members: oneEntry(), Count: 1}},
	{"count 0", false, Tx{Kind: KindBatch, Members: oneEntry()}},
	{"till", true, add(func(*Tx) {})},
	{"store 0", false, add(func(t *Tx) { t.Store = 0 })},
	{"rights 0", false, add(func(t *Tx) { t.Rights = 0 })},
	{"rights 8", false, add(func(t *Tx) { t.Rights = 8 })},
	{"day cap 0", false, add(func(t *Tx) { t.DayCap = 0 })},
	{"day cap", true, add(func(t *Tx) { t.DayCap = moneyMax })},
	{"day cap above", false, add(func(t *Tx) { t.DayCap = moneyMax + 1 })},
	{"valid from above", false, add(func(t *Tx) { t.ValidFrom = timeMax + 1 })},
	{"valid until above", false, add(func(t *Tx) { t.ValidUntil = timeMax + 1 })},
	{"no label", true, add(func(t *Tx) { t.Label = "" })},
	{"label of 32", true, add(func(t *Tx) { t.Label = strings.Repeat("x", 32) })},
	{"label of 33", false, add(func(t *Tx) { t.Label = strings.Repeat("x", 33) })},
	{"label with a newline", false, add(func(t *Tx) { t.Label = "\n" })},
	{"claim", true, Tx{Kind: KindClaim, Serial: 1}},
	{"serial 0", false, Tx{Kind: KindClaim}},
	{"ticket expires above", false, Tx{Kind: KindClaim, Serial: 1, TicketExpires: timeMax + 1}},
	{"transfer", true, Tx{Kind: KindTransfer, Coupon: 1<<64 - 1, Seq: 1<<32 - 1, GiftUntil: timeMax}},
	{"gift until above", false, Tx{Kind: KindTransfer, GiftUntil: timeMax + 1}},
	{"invoice", true, pay(func(*Tx) {})},
	{"show", true, pay(func(t *Tx) { t.Auth.Mode = ModeShow })},
	{"mode 2", false, pay(func(t *Tx) { t.Auth.Mode = 2 })},
	{"value 0", false, pay(func(t *Tx) { t.Auth.Value = 0 })},
	{"value above", false, pay(func(t *Tx) { t.Auth.Value = moneyMax + 1 })},
	{"two expires", false, pay(func(t *Tx) { t.Expires = 1 })},
	{"basis", true, pay(func(t *Tx) { t.Invoice.Basis, t.Invoice.Unit = moneyMax, moneyMax })},
	{"basis above", false, pay(func(t *Tx) { t.Invoice.Basis = moneyMax + 1 })},
	{"unit above", false, pay(func(t *Tx) { t.Invoice.Unit = moneyMax + 1 })},
	{"invoice expires above", false, pay(func(t *Tx) { t.Invoice.Expires = timeMax + 1 })},
	{"void", true, Tx{Kind: KindVoid}},
}

func TestBodyLimits(t *testing.T) {
	for _, c := range bodyLimits {
		raw := c.tx.Bytes()
		if code := sameVerdict(t, raw); (code == 0) != c.ok {
			t.Errorf("%s: E%d", c.name, code)
		}
		sameVerdict(t, append(raw, 0))
		sameVerdict(t, raw[:len(raw)-1])
	}
	for _, size := range []int{0, 1, txMaxBytes, txMaxBytes + 1} {
		if code := sameVerdict(t, make([]byte, size)); (code == 107) != (size > txMaxBytes) {
			t.Errorf("%d bytes: E%d", size, code)
		}
	}
}

// publicKeys lists every public key in a transaction.
func publicKeys(t *Tx) (list []Key) {
	for _, s := range t.Members {
		list = append(list, s.Key)
	}
	switch t.Kind {
	case KindBatch:
		list = append(list, t.TicketKey)
	case KindTillAdd, KindTillRevoke:
		list = append(list, t.TillKey)
	case KindClaim:
		list = append(list, t.ClaimKey, t.TicketKey, t.To)
	case KindTransfer:
		list = append(list, t.Mover, t.To)
	case KindRedeem:
		list = append(list, t.Invoice.TillKey, t.Auth.Holder)
	case KindVoid:
		list = append(list, t.Key)
	}
	return list
}

// TestEveryKeyIsJudged refuses one key after another of every transaction of a history: each is E102, but never before
// a wrong chain is E103.
func TestEveryKeyIsJudged(t *testing.T) {
	h := RandomHistory(2, 12, true)
	code := func(chain coupon.Chain, raw []byte, bad Key) coupon.Code {
		chain.ValidKey = func(k [32]byte) bool { return k != bad }
		_, err := chain.CheckTx(raw)
		if refused := (*coupon.Error)(nil); errors.As(err, &refused) {
			return refused.Code
		}
		return coupon.OK
	}
	here, elsewhere := h.World.CouponChain(), h.World.CouponChain()
	elsewhere.Digest[0] ^= 1
	for _, b := range h.Blocks {
		for _, raw := range b.Txs {
			tx, _ := Decode(raw)
			if got := code(here, raw, Key{}); got != coupon.OK {
				t.Fatalf("kind %d: %v with good keys", tx.Kind, got)
			}
			for i, k := range publicKeys(tx) {
				if got := code(here, raw, k); got != coupon.BadSignature {
					t.Errorf("kind %d: %v with bad key %d", tx.Kind, got, i)
				}
				if got := code(elsewhere, raw, k); got != coupon.WrongChain {
					t.Errorf("kind %d: %v on another chain", tx.Kind, got)
				}
			}
		}
	}
}
