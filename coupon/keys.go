package coupon

import (
	"encoding/binary"
	"fmt"
)

// ParamsKey returns the key of the params row.
func ParamsKey() []byte { return []byte{PrefixParams} }

// MemberKey returns the key of a member row.
func MemberKey(member uint16) []byte { return appendMemberKey(nil, member) }

// FundingKey returns the key of a funding row.
func FundingKey(member, currency uint16) []byte {
	return appendFundingKey(nil, fundingID{member, currency})
}

// TillKey returns the key of a till row.
func TillKey(key [32]byte) []byte { return appendTillKey(nil, key) }

// CampaignKey returns the key of a campaign row.
func CampaignKey(campaign uint32) []byte { return appendCampaignKey(nil, campaign) }

// TermsKey returns the key of a terms row.
func TermsKey(campaign uint32, version uint16) []byte {
	return appendTermsKey(nil, termsID{campaign, version})
}

// BatchKey returns the key of a batch row.
func BatchKey(campaign uint32, batch uint16) []byte {
	return appendBatchKey(nil, batchID{campaign, batch})
}

// CouponKey returns the key of a coupon row.
func CouponKey(id CouponID) []byte { return appendCouponKey(make([]byte, 0, 1+8), id) }

// AppendCouponKey is CouponKey behind b.
func AppendCouponKey(b []byte, id CouponID) []byte { return appendCouponKey(b, id) }

// HolderKey returns the key of a holder count row.
func HolderKey(campaign uint32, key [32]byte) []byte {
	return appendHolderKey(nil, holderID{campaign, key})
}

// RedemptionKey returns the key of a redemption row.
func RedemptionKey(id CouponID, seq uint32) []byte {
	return appendRedemptionKey(nil, redemptionID{id, seq})
}

// ObligationKey returns the key of an obligation row.
func ObligationKey(cycle, campaign uint32, payee uint16) []byte {
	return appendObligationKey(nil, obligationID{cycle, campaign, payee})
}

// SeenKey returns the key of a Seen row.
func SeenKey(bucket uint64) []byte { return appendSeenKey(nil, bucket) }

type (
	fundingID struct{ member, currency uint16 }
	termsID   struct {
		campaign uint32
		version  uint16
	}
	batchID struct {
		campaign uint32
		number   uint16
	}
	holderID struct {
		campaign uint32
		key      [32]byte
	}
	redemptionID struct {
		coupon CouponID
		seq    uint32
	}
	obligationID struct {
		cycle, campaign uint32
		payee           uint16
	}
)

func appendParamsKey(b []byte, _ struct{}) []byte { return append(b, PrefixParams) }

func appendMemberKey(b []byte, id uint16) []byte {
	return binary.BigEndian.AppendUint16(append(b, PrefixMember), id)
}

func appendFundingKey(b []byte, id fundingID) []byte {
	b = binary.BigEndian.AppendUint16(append(b, PrefixFunding), id.member)
	return binary.BigEndian.AppendUint16(b, id.currency)
}

func appendTillKey(b []byte, key [32]byte) []byte { return append(append(b, PrefixTill), key[:]...) }

func appendCampaignKey(b []byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, PrefixCampaign), id)
}

func appendTermsKey(b []byte, id termsID) []byte {
	b = binary.BigEndian.AppendUint32(append(b, PrefixTerms), id.campaign)
	return binary.BigEndian.AppendUint16(b, id.version)
}

func appendBatchKey(b []byte, id batchID) []byte {
	b = binary.BigEndian.AppendUint32(append(b, PrefixBatch), id.campaign)
	return binary.BigEndian.AppendUint16(b, id.number)
}

func appendCouponKey(b []byte, id CouponID) []byte {
	return binary.BigEndian.AppendUint64(append(b, PrefixCoupon), uint64(id))
}

func appendHolderKey(b []byte, id holderID) []byte {
	b = binary.BigEndian.AppendUint32(append(b, PrefixHolder), id.campaign)
	return append(b, id.key[:]...)
}

func appendRedemptionKey(b []byte, id redemptionID) []byte {
	b = binary.BigEndian.AppendUint64(append(b, PrefixRedemption), uint64(id.coupon))
	return binary.BigEndian.AppendUint32(b, id.seq)
}

func appendObligationKey(b []byte, id obligationID) []byte {
	b = binary.BigEndian.AppendUint32(append(b, PrefixObligation), id.cycle)
	b = binary.BigEndian.AppendUint32(b, id.campaign)
	return binary.BigEndian.AppendUint16(b, id.payee)
}

func appendSeenKey(b []byte, bucket uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, PrefixSeen), bucket)
}

// keySizes are the sizes of the keys of each prefix, the prefix included: one
// prefix has one size.
var keySizes = [...]int{PrefixParams: 1, PrefixMember: 3, PrefixFunding: 5, PrefixTill: 33, PrefixCampaign: 5,
	PrefixTerms: 7, PrefixBatch: 7, PrefixCoupon: 9, PrefixHolder: 37, PrefixRedemption: 13,
	PrefixObligation: 11, PrefixSeen: 9, PrefixProtocol: 1, PrefixMoney: 5, PrefixRefundBucket: 11, PrefixCycle: 5,
	PrefixPosition: 9, PrefixDebt: 12, PrefixUnpaid: 7, PrefixRefund: 13, PrefixService: 33, PrefixEnd: 13,
	PrefixDue: 14, PrefixCurrency: 3, PrefixPending: 3, PrefixGivenBack: 33, PrefixToPrune: 9, PrefixSeen2: 9,
	PrefixProposal: 5, PrefixStop: 6, PrefixSet: 1, PrefixNextSet: 1, PrefixOpenProposals: 3, PrefixSeat: 3,
	PrefixValidatorKey: 33, PrefixEpoch: 5, PrefixFormerSet: 1, PrefixMisbehaviour: 8, PrefixTenures: 3, PrefixQueue: 5}

