package demo

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/coupon"
)

const (
	historyMs  = 20 * dayMs
	blockTxs   = 1000
	fullTxs    = 5000 // of the one large block that a large ledger has
	holdersMax = 2048
	lifeSteps  = 150 // transfers of the coupon with the long life
	tailBlocks = 60  // empty ones at the end
)

// Shape is what a ledger of a number of coupons holds, so that lists of each kind
// have many rows.
type Shape struct {
	Coupons   int `json:"coupons"`
	Campaigns int `json:"campaigns"`
	// Large is how many coupons campaign 1 has; the other campaigns share the rest.
	Large int `json:"large"`
	// Tills are those that the bakery adds to its own two.
	Tills int `json:"tills"`
	// Redeemed coupons, every tenth one of all, were used at the bakery, a quarter of
	// them on the last day; every hundredth redemption was undone.
	Redeemed int `json:"redeemed"`
	// Moved coupons have another holder; the first of them has a life of 150 transfers.
	Moved int `json:"moved"`
}

// shapeOf returns the shape of a ledger of so many coupons.
func shapeOf(coupons int) Shape {
	campaigns := min(max(coupons/200, 3), 1000)
	return Shape{Coupons: coupons, Campaigns: campaigns, Large: coupons - coupons/5, Redeemed: coupons / 10,
		Moved: coupons / 20, Tills: min(max(coupons/2000, 4), 400)}
}

// crowd writes the transactions of a ledger.
type crowd struct {
	Shape
	*builder
	holders []coupon.Signer
	tills   []coupon.Signer
	ticket  coupon.Signer
	begin   uint64 // ms of the first block
	end     uint64 // ms of the last block with transactions
	report  func(done, total int)
	done    int
}

func newCrowd(s Shape, b *builder, endMs uint64, report func(done, total int)) *crowd {
	x := &crowd{Shape: s, builder: b, begin: endMs - historyMs, end: endMs, report: report,
		ticket: signer("ticket", 0)}
	for i := range min(holdersMax, s.Coupons) {
		x.holders = append(x.holders, signer("holder", i))
	}
	for i := range s.Tills {
		x.tills = append(x.tills, signer("till", i))
	}
	return x
}

func signer(kind string, i int) coupon.Signer {
	return coupon.NewSigner(sha256.Sum256(binary.BigEndian.AppendUint64([]byte("crowd "+kind), uint64(i))))
}

// total is how many transactions there are.
func (s Shape) total() int {
	return 2*s.Campaigns + s.Tills + s.Coupons + (s.Moved - 1 + lifeSteps) + s.Redeemed + s.Redeemed/100
}

// tell appends all blocks.
func (x *crowd) tell() error {
	for _, part := range []func() error{x.open, x.claims, x.moves, x.redemptions, x.undo} {
		if err := part(); err != nil {
			return err
		}
	}
	for i := range tailBlocks {
		if err := x.add(x.end+uint64(i+1)*1000, nil); err != nil {
			return err
		}
	}
	return nil
}

// blocks appends n transactions made by tx, in blocks of a size, spread evenly over a
// span of time.
func (x *crowd) blocks(n, size int, from, until uint64, tx func(i int, expires uint64) []byte) error {
	for first := 0; first < n; first += size {
		timeMs := x.nextMs(from + (until-from)*uint64(first)/uint64(n))
		raws := make([][]byte, min(size, n-first))
		if err := spread(len(raws), func(i int) error {
			raws[i] = tx(first+i, timeMs+soonMs)
			return nil
		}); err != nil {
			return err
		}
		if err := x.add(timeMs, raws); err != nil {
			return err
		}
		x.done += len(raws)
		x.report(x.done, x.total())
	}
	return nil
}

// issuer returns whose campaign it is: the mall's is the large one.
func issuer(campaign int) uint16 {
	if campaign == 1 {
		return mall
	}
	return uint16(bakery + campaign%2)
}

// supply returns how many coupons a campaign has; those of campaigns from 2 on differ
// by one at most.
func (s Shape) supply(campaign int) int {
	if campaign == 1 {
		return s.Large
	}
	rest, others := s.Coupons-s.Large, s.Campaigns-1
	n := rest / others
	if campaign-2 < rest%others {
		n++
	}
	return n
}

// open publishes the campaigns, releases their coupons and adds the tills.
func (x *crowd) open() error {
	until := x.begin + hourMs
	err := x.blocks(x.Campaigns, blockTxs, x.begin, until, func(i int, expires uint64) []byte {
		return actions.SignedCampaign(x.chain, expires, x.terms(i+1), x.admin(issuer(i+1)))
	})
	if err != nil {
		return err
	}
	err = x.blocks(x.Campaigns, blockTxs, until, until+hourMs, func(i int, expires uint64) []byte {
		return actions.SignedBatch(x.chain, expires, uint32(i+1), 1, uint32(x.supply(i+1)), x.ticket.Key,
			x.admin(issuer(i+1)))
	})
	if err != nil {
		return err
	}
	return x.blocks(x.Tills, blockTxs, until+hourMs, until+2*hourMs, func(i int, expires uint64) []byte {
		t := coupon.TillKeyAdd{Member: bakery, Store: uint16(1 + i/8), Rights: coupon.RightRedeem, Currency: currency,
			ValidFrom: x.begin, ValidUntil: x.end + 300*dayMs, DayCap: 100_000_000,
			Label: fmt.Sprintf("Store %d, counter %d", 1+i/8, 1+i%8)}
		return actions.SignedTill(x.chain, expires, t, x.tills[i], x.admin(bakery))
	})
}

