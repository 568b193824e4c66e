package purse

import (
	"context"
	"fmt"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// Ledger is what a scan asks. Its methods are those of client.Client.
type Ledger interface {
	// HolderMarks lists the owners of all coupons of a campaign by the beginnings of their keys.
	HolderMarks(ctx context.Context, campaign uint32) ([]client.HolderMark, error)
	// Coupon returns a proven coupon.
	Coupon(ctx context.Context, id coupon.CouponID) (*client.Coupon, error)
}

// Scanned is what a scan looked at.
type Scanned struct {
	// Found counts the coupons that the index did not know, used ones included.
	Found int
	// Campaigns and Coupons count what was looked through.
	Campaigns, Coupons int
}

// Scan looks for coupons of the wallet in campaigns, used ones included. It compares
// the owners of all coupons of a campaign with its own keys, from the first on until
// gap in a row (keys.GapLimit, or more) own nothing and were not given out here. A
// coupon that was used counts for its key; one that was given away does not any
// more. No node is told a key.
func (p *Purse) Scan(ctx context.Context, l Ledger, campaigns []uint32, gap uint32) (x Scanned, err error) {
	for _, campaign := range campaigns {
		marks, err := l.HolderMarks(ctx, campaign)
		if err != nil {
			return x, fmt.Errorf("scan campaign %d: %w", campaign, err)
		}
		x.Campaigns++
		x.Coupons += len(marks)
		if len(marks) == 0 {
			continue
		}
		found, err := p.match(ctx, l, campaign, marks, gap)
		x.Found += found
		if errWrite := p.write(); err == nil { // also what was found before a failure
			err = errWrite
		}
		if err != nil {
			return x, fmt.Errorf("scan campaign %d: %w", campaign, err)
		}
	}
	return x, nil
}

// match notes the coupons of a campaign whose owners are keys of the wallet.
func (p *Purse) match(ctx context.Context, l Ledger, campaign uint32, marks []client.HolderMark, gap uint32) (found int,
	err error,
) {
	by := make(map[[4]byte][]uint32, len(marks))
	for _, m := range marks {
		by[m.Mark] = append(by[m.Mark], m.Serial)
	}
	for n, end := uint32(0), p.index.Next[campaign]+gap; n < end; n++ {
		s, err := p.Key(campaign, n)
		if err != nil {
			return found, err
		}
		owner := s.Public()
		serials := by[[4]byte(owner[:4])]
		for _, serial := range serials[:min(len(serials), foundMax)] {
			id := coupon.NewCouponID(campaign, serial)
			if e, known := p.entry(id); known && e.N == n {
				end = max(end, n+1+gap)
				continue
			}
			c, err := l.Coupon(ctx, id)
			if err != nil {
				return found, err
			}
			if c.Owner != owner { // another key that begins alike
				continue
			}
			if p.place(id, n) {
				found++
			}
			end = max(end, n+1+gap)
		}
	}
	return found, nil
}
