package coupon

import (
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/scrip-network/scrip/pbft/wire"
)

// HKDF infos of rules 3.14.
const (
	InfoClaimKey = "scrip/claim-key/v1"
	InfoGiftKey  = "scrip/gift-key/v1"
	InfoGiftSeed = "scrip/gift-seed/v1"
)

// ClaimKeySeed derives the private ed25519 seed of a ticket's claim key from the
// ticket's seed.
func (c Chain) ClaimKeySeed(ticketSeed [16]byte, campaign, serial uint32) (seed [32]byte) {
	info := wire.AppendUint32(wire.AppendUint32([]byte(InfoClaimKey), campaign), serial)
	copy(seed[:], c.derive(ticketSeed[:], info, 32))
	return seed
}

// GiftKeySeed derives the private ed25519 seed of a gift key from the seed that
// the gift's link carries.
func (c Chain) GiftKeySeed(giftSeed [16]byte, id CouponID) (seed [32]byte) {
	info := wire.AppendUint64([]byte(InfoGiftKey), uint64(id))
	copy(seed[:], c.derive(giftSeed[:], info, 32))
	return seed
}

// GiftSeed derives the seed of a gift's link from the wallet's secret. seq is
// that of the offer, so that each offer has its own key, and a wallet restored
// from its secret can still take the gift back.
func (c Chain) GiftSeed(walletSecret []byte, id CouponID, seq uint32) (seed [16]byte) {
	info := wire.AppendUint32(wire.AppendUint64([]byte(InfoGiftSeed), uint64(id)), seq)
	copy(seed[:], c.derive(walletSecret, info, 16))
	return seed
}

func (c Chain) derive(secret, info []byte, size int) []byte {
	key, err := hkdf.Key(sha256.New, secret, c.Digest[:], string(info), size)
	if err != nil {
		// Only a size beyond 255 hashes is an error outside FIPS mode.
		panic("coupon: derive a key: " + err.Error())
	}
	return key
}
