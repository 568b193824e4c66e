package keys

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"errors"
	"fmt"
	"sort"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// The English word list of BIP-39: 2048 words in alphabetical order, each
// determined by its first four letters.
//
//go:embed english.txt
var englishText string

var englishWords = strings.Fields(englishText)

// A mnemonic has 11 bits a word.
const wordBits = 11

// mnemonicCharsMax bounds the text taken from outside: 24 words of at most 8
// letters with generous white space.
const mnemonicCharsMax = 1024

// NewMnemonic returns a fresh mnemonic of 12 or 24 words from the system's
// random source. 12 words hold 128 bits, which is what ed25519 itself offers.
func NewMnemonic(words int) (string, error) {
	if words != 12 && words != 24 {
		return "", fmt.Errorf("new mnemonic: %d words asked, 12 or 24 are offered", words)
	}
	entropy := make([]byte, words*4/3)
	rand.Read(entropy)
	return MnemonicFromEntropy(entropy)
}

// MnemonicFromEntropy returns the mnemonic of 16, 20, 24, 28 or 32 bytes.
func MnemonicFromEntropy(entropy []byte) (string, error) {
	if n := len(entropy); n < 16 || n > 32 || n%4 != 0 {
		return "", fmt.Errorf("mnemonic: %d bytes of entropy, wanted 16, 20, 24, 28 or 32", n)
	}
	// The checksum is one bit for every 32 of entropy: never more than 8.
	sum := sha256.Sum256(entropy)
	bits := append(append([]byte(nil), entropy...), sum[0])
	words := make([]string, len(entropy)*3/4)
	for i := range words {
		words[i] = englishWords[bitsAt(bits, i*wordBits)]
	}
	return strings.Join(words, " "), nil
}

// bitsAt reads the 11 bits of b that begin at bit offset from.
func bitsAt(b []byte, from int) int {
	v := 0
	for i := from; i < from+wordBits; i++ {
		v = v<<1 | int(b[i/8]>>(7-i%8)&1)
	}
	return v
}

// EntropyFromMnemonic checks a mnemonic's words and checksum and returns its
// entropy. Case and spacing do not matter. An error names a wrong word by its
// place and, where one is near, the word that was probably meant.
func EntropyFromMnemonic(mnemonic string) ([]byte, error) {
	words, err := mnemonicWords(mnemonic)
	if err != nil {
		return nil, err
	}
	bits := make([]byte, (len(words)*wordBits+7)/8)
	for i, w := range words {
		n := sort.SearchStrings(englishWords, w)
		if n == len(englishWords) || englishWords[n] != w {
			return nil, unknownWord(i, w)
		}
		for j := range wordBits {
			at := i*wordBits + j
			bits[at/8] |= byte(n>>(wordBits-1-j)&1) << (7 - at%8)
		}
	}
	entropy := bits[:len(words)*4/3]
	again, err := MnemonicFromEntropy(entropy)
	if err != nil {
		return nil, err
	}
	if again != strings.Join(words, " ") {
		return nil, errors.New("mnemonic: all words are known but they do not belong together; " +
			"look for a word swapped, repeated or taken for another")
	}
	return entropy, nil
}

// mnemonicWords normalises a mnemonic and returns its words.
func mnemonicWords(mnemonic string) ([]string, error) {
	if len(mnemonic) > mnemonicCharsMax {
		return nil, fmt.Errorf("mnemonic: %d characters, at most %d", len(mnemonic), mnemonicCharsMax)
	}
	words := strings.Fields(strings.ToLower(norm.NFKD.String(mnemonic)))
	if n := len(words); n < 12 || n > 24 || n%3 != 0 {
		return nil, fmt.Errorf("mnemonic: %d words, wanted 12, 15, 18, 21 or 24", n)
	}
	return words, nil
}

// unknownWord tells which word is not in the list. The word itself is part of a
// secret and stays out of the error; a suggestion is not, being a public word.
func unknownWord(i int, w string) error {
	near := ""
	if len(w) >= 4 {
		// Four letters determine a word: a typing error mostly comes later.
		n := sort.SearchStrings(englishWords, w[:4])
		if n < len(englishWords) && strings.HasPrefix(englishWords[n], w[:4]) {
			near = fmt.Sprintf("; did you mean %q?", englishWords[n])
		}
	}
	return fmt.Errorf("mnemonic: word %d is not in the English list%s", i+1, near)
}

// SeedFromMnemonic returns the 64-byte seed of a mnemonic that
// EntropyFromMnemonic accepts. The passphrase is BIP-39's optional extra word:
// any other passphrase gives another, equally valid seed.
func SeedFromMnemonic(mnemonic, passphrase string) ([64]byte, error) {
	if _, err := EntropyFromMnemonic(mnemonic); err != nil {
		return [64]byte{}, err
	}
	words, err := mnemonicWords(mnemonic)
	if err != nil {
		return [64]byte{}, err
	}
	salt := "mnemonic" + norm.NFKD.String(passphrase)
	seed, err := pbkdf2.Key(sha512.New, strings.Join(words, " "), []byte(salt), 2048, 64)
	if err != nil {
		return [64]byte{}, fmt.Errorf("mnemonic: derive the seed: %w", err)
	}
	return [64]byte(seed), nil
}