// RowKey is a decoded key of the table. Prefix says which of the others count.
type RowKey struct {
	Prefix   byte
	Member   uint16   // member, funding, position, unpaid, pending keys, and those of governance
	Currency uint16   // funding, position, debt, currency
	Key      [32]byte // till, holder count, service key, given back, validator key
	Campaign uint32   // campaign and what hangs on it, obligation, end, to prune
	Version  uint16   // terms
	Batch    uint16   // batch
	Coupon   CouponID // coupon, redemption, refund
	Seq      uint32   // redemption, refund
	Cycle    uint32   // obligation, refund bucket, cycle, position, debt, unpaid, to prune
	Payee    uint16   // obligation, refund bucket, debt
	Bucket   uint64   // seen
	Book     uint8    // debt
	Payer    uint16   // debt
	At       uint64   // end, due
	Due      uint8    // due: of what kind
	Number   uint32   // due: of the proposal or member; proposal, queue
	Scope    StopScope
	Stopped  uint32 // stop: the member or campaign
	Epoch    uint32 // epoch, misbehaviour
	Evidence uint8  // misbehaviour
}

// ParseRowKey decodes a key; it is the inverse of the functions that make keys.
func ParseRowKey(key []byte) (RowKey, error) {
	if len(key) == 0 || int(key[0]) >= len(keySizes) || keySizes[key[0]] == 0 || len(key) != keySizes[key[0]] {
		return RowKey{}, fmt.Errorf("coupon: %x is not a key of the table", key)
	}
	k, b := RowKey{Prefix: key[0]}, key[1:]
	switch k.Prefix {
	case PrefixMember, PrefixPending:
		k.Member = binary.BigEndian.Uint16(b)
	case PrefixFunding:
		k.Member, k.Currency = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	case PrefixTill, PrefixService, PrefixGivenBack:
		k.Key = [32]byte(b)
	case PrefixObligation, PrefixRefundBucket:
		k.Cycle, k.Campaign = binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		k.Payee = binary.BigEndian.Uint16(b[8:])
	case PrefixSeen, PrefixSeen2:
		k.Bucket = binary.BigEndian.Uint64(b)
	case PrefixCampaign, PrefixTerms, PrefixBatch, PrefixCoupon, PrefixHolder, PrefixRedemption, PrefixMoney, PrefixRefund:
		k.Campaign = binary.BigEndian.Uint32(b)
	}
	k.parseSettlement(key)
	k.parseGovernance(key)
	switch k.Prefix {
	case PrefixTerms:
		k.Version = binary.BigEndian.Uint16(b[4:])
	case PrefixBatch:
		k.Batch = binary.BigEndian.Uint16(b[4:])
	case PrefixHolder:
		k.Key = [32]byte(b[4:])
	case PrefixCoupon:
		k.Coupon = CouponID(binary.BigEndian.Uint64(b))
	case PrefixRedemption, PrefixRefund:
		k.Coupon, k.Seq = CouponID(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])
	}
	return k, nil
}

// parseGovernance decodes the parts of keys of governance.
func (k *RowKey) parseGovernance(key []byte) {
	switch k.Prefix {
	case PrefixOpenProposals, PrefixSeat, PrefixTenures:
		k.Member = parseMemberKey(key)
	case PrefixProposal, PrefixQueue:
		k.Number = parseQueueKey(key)
	case PrefixStop:
		id := parseStopKey(key)
		k.Scope, k.Stopped = id.scope, id.id
	case PrefixValidatorKey:
		k.Key = [32]byte(key[1:])
	case PrefixEpoch:
		k.Epoch = binary.BigEndian.Uint32(key[1:])
	case PrefixMisbehaviour:
		id := parseMisbehaviourKey(key)
		k.Epoch, k.Member, k.Evidence = id.epoch, id.member, id.kind
	}
}

// parseSettlement decodes the parts of keys of settlement and of what comes due.
func (k *RowKey) parseSettlement(key []byte) {
	switch k.Prefix {
	case PrefixCycle:
		k.Cycle = binary.BigEndian.Uint32(key[1:])
	case PrefixPosition:
		id := parsePositionKey(key)
		k.Cycle, k.Currency, k.Member = id.cycle, id.currency, id.member
	case PrefixDebt:
		id := parseDebtKey(key)
		k.Cycle, k.Currency, k.Book, k.Payer, k.Payee = id.cycle, id.currency, id.book, id.payer, id.payee
	case PrefixUnpaid:
		id := parseUnpaidKey(key)
		k.Member, k.Cycle = id.member, id.cycle
	case PrefixEnd:
		id := parseEndKey(key)
		k.At, k.Campaign = id.end, id.campaign
	case PrefixDue:
		id := parseDueKey(key)
		k.At, k.Due, k.Number = id.at, id.kind, id.number
	case PrefixCurrency:
		k.Currency = parseCurrencyKey(key)
	case PrefixToPrune:
		id := parseToPruneKey(key)
		k.Cycle, k.Campaign = id.cycle, id.campaign
	}
}
