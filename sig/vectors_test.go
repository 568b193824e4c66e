package sig

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/zip215.json; read the difference before committing it")

// zip215Vectors are verdicts that every implementation must share: whether a
// signature is one, and whether a key may stand in an object. All bytes are hex.
type zip215Vectors struct {
	Signatures []signatureVector `json:"signatures"`
	Keys       []keyVector       `json:"keys"`
}

type signatureVector struct {
	Key       string `json:"key"`
	Message   string `json:"message"`
	Signature string `json:"signature"`
	Valid     bool   `json:"valid"`
}

type keyVector struct {
	Key   string `json:"key"`
	Valid bool   `json:"valid"`
}

func makeZIP215Vectors(t *testing.T) (v zip215Vectors) {
	add := func(i Item) {
		v.Signatures = append(v.Signatures, signatureVector{hex.EncodeToString(i.Key[:]), hex.EncodeToString(i.Message),
			hex.EncodeToString(i.Signature[:]), Verify(i.Key, i.Message, i.Signature)})
	}
	encodings := smallOrderEncodings(t)
	for _, key := range encodings {
		for _, r := range encodings {
			s := [SignatureSize]byte(append(bytes.Clone(r[:]), make([]byte, 32)...))
			add(Item{Key: &key, Message: []byte("Zcash"), Signature: &s})
		}
	}
	r := newRand(t, 215)
	for range 8 {
		honest, mixed := signedItem(randomKey(r), randomBytes(r, 40)), mixedOrderItem(t, r, encodings)
		forged := *honest.Signature
		forged[r.IntN(SignatureSize)] ^= 1
		for _, i := range []Item{honest, mixed, {honest.Key, honest.Message, &forged},
			{honest.Key, mixed.Message, honest.Signature}} {
			add(i)
		}
	}
	keys := encodings
	for y := range 19 { // the encodings p+y of y, which are not canonical
		key := [KeySize]byte(bytes.Repeat([]byte{0xff}, KeySize))
		key[0], key[31] = 0xed+byte(y), 0x7f
		keys = append(keys, key)
	}
	for range 16 {
		keys = append(keys, [KeySize]byte(randomBytes(r, KeySize)), randomKey(r).Public(),
			*mixedOrderItem(t, r, encodings).Key)
	}
	for _, key := range keys {
		v.Keys = append(v.Keys, keyVector{hex.EncodeToString(key[:]), ValidKey(key)})
	}
	return v
}

func TestZIP215Vectors(t *testing.T) {
	const path = "testdata/zip215.json"
	got, err := json.MarshalIndent(makeZIP215Vectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the verdicts differ from %s (%v); run with -rewrite and read the difference", path, err)
	}
}
