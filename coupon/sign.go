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
	if r, ok := f.(*Redeem); ok {
		expires = r.Auth.Expires
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

// NewTillKeyAdd makes and signs a TillKeyAdd; the till key proves its possession.
func (c Chain) NewTillKeyAdd(expires uint64, f *TillKeyAdd, till Signer, signers ...MemberSigner) []byte {
	body := c.Body(expires, f)
	sig := c.SignTill(body, till)
	return c.signMembers(body, signers, &sig)
}

func (c Chain) signMembers(body []byte, signers []MemberSigner, till *[64]byte) []byte {
	entries := make([]MemberSignature, len(signers))
	for i, s := range signers {
		entries[i] = c.SignMember(body, s)
	}
	return JoinMemberSigned(body, entries, till)
}

// SignTicket signs a ticket with the batch's ticket key.
func (c Chain) SignTicket(t Ticket, ticketKey Signer) [64]byte {
	return ticketKey.Sign(c.Message(TagTicket, t.AppendTo(nil)))
}

// SignInvoice signs an invoice with the till key that it names.
func (c Chain) SignInvoice(v Invoice, till Signer) [64]byte {
	return till.Sign(c.Message(TagInvoice, v.AppendTo(nil)))
}

// SignAuth signs an authorisation with the holder's key.
func (c Chain) SignAuth(a Auth, holder Signer) [64]byte {
	return holder.Sign(c.Message(TagAuth, a.AppendTo(nil)))
}

// NewClaim makes and signs the claim of a ticket for the owner to. claimKey is
// the ticket's claim key, which holds the claimant's choice of to.
func (c Chain) NewClaim(expires uint64, t Ticket, ticketKey [32]byte, ticketSig [64]byte,
	to [32]byte, claimKey Signer) []byte {
	body := c.Body(expires, &Claim{Ticket: t, TicketKey: ticketKey, To: to})
	claimSig := claimKey.Sign(c.Message(TagTx, body))
	return append(append(body, ticketSig[:]...), claimSig[:]...)
}

// NewTransfer makes and signs a transfer; mover is its Mover.
func (c Chain) NewTransfer(expires uint64, f Transfer, mover Signer) []byte {
	return c.signBody(expires, &f, mover)
}

// NewVoid makes and signs a void; till is its Key.
func (c Chain) NewVoid(expires uint64, f Void, till Signer) []byte {
	return c.signBody(expires, &f, till)
}

func (c Chain) signBody(expires uint64, f Fields, s Signer) []byte {
	body := c.Body(expires, f)
	sig := s.Sign(c.Message(TagTx, body))
	return append(body, sig[:]...)
}

// NewRedeemInvoice puts a redemption in mode INVOICE together from what till and
// holder signed. Either of them, or anybody, can submit it.
func (c Chain) NewRedeemInvoice(v Invoice, tillSig [64]byte, a Auth, holderSig [64]byte) []byte {
	return joinRedeem(c.Body(0, &Redeem{Invoice: v, Auth: a}), tillSig, holderSig)
}

// NewRedeemShow makes a redemption in mode SHOW from an authorisation that the
// till has scanned; the till signs the whole body.
func (c Chain) NewRedeemShow(v Invoice, till Signer, a Auth, holderSig [64]byte) []byte {
	body := c.Body(0, &Redeem{Invoice: v, Auth: a})
	return joinRedeem(body, c.SignTill(body, till), holderSig)
}

func joinRedeem(body []byte, tillSig, holderSig [64]byte) []byte {
	return append(append(body, tillSig[:]...), holderSig[:]...)
}

// TxID returns the id of the transaction with this body.
func (c Chain) TxID(body []byte) [32]byte { return c.Hash(TagTx, body) }

// CheckBody decodes a body without its witness, so that somebody who is asked to
// sign it can see what it says. The error is an *Error of code E101 or E103.
func (c Chain) CheckBody(body []byte) (Fields, uint64, error) {
	d := newDecoder(body)
	t := &Tx{}
	d.exactly(txVersion)
	t.Kind = Kind(d.Uint8())
	t.Hint = d.Uint32()
	t.Expires = d.time()
	t.Fields = d.fields(t)
	if err := d.closeObject(); err != nil {
		return nil, 0, err
	}
	if t.Hint != c.Hint() {
		return nil, 0, &Error{WrongChain, fmt.Sprintf("chain hint %08x, not %08x", t.Hint, c.Hint())}
	}
	return t.Fields, t.Expires, nil
}
