package keys

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/vectors.json; read the difference before committing it")

// keyVectors are what every implementation must derive from the same words, write
// for the same keys and open with the same passphrase. Byte strings are hex.
type keyVectors struct {
	Wallets    []walletVector  `json:"wallets"`
	Addresses  []addressVector `json:"addresses"`
	KeyFile    string          `json:"keyFile"` // the lines of the first derived key
	Passphrase string          `json:"passphrase"`
	// Encrypted files differ each time they are made: these were made once.
	EncryptedKey    string `json:"encryptedKey"`
	EncryptedPhrase string `json:"encryptedPhrase"`
}

type walletVector struct {
	Mnemonic   string         `json:"mnemonic"`
	Passphrase string         `json:"passphrase"`
	Secret     string         `json:"secret"`
	Keys       []secretVector `json:"keys"`
}

type secretVector struct {
	Kind    string `json:"kind"`
	Group   uint32 `json:"group"`
	N       uint32 `json:"n"`
	Seed    string `json:"seed"`
	Address string `json:"address"`
}

type addressVector struct {
	Text  string `json:"text"`
	Valid bool   `json:"valid"` // as the address of a holder
}

func makeKeyVectors(t *testing.T) (v keyVectors) {
	const phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"
	for _, passphrase := range []string{"", "caf\u00e9"} {
		w, err := NewWallet(phrase, passphrase)
		if err != nil {
			t.Fatal(err)
		}
		secret := w.Secret()
		out := walletVector{Mnemonic: phrase, Passphrase: passphrase, Secret: hex.EncodeToString(secret[:])}
		for kind := range kindEnd {
			for _, at := range [][2]uint32{{0, 0}, {7, 3}, {hardened - 1, 19}} {
				s, err := w.Key(kind, at[0], at[1])
				if err != nil {
					t.Fatal(err)
				}
				out.Keys = append(out.Keys, secretVector{kind.String(), at[0], at[1], hex.EncodeToString(s.Seed[:]), s.Address()})
				if v.KeyFile == "" {
					v.KeyFile = s.body()
				}
			}
		}
		v.Wallets = append(v.Wallets, out)
	}
	key := make([]byte, 32)
	loose := toBase32(key)
	loose[len(loose)-1] |= 1
	for _, text := range append(append([]string{Encode(Holder, [32]byte{1}), Encode(Till, [32]byte{1}),
		bech32mEncode("bc", toBase32(key)), bech32mEncode("scrip", toBase32(key[:31])), bech32mEncode("scrip", loose),
		bech32mEncode("scrip", append(toBase32(key), 0)), bech32mEncode(secretPrefix, toBase32(key)), "",
	}, bech32mValid...), "a1Lqfn3a", "a12uel5l") {
		_, err := Decode(Holder, text)
		v.Addresses = append(v.Addresses, addressVector{text, err == nil})
	}
	v.Passphrase = testPassphrase
	return v
}

func TestKeyVectors(t *testing.T) {
	const path = "testdata/vectors.json"
	v := makeKeyVectors(t)
	s, err := parseBody(v.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if *rewrite {
		// As Save writes them, with the work factor of real files.
		key, errKey := encrypt(s.body(), v.Passphrase, scryptWorkLog2)
		phrase, errPhrase := encrypt(phraseTitle+v.Wallets[0].Mnemonic+"\n", v.Passphrase, scryptWorkLog2)
		if errKey != nil || errPhrase != nil {
			t.Fatal(errKey, errPhrase)
		}
		v.EncryptedKey, v.EncryptedPhrase = string(key), string(phrase)
		if raw, err = json.MarshalIndent(v, "", " "); err == nil {
			raw = append(raw, '\n')
			err = os.WriteFile(path, raw, 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	var want keyVectors
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if body, err := decrypt([]byte(want.EncryptedKey), want.Passphrase); err != nil || body != v.KeyFile {
		t.Errorf("the encrypted key holds %q, %v", body, err)
	}
	if body, err := decrypt([]byte(want.EncryptedPhrase), want.Passphrase); err != nil ||
		body != phraseTitle+v.Wallets[0].Mnemonic+"\n" {
		t.Errorf("the encrypted phrase holds %q, %v", body, err)
	}
	v.EncryptedKey, v.EncryptedPhrase = want.EncryptedKey, want.EncryptedPhrase
	got, err := json.MarshalIndent(v, "", " ")
	if err != nil || !bytes.Equal(append(got, '\n'), raw) {
		t.Errorf("the keys differ from %s (%v); run with -rewrite and read the difference", path, err)
	}
}
