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
func CouponKey(id CouponID) []byte { return appendCouponKey(nil, id) }

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
	PrefixObligation: 11, PrefixSeen: 9}

// RowKey is a decoded key of the table. Prefix says which of the others count.
type RowKey struct {
	Prefix   byte
	Member   uint16   // member, funding
	Currency uint16   // funding
	Key      [32]byte // till, holder count
	Campaign uint32   // campaign, terms, batch, coupon, holder count, redemption, obligation
	Version  uint16   // terms
	Batch    uint16   // batch
	Coupon   CouponID // coupon, redemption
	Seq      uint32   // redemption
	Cycle    uint32   // obligation
	Payee    uint16   // obligation
	Bucket   uint64   // seen
}

// ParseRowKey decodes a key; it is the inverse of the functions that make keys.
func ParseRowKey(key []byte) (RowKey, error) {
	if len(key) == 0 || key[0] == 0 || int(key[0]) >= len(keySizes) || len(key) != keySizes[key[0]] {
		return RowKey{}, fmt.Errorf("coupon: %x is not a key of the table", key)
	}
	k, b := RowKey{Prefix: key[0]}, key[1:]
	switch k.Prefix {
	case PrefixMember:
		k.Member = binary.BigEndian.Uint16(b)
	case PrefixFunding:
		k.Member, k.Currency = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	case PrefixTill:
		k.Key = [32]byte(b)
	case PrefixObligation:
		k.Cycle, k.Campaign = binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		k.Payee = binary.BigEndian.Uint16(b[8:])
	case PrefixSeen:
		k.Bucket = binary.BigEndian.Uint64(b)
	case PrefixCampaign, PrefixTerms, PrefixBatch, PrefixCoupon, PrefixHolder, PrefixRedemption:
		k.Campaign = binary.BigEndian.Uint32(b)
	}
	switch k.Prefix {
	case PrefixTerms:
		k.Version = binary.BigEndian.Uint16(b[4:])
	case PrefixBatch:
		k.Batch = binary.BigEndian.Uint16(b[4:])
	case PrefixHolder:
		k.Key = [32]byte(b[4:])
	case PrefixCoupon:
		k.Coupon = CouponID(binary.BigEndian.Uint64(b))
	case PrefixRedemption:
		k.Coupon, k.Seq = CouponID(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])
	}
	return k, nil
}
