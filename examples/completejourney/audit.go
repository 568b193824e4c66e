package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// found is what the chain holds for one coupon of the plan.
type found struct {
	coupon coupon.Coupon
	use    coupon.Redemption
}

// audit reads the totals from the chain. Every row is proven by a quorum of the
// members; nothing that the replay was told while it ran is used.
func (r *replay) audit(ctx context.Context) (*totals, error) {
	total := &totals{by: map[string]counts{}}
	redeemers := make(map[string]bool)
	n := 0
	for _, c := range r.campaigns {
		n += len(c.redeemed())
	}
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	r.bar.begin("audit", n)
	for i, c := range r.campaigns {
		k, who, err := r.auditCampaign(ctx, r.client(i), c)
		if err != nil {
			return nil, fmt.Errorf("audit campaign %s: %w", c.file.id, err)
		}
		total.by[c.file.id] = k
		maps.Copy(redeemers, who)
	}
	total.households = len(redeemers)
	return total, nil
}

// settle waits until every client is shown a state in which all is done that any of
// them handed in: each knows the heights of its own transactions only.
func (r *replay) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, submitTimeout)
	defer cancel()
	var top uint64
	for _, cl := range r.clients {
		top = max(top, cl.Floor())
	}
	for _, cl := range r.clients {
		for {
			_, _, s, err := cl.Counts(ctx)
			if err != nil {
				return fmt.Errorf("wait for height %d: %w", top, err)
			}
			if s.Height >= top {
				break // the client takes none below it from here on
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for height %d: %w", top, ctx.Err())
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

// auditCampaign reads a campaign, its batches, each coupon with its redemption, and
// what is owed, and checks that they agree with each other.
func (r *replay) auditCampaign(ctx context.Context, cl *client.Client, c *campaignPlan) (k counts,
	who map[string]bool, err error) {
	rows, err := r.rows(ctx, cl, c)
	if err != nil {
		return k, nil, err
	}
	x, err := cl.Campaign(ctx, c.number)
	if err != nil {
		return k, nil, err
	}
	for n := uint16(1); n <= x.Batches; n++ {
		b, _, err := cl.Batch(ctx, c.number, n)
		if err != nil {
			return k, nil, err
		}
		k.tickets += int(b.Count)
	}
	who = make(map[string]bool)
	type bucket struct {
		cycle uint32
		payee uint16
	}
	owed := make(map[bucket]coupon.Obligation)
	cycleMs := cl.Genesis().File.Ledger.CycleMs
	var payable uint64
	for i, t := range c.redeemed() {
		f := rows[i]
		if f.coupon.Owner != r.owner(c, t).Key || f.coupon.Status != coupon.Redeemed || f.use.State != coupon.Accrued {
			return k, nil, fmt.Errorf("coupon %d-%d is not redeemed by household %s", c.number, t.serial, t.household)
		}
		k.claimed++
		k.redemptions++
		k.value += f.use.Value
		payable += f.use.Payable
		who[t.household] = true
		b := bucket{uint32(f.use.FinalAt / cycleMs), f.use.Member}
		o := owed[b]
		owed[b] = coupon.Obligation{Sum: o.Sum + f.use.Payable, Count: o.Count + 1}
	}
	k.households = len(who)
	if int(x.Issued) != k.claimed || int(x.Redemptions-x.Voids) != k.redemptions || x.Accrued != payable {
		return k, nil, fmt.Errorf("its counters say %d issued, %d redeemed, %d owed; its coupons %d, %d, %d",
			x.Issued, x.Redemptions-x.Voids, x.Accrued, k.claimed, k.redemptions, payable)
	}
	for b, want := range owed {
		o, _, err := cl.Obligation(ctx, b.cycle, c.number, b.payee)
		if err != nil {
			return k, nil, err
		}
		if o != want {
			return k, nil, fmt.Errorf("member %d is owed %+v in cycle %d, its redemptions say %+v", b.payee, o, b.cycle, want)
		}
	}
	return k, who, nil
}

// rows reads the coupons and redemptions of a campaign, in the order of the plan.
func (r *replay) rows(ctx context.Context, cl *client.Client, c *campaignPlan) ([]found, error) {
	wanted := c.redeemed()
	rows := make([]found, len(wanted))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlightMax)
	for i, t := range wanted {
		g.Go(func() error {
			id := c.coupon(t)
			s, err := cl.State(ctx, coupon.CouponKey(id))
			if err != nil {
				return err
			}
			if rows[i].coupon, err = coupon.DecodeCoupon(s.Value); err != nil {
				return fmt.Errorf("coupon %d-%d: %w", c.number, t.serial, err)
			}
			rows[i].use, _, err = cl.Redemption(ctx, id, 0)
			r.bar.step()
			return err
		})
	}
	return rows, g.Wait()
}

// counters are the rows of the plan's campaigns and of the running numbers, which
// any effect of a transaction on them would change.
func (r *replay) counters(ctx context.Context) ([]byte, error) {
	var all []byte
	keys := [][]byte{coupon.ParamsKey()}
	for _, c := range r.campaigns {
		keys = append(keys, coupon.CampaignKey(c.number))
	}
	for _, k := range keys {
		s, err := r.clients[0].State(ctx, k)
		if err != nil {
			return nil, err
		}
		all = append(all, s.Value...)
	}
	return all, nil
}

// compare returns the differences between the totals of the files and the chain.
func compare(file, chain *totals) (differences []string) {
	for _, id := range slices.Sorted(maps.Keys(file.by)) {
		if f, c := file.by[id], chain.by[id]; f != c {
			differences = append(differences, fmt.Sprintf("campaign %s: the files say %+v, the chain %+v", id, f, c))
		}
	}
	if len(file.by) != len(chain.by) || file.households != chain.households {
		differences = append(differences,
			fmt.Sprintf("the files have %d campaigns and %d redeeming households, the chain %d and %d",
				len(file.by), file.households, len(chain.by), chain.households))
	}
	return differences
}

// same reports whether nothing has changed between two readings.
func same(a, b []byte) bool { return bytes.Equal(a, b) }
