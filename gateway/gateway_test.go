package gateway

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/sig"
)

var chain = coupon.Chain{Digest: [32]byte{7}, ValidKey: sig.ValidKey}

var start = time.UnixMilli(1_800_000_000_000)

// shown returns an encoded authorisation in mode SHOW.
func shown(id coupon.CouponID, seq uint32, merchant uint16, life time.Duration) []byte {
	holder := coupon.NewSigner([32]byte{1})
	a := coupon.Auth{Coupon: id, Seq: seq, Holder: holder.Key, Value: 500, Mode: coupon.ModeShow, Merchant: merchant,
		Expires: uint64(start.Add(life).UnixMilli())}
	p := coupon.AuthPayload(a, chain.SignAuth(a, holder))
	return chain.EncodePayload(&p)
}

func put(t *testing.T, c *Codes, now time.Time, auths ...[]byte) Entry {
	t.Helper()
	decoded, err := c.Read(auths, now)
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Put(auths, decoded, now)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Nodes do not talk to each other about codes: what they hold names itself.
func TestEveryNodeGivesTheSameNames(t *testing.T) {
	a, b := shown(1<<32|1, 0, 0, time.Minute), shown(2<<32|1, 0, 0, time.Minute)
	first, second := put(t, NewCodes(chain), start, a, b), put(t, NewCodes(chain), start.Add(time.Second), a, b)
	if first.Name != second.Name {
		t.Errorf("%v and %v", first.Name, second.Name)
	}
	if other := NameOf(chain, [][]byte{b, a}); other == first.Name {
		t.Error("the order does not count")
	}
	if other := NameOf(coupon.Chain{Digest: [32]byte{8}}, [][]byte{a, b}); other == first.Name {
		t.Error("the chain does not count")
	}
}

// The example of web/FRAGMENTS.md: whoever writes a wallet in
// another language compares with it.
func TestCodeOfTheDocumentedExample(t *testing.T) {
	const want = "14D2P-F2DBR"
	if got := (Name{code: 0x123456789AB}).Code(); got != want {
		t.Errorf("the code of 0x123456789ab is %s, wanted %s", got, want)
	}
}

func TestACodeIsFoundAsPeopleTypeIt(t *testing.T) {
	c := NewCodes(chain)
	a := shown(1<<32|1, 0, 0, time.Minute)
	e := put(t, c, start, a)
	code := e.Name.Code()
	lax := strings.NewReplacer("0", "O", "1", "l", "-", "  ").Replace(code)
	for _, typed := range []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), lax,
		e.Name.BundleID()} {
		got, err := c.Get(typed, 3, start)
		if err != nil || len(got.Auths) != 1 || !bytes.Equal(got.Auths[0], a) {
			t.Errorf("%q finds %v, %v", typed, got.Auths, err)
		}
	}
	for _, wrong := range []string{"", "-", code[:9], code + "0", code[:5], "*" + code[1:], strings.Repeat("0", 41),
		strings.Repeat("00", BundleSize), strings.Repeat("zz", BundleSize)} {
		if _, err := c.Get(wrong, 3, start); !errors.Is(err, ErrNone) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// No slip of a finger leads to another's coupon: one wrong character and two
// neighbours in the wrong order are seen before anything is looked up.
func TestSlipsAreSeen(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		code := []byte(strings.ReplaceAll(Name{code: random.Uint64() >> 19}.Code(), "-", ""))
		if !CodeOK(string(code)) {
			t.Fatalf("%s is not taken", code)
		}
		for i := range code {
			for j := range len(alphabet) {
				slip := bytes.Clone(code)
				if slip[i] = alphabet[j]; slip[i] != code[i] && CodeOK(string(slip)) {
					t.Fatalf("%s is taken for %s", slip, code)
				}
			}
			if i > 0 && code[i] != code[i-1] {
				swap := bytes.Clone(code)
				if swap[i], swap[i-1] = code[i-1], code[i]; CodeOK(string(swap)) {
					t.Fatalf("%s is taken for %s", swap, code)
				}
			}
		}
	}
}

func TestOnlyTheNamedMerchantsTillsRead(t *testing.T) {
	c := NewCodes(chain)
	any := put(t, c, start, shown(1<<32|1, 0, 0, time.Minute)).Name.Code()
	bakery := put(t, c, start, shown(1<<32|2, 0, 2, time.Minute)).Name.Code()
	mixed := put(t, c, start, shown(1<<32|3, 0, 0, time.Minute), shown(1<<32|4, 0, 2, time.Minute)).Name.Code()
	for _, x := range []struct {
		code     string
		merchant uint16
		ok       bool
	}{{any, 2, true}, {any, 3, true}, {bakery, 2, true}, {bakery, 3, false}, {mixed, 2, true}, {mixed, 3, false}} {
		if _, err := c.Get(x.code, x.merchant, start); (err == nil) != x.ok {
			t.Errorf("merchant %d reads %s: %v", x.merchant, x.code, err)
		}
	}
}

func TestABundleIsForgottenWhenItsLastIsOver(t *testing.T) {
	c := NewCodes(chain)
	e := put(t, c, start, shown(1<<32|1, 0, 0, 30*time.Second), shown(1<<32|2, 0, 0, time.Minute))
	if want := start.Add(time.Minute); !e.Expires.Equal(want) {
		t.Errorf("over at %v, wanted %v", e.Expires, want)
	}
	if _, err := c.Get(e.Name.Code(), 1, e.Expires.Add(-1)); err != nil {
		t.Error("forgotten too early")
	}
	if _, err := c.Get(e.Name.Code(), 1, e.Expires); !errors.Is(err, ErrNone) || c.Len() != 0 || len(c.coupons) != 0 {
		t.Errorf("not forgotten: %v, %d bundles, %d coupons", err, c.Len(), len(c.coupons))
	}
}

