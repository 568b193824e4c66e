//go:build unix

package e2e

import (
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/coupon"
)

// market is one campaign with everybody who takes part in it.
type market struct {
	chain    coupon.Chain
	terms    coupon.Terms
	campaign uint32
	desk     coupon.Signer // signs tickets
	tills    []coupon.Signer
	serial   atomic.Uint32 // of the last ticket that was handed out
}

const (
	euro     = 978
	face     = 50 // cents
	batch    = 1
	bill     = 500
	marketMs = 24 * 3600 * 1000
	lifeMs   = 90_000 // of a transaction
)

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }

// signer returns the key of a name and numbers.
func signer(name string, numbers ...uint64) coupon.Signer {
	b := []byte("e2e " + name)
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return coupon.NewSigner(sha256.Sum256(b))
}

// openMarket publishes a campaign whose coupons can be used so many times, with
// all tickets in one batch, and registers tills of the bakery and the bookshop in
// turn.
func openMarket(c *cluster, uses uint16, tills int) *market {
	c.t.Helper()
	now := nowMs()
	m := &market{chain: c.Dev().Genesis.Chain(), desk: signer("desk")}
	m.terms = coupon.Terms{
		Issuer: 1, Funders: []coupon.Funder{{Member: 1, ShareBps: coupon.BpsMax}}, Currency: euro, Title: "Market",
		TermsHash: sha256.Sum256([]byte("terms")), ValueKind: coupon.Amount, Face: face, MinSpend: 2 * face, Uses: uses,
		ReimburseBps: coupon.BpsMax, ShowMax: face, MaxSupply: 100_000, Budget: 50_000_000,
		ClaimFrom: now - marketMs, ClaimUntil: now + marketMs, RedeemFrom: now - marketMs, RedeemUntil: now + marketMs,
		RollbackMs: marketMs, Transfer: coupon.TransferTrade, MaxTransfers: coupon.TransfersUnlimited,
	}
	m.campaign = m.publish(c, m.terms)
	m.release(c, m.campaign, m.terms.MaxSupply, m.desk.Key)
	for i := range tills {
		member := uint16(2 + i%2)
		m.tills = append(m.tills, signer("till", uint64(i)))
		c.submit(c.clientOf(), actions.SignedTill(m.chain, nowMs()+lifeMs, coupon.TillKeyAdd{
			Member: member, Store: 1, Rights: coupon.RightRedeem | coupon.RightVoidOwn, Currency: euro,
			ValidFrom: now - marketMs, ValidUntil: now + marketMs, DayCap: 1_000_000_000, Label: "till",
		}, m.tills[i], m.member(c, member)))
	}
	return m
}

func (m *market) member(c *cluster, number uint16) coupon.MemberSigner {
	return coupon.MemberSigner{Member: number, Signer: coupon.NewSigner(c.Dev().Admins[number-1].Seed)}
}

// publish opens a campaign of member 1 and returns its number.
func (m *market) publish(c *cluster, t coupon.Terms) uint32 {
	return c.submit(c.clientOf(), actions.SignedCampaign(m.chain, nowMs()+lifeMs, t, m.member(c, 1))).Outcome.Campaign
}

// release opens the first serials of a campaign of member 1.
func (m *market) release(c *cluster, campaign, count uint32, ticketKey [32]byte) {
	c.submit(c.clientOf(), actions.SignedBatch(m.chain, nowMs()+lifeMs, campaign, 1, count, ticketKey, m.member(c, 1)))
}

// holder returns the n-th owner of the coupon with a serial.
func holder(serial uint32, n int) coupon.Signer { return signer("holder", uint64(serial), uint64(n)) }

func (m *market) coupon(serial uint32) coupon.CouponID { return coupon.NewCouponID(m.campaign, serial) }

func (m *market) held(serial, seq uint32) actions.Held {
	return actions.Held{Coupon: m.coupon(serial), Seq: seq}
}

// claim turns the ticket with a serial into a coupon of its first holder.
func (m *market) claim(serial uint32) []byte {
	t := actions.SignedTicket(m.chain, coupon.TicketPayload{Campaign: m.campaign, Batch: batch, Serial: serial,
		Seed: [16]byte{1}, Expires: m.terms.ClaimUntil}, m.desk)
	return actions.SignedClaim(m.chain, nowMs()+lifeMs, actions.TicketOf(m.chain, t, m.desk.Key), holder(serial, 0).Key)
}

// transfer hands a coupon from its n-th holder to the next.
func (m *market) transfer(serial uint32, n int, seq uint32) []byte {
	return actions.SignedTransfer(m.chain, nowMs()+lifeMs, m.held(serial, seq), holder(serial, n), holder(serial, n+1).Key,
		0)
}

// redeem uses a coupon of its n-th holder once at a till, in either mode.
func (m *market) redeem(till coupon.Signer, serial uint32, n int, seq uint32, mode coupon.Mode) []byte {
	expires, owner := nowMs()+lifeMs, holder(serial, n)
	b := actions.Bill{Campaign: m.campaign, Currency: euro, Basis: bill,
		BasketHash: sha256.Sum256(binary.LittleEndian.AppendUint32(till.Key[:], serial<<8|seq))}
	if mode == coupon.ModeShow {
		code := actions.SignedShowCode(m.chain, m.held(serial, seq), owner, face, 0, expires)
		return actions.SignedRedeemShown(m.chain, till, b, expires, code)
	}
	return actions.SignedRedemption(m.chain, till, b, m.held(serial, seq), owner, face, expires)
}

// void undoes the redemption of a coupon at a till.
func (m *market) void(till coupon.Signer, serial, seq uint32) []byte {
	return actions.SignedVoid(m.chain, nowMs()+lifeMs, m.held(serial, seq), till)
}
