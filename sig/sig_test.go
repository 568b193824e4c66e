package sig

import (
	stded25519 "crypto/ed25519"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
)

// newRand returns a random source and prints the seed to replay it with.
func newRand(t testing.TB, seed uint64) *rand.Rand {
	t.Helper()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomKey(r *rand.Rand) PrivateKey {
	return NewKeyFromSeed([SeedSize]byte(randomBytes(r, SeedSize)))
}

func signedItem(k PrivateKey, msg []byte) Item {
	key, s := k.Public(), k.Sign(msg)
	return Item{Key: &key, Message: msg, Signature: &s}
}

// smallOrderEncodings returns all fourteen encodings of the eight points of
// small order that a decoder following ZIP-215 accepts: eight canonical ones,
// and six with y not below the field prime or with the sign bit of x = 0 set.
func smallOrderEncodings(t testing.TB) [][KeySize]byte {
	const ff30 = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	zeros := strings.Repeat("00", 30)
	var out [][KeySize]byte
	for _, s := range []string{
		"01" + zeros + "00", "01" + zeros + "80", // y = 1
		"ee" + ff30 + "7f", "ee" + ff30 + "ff", // y = p+1
		"ec" + ff30 + "7f", "ec" + ff30 + "ff", // y = -1
		"00" + zeros + "00", "00" + zeros + "80", // y = 0
		"ed" + ff30 + "7f", "ed" + ff30 + "ff", // y = p
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, [KeySize]byte(b))
	}
	return out
}

// verdict checks one item in every way that the package offers and fails if
// two of them disagree.
func verdict(t *testing.T, v *Verifier, item Item) bool {
	t.Helper()
	want := Verify(item.Key, item.Message, item.Signature)
	three := []Item{item, item, item}
	ok := make([]bool, len(three))
	all := v.Check(three, ok)
	answers := []bool{
		v.Verify(item.Key, item.Message, item.Signature),
		v.VerifyBatch(three[:1]), v.VerifyBatch(three), v.VerifyBatch(slices.Repeat(three, 40)),
		newSum().holds(three[:1], v.cache), newSum().holds(three, newKeyCache(1)), all, ok[0], ok[1], ok[2],
	}
	for i, got := range answers {
		if got != want {
			t.Fatalf("check %d says %v, single check says %v: key %x signature %x",
				i, got, want, *item.Key, *item.Signature)
		}
	}
	return want
}

func TestZIP215GridIsAcceptedSingleAndBatched(t *testing.T) {
	v := NewVerifier(64)
	encodings := smallOrderEncodings(t)
	accepted := 0
	var all []Item
	for _, key := range encodings {
		for _, r := range encodings {
			var s [SignatureSize]byte
			copy(s[:32], r[:])
			item := Item{Key: &key, Message: []byte("Zcash"), Signature: &s}
			if verdict(t, v, item) {
				accepted++
			}
			all = append(all, item)
		}
	}
	if accepted != 196 {
		t.Fatalf("%d of the grid accepted, want 196", accepted)
	}
	if !v.VerifyBatch(all) {
		t.Fatal("the grid as one batch is refused")
	}
}

func TestKeysOfSmallOrderAreNotValid(t *testing.T) {
	v := NewVerifier(64)
	for _, key := range smallOrderEncodings(t) {
		v.cache.expand(&key)
		if ValidKey(key) || v.ValidKey(key) {
			t.Errorf("%x is of small order and called valid", key)
		}
	}
}

func TestNonCanonicalAndOffCurveKeysAreNotValid(t *testing.T) {
	var noncanonical, offCurve int
	for y := range 19 { // the encodings p+y of y: the only ones above p
		key := [KeySize]byte(slices.Repeat([]byte{0xff}, KeySize))
		key[0], key[31] = 0xed+byte(y), 0x7f
		if ValidKey(key) {
			t.Errorf("%x is not canonical and called valid", key)
		}
		noncanonical++
	}
	r := newRand(t, 1)
	for range 200 {
		key := [KeySize]byte(randomBytes(r, KeySize))
		compressed := curve.CompressedEdwardsY(key)
		_, err := new(curve.EdwardsPoint).SetCompressedY(&compressed)
		if ValidKey(key) != (err == nil) {
			t.Errorf("%x: valid %v, decoding gives %v", key, ValidKey(key), err)
		}
		if err != nil {
			offCurve++
		}
	}
	if noncanonical != 19 || offCurve < 50 {
		t.Fatalf("too few cases: %d, %d", noncanonical, offCurve)
	}
	if !ValidKey(randomKey(r).Public()) {
		t.Error("an honest key is called invalid")
	}
}

