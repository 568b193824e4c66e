package coupon

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// Sizes and limits of transactions (rules 3.3, 3.14), in bytes unless named otherwise.
const (
	TxSizeMax     = 8192
	SignaturesMax = 32
	LabelSizeMax  = 32
	txVersion     = 1
	memberSigSize = 98
	allRights     = RightRedeem | RightVoidOwn | RightVoidAny
)

// Rights of a till key (rules 3.2), a bit set.
const (
	RightRedeem  uint8 = 1
	RightVoidOwn uint8 = 2
	RightVoidAny uint8 = 4
)

// CouponID names a coupon: campaign << 32 | serial (rules 3.1). In JSON it is a
// decimal string.
type CouponID uint64

// NewCouponID joins a campaign and a serial.
func NewCouponID(campaign, serial uint32) CouponID {
	return CouponID(uint64(campaign)<<32 | uint64(serial))
}

// Campaign returns the coupon's campaign.
func (c CouponID) Campaign() uint32 { return uint32(c >> 32) }

// Serial returns the coupon's number inside its campaign, from 1.
func (c CouponID) Serial() uint32 { return uint32(c) }

// MemberSignature is one entry of the witness of a kind that members sign.
type MemberSignature struct {
	Member    uint16
	Key       [32]byte
	Signature [64]byte
}

func (s *MemberSignature) before(o *MemberSignature) bool {
	return s.Member < o.Member || s.Member == o.Member && bytes.Compare(s.Key[:], o.Key[:]) < 0
}

// Tx is a decoded transaction. It aliases the bytes it was parsed from; neither
// may be changed.
type Tx struct {
	// Raw is the whole transaction, body and witness.
	Raw []byte
	// ID is D("scrip/tx/v1", body). It depends on the chain: CheckTx sets it,
	// ParseTx leaves it zero.
	ID [32]byte
	// Kind is the transaction's kind.
	Kind Kind
	// Hint is the chain hint of the envelope.
	Hint uint32
	// Expires is the instant from which the transaction is refused.
	Expires uint64
	// Fields is the kind's own part of the body.
	Fields Fields
	// Members are the signatures of a kind that members sign, strictly ascending.
	Members []MemberSignature

	sigs       [furtherMax][64]byte // the further signatures, in the order of rules 3.14
	moreSigs   [][64]byte           // those beyond
	version    Version              // of the rules that CheckTx used
	bodySize   int
	bodyHash   [32]byte
	spent      [32]byte // what Fields.spends returns
	spentUntil uint64
	chain      [32]byte // digest of the chain that CheckTx used
}

// Body returns the signed part of the transaction, aliasing Raw.
func (t *Tx) Body() []byte { return t.Raw[:t.bodySize:t.bodySize] }

// InvoiceDigest returns the digest of a Redeem's invoice, zero for other kinds.
// Like ID it is set by CheckTx.
func (t *Tx) InvoiceDigest() (digest [32]byte) {
	if t.Kind == KindRedeem {
		digest = t.spent
	}
	return digest
}

// sig returns a further signature.
func (t *Tx) sig(i int) [64]byte {
	if i < furtherMax {
		return t.sigs[i]
	}
	return t.moreSigs[i-furtherMax]
}

// ParseTx is ParseTxAt for version 1 of the rules.
func ParseTx(raw []byte) (*Tx, error) { return ParseTxAt(Version1, raw) }

// ParseTxAt decodes a transaction of a version of the rules strictly, with every limit of
// rules 3.14. The error is an *Error of code E107 or E101. It knows no chain, so Tx.ID
// stays zero and neither keys nor hint are checked: only CheckTxAt makes a Tx that Apply
// takes.
func ParseTxAt(v Version, raw []byte) (*Tx, error) {
	if most := sizeMax(v, raw); len(raw) > most {
		return nil, &Error{TooLarge, fmt.Sprintf("%d bytes, at most %d", len(raw), most)}
	}
	d := newDecoder(raw)
	t := &Tx{Raw: raw[:len(raw):len(raw)], version: v}
	d.body(t)
	t.bodySize = d.Offset()
	d.witness(t)
	if err := d.Close(); err != nil {
		return nil, &Error{BadEncoding, err.Error()}
	}
	t.bodyHash = sha256.Sum256(t.Body())
	return t, nil
}

