// Package sig is the one place where Scrip checks and makes ed25519 signatures.
//
// Every check follows ZIP-215: the cofactored equation, every encoding of a
// curve point accepted for R and for the key, s below the group order. Only
// under that rule do a single check and a batch check always agree, so a
// replica that checks in batches can never disagree with one that does not.
// The standard library's verifier is cofactorless and answers differently on
// crafted signatures; next to a batch verifier it would split the ledger.
// Nothing outside this package may verify a signature over a ledger object.
//
// Because ZIP-215 accepts odd encodings, keys are filtered once, where they
// enter the ledger: ValidKey refuses encodings that are not canonical and
// points of small order (domain rules, E102).
//
// Signing is RFC 8032 ed25519 and deterministic. Batch checks draw random
// coefficients from crypto/rand, so verification belongs to the shell around
// the deterministic core, which is told verdicts.
package sig

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// Sizes in bytes.
const (
	KeySize       = 32 // a public key
	SeedSize      = 32 // a private key's seed
	SignatureSize = 64 // a signature: R, then s
)

// zip215 selects the one acceptance rule. It is never written to.
var zip215 = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

// Verify reports whether s is a signature of msg by key under ZIP-215. It uses
// no cache; a Verifier answers the same and is faster for keys seen before.
// Safe for concurrent use.
func Verify(key *[KeySize]byte, msg []byte, s *[SignatureSize]byte) bool {
	return ed25519.VerifyWithOptions(key[:], msg, s[:], zip215)
}

// ValidKey reports whether key may be written into a ledger object: it is the
// canonical encoding of a point on the curve, and that point is not of small
// order (anyone can sign for a key of small order). Safe for concurrent use.
func ValidKey(key [KeySize]byte) bool {
	var a acquaintance
	a.decode(&key)
	return a.valid
}

// validPoint is ValidKey of an encoding that decodes to p.
func validPoint(encoding *curve.CompressedEdwardsY, p *curve.EdwardsPoint) bool {
	return encoding.IsCanonicalVartime() && !p.IsSmallOrder()
}

// PrivateKey signs. The zero value holds no key and panics when it signs. It
// never prints its secret: every fmt verb and slog show only the public key.
// Safe for concurrent use.
type PrivateKey struct {
	// A closure, because fmt prints what unexported fields of an enclosing
	// struct hold and point to, without calling Format. It also makes keys
	// incomparable with ==, for which Equal is there.
	secret func() ed25519.PrivateKey
}

// GenerateKey makes a key from crypto/rand.
func GenerateKey() PrivateKey {
	var seed [SeedSize]byte
	rand.Read(seed[:]) // never fails; it ends the process instead
	return NewKeyFromSeed(seed)
}

// ReadKey makes a key from the next 32 bytes of r, which must be unpredictable
// outside of tests.
func ReadKey(r io.Reader) (PrivateKey, error) {
	var seed [SeedSize]byte
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return PrivateKey{}, fmt.Errorf("read key seed: %w", err)
	}
	return NewKeyFromSeed(seed), nil
}

// NewKeyFromSeed returns the key that RFC 8032 derives from seed.
func NewKeyFromSeed(seed [SeedSize]byte) PrivateKey {
	key := ed25519.NewKeyFromSeed(seed[:])
	return PrivateKey{secret: func() ed25519.PrivateKey { return key }}
}

// Valid reports whether k holds a key.
func (k PrivateKey) Valid() bool { return k.secret != nil }

// Public returns the public key, or zeros if k holds no key.
func (k PrivateKey) Public() [KeySize]byte {
	if !k.Valid() {
		return [KeySize]byte{}
	}
	return [KeySize]byte(k.secret()[SeedSize:])
}

// Seed returns the secret from which NewKeyFromSeed makes k again.
func (k PrivateKey) Seed() [SeedSize]byte { return [SeedSize]byte(k.secret()[:SeedSize]) }

// Equal reports whether both hold the same key, in time that does not depend on
// the secrets.
func (k PrivateKey) Equal(other PrivateKey) bool {
	if !k.Valid() || !other.Valid() {
		return k.Valid() == other.Valid()
	}
	return subtle.ConstantTimeCompare(k.secret(), other.secret()) == 1
}

// Sign returns the RFC 8032 signature of msg. The same key and message always
// give the same signature.
func (k PrivateKey) Sign(msg []byte) [SignatureSize]byte {
	return [SignatureSize]byte(ed25519.Sign(k.secret(), msg))
}

// Format implements fmt.Formatter for every verb, so that no log line can leak
// the secret.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// String names the key by its public half.
func (k PrivateKey) String() string { return fmt.Sprintf("private key of %x", k.Public()) }

// MarshalText gives what String gives: no encoder gets at the secret.
func (k PrivateKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
