package coupon

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Signer is a public key and the means to sign with it: a key in memory, a
// hardware token, or a person who is asked.
type Signer struct {
	// Key is the public key.
	Key [32]byte
	// Sign returns the ed25519 signature over message.
	Sign func(message []byte) [64]byte
}

// NewSigner returns the signer of a private ed25519 seed held in memory.
func NewSigner(seed [32]byte) Signer {
	private := ed25519.NewKeyFromSeed(seed[:])
	s := Signer{Sign: func(message []byte) [64]byte { return [64]byte(ed25519.Sign(private, message)) }}
	copy(s.Key[:], private.Public().(ed25519.PublicKey))
	return s
}

// MemberSigner is an admin key of a member that signs.
type MemberSigner struct {
	Member uint16
	Signer
}

// Body returns the body of a transaction: envelope and fields. A Redeem's
// envelope takes the expiry of its authorisation, and expires is ignored.
func (c Chain) Body(expires uint64, f Fields) []byte {
	if ms, fixed := f.expiry(); fixed {
		expires = ms
	}
	b := append(make([]byte, 0, 256), txVersion, byte(f.Kind()))
	b = wire.AppendUint32(b, c.Hint())
	return f.appendTo(wire.AppendUint64(b, expires))
}

// SignMember makes one entry of the witness of a member-signed body. Members
// that sign at different places exchange the body and these entries.
func (c Chain) SignMember(body []byte, s MemberSigner) MemberSignature {
	return MemberSignature{Member: s.Member, Key: s.Key, Signature: s.Sign(c.Message(TagTx, body))}
}

// SignTill makes the till's proof of possession for the body of a TillKeyAdd, or
// the till's signature under the body of a Redeem in mode SHOW.
func (c Chain) SignTill(body []byte, till Signer) [64]byte {
	return till.Sign(c.Message(TagTx, body))
}

// JoinMemberSigned puts a member-signed transaction together: the entries are
// sorted, and till is the till's signature for a TillKeyAdd, nil for other kinds.
func JoinMemberSigned(body []byte, entries []MemberSignature, till *[64]byte) []byte {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b MemberSignature) int {
		if a.before(&b) {
			return -1
		}
		return 1
	})
	b := wire.AppendUint32(slices.Clone(body), uint32(len(entries)))
	for i := range entries {
		b = wire.AppendUint16(b, entries[i].Member)
		b = append(b, entries[i].Key[:]...)
		b = append(b, entries[i].Signature[:]...)
	}
	if till != nil {
		b = append(b, till[:]...)
	}
	return b
}

// NewMemberTx makes and signs a transaction of kinds 1 to 5 or 7.
func (c Chain) NewMemberTx(expires uint64, f Fields, signers ...MemberSigner) []byte {
	return c.signMembers(c.Body(expires, f), signers, nil)
}

func (c Chain) signMembers(body []byte, signers []MemberSigner, till *[64]byte) []byte {
	entries := make([]MemberSignature, len(signers))
	for i, s := range signers {
		entries[i] = c.SignMember(body, s)
	}
	return JoinMemberSigned(body, entries, till)
}

func (c Chain) signBody(expires uint64, f Fields, s Signer) []byte {
	body := c.Body(expires, f)
	sig := s.Sign(c.Message(TagTx, body))
	return append(body, sig[:]...)
}

// TxID returns the id of the transaction with this body.
func (c Chain) TxID(body []byte) [32]byte { return c.Hash(TagTx, body) }

// CheckBody is CheckBodyAt for version 1 of the rules.
func (c Chain) CheckBody(body []byte) (Fields, uint64, error) { return c.CheckBodyAt(Version1, body) }

// CheckBodyAt decodes a body without its witness, so that somebody who is asked to
// sign it can see what it says. The error is an *Error of code E101 or E103.
func (c Chain) CheckBodyAt(v Version, body []byte) (Fields, uint64, error) {
	d := newDecoder(body)
	t := &Tx{version: v}
	d.body(t)
	if err := d.closeObject(); err != nil {
		return nil, 0, err
	}
	if t.Hint != c.Hint() {
		return nil, 0, &Error{WrongChain, fmt.Sprintf("chain hint %08x, not %08x", t.Hint, c.Hint())}
	}
	return t.Fields, t.Expires, nil
}
