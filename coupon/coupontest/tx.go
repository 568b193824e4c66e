package coupontest

// Kinds of transactions of stage 1 (rules 3.3).
const (
	KindPublish = 1 + iota
	KindPause
	KindResume
	KindClose
	KindBatch
	KindTillAdd
	KindTillRevoke
	KindClaim
	KindTransfer
	KindRedeem
	KindVoid
)

// Value kinds of terms (rules 3.6).
const (
	KindAmount   = 0
	KindPercent  = 1
	KindFreeItem = 2
	KindStored   = 3
)

// Modes of an authorisation (rules 3.5).
const (
	ModeInvoice = 0
	ModeShow    = 1
)

// Transfer terms of a campaign (rules 3.14).
const (
	TransferNone  = 0
	TransferGift  = 1
	TransferTrade = 2
)

// Funder is one payer of a campaign and its share in basis points.
type Funder struct{ Member, ShareBps uint16 }

// Shop is a member's store where a coupon is good; store 0 means all its stores.
type Shop struct{ Member, Store uint16 }

// Terms is the body of CampaignPublish from format on, and the value of a terms row (rules 3.14, 3.15).
type Terms struct {
	Format       uint8
	Issuer       uint16
	Funders      []Funder
	Currency     uint16
	Title        string
	TermsHash    [32]byte
	ProductHash  [32]byte
	Kind         uint8
	Face         uint64
	Bps          uint16
	Ceiling      uint64
	MinSpend     uint64
	Uses         uint16
	Buy, Get     uint8
	Rounding     uint8
	Reimburse    uint8
	ReimburseBps uint16
	Fee          uint64
	ShowMax      uint64
	MaxSupply    uint32
	Budget       uint64
	ClaimFrom    uint64
	ClaimUntil   uint64
	RedeemFrom   uint64
	RedeemUntil  uint64
	RelativeMs   uint64
	GraceMs      uint32
	RollbackMs   uint64
	HolderCap    uint16
	Transfer     uint8
	MaxTransfers uint8
	ResaleBps    uint16
	Shops        []Shop
}

// MemberSig is one entry of the witness of kinds 1 to 7.
type MemberSig struct {
	Member uint16
	Key    Key
	Sig    [64]byte
}

// Invoice is the till's statement of facts (rules 3.5), 96 bytes.
type Invoice struct {
	TillKey    Key
	Campaign   uint32
	Currency   uint16
	Basis      uint64
	Qty        uint16
	Unit       uint64
	BasketHash [32]byte
	Expires    uint64
}

// Auth is the holder's order (rules 3.5), 93 bytes with ModeInvoice and 63 with ModeShow.
type Auth struct {
	Coupon   uint64
	Seq      uint32
	Holder   Key
	Value    uint64
	Expires  uint64
	Mode     uint8
	Invoice  [32]byte // ModeInvoice: the invoice's digest
	Merchant uint16   // ModeShow: 0 for any of the terms
}

// Tx is one transaction of any kind: a flat record of which each kind uses its part.
type Tx struct {
	Kind    uint8
	Hint    uint32 // first four bytes of the chain digest
	Expires uint64

	Terms     Terms  // 1
	Campaign  uint32 // 2, 3, 4, 5, 8
	First     uint32 // 5
	Count     uint32 // 5
	TicketKey Key    // 5, 8

	Member     uint16 // 6, 7
	Store      uint16 // 6
	TillKey    Key    // 6, 7
	Rights     uint8  // 6
	Currency   uint16 // 6
	ValidFrom  uint64 // 6
	ValidUntil uint64 // 6
	DayCap     uint64 // 6
	Label      string // 6

	Batch         uint16 // 8
	Serial        uint32 // 8
	ClaimKey      Key    // 8
	TicketExpires uint64 // 8
	To            Key    // 8, 9

	Coupon    uint64 // 9, 11
	Seq       uint32 // 9, 11
	Mover     Key    // 9
	GiftUntil uint64 // 9

	Invoice Invoice // 10
	Auth    Auth    // 10

	Key Key // 11

	Tx2 // of kinds of version 2
	Tx3 // of governance

	Members []MemberSig // witness of kinds that members sign
	SigA    [64]byte    // 6: till; 8: ticket; 9: mover; 10: till; 11: key
	SigB    [64]byte    // 8: claim key; 10: holder
}

// Bytes encodes the terms.
func (t *Terms) Bytes() []byte {
	b := []byte{t.Format}
	b = le16(b, t.Issuer)
	b = le32(b, uint32(len(t.Funders)))
	for _, f := range t.Funders {
		b = le16(le16(b, f.Member), f.ShareBps)
	}
	b = text(le16(b, t.Currency), t.Title)
	b = append(b, t.TermsHash[:]...)
	b = append(b, t.ProductHash[:]...)
	b = le64(append(b, t.Kind), t.Face)
	b = le64(le64(le16(b, t.Bps), t.Ceiling), t.MinSpend)
	b = append(le16(b, t.Uses), t.Buy, t.Get, t.Rounding, t.Reimburse)
	b = le64(le64(le16(b, t.ReimburseBps), t.Fee), t.ShowMax)
	b = le64(le32(b, t.MaxSupply), t.Budget)
	b = le64(le64(le64(le64(b, t.ClaimFrom), t.ClaimUntil), t.RedeemFrom), t.RedeemUntil)
	b = le64(le32(le64(b, t.RelativeMs), t.GraceMs), t.RollbackMs)
	b = append(le16(b, t.HolderCap), t.Transfer, t.MaxTransfers)
	b = le32(le16(b, t.ResaleBps), uint32(len(t.Shops)))
	for _, s := range t.Shops {
		b = le16(le16(b, s.Member), s.Store)
	}
	return b
}