// mixedOrderItem makes a signature in which key and R carry components of
// small order. The equation without the cofactor does not hold for it in
// general, the one with the cofactor does.
func mixedOrderItem(t testing.TB, r *rand.Rand, torsion [][KeySize]byte) Item {
	t.Helper()
	randomScalar := func() *scalar.Scalar {
		s, err := scalar.New().SetBytesModOrderWide(randomBytes(r, 64))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	shifted := func(s *scalar.Scalar) (out [KeySize]byte) {
		var p, small curve.EdwardsPoint
		p.MulBasepoint(curve.ED25519_BASEPOINT_TABLE, s)
		encoding := curve.CompressedEdwardsY(torsion[r.IntN(len(torsion))])
		if _, err := small.SetCompressedY(&encoding); err != nil {
			t.Fatal(err)
		}
		var c curve.CompressedEdwardsY
		c.SetEdwardsPoint(p.Add(&p, &small))
		return c
	}
	secret, nonce, msg := randomScalar(), randomScalar(), randomBytes(r, 40)
	key, commitment := shifted(secret), shifted(nonce)
	h := sha512.Sum512(slices.Concat(commitment[:], key[:], msg))
	s, err := scalar.New().SetBytesModOrderWide(h[:])
	if err != nil {
		t.Fatal(err)
	}
	s.Mul(s, secret)
	s.Add(s, nonce)
	var signature [SignatureSize]byte
	copy(signature[:], commitment[:])
	if err := s.ToBytes(signature[32:]); err != nil {
		t.Fatal(err)
	}
	return Item{Key: &key, Message: msg, Signature: &signature}
}

func TestMixedOrderSignaturesAreAcceptedSingleAndBatched(t *testing.T) {
	r, v := newRand(t, 2), NewVerifier(64)
	torsion := smallOrderEncodings(t)
	var all []Item
	for range 60 {
		item := mixedOrderItem(t, r, torsion)
		if !verdict(t, v, item) {
			t.Fatalf("refused: key %x", *item.Key)
		}
		all = append(all, item)
	}
	if !v.VerifyBatch(all) {
		t.Fatal("refused as one batch")
	}
	all[17].Message = append([]byte{1}, all[17].Message...)
	if v.VerifyBatch(all) || verdict(t, v, all[17]) {
		t.Fatal("accepted with another message")
	}
}

func TestScalarBeyondTheGroupOrderIsRefused(t *testing.T) {
	order, err := hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(8)
	item := signedItem(randomKey(newRand(t, 3)), []byte("coupon"))
	if !verdict(t, v, item) {
		t.Fatal("honest signature refused")
	}
	carry := 0
	for i, b := range order { // s + L signs the same message if s is not checked
		sum := int(item.Signature[32+i]) + int(b) + carry
		item.Signature[32+i], carry = byte(sum), sum>>8
	}
	if verdict(t, v, item) {
		t.Fatal("a malleated signature is accepted")
	}
}

// spoil damages an item in one of the ways a peer might.
func spoil(r *rand.Rand, item Item) Item {
	key, s, msg := *item.Key, *item.Signature, slices.Clone(item.Message)
	switch r.IntN(5) {
	case 0:
		s[r.IntN(SignatureSize)] ^= 1 << r.IntN(8)
	case 1:
		key[r.IntN(KeySize)] ^= 1 << r.IntN(8)
	case 2:
		msg = append(msg, 0)
	case 3:
		s = [SignatureSize]byte(randomBytes(r, SignatureSize))
	case 4:
		key = [KeySize]byte(randomBytes(r, KeySize))
	}
	return Item{Key: &key, Message: msg, Signature: &s}
}

func TestCheckFindsExactlyTheCulprits(t *testing.T) {
	r := newRand(t, 4)
	v := NewVerifier(40) // fewer than the keys in use: eviction is part of the test
	torsion := smallOrderEncodings(t)
	keys := make([]PrivateKey, 60)
	for i := range keys {
		keys[i] = randomKey(r)
	}
	for round := range 24 {
		n := 1 + r.IntN(2*BatchMax/(1+round%8))
		badPercent := []int{0, 1, 5, 100}[round%4]
		items, want, ok := make([]Item, n), make([]bool, n), make([]bool, n)
		for i := range items {
			items[i] = signedItem(keys[r.IntN(len(keys))], randomBytes(r, r.IntN(300)))
			if r.IntN(10) == 0 {
				items[i] = mixedOrderItem(t, r, torsion)
			}
			if r.IntN(100) < badPercent {
				items[i] = spoil(r, items[i])
			}
			want[i] = Verify(items[i].Key, items[i].Message, items[i].Signature)
			ok[i] = r.IntN(2) == 0 // stale verdicts must be overwritten
		}
		all := v.Check(items, ok)
		if !slices.Equal(ok, want) {
			t.Fatalf("round %d: %d items, %d%% bad: verdicts differ from single checks", round, n, badPercent)
		}
		if good := !slices.Contains(want, false); all != good || v.VerifyBatch(items) != good {
			t.Fatalf("round %d: batch says %v, single checks say %v", round, all, good)
		}
	}
}

func TestNoItemsVerify(t *testing.T) {
	v := NewVerifier(1)
	if !v.VerifyBatch(nil) || !v.Check(nil, nil) {
		t.Fatal("nothing to refuse, and refused")
	}
}

func TestSignaturesFollowRFC8032(t *testing.T) {
	// RFC 8032, section 7.1, tests 1 to 3: seed, key, message, signature.
	for _, c := range [][4]string{
		{
			"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
				"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
		},
		{
			"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
				"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
		},
		{
			"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" +
				"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
		},
	} {
		seed, err1 := hex.DecodeString(c[0])
		msg, err2 := hex.DecodeString(c[2])
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		k := NewKeyFromSeed([SeedSize]byte(seed))
		if key, s := k.Public(), k.Sign(msg); hex.EncodeToString(key[:]) != c[1] || hex.EncodeToString(s[:]) != c[3] {
			t.Errorf("seed %s: key %x, signature %x", c[0], key, s)
		}
	}
}

func TestSigningAgreesWithTheStandardLibrary(t *testing.T) {
	r := newRand(t, 5)
	for range 50 {
		k, msg := randomKey(r), randomBytes(r, r.IntN(500))
		seed, s := k.Seed(), k.Sign(msg)
		if std := stded25519.Sign(stded25519.NewKeyFromSeed(seed[:]), msg); !slices.Equal(std, s[:]) {
			t.Fatalf("seed %x signs %x, the standard library %x", seed, s, std)
		}
		if s != k.Sign(msg) {
			t.Fatal("signing is not deterministic")
		}
	}
}

func TestPrivateKeysDoNotPrintTheirSecret(t *testing.T) {
	k := NewKeyFromSeed([SeedSize]byte(slices.Repeat([]byte{0xa7}, SeedSize)))
	type config struct {
		Key    PrivateKey
		hidden PrivateKey
	}
	c := config{Key: k, hidden: k}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	outputs := []string{string(asJSON)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		outputs = append(outputs, fmt.Sprintf(verb, k), fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c))
	}
	for _, out := range outputs {
		for _, secret := range []string{"a7a7", "A7A7", "167 167", "0xa7, 0xa7"} {
			if strings.Contains(out, secret) {
				t.Errorf("the secret is printed: %s", out)
			}
		}
	}
	if !k.Equal(NewKeyFromSeed(k.Seed())) || k.Equal(GenerateKey()) || k.Equal(PrivateKey{}) {
		t.Error("Equal is wrong")
	}
}

