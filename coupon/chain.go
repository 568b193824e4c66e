package coupon

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Domain tags of rules 3.14. The length byte before a tag makes all of them
// prefix-free among each other and among the consensus tags.
const (
	TagChain   = "scrip/chain/v1"
	TagTx      = "scrip/tx/v1"
	TagTicket  = "scrip/ticket/v1"
	TagInvoice = "scrip/invoice/v1"
	TagAuth    = "scrip/auth/v1"
	TagBasket  = "scrip/basket/v1"
)

// Limits of amounts and times (rules 3.1).
const (
	// MoneyMax is the largest amount, in minor units.
	MoneyMax uint64 = 1_000_000_000_000_000
	// TimeMax is the last representable millisecond, the end of the year 9999.
	TimeMax uint64 = 253_402_300_799_999
	// BpsMax is one whole in basis points.
	BpsMax uint16 = 10_000
)

// Chain identifies one ledger. Every signed byte is bound to its Digest, so no
// signature counts on another chain or after a reset. It is a value, immutable
// and safe for concurrent use.
type Chain struct {
	// Digest is the chain digest of rules 3.14.
	Digest [32]byte
	// ValidKey reports whether a public key is a canonical encoding of a point
	// that is not of small order. Without it CheckTx refuses every key.
	ValidKey func(key [32]byte) bool
	// Scheme verifies the signatures inside evidence of misbehaviour, which no rule but that
	// of its kind looks at. A chain of version 2 of the rules has one.
	Scheme pbft.Scheme
	// Rules is the version of the rules by which CheckTx decodes; 0 stands for Version1.
	Rules Version
}

// ChainDigest returns SHA-256(u8 14 || "scrip/chain/v1" || string name ||
// SHA-256(genesis)), where genesis is the whole genesis file.
func ChainDigest(name string, genesis []byte) [32]byte {
	file := sha256.Sum256(genesis)
	b := append([]byte{byte(len(TagChain))}, TagChain...)
	b = wire.AppendString(b, name)
	return sha256.Sum256(append(b, file[:]...))
}

// Hint returns the first four bytes of the digest as a little-endian number. It
// stands in every envelope and payload and tells a wrong chain early.
func (c Chain) Hint() uint32 { return binary.LittleEndian.Uint32(c.Digest[:4]) }

// Message returns M(tag, body), the bytes that are signed: the tag behind its
// length byte, the chain digest and SHA-256(body).
func (c Chain) Message(tag string, body []byte) []byte {
	return c.messageOf(tag, sha256.Sum256(body))
}

// Hash returns D(tag, body) = SHA-256(M(tag, body)).
func (c Chain) Hash(tag string, body []byte) [32]byte {
	return sha256.Sum256(c.Message(tag, body))
}

// messageOf is Message of a body whose SHA-256 is known.
func (c Chain) messageOf(tag string, bodyHash [32]byte) []byte {
	return c.appendMessage(make([]byte, 0, 1+len(tag)+64), tag, bodyHash)
}

func (c Chain) appendMessage(b []byte, tag string, bodyHash [32]byte) []byte {
	b = append(b, byte(len(tag)))
	b = append(b, tag...)
	b = append(b, c.Digest[:]...)
	return append(b, bodyHash[:]...)
}

// hashOf is Hash of a body whose SHA-256 is known; it does not allocate.
func (c Chain) hashOf(tag string, bodyHash [32]byte) [32]byte {
	var buf [1 + 32 + 64]byte
	return sha256.Sum256(c.appendMessage(buf[:0], tag, bodyHash))
}

func (c Chain) validKey(key [32]byte) bool { return c.ValidKey != nil && c.ValidKey(key) }

// BasketHash binds a till's bill without telling anything of it: SHA-256(u8 15
// || "scrip/basket/v1" || salt || SHA-256(basket)). The salt must be fresh; the
// basket's form is the merchant's own (rules 3.14).
func BasketHash(salt [16]byte, basket []byte) [32]byte {
	inner := sha256.Sum256(basket)
	b := append([]byte{byte(len(TagBasket))}, TagBasket...)
	b = append(b, salt[:]...)
	return sha256.Sum256(append(b, inner[:]...))
}
