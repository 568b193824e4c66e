package keys

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"sort"
	"strings"
	"testing"
)

func TestWordListIsTheStandardOne(t *testing.T) {
	const want = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
	sum := sha256.Sum256([]byte(englishText))
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("english.txt has SHA-256 %s", got)
	}
	if len(englishWords) != 1<<wordBits || !sort.StringsAreSorted(englishWords) {
		t.Errorf("%d words, sorted %v", len(englishWords), sort.StringsAreSorted(englishWords))
	}
}

// The 24 English vectors published with BIP-39; their passphrase is TREZOR.
func TestMnemonicVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/bip39.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Entropy, Mnemonic, Seed string }
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 24 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, v := range vectors {
		entropy := unhex(t, v.Entropy)
		got, err := MnemonicFromEntropy(entropy)
		if err != nil || got != v.Mnemonic {
			t.Errorf("mnemonic of %s: %q, %v", v.Entropy, got, err)
		}
		back, err := EntropyFromMnemonic("  " + strings.ToUpper(strings.ReplaceAll(v.Mnemonic, " ", "\n ")))
		if err != nil || hex.EncodeToString(back) != v.Entropy {
			t.Errorf("entropy of %q: %x, %v", v.Mnemonic, back, err)
		}
		seed, err := SeedFromMnemonic(v.Mnemonic, "TREZOR")
		if err != nil || hex.EncodeToString(seed[:]) != v.Seed {
			t.Errorf("seed of %q: %x, %v", v.Mnemonic, seed, err)
		}
	}
}

// Two ways to type one passphrase give one seed (BIP-39 asks for NFKD).
func TestPassphraseIsNormalised(t *testing.T) {
	const phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"
	composed, err := SeedFromMnemonic(phrase, "caf\u00e9")
	if err != nil {
		t.Fatal(err)
	}
	if decomposed, _ := SeedFromMnemonic(phrase, "cafe\u0301"); decomposed != composed {
		t.Error("composed and decomposed passphrases give different seeds")
	}
	if none, _ := SeedFromMnemonic(phrase, "cafe"); none == composed {
		t.Error("another passphrase gives the same seed")
	}
}

func TestMnemonicRefusals(t *testing.T) {
	good := strings.Fields("legal winner thank year wave sausage worth useful legal winner thank yellow")
	with := func(i int, word string) string {
		words := append([]string(nil), good...)
		words[i] = word
		return strings.Join(words, " ")
	}
	for _, c := range []struct{ name, phrase, want string }{
		{"empty", "", "0 words"},
		{"a word missing", strings.Join(good[1:], " "), "11 words"},
		{"27 words", strings.Repeat("legal ", 27), "27 words"},
		{"a word swapped", with(11, "year"), "do not belong together"},
		{"near a word", with(2, "thanc"), ""},
		{"word cut", with(5, "sausags"), `word 6 is not in the English list; did you mean "sausage"?`},
		{"no such word", with(0, "zzzz"), "word 1 is not"},
		{"long", strings.Repeat("a", 2000), "at most"},
	} {
		_, err := EntropyFromMnemonic(c.phrase)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, wanted %q in it", c.name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "thanc") || strings.Contains(err.Error(), "sausags")) {
			t.Errorf("%s: the error repeats what was typed: %v", c.name, err)
		}
	}
}

func TestNewMnemonicsAreValidAndDiffer(t *testing.T) {
	for _, words := range []int{12, 24} {
		a, err := NewMnemonic(words)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := NewMnemonic(words)
		if a == b {
			t.Error("two new mnemonics are equal")
		}
		if n := len(strings.Fields(a)); n != words {
			t.Errorf("%d words, wanted %d", n, words)
		}
		if _, err := EntropyFromMnemonic(a); err != nil {
			t.Error(err)
		}
	}
	if _, err := NewMnemonic(13); err == nil {
		t.Error("13 words were accepted")
	}
}

func FuzzMnemonic(f *testing.F) {
	f.Add("zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong")
	f.Add("abandon about")
	f.Fuzz(func(t *testing.T, phrase string) {
		entropy, err := EntropyFromMnemonic(phrase)
		if err != nil {
			return
		}
		again, err := MnemonicFromEntropy(entropy)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := EntropyFromMnemonic(again); err != nil || string(back) != string(entropy) {
			t.Errorf("%q: %x, %v", again, back, err)
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