func TestReadKeyNeedsAWholeSeed(t *testing.T) {
	if _, err := ReadKey(strings.NewReader("short")); err == nil {
		t.Fatal("a short seed made a key")
	}
	seed := strings.Repeat("s", SeedSize)
	k, err := ReadKey(strings.NewReader(seed))
	if err != nil || k.Seed() != [SeedSize]byte([]byte(seed)) {
		t.Fatalf("got %v, %v", k, err)
	}
}

func TestCacheIsBoundedAndKeepsKeysInUse(t *testing.T) {
	r := newRand(t, 6)
	const capacity = 64
	c := newKeyCache(capacity)
	hot := randomKey(r).Public()
	c.expand(&hot)
	first := c.expand(&hot)
	for range 20 * capacity {
		twice := randomKey(r).Public()
		c.expand(&twice)
		c.expand(&twice)
		if c.expand(&hot) != first {
			t.Fatal("a key in constant use was evicted")
		}
	}
	if n := c.size(); n > capacity || n < capacity/2 {
		t.Fatalf("%d keys held, capacity %d", n, capacity)
	}
	for i := range c.shards {
		for key, slot := range c.shards[i].index {
			if c.shards[i].slots[slot].key != key {
				t.Fatal("index and slots disagree")
			}
		}
	}
}

func TestKeysThatSignOnceAreNotExpanded(t *testing.T) {
	r := newRand(t, 7)
	c := newKeyCache(64)
	for range 100 {
		once := randomKey(r).Public()
		if c.expand(&once) != nil {
			t.Fatal("the first signature by a key expanded it")
		}
	}
	if n := c.size(); n != 0 {
		t.Fatalf("%d keys expanded", n)
	}
}

func TestAcquaintancesAreBounded(t *testing.T) {
	c := newKeyCache(1)
	var key [KeySize]byte
	for i := range 5 * cacheShards * acquaintancesMax {
		binary.LittleEndian.PutUint64(key[:], uint64(i))
		c.shard(&key).remember(&key, acquaintance{used: true})
	}
	for i := range c.shards {
		if n := len(c.shards[i].young) + len(c.shards[i].old); n > 2*acquaintancesMax {
			t.Fatalf("%d keys remembered in a shard", n)
		}
	}
}

func TestVerifierIsSafeForConcurrentUse(t *testing.T) {
	v := NewVerifier(4)
	var g sync.WaitGroup
	for worker := range 4 {
		r := newRand(t, uint64(10+worker))
		g.Go(func() {
			for range 20 {
				items := make([]Item, 1+r.IntN(40))
				for i := range items {
					items[i] = signedItem(randomKey(rand.New(rand.NewPCG(r.Uint64N(12), 0))), randomBytes(r, 20))
				}
				if !v.VerifyBatch(items) {
					t.Error("honest batch refused")
				}
			}
		})
	}
	g.Wait()
}
