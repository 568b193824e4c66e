//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// TestRace lets two tills redeem the same coupon at the same moment through two
// nodes, many times: exactly one of them gets a receipt of acceptance, the other
// is told why not, and the proven state says the same.
func TestRace(t *testing.T) {
	races := *racesFlag
	if testing.Short() {
		races = min(races, 20)
	}
	const atOnce, tills = 8, 16
	c := startCluster(t, nil)
	m := openMarket(c, 1, tills)
	r := newRaces(c, m)
	next := make(chan uint32, races)
	for serial := range uint32(races) {
		next <- serial + 1
	}
	close(next)
	var g sync.WaitGroup
	for range atOnce {
		g.Go(func() {
			for serial := range next {
				if err := r.race(serial); err != nil {
					t.Errorf("coupon %d: %v", serial, err)
				}
			}
		})
	}
	g.Wait()
	t.Logf("%d races: %v", races, r.counts)
	if len(r.winners) != races {
		t.Fatalf("%d of %d coupons were accepted", len(r.winners), races)
	}
	r.checkState(uint32(races))
	b := openBooks(c)
	b.check(r.receipts)
}

// races are two tills at two nodes, over and over.
type races struct {
	c *cluster
	m *market
	// plain and tills ask one node each; tills by a till's place, with its login, so
	// that their refusals are receipts too.
	plain []*client.Client
	tills [][]*client.Client

	mu       sync.Mutex // guards what follows
	winners  map[uint32]int
	receipts []*client.Receipt
	counts   map[string]int
}

func newRaces(c *cluster, m *market) *races {
	r := &races{c: c, m: m, plain: c.nodes, winners: make(map[uint32]int), counts: make(map[string]int)}
	for _, till := range m.tills {
		var list []*client.Client
		for i := range validators {
			list = append(list, c.newClient([]int{i}, client.WithTill(till)))
		}
		r.tills = append(r.tills, list)
	}
	return r
}

// race claims a coupon and redeems it twice. Even serials show one code at two
// tills, odd ones sign two bills. Every other pair of tills logs in.
func (r *races) race(serial uint32) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	nodes := [2]int{int(serial) % validators, (int(serial) + 1 + int(serial/4)%3) % validators}
	claimed, err := r.plain[nodes[0]].Submit(ctx, r.m.claim(serial))
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	// Neither node may refuse for not knowing the coupon yet.
	if _, err := r.plain[nodes[1]].Receipt(ctx, claimed.Outcome.ID, 0); err != nil {
		return fmt.Errorf("claim at the other node: %w", err)
	}
	first := int(serial) % (len(r.m.tills) / 2) * 2 // one till of the bakery, one of the bookshop
	var answers [2]*client.Receipt
	var errs [2]error
	start := make(chan struct{})
	var g sync.WaitGroup
	for k := range 2 {
		raw := r.m.redeem(r.m.tills[first+k], serial, 0, 0, coupon.Mode(serial%2))
		x := r.plain[nodes[k]]
		if serial/2%2 == 0 {
			x = r.tills[first+k][nodes[k]]
		}
		g.Go(func() {
			<-start
			answers[k], errs[k] = x.Submit(ctx, raw)
		})
	}
	close(start)
	g.Wait()
	for k := range 2 {
		if err := r.note(serial, first+k, answers[k], errs[k]); err != nil {
			return err
		}
	}
	return nil
}

// note takes one till's answer.
func (r *races) note(serial uint32, till int, answer *client.Receipt, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if answer != nil {
		r.receipts = append(r.receipts, answer)
	}
	if err == nil {
		if other, ok := r.winners[serial]; ok {
			return fmt.Errorf("accepted at till %d and at till %d", other, till)
		}
		r.winners[serial] = till
		if o := &answer.Outcome; o.Coupon != r.m.coupon(serial) || o.Value != face || o.Seq != 0 {
			return fmt.Errorf("accepted as %+v", answer.Outcome)
		}
		return nil
	}
	var refusal *client.Refusal
	if !errors.As(err, &refusal) {
		return fmt.Errorf("till %d was not told why: %w", till, err)
	}
	if refusal.Code != coupon.AlreadyRedeemed && refusal.Code != coupon.StaleSeq {
		return fmt.Errorf("till %d was told the wrong reason: %w", till, err)
	}
	how := " at the door"
	if refusal.Final {
		how = " with a receipt"
	}
	r.counts[refusal.Code.String()+how]++
	return nil
}

// checkState compares the proven state with what the tills were told.
func (r *races) checkState(races uint32) {
	t := r.c.t
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	x := r.c.clientOf()
	for serial := uint32(1); serial <= races; serial++ {
		id, winner := r.m.coupon(serial), r.m.tills[r.winners[serial]].Key
		k, err := x.Coupon(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if k.Coupon.Status != coupon.Redeemed || k.Seq != 1 || k.UsesLeft != 0 {
			t.Errorf("coupon %d after one redemption: %+v", serial, k.Coupon)
		}
		use, _, err := x.Redemption(ctx, id, 0)
		if err != nil || use.TillKey != winner || use.Value != face {
			t.Errorf("redemption of coupon %d: %+v, %v; the receipt was till %d's", serial, use, err, r.winners[serial])
		}
		if _, _, err := x.Redemption(ctx, id, 1); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("a second redemption of coupon %d: %v", serial, err)
		}
	}
	g, err := x.Campaign(ctx, r.m.campaign)
	if err != nil {
		t.Fatal(err)
	}
	if g.Issued != races || g.Redemptions != races || g.UsedUp != races || g.Accrued != uint64(races)*face {
		t.Errorf("%d races leave the campaign %+v", races, g.Campaign)
	}
}