func (x *crowd) terms(campaign int) coupon.Terms {
	names := []string{"A tram ticket back", "Half a euro off coffee", "Bread of the day", "One euro off any paperback"}
	title, face := fmt.Sprintf("%s, %d", names[campaign%len(names)], campaign), uint64(100)
	if campaign == 1 {
		title, face = "50 cents off, everywhere", 50
	}
	return complete(coupon.Terms{Issuer: issuer(campaign), Title: title, ValueKind: coupon.Amount, Face: face,
		MaxSupply: uint32(x.supply(campaign)), ClaimUntil: x.end + 30*dayMs, RedeemUntil: x.end + 60*dayMs,
		Transfer: coupon.TransferTrade, MaxTransfers: coupon.TransfersUnlimited}, x.begin)
}

// coupon returns campaign and serial of the i-th coupon of the ledger: those of
// campaign 1 first, those of the others in turn.
func (s Shape) coupon(i int) (campaign, serial uint32) {
	if i < s.Large {
		return 1, uint32(i + 1)
	}
	i -= s.Large
	return uint32(2 + i%(s.Campaigns-1)), uint32(1 + i/(s.Campaigns-1))
}

// used and moved return which coupons of the ledger are used and moved.
func used(i int) int  { return 10 * i }
func moved(i int) int { return 10*i + 5 }

// holder returns the number of who claims the i-th coupon; one key has every
// twentieth.
func (x *crowd) holder(i int) int {
	if i%20 == 1 {
		return 0
	}
	return i % len(x.holders)
}

func (x *crowd) claims() error {
	claim := func(i int, expires uint64) []byte {
		campaign, serial := x.coupon(i)
		t := actions.SignedTicket(x.chain, coupon.TicketPayload{Campaign: campaign, Batch: 1, Serial: serial,
			Seed: [16]byte{1, byte(serial)}, Expires: x.end + 30*dayMs}, x.ticket)
		return actions.SignedClaim(x.chain, expires, actions.TicketOf(x.chain, t, x.ticket.Key), x.holders[x.holder(i)].Key)
	}
	full := 0
	if x.Coupons >= 10*fullTxs {
		full = fullTxs
	}
	from, until := x.begin+4*hourMs, x.end-10*dayMs
	if err := x.blocks(full, fullTxs, from, until, claim); err != nil {
		return err
	}
	return x.blocks(x.Coupons-full, blockTxs, from+1, until, func(i int, expires uint64) []byte {
		return claim(full+i, expires)
	})
}

// moves gives coupons to others; the first one again and again.
func (x *crowd) moves() error {
	move := func(i, seq, from, to int, expires uint64) []byte {
		campaign, serial := x.coupon(i)
		held := actions.Held{Coupon: coupon.NewCouponID(campaign, serial), Seq: uint32(seq)}
		return actions.SignedTransfer(x.chain, expires, held, x.holders[from], x.holders[to].Key, 0)
	}
	n, first := len(x.holders), moved(0)
	from := x.end - 10*dayMs
	err := x.blocks(lifeSteps, 10, from, from+dayMs, func(k int, expires uint64) []byte {
		h := x.holder(first)
		return move(first, k, (h+k)%n, (h+k+1)%n, expires)
	})
	if err != nil {
		return err
	}
	return x.blocks(x.Moved-1, blockTxs, from+dayMs, from+2*dayMs, func(k int, expires uint64) []byte {
		i := moved(1 + k)
		return move(i, 0, x.holder(i), (x.holder(i)+1)%n, expires)
	})
}

// redemptions are three quarters on earlier days and a quarter on the last one.
func (x *crowd) redemptions() error {
	redeem := func(i int, expires uint64) []byte {
		campaign, serial := x.coupon(used(i))
		value := x.terms(int(campaign)).Face
		till, holder := x.tills[i%len(x.tills)], x.holders[x.holder(used(i))]
		var salt [16]byte
		binary.BigEndian.PutUint64(salt[:], uint64(i))
		b := actions.Bill{Campaign: campaign, Currency: currency, Basis: uint64(200 + i%2000),
			BasketHash: coupon.BasketHash(salt, []byte("bread"))}
		held := actions.Held{Coupon: coupon.NewCouponID(campaign, serial)}
		return actions.SignedRedemption(x.chain, till, b, held, holder, value, expires)
	}
	early := x.Redeemed - x.Redeemed/4
	if err := x.blocks(early, blockTxs, x.end-8*dayMs, x.end-dayMs, redeem); err != nil {
		return err
	}
	return x.blocks(x.Redeemed-early, blockTxs, x.end-hourMs/2, x.end-hourMs/4, func(i int, expires uint64) []byte {
		return redeem(early+i, expires)
	})
}

// undo takes back every hundredth redemption, of the newest ones.
func (x *crowd) undo() error {
	manager := x.till(bakeryManager)
	return x.blocks(x.Redeemed/100, blockTxs, x.end-hourMs/4, x.end, func(k int, expires uint64) []byte {
		campaign, serial := x.coupon(used(x.Redeemed - 1 - k))
		return actions.SignedVoid(x.chain, expires, actions.Held{Coupon: coupon.NewCouponID(campaign, serial)}, manager)
	})
}
