package coupon

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Sizes and limits of transactions (3.3, 3.14), in bytes unless named otherwise.
const (
	TxSizeMax       = 8192
	SignaturesMax   = 32
	LabelSizeMax    = 32
	InvoiceSize     = 96
	AuthInvoiceSize = 93
	AuthShowSize    = 63
	TicketSize      = 50
	txVersion       = 1
	memberSigSize   = 98
	allRights       = RightRedeem | RightVoidOwn | RightVoidAny
)

// Kind is the kind of a transaction, with the numbers of 3.3.
type Kind uint8

// The kinds of stage 1.
const (
	KindCampaignPublish Kind = 1 + iota
	KindCampaignPause
	KindCampaignResume
	KindCampaignClose
	KindBatchCommit
	KindTillKeyAdd
	KindTillKeyRevoke
	KindClaim
	KindTransfer
	KindRedeem
	KindVoid
)

var kindNames = [...]string{"", "CampaignPublish", "CampaignPause", "CampaignResume", "CampaignClose",
	"BatchCommit", "TillKeyAdd", "TillKeyRevoke", "Claim", "Transfer", "Redeem", "Void"}

// String returns the kind's name in 3.3.
func (k Kind) String() string {
	if k >= KindCampaignPublish && k <= KindVoid {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// KindOf returns the kind that the bytes of a transaction name, without a check of
// them; 0 if they name none.
func KindOf(raw []byte) Kind {
	if len(raw) < 2 || Kind(raw[1]) > KindVoid {
		return 0
	}
	return Kind(raw[1])
}

// MemberSigned reports whether the witness is a list of member signatures.
func (k Kind) MemberSigned() bool { return k >= KindCampaignPublish && k <= KindTillKeyRevoke }

// Rights of a till key (3.2), a bit set.
const (
	RightRedeem  uint8 = 1
	RightVoidOwn uint8 = 2
	RightVoidAny uint8 = 4
)

// CouponID names a coupon: campaign << 32 | serial (3.1). In JSON it is a
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

// Fields is the kind-specific part of a transaction's body: one of
// *CampaignPublish, *CampaignControl, *BatchCommit, *TillKeyAdd, *TillKeyRevoke,
// *Claim, *Transfer, *Redeem and *Void.
type Fields interface {
	// Kind returns the transaction's kind.
	Kind() Kind
	appendTo(b []byte) []byte
}

// CampaignPublish offers a new campaign under Terms.
type CampaignPublish struct{ Terms Terms }

// CampaignControl pauses, resumes or closes a campaign, as Op says.
type CampaignControl struct {
	Op       Kind
	Campaign uint32
}

// BatchCommit opens the serials First..First+Count-1 to claims under TicketKey.
type BatchCommit struct {
	Campaign  uint32
	First     uint32
	Count     uint32
	TicketKey [32]byte
}

// TillKeyAdd registers a till key of a merchant. The till key signs too.
type TillKeyAdd struct {
	Member     uint16
	Store      uint16
	TillKey    [32]byte
	Rights     uint8
	Currency   uint16
	ValidFrom  uint64
	ValidUntil uint64
	DayCap     uint64
	Label      string
}

// TillKeyRevoke revokes a till key for ever.
type TillKeyRevoke struct {
	Member  uint16
	TillKey [32]byte
}

// Ticket is the issuer's signed permission to claim one serial. ClaimKey is the
// key of the ticket's bearer.
type Ticket struct {
	Campaign uint32
	Batch    uint16
	Serial   uint32
	ClaimKey [32]byte
	Expires  uint64
}

// Claim turns a ticket into a coupon owned by To.
type Claim struct {
	Ticket    Ticket
	TicketKey [32]byte
	To        [32]byte
}

// Transfer moves, refreshes, offers, accepts or takes back a coupon (3.3).
// GiftUntil is 0, or the end of a gift offered to the gift key To.
type Transfer struct {
	Coupon    CouponID
	Seq       uint32
	Mover     [32]byte
	To        [32]byte
	GiftUntil uint64
}

// Invoice is a till's signed statement of facts about a bill (3.5). Campaign 0
// is good for any coupon.
type Invoice struct {
	TillKey    [32]byte
	Campaign   uint32
	Currency   uint16
	Basis      uint64
	Qty        uint16
	Unit       uint64
	BasketHash [32]byte
	Expires    uint64
}

// Mode says what a holder authorised: one invoice, or showing a code.
type Mode uint8

// The two modes of an authorisation (3.5).
const (
	ModeInvoice Mode = iota
	ModeShow
)

// String returns "INVOICE" or "SHOW".
func (m Mode) String() string {
	if m == ModeShow {
		return "SHOW"
	}
	return "INVOICE"
}

// Auth is the holder's order to redeem. InvoiceDigest counts in ModeInvoice
// only, Merchant (0 = any of the terms) in ModeShow only. Value is exact in
// ModeInvoice and the most that may be taken in ModeShow.
type Auth struct {
	Coupon        CouponID
	Seq           uint32
	Holder        [32]byte
	Value         uint64
	Expires       uint64
	Mode          Mode
	InvoiceDigest [32]byte
	Merchant      uint16
}

// Redeem takes value from a coupon at a till.
type Redeem struct {
	Invoice Invoice
	Auth    Auth
}

// Void undoes the redemption (Coupon, Seq), signed by the till key Key.
type Void struct {
	Coupon CouponID
	Seq    uint32
	Key    [32]byte
}

// Kind returns KindCampaignPublish.
func (*CampaignPublish) Kind() Kind { return KindCampaignPublish }

// Kind returns Op.
func (f *CampaignControl) Kind() Kind { return f.Op }

// Kind returns KindBatchCommit.
func (*BatchCommit) Kind() Kind { return KindBatchCommit }

// Kind returns KindTillKeyAdd.
func (*TillKeyAdd) Kind() Kind { return KindTillKeyAdd }

// Kind returns KindTillKeyRevoke.
func (*TillKeyRevoke) Kind() Kind { return KindTillKeyRevoke }

// Kind returns KindClaim.
func (*Claim) Kind() Kind { return KindClaim }

// Kind returns KindTransfer.
func (*Transfer) Kind() Kind { return KindTransfer }

// Kind returns KindRedeem.
func (*Redeem) Kind() Kind { return KindRedeem }

// Kind returns KindVoid.
func (*Void) Kind() Kind { return KindVoid }

func (f *CampaignPublish) appendTo(b []byte) []byte { return f.Terms.AppendTo(b) }

func (f *CampaignControl) appendTo(b []byte) []byte { return wire.AppendUint32(b, f.Campaign) }

func (f *BatchCommit) appendTo(b []byte) []byte {
	b = wire.AppendUint32(b, f.Campaign)
	b = wire.AppendUint32(b, f.First)
	b = wire.AppendUint32(b, f.Count)
	return append(b, f.TicketKey[:]...)
}

func (f *TillKeyAdd) appendTo(b []byte) []byte {
	b = wire.AppendUint16(b, f.Member)
	b = wire.AppendUint16(b, f.Store)
	b = append(b, f.TillKey[:]...)
	b = append(b, f.Rights)
	b = wire.AppendUint16(b, f.Currency)
	b = wire.AppendUint64(b, f.ValidFrom)
	b = wire.AppendUint64(b, f.ValidUntil)
	b = wire.AppendUint64(b, f.DayCap)
	return wire.AppendString(b, f.Label)
}

func (f *TillKeyRevoke) appendTo(b []byte) []byte {
	return append(wire.AppendUint16(b, f.Member), f.TillKey[:]...)
}

func (f *Claim) appendTo(b []byte) []byte {
	b = f.Ticket.AppendTo(b)
	b = append(b, f.TicketKey[:]...)
	return append(b, f.To[:]...)
}

func (f *Transfer) appendTo(b []byte) []byte {
	b = wire.AppendUint64(b, uint64(f.Coupon))
	b = wire.AppendUint32(b, f.Seq)
	b = append(b, f.Mover[:]...)
	b = append(b, f.To[:]...)
	return wire.AppendUint64(b, f.GiftUntil)
}

func (f *Redeem) appendTo(b []byte) []byte { return f.Auth.AppendTo(f.Invoice.AppendTo(b)) }

func (f *Void) appendTo(b []byte) []byte {
	b = wire.AppendUint64(b, uint64(f.Coupon))
	b = wire.AppendUint32(b, f.Seq)
	return append(b, f.Key[:]...)
}

// AppendTo appends the ticket's 50 bytes, which are also its signing body.
func (t *Ticket) AppendTo(b []byte) []byte {
	b = wire.AppendUint32(b, t.Campaign)
	b = wire.AppendUint16(b, t.Batch)
	b = wire.AppendUint32(b, t.Serial)
	b = append(b, t.ClaimKey[:]...)
	return wire.AppendUint64(b, t.Expires)
}

// AppendTo appends the invoice's 96 bytes, which are also its signing body.
func (v *Invoice) AppendTo(b []byte) []byte {
	b = append(b, v.TillKey[:]...)
	b = wire.AppendUint32(b, v.Campaign)
	b = wire.AppendUint16(b, v.Currency)
	b = wire.AppendUint64(b, v.Basis)
	b = wire.AppendUint16(b, v.Qty)
	b = wire.AppendUint64(b, v.Unit)
	b = append(b, v.BasketHash[:]...)
	return wire.AppendUint64(b, v.Expires)
}

// AppendTo appends the authorisation's 93 or 63 bytes, which are also its
// signing body.
func (a *Auth) AppendTo(b []byte) []byte {
	b = wire.AppendUint64(b, uint64(a.Coupon))
	b = wire.AppendUint32(b, a.Seq)
	b = append(b, a.Holder[:]...)
	b = wire.AppendUint64(b, a.Value)
	b = wire.AppendUint64(b, a.Expires)
	b = append(b, byte(a.Mode))
	if a.Mode == ModeShow {
		return wire.AppendUint16(b, a.Merchant)
	}
	return append(b, a.InvoiceDigest[:]...)
}

// Digest returns the invoice digest D("scrip/invoice/v1", invoice).
func (v *Invoice) Digest(c Chain) [32]byte {
	var buf [InvoiceSize]byte
	return c.hashOf(TagInvoice, sha256.Sum256(v.AppendTo(buf[:0])))
}

// MemberSignature is one entry of the witness of kinds 1 to 7.
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
	// Members are the signatures of kinds 1 to 7, strictly ascending.
	Members []MemberSignature

	sigs          [2][64]byte // the further signatures, in the order of 3.14
	bodySize      int
	bodyHash      [32]byte
	invoiceDigest [32]byte // Redeem: D of its invoice
	chain         [32]byte // digest of the chain that CheckTx used
}

// Body returns the signed part of the transaction, aliasing Raw.
func (t *Tx) Body() []byte { return t.Raw[:t.bodySize:t.bodySize] }

// InvoiceDigest returns the digest of a Redeem's invoice, zero for other kinds.
// Like ID it is set by CheckTx.
func (t *Tx) InvoiceDigest() [32]byte { return t.invoiceDigest }

// ParseTx decodes a transaction strictly, with every limit of 3.14. The error is
// an *Error of code E107 or E101. It knows no chain, so Tx.ID stays zero and
// neither keys nor hint are checked: only CheckTx makes a Tx that Apply takes.
func ParseTx(raw []byte) (*Tx, error) {
	if len(raw) > TxSizeMax {
		return nil, &Error{TooLarge, fmt.Sprintf("%d bytes, at most %d", len(raw), TxSizeMax)}
	}
	d := newDecoder(raw)
	t := &Tx{Raw: raw[:len(raw):len(raw)]}
	d.exactly(txVersion)
	t.Kind = Kind(d.Uint8())
	t.Hint = d.Uint32()
	t.Expires = d.time()
	t.Fields = d.fields(t)
	t.bodySize = d.Offset()
	d.witness(t)
	if err := d.Close(); err != nil {
		return nil, &Error{BadEncoding, err.Error()}
	}
	t.bodyHash = sha256.Sum256(t.Body())
	return t, nil
}

// CheckTx makes every stateless check of 3.3 a but the signatures, in order:
// size E107, encoding E101, chain hint E103, validity of all keys E102. The
// error is an *Error. Whoever includes the transaction in a block, or executes
// one, must verify all of Tx.Signatures as well.
func (c Chain) CheckTx(raw []byte) (*Tx, error) {
	t, err := ParseTx(raw)
	if err != nil {
		return nil, err
	}
	if t.Hint != c.Hint() {
		return nil, &Error{WrongChain, fmt.Sprintf("chain hint %08x, not %08x", t.Hint, c.Hint())}
	}
	if key, ok := t.invalidKey(c); !ok {
		return nil, &Error{BadSignature, fmt.Sprintf("%x is not a valid public key", key)}
	}
	t.chain = c.Digest
	t.ID = c.hashOf(TagTx, t.bodyHash)
	if f, ok := t.Fields.(*Redeem); ok {
		t.invoiceDigest = f.Invoice.Digest(c)
	}
	return t, nil
}

// invalidKey returns the first key that is not valid; ok if there is none.
func (t *Tx) invalidKey(c Chain) (key [32]byte, ok bool) {
	var buf [4][32]byte
	keys := buf[:0]
	switch f := t.Fields.(type) {
	case *BatchCommit:
		keys = append(keys, f.TicketKey)
	case *TillKeyAdd:
		keys = append(keys, f.TillKey)
	case *TillKeyRevoke:
		keys = append(keys, f.TillKey)
	case *Claim:
		keys = append(keys, f.Ticket.ClaimKey, f.TicketKey, f.To)
	case *Transfer:
		keys = append(keys, f.Mover, f.To)
	case *Redeem:
		keys = append(keys, f.Invoice.TillKey, f.Auth.Holder)
	case *Void:
		keys = append(keys, f.Key)
	}
	for _, k := range keys {
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

func (d decoder) fields(t *Tx) Fields {
	switch t.Kind {
	case KindCampaignPublish:
		return &CampaignPublish{Terms: d.terms()}
	case KindCampaignPause, KindCampaignResume, KindCampaignClose:
		return &CampaignControl{Op: t.Kind, Campaign: d.Uint32()}
	case KindBatchCommit:
		f := &BatchCommit{Campaign: d.Uint32(), First: d.Uint32(), Count: d.Uint32(), TicketKey: d.Bytes32()}
		d.require(f.Count >= 1, "empty batch")
		return f
	case KindTillKeyAdd:
		return d.tillKeyAdd()
	case KindTillKeyRevoke:
		return &TillKeyRevoke{Member: d.Uint16(), TillKey: d.Bytes32()}
	case KindClaim:
		return &Claim{Ticket: d.ticket(), TicketKey: d.Bytes32(), To: d.Bytes32()}
	case KindTransfer:
		return &Transfer{Coupon: CouponID(d.Uint64()), Seq: d.Uint32(), Mover: d.Bytes32(), To: d.Bytes32(),
			GiftUntil: d.time()}
	case KindRedeem:
		f := &Redeem{Invoice: d.invoice(), Auth: d.auth()}
		d.require(f.Auth.Expires == t.Expires, "the envelope's expiry is not the authorisation's")
		return f
	case KindVoid:
		return &Void{Coupon: CouponID(d.Uint64()), Seq: d.Uint32(), Key: d.Bytes32()}
	}
	d.require(false, "unlisted kind")
	return nil
}

func (d decoder) tillKeyAdd() *TillKeyAdd {
	f := &TillKeyAdd{Member: d.Uint16(), Store: d.Uint16(), TillKey: d.Bytes32(), Rights: d.rights(),
		Currency: d.Uint16(), ValidFrom: d.time(), ValidUntil: d.time(), DayCap: d.money(),
		Label: d.String(LabelSizeMax)}
	d.require(f.Store >= 1, "store 0")
	d.require(f.DayCap >= 1, "day cap 0")
	return f
}

func (d decoder) rights() uint8 {
	v := d.Uint8()
	d.require(v >= 1 && v <= allRights, "rights beyond 1..7")
	return v
}

func (d decoder) ticket() Ticket {
	t := Ticket{Campaign: d.Uint32(), Batch: d.Uint16(), Serial: d.Uint32(), ClaimKey: d.Bytes32(), Expires: d.time()}
	d.require(t.Serial >= 1, "serial 0")
	return t
}

func (d decoder) invoice() Invoice {
	return Invoice{TillKey: d.Bytes32(), Campaign: d.Uint32(), Currency: d.Uint16(), Basis: d.money(),
		Qty: d.Uint16(), Unit: d.money(), BasketHash: d.Bytes32(), Expires: d.time()}
}

func (d decoder) auth() Auth {
	a := Auth{Coupon: CouponID(d.Uint64()), Seq: d.Uint32(), Holder: d.Bytes32(), Value: d.money(),
		Expires: d.time(), Mode: Mode(d.Enum8(uint8(ModeShow)))}
	d.require(a.Value >= 1, "value 0")
	if a.Mode == ModeShow {
		a.Merchant = d.Uint16()
	} else {
		a.InvoiceDigest = d.Bytes32()
	}
	return a
}

// DecodeInvoice decodes the 96 bytes of an invoice; the error is E101.
func DecodeInvoice(b []byte) (Invoice, error) {
	d := newDecoder(b)
	v := d.invoice()
	return v, d.closeObject()
}

// DecodeAuth decodes the 93 or 63 bytes of an authorisation; the error is E101.
func DecodeAuth(b []byte) (Auth, error) {
	d := newDecoder(b)
	a := d.auth()
	return a, d.closeObject()
}

// DecodeTicket decodes the 50 bytes of a ticket; the error is E101.
func DecodeTicket(b []byte) (Ticket, error) {
	d := newDecoder(b)
	t := d.ticket()
	return t, d.closeObject()
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
	for i := 0; i < t.Kind.furtherSignatures(); i++ {
		t.sigs[i] = d.Bytes64()
	}
}

// furtherSignatures returns how many signatures follow the member signatures.
func (k Kind) furtherSignatures() int {
	switch k {
	case KindClaim, KindRedeem:
		return 2
	case KindTillKeyAdd, KindTransfer, KindVoid:
		return 1
	}
	return 0
}

// SigCheck is one signature that must verify under ZIP-215.
type SigCheck struct {
	Key       [32]byte
	Message   []byte
	Signature [64]byte
}

// Signatures lists every signature of the transaction with its key and message
// (3.3). All must verify, else the transaction is refused with E102. The list
// follows from the bytes alone: state only decides whether a key has the right.
func (t *Tx) Signatures(c Chain) []SigCheck {
	body := c.messageOf(TagTx, t.bodyHash)
	switch f := t.Fields.(type) {
	case *Claim:
		ticket := c.Message(TagTicket, f.Ticket.AppendTo(make([]byte, 0, TicketSize)))
		return []SigCheck{{f.TicketKey, ticket, t.sigs[0]}, {f.Ticket.ClaimKey, body, t.sigs[1]}}
	case *Transfer:
		return []SigCheck{{f.Mover, body, t.sigs[0]}}
	case *Void:
		return []SigCheck{{f.Key, body, t.sigs[0]}}
	case *Redeem:
		till := body
		if f.Auth.Mode == ModeInvoice {
			till = c.Message(TagInvoice, f.Invoice.AppendTo(make([]byte, 0, InvoiceSize)))
		}
		holder := c.Message(TagAuth, f.Auth.AppendTo(make([]byte, 0, AuthInvoiceSize)))
		return []SigCheck{{f.Invoice.TillKey, till, t.sigs[0]}, {f.Auth.Holder, holder, t.sigs[1]}}
	}
	checks := make([]SigCheck, 0, len(t.Members)+1)
	for i := range t.Members {
		checks = append(checks, SigCheck{t.Members[i].Key, body, t.Members[i].Signature})
	}
	if f, ok := t.Fields.(*TillKeyAdd); ok {
		checks = append(checks, SigCheck{f.TillKey, body, t.sigs[0]})
	}
	return checks
}