// sizeMax bounds a transaction by the kind that its bytes name.
func sizeMax(v Version, raw []byte) int {
	if v >= Version2 && KindOf(raw) == KindMisbehaviour {
		return MisbehaviourSizeMax
	}
	return TxSizeMax
}

// CheckTx is CheckTxAt for the version of the rules that the chain names.
func (c Chain) CheckTx(raw []byte) (*Tx, error) { return c.CheckTxAt(max(Version1, c.Rules), raw) }

// CheckTxAt makes every stateless check of rules 3.3 a but the signatures, in order:
// size E107, encoding E101, chain hint E103, agreement of digests inside E101, validity of
// all keys E102. The version is that of the block which may hold the transaction. The
// error is an *Error. Whoever includes the transaction in a block, or executes one, must
// verify all of Tx.Signatures as well.
func (c Chain) CheckTxAt(v Version, raw []byte) (*Tx, error) {
	t, err := ParseTxAt(v, raw)
	if err != nil {
		return nil, err
	}
	if t.Hint != c.Hint() {
		return nil, &Error{WrongChain, fmt.Sprintf("chain hint %08x, not %08x", t.Hint, c.Hint())}
	}
	if b, ok := t.Fields.(boundToChain); ok && !b.agrees(c) {
		return nil, &Error{BadEncoding, "a digest is not that of what it names"}
	}
	if key, ok := t.invalidKey(c); !ok {
		return nil, &Error{BadSignature, fmt.Sprintf("%x is not a valid public key", key)}
	}
	t.chain = c.Digest
	t.ID = c.hashOf(TagTx, t.bodyHash)
	t.spent, t.spentUntil = t.Fields.spends(c)
	return t, nil
}

// invalidKey returns the first key that is not valid; ok if there is none.
func (t *Tx) invalidKey(c Chain) (key [32]byte, ok bool) {
	for _, k := range t.Fields.keys() {
		if !c.validKey(k) {
			return k, false
		}
	}
	for i := range t.Members {
		if !c.validKey(t.Members[i].Key) {
			return t.Members[i].Key, false
		}
	}
	return key, true
}

// body reads envelope and fields. An unlisted kind leaves no fields, and an error.
func (d decoder) body(t *Tx) {
	d.exactly(txVersion)
	t.Kind = Kind(d.Uint8())
	t.Hint = d.Uint32()
	t.Expires = d.time()
	s := kindTable[t.Kind]
	if s == nil || s.since > t.version {
		d.require(false, "unlisted kind")
		return
	}
	t.Fields = s.decode(d)
	ms, fixed := t.Fields.expiry()
	d.require(!fixed || ms == t.Expires, "the envelope's expiry is not that of the fields")
}

// closeObject ends the decoding of something that came from outside.
func (d decoder) closeObject() error {
	if err := d.Close(); err != nil {
		return &Error{BadEncoding, err.Error()}
	}
	return nil
}

func (d decoder) witness(t *Tx) {
	if t.Kind.MemberSigned() {
		n := d.Count(SignaturesMax, memberSigSize)
		d.require(n >= 1, "no member signature")
		t.Members = make([]MemberSignature, n)
		for i := range t.Members {
			t.Members[i] = MemberSignature{Member: d.Uint16(), Key: d.Bytes32(), Signature: d.Bytes64()}
			d.require(i == 0 || t.Members[i-1].before(&t.Members[i]), "member signatures not ascending")
		}
	}
	if d.Err() != nil {
		return
	}
	for i := range furtherOf(t.Fields) {
		if i < furtherMax {
			t.sigs[i] = d.Bytes64()
		} else {
			t.moreSigs = append(t.moreSigs, d.Bytes64())
		}
	}
}

// SigCheck is one signature that must verify under ZIP-215.
type SigCheck struct {
	Key       [32]byte
	Message   []byte
	Signature [64]byte
}

// Signatures lists every signature of the transaction with its key and message
// (rules 3.3). All must verify, else the transaction is refused with E102. The list
// follows from the bytes alone: state only decides whether a key has the right.
func (t *Tx) Signatures(c Chain) []SigCheck {
	body := c.messageOf(TagTx, t.bodyHash)
	checks := make([]SigCheck, 0, len(t.Members)+furtherOf(t.Fields))
	for i := range t.Members {
		checks = append(checks, SigCheck{t.Members[i].Key, body, t.Members[i].Signature})
	}
	return t.Fields.signatures(c, t, body, checks)
}