func TestWhatIsNoShownAuthorisationIsNotTaken(t *testing.T) {
	c := NewCodes(chain)
	good := shown(1<<32|1, 0, 0, time.Minute)
	invoice := coupon.Auth{Coupon: 1, Holder: coupon.NewSigner([32]byte{1}).Key, Value: 1, Mode: coupon.ModeInvoice,
		Expires: uint64(start.Add(time.Minute).UnixMilli())}
	p := coupon.AuthPayload(invoice, [64]byte{})
	gift := coupon.Payload{Type: coupon.PayloadGift, Gift: coupon.GiftPayload{Coupon: 1}}
	var many [][]byte
	for i := range AuthsMax + 1 {
		many = append(many, shown(coupon.CouponID(i), 0, 0, time.Minute))
	}
	for name, x := range map[string]struct {
		auths [][]byte
		want  error
	}{
		"nothing": {nil, ErrForm}, "empty": {[][]byte{{}}, ErrForm}, "short": {[][]byte{good[:100]}, ErrForm},
		"invoice mode": {[][]byte{chain.EncodePayload(&p)}, ErrForm},
		"gift":         {[][]byte{chain.EncodePayload(&gift)}, ErrForm},
		"twice":        {[][]byte{good, shown(1<<32|1, 1, 0, time.Minute)}, ErrForm},
		"too many":     {many, ErrForm},
		"over":         {[][]byte{good, shown(1<<32|2, 0, 0, 0)}, ErrExpired},
		"too long":     {[][]byte{shown(1<<32|1, 0, 0, Life+time.Millisecond)}, ErrExpired},
	} {
		if _, err := c.Read(x.auths, start); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, wanted %v", name, err, x.want)
		}
	}
}

// One coupon has few codes at a time, and all of them together are bounded.
func TestMemoryIsBounded(t *testing.T) {
	c := NewCodes(chain)
	for seq := range uint32(CouponCodesMax) {
		put(t, c, start, shown(1<<32|1, seq, 0, time.Minute))
	}
	again := [][]byte{shown(1<<32|1, 0, 0, time.Minute)}
	decoded, _ := c.Read(again, start)
	if _, err := c.Put(again, decoded, start); err != nil || c.Len() != CouponCodesMax {
		t.Errorf("the same again: %v, %d bundles", err, c.Len())
	}
	next := [][]byte{shown(1<<32|1, 9, 0, time.Minute)}
	if decoded, _ = c.Read(next, start); len(decoded) != 1 {
		t.Fatal("not read")
	}
	if _, err := c.Put(next, decoded, start); !errors.Is(err, ErrFull) {
		t.Errorf("one coupon has more than %d codes: %v", CouponCodesMax, err)
	}
	if _, err := c.Put(next, decoded, start.Add(time.Minute)); err != nil {
		t.Errorf("the codes that are over still count: %v", err)
	}
	c = NewCodes(chain)
	for i := range CodesMax + 10 {
		auths := [][]byte{{byte(i), byte(i >> 8), byte(i >> 16)}} // Put does not decode
		p := coupon.Payload{Auth: coupon.Auth{Coupon: coupon.CouponID(i), Expires: uint64(start.Add(Life).UnixMilli())}}
		_, err := c.Put(auths, []coupon.Payload{p}, start)
		if full := errors.Is(err, ErrFull); full != (i >= CodesMax) {
			t.Fatalf("bundle %d: %v", i, err)
		}
	}
}

func TestABoxIsFilledOnceAndForgotten(t *testing.T) {
	b := NewBoxes()
	id, err := ParseBoxID("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(id, start); !errors.Is(err, ErrNone) {
		t.Errorf("an empty box: %v", err)
	}
	expires, err := b.Put(id, []byte("answer"), start)
	if err != nil || !expires.Equal(start.Add(BoxLife)) {
		t.Fatalf("%v, %v", expires, err)
	}
	if again, err := b.Put(id, []byte("answer"), start.Add(time.Second)); err != nil || !again.Equal(expires) {
		t.Errorf("the same again: %v, %v", again, err)
	}
	if _, err := b.Put(id, []byte("another"), start); !errors.Is(err, ErrFull) {
		t.Errorf("a second filling: %v", err)
	}
	if got, err := b.Get(id, expires.Add(-1)); err != nil || string(got) != "answer" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := b.Get(id, expires); !errors.Is(err, ErrNone) || len(b.boxes)+len(b.order) != 0 {
		t.Errorf("a box that is over: %v", err)
	}
	for _, size := range []int{0, BoxBytesMax + 1} {
		if _, err := b.Put(id, make([]byte, size), start); !errors.Is(err, ErrForm) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	for i := range BoxesMax + 1 {
		_, err := b.Put(BoxID{byte(i), byte(i >> 8)}, []byte{1}, start)
		if full := errors.Is(err, ErrFull); full != (i >= BoxesMax) {
			t.Fatalf("box %d: %v", i, err)
		}
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 32), strings.Repeat("0", 34)} {
		if _, err := ParseBoxID(bad); err == nil {
			t.Errorf("%q names a box", bad)
		}
	}
}

// Whatever somebody types, it is found or refused.
func FuzzName(f *testing.F) {
	f.Add("14D2P-F2DBR")
	f.Add("14D2P-F2DBR")
	f.Add(strings.Repeat("0", 32))
	f.Add("ÄÖ-İı")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseName(s)
		if err == nil && p.short && !CodeOK(Name{code: p.code}.Code()) {
			t.Errorf("%q is %s", s, Name{code: p.code}.Code())
		}
	})
}