// Bytes encodes the invoice.
func (v *Invoice) Bytes() []byte {
	b := le16(le32(v.TillKey[:len(v.TillKey):len(v.TillKey)], v.Campaign), v.Currency)
	b = le64(le16(le64(b, v.Basis), v.Qty), v.Unit)
	return le64(append(b, v.BasketHash[:]...), v.Expires)
}

// Bytes encodes the authorisation.
func (a *Auth) Bytes() []byte {
	b := le32(le64(nil, a.Coupon), a.Seq)
	b = append(b, a.Holder[:]...)
	b = append(le64(le64(b, a.Value), a.Expires), a.Mode)
	if a.Mode == ModeShow {
		return le16(b, a.Merchant)
	}
	return append(b, a.Invoice[:]...)
}

// ticketBytes encodes the ticket of a Claim, 50 bytes.
func (t *Tx) ticketBytes() []byte {
	b := le32(le16(le32(nil, t.Campaign), t.Batch), t.Serial)
	return le64(append(b, t.ClaimKey[:]...), t.TicketExpires)
}

// Body encodes what the id hashes: envelope and fields, without the witness.
func (t *Tx) Body() []byte {
	b := le64(le32([]byte{1, t.Kind}, t.Hint), t.Expires)
	switch t.Kind {
	case KindPublish:
		b = append(b, t.Terms.Bytes()...)
	case KindPause, KindResume, KindClose:
		b = le32(b, t.Campaign)
	case KindBatch:
		b = append(le32(le32(le32(b, t.Campaign), t.First), t.Count), t.TicketKey[:]...)
	case KindTillAdd:
		b = append(le16(le16(b, t.Member), t.Store), t.TillKey[:]...)
		b = le16(append(b, t.Rights), t.Currency)
		b = text(le64(le64(le64(b, t.ValidFrom), t.ValidUntil), t.DayCap), t.Label)
	case KindTillRevoke:
		b = append(le16(b, t.Member), t.TillKey[:]...)
	case KindClaim:
		b = append(append(b, t.ticketBytes()...), t.TicketKey[:]...)
		b = append(b, t.To[:]...)
	case KindTransfer:
		b = append(le32(le64(b, t.Coupon), t.Seq), t.Mover[:]...)
		b = le64(append(b, t.To[:]...), t.GiftUntil)
	case KindRedeem:
		b = append(append(b, t.Invoice.Bytes()...), t.Auth.Bytes()...)
	case KindVoid:
		b = append(le32(le64(b, t.Coupon), t.Seq), t.Key[:]...)
	default:
		b = t.body2(b)
	}
	return b
}

// Bytes encodes the whole transaction, with whatever the witness fields hold.
func (t *Tx) Bytes() []byte {
	b := t.Body()
	if memberSigned(t.Kind) {
		b = le32(b, uint32(len(t.Members)))
		for _, s := range t.Members {
			b = append(le16(b, s.Member), s.Key[:]...)
			b = append(b, s.Sig[:]...)
		}
	}
	switch t.Kind {
	case KindTillAdd, KindTransfer, KindVoid:
		b = append(b, t.SigA[:]...)
	case KindClaim, KindRedeem:
		b = append(append(b, t.SigA[:]...), t.SigB[:]...)
	default:
		for _, sig := range t.sigs2() {
			b = append(b, sig[:]...)
		}
	}
	return b
}

// Sign fills the witness with the keys that the fields name, from the ring. The entries of Members must already name
// their members and keys, in order.
func (t *Tx) Sign(chain [32]byte, ring Ring) {
	body := t.Body()
	own := message(chain, tagTx, body)
	for i := range t.Members {
		t.Members[i].Sig = ring.sign(t.Members[i].Key, own)
	}
	switch t.Kind {
	case KindTillAdd:
		t.SigA = ring.sign(t.TillKey, own)
	case KindClaim:
		t.SigA = ring.sign(t.TicketKey, message(chain, tagTicket, t.ticketBytes()))
		t.SigB = ring.sign(t.ClaimKey, own)
	case KindTransfer:
		t.SigA = ring.sign(t.Mover, own)
	case KindRedeem:
		till := own
		if t.Auth.Mode == ModeInvoice {
			till = message(chain, tagInvoice, t.Invoice.Bytes())
		}
		t.SigA = ring.sign(t.Invoice.TillKey, till)
		t.SigB = ring.sign(t.Auth.Holder, message(chain, tagAuth, t.Auth.Bytes()))
	case KindVoid:
		t.SigA = ring.sign(t.Key, own)
	default:
		t.sign2(chain, ring, own)
	}
}

// ID is the id of the transaction on a chain.
func (t *Tx) ID(chain [32]byte) [32]byte { return digest(chain, tagTx, t.Body()) }
