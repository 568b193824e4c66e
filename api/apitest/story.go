package apitest

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// TermsText is the text of the terms of a test's campaigns.
const TermsText = "One coupon, one coffee.\nNot on Sundays.\n"

// Campaign is a published campaign with one batch, whose tickets the test can
// hand out.
type Campaign struct {
	Number uint32
	Terms  coupon.Terms
	ticket coupon.Signer
	x      *Network
}

// The transactions of a story. Members are those of genesis.Dev: 1 issues, 2 is
// a merchant with a cashier's till (0) and a manager's till (1).

// Signer returns the signer of a secret key.
func Signer(s keys.Secret) coupon.Signer { return coupon.NewSigner(s.Seed) }

// Holder returns a holder's key by its number.
func Holder(n uint64) coupon.Signer {
	return coupon.NewSigner(sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("holder"), n)))
}

func (x *Network) member(id uint16) coupon.MemberSigner {
	return coupon.MemberSigner{Member: id, Signer: Signer(x.Dev.Admins[id-1])}
}

// Chain returns the chain, which signs.
func (x *Network) Chain() coupon.Chain { return x.Dev.Genesis.Chain() }

// Now returns the time in Unix milliseconds.
func Now() uint64 { return uint64(time.Now().UnixMilli()) }

// Soon returns an expiry that every transaction may have.
func Soon() uint64 { return Now() + 60_000 }

// Publish returns the publication of a campaign of 5.00 off, and the campaign
// that it will be if it is the next one.
func (x *Network) Publish() (tx []byte, c *Campaign) {
	now := Now()
	t := coupon.Terms{
		Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: 978, Title: "Free coffee",
		TermsHash: sha256.Sum256([]byte(TermsText)),
		ValueKind: coupon.Amount, Face: 500, Uses: 1, ReimburseBps: coupon.BpsMax, ShowMax: 500,
		MaxSupply: 1000, Budget: 500_000, ClaimFrom: now - 60_000, ClaimUntil: now + 86_400_000, RedeemFrom: now - 60_000,
		RedeemUntil: now + 86_400_000, RollbackMs: 3_600_000, Transfer: coupon.TransferGift, MaxTransfers: 3,
	}
	x.campaigns++
	seed := sha256.Sum256(binary.LittleEndian.AppendUint32([]byte("ticket"), x.campaigns))
	c = &Campaign{Number: x.campaigns, Terms: t, ticket: coupon.NewSigner(seed), x: x}
	return actions.SignedCampaign(x.Chain(), Soon(), t, x.member(1)), c
}

// Batch returns the transaction that opens the first n serials.
func (c *Campaign) Batch(n uint32) []byte {
	return actions.SignedBatch(c.x.Chain(), Soon(), c.Number, 1, n, c.ticket.Key, c.x.member(1))
}

// Claim returns the claim of a serial for an owner.
func (c *Campaign) Claim(serial uint32, owner [32]byte) []byte {
	chain := c.x.Chain()
	t := actions.SignedTicket(chain, coupon.TicketPayload{Campaign: c.Number, Batch: 1, Serial: serial,
		Seed: [16]byte{1, byte(serial)}, Expires: c.Terms.ClaimUntil}, c.ticket)
	return actions.SignedClaim(chain, Soon(), actions.TicketOf(chain, t, c.ticket.Key), owner)
}

// Coupon returns the id of a serial.
func (c *Campaign) Coupon(serial uint32) coupon.CouponID { return coupon.NewCouponID(c.Number, serial) }

// held is a serial's coupon as its holder signs for it.
func (c *Campaign) held(serial, seq uint32) actions.Held {
	return actions.Held{Coupon: c.Coupon(serial), Seq: seq}
}

// Redeem returns the redemption of a coupon at a till, numbered as in Dev.Tills.
func (c *Campaign) Redeem(serial, seq uint32, holder coupon.Signer, till int) []byte {
	b := actions.Bill{Campaign: c.Number, Currency: 978, Basis: 800, BasketHash: actions.BasketHash([]byte("coffee"))}
	return actions.SignedRedemption(c.x.Chain(), Signer(c.x.Dev.Tills[till]), b, c.held(serial, seq), holder, 500, Soon())
}

// Transfer returns the transfer of a coupon.
func (c *Campaign) Transfer(serial, seq uint32, from coupon.Signer, to [32]byte) []byte {
	return actions.SignedTransfer(c.x.Chain(), Soon(), c.held(serial, seq), from, to, 0)
}

// Void returns the void of a redemption by a till.
func (c *Campaign) Void(serial, seq uint32, till int) []byte {
	return actions.SignedVoid(c.x.Chain(), Soon(), c.held(serial, seq), Signer(c.x.Dev.Tills[till]))
}
