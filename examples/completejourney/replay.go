package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// Limits of a replay.
const (
	// inFlightMax is how many coupons are worked on at once.
	inFlightMax = 64
	// submitTimeout is how long one transaction may take, with all retries.
	submitTimeout = 60 * time.Second
	// lifeMs is the life of claims and redemptions.
	lifeMs = 150_000
	// memberLifeMs is that of publications and batches.
	memberLifeMs = 3_600_000
)

// ledger is a chain with the keys that a replay needs.
type ledger struct {
	genesis []byte
	urls    []string
	issuer  coupon.MemberSigner
	secret  [32]byte // the issuer's, from which everything is derived
	tills   []coupon.Signer
}

// replay carries out a plan on a chain.
type replay struct {
	*plan
	ledger  *ledger
	clients []*client.Client // one for each node, which it asks first
	bar     *bar

	submitted atomic.Int64 // transactions handed in
	done      atomic.Int64 // coupons that were redeemed before
	proven    atomic.Int64 // second redemptions refused with a receipt
	atDoor    atomic.Int64 // second redemptions refused by f+1 nodes
	codes     sync.Map     // coupon.Code -> *atomic.Int64, of refusals
}

// newReplay returns a replay of a plan.
func newReplay(p *plan, l *ledger, b *bar) (*replay, error) {
	r := &replay{plan: p, ledger: l, bar: b}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 4*inFlightMax
	for i := range l.urls {
		urls := append(append([]string{}, l.urls[i:]...), l.urls[:i]...)
		c, err := client.New(l.genesis, urls, client.WithHTTPClient(&http.Client{Transport: transport}),
			client.WithPatience(10*time.Second), client.WithTimeout(30*time.Second))
		if err != nil {
			return nil, err
		}
		r.clients = append(r.clients, c)
	}
	return r, nil
}

// client returns the client of a node, counted around.
func (r *replay) client(i int) *client.Client { return r.clients[i%len(r.clients)] }

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }

// run carries the plan out: what has been done before is found on the chain and
// left as it is.
func (r *replay) run(ctx context.Context) error {
	if err := r.level(ctx); err != nil {
		return err
	}
	currency := r.clients[0].Genesis().File.Ledger.Currencies[0]
	known, err := r.published(ctx)
	if err != nil {
		return err
	}
	r.bar.begin("publish", len(r.campaigns))
	for _, c := range r.campaigns {
		if err := r.open(ctx, c, known, currency); err != nil {
			return fmt.Errorf("campaign %s: %w", c.file.id, err)
		}
		r.bar.step()
	}
	var todo []task
	for _, c := range r.campaigns {
		for _, t := range c.redeemed() {
			todo = append(todo, task{c, t, len(todo)})
		}
	}
	if err := r.all(ctx, "claim", todo, r.claimOne); err != nil {
		return err
	}
	return r.all(ctx, "redeem", todo, func(ctx context.Context, t task) error {
		return r.redeemOne(ctx, t,
			currency.Number)
	})
}

// level waits until each node that answers has executed what any of them had at
// the beginning, so that the marks of an earlier replay are found at all of them.
func (r *replay) level(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, submitTimeout)
	defer cancel()
	c := r.clients[0]
	var top client.U64
	for i := range c.Nodes() {
		if s, err := c.Status(ctx, i); err == nil {
			top = max(top, s.Height)
		}
	}
	for i, node := range c.Nodes() {
		for {
			s, err := c.Status(ctx, i)
			if err != nil || s.Height >= top {
				break // the replay does without a node that is down
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s has executed %d blocks only, another node has %d", node, s.Height, top)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

// published returns the issuer's campaigns on the chain by the hash of their terms.
func (r *replay) published(ctx context.Context) (map[[32]byte]*client.Campaign, error) {
	count, _, _, err := r.clients[0].Counts(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[[32]byte]*client.Campaign)
	for n := uint32(1); n <= count; n++ {
		x, err := r.clients[0].Campaign(ctx, n)
		if err != nil {
			return nil, err
		}
		if _, twice := known[x.Terms.TermsHash]; !twice && x.Issuer == r.ledger.issuer.Member {
			known[x.Terms.TermsHash] = x
		}
	}
	return known, nil
}

// open publishes a campaign and opens the serials of its tickets, unless that has
// been done.
func (r *replay) open(ctx context.Context, c *campaignPlan, known map[[32]byte]*client.Campaign,
	currency coupon.Currency) error {
	cl := r.clients[0]
	if x, ok := known[sha256.Sum256([]byte(c.doc))]; ok {
		c.number = x.Number
		return r.openBatch(ctx, c, x)
	}
	terms := r.terms(c, r.ledger.issuer.Member, currency, time.Now())
	receipt, err := r.submit(ctx, cl, actions.SignedCampaign(r.chain, nowMs()+memberLifeMs, terms, r.ledger.issuer))
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	c.number = receipt.Outcome.Campaign
	x, err := cl.Campaign(ctx, c.number)
	if err != nil {
		return err
	}
	return r.openBatch(ctx, c, x)
}

func (r *replay) openBatch(ctx context.Context, c *campaignPlan, x *client.Campaign) error {
	cl := r.clients[0]
	c.claimUntil, c.unclaimed, c.untouched = x.Terms.ClaimUntil, x.Issued == 0, x.Redemptions == 0
	for n := uint16(1); n <= x.Batches; n++ {
		b, _, err := cl.Batch(ctx, c.number, n)
		if err != nil {
			return err
		}
		if b.TicketKey == c.desk.Key {
			c.batch = n
			return nil
		}
	}
	if len(c.tickets) == 0 {
		return nil
	}
	receipt, err := r.submit(ctx, cl, actions.SignedBatch(r.chain, nowMs()+memberLifeMs, c.number, x.NextSerial,
		uint32(len(c.tickets)), c.desk.Key, r.ledger.issuer))
	if err != nil {
		return fmt.Errorf("open the tickets: %w", err)
	}
	c.batch = receipt.Outcome.Batch
	return nil
}

// submit hands a transaction in and returns its proven receipt.
func (r *replay) submit(ctx context.Context, c *client.Client, raw []byte) (*client.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, submitTimeout)
	defer cancel()
	r.submitted.Add(1)
	return c.Submit(ctx, raw)
}

// task is one coupon to claim and redeem, and its number in the replay.
type task struct {
	c *campaignPlan
	t *ticketPlan
	n int
}

// all carries tasks out, many at a time.
func (r *replay) all(ctx context.Context, what string, todo []task, one func(context.Context, task) error) error {
	r.bar.begin(what, len(todo))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlightMax)
	for _, t := range todo {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := one(ctx, t); err != nil {
				return fmt.Errorf("%s coupon %d-%d of household %s: %w", what, t.c.number, t.t.serial, t.t.household, err)
			}
			r.bar.step()
			return nil
		})
	}
	return g.Wait()
}

// claimOne claims a coupon for its household, unless that has been done.
func (r *replay) claimOne(ctx context.Context, t task) error {
	cl := r.client(t.n)
	if !t.c.unclaimed {
		have, err := cl.State(ctx, coupon.CouponKey(t.c.coupon(t.t)))
		if err != nil || have.Found() {
			return err
		}
	}
	_, err := r.submit(ctx, cl, r.claim(t.c, t.t, t.c.claimUntil, nowMs()+lifeMs))
	var refusal *client.Refusal
	if errors.As(err, &refusal) && refusal.Code == coupon.AlreadyClaimed {
		return nil // by a replay at the same time: the totals show whether it was for the same household
	}
	return err
}

// redeemOne redeems a coupon at two tills at once, through two nodes. It reports an
// error unless exactly one of them takes it and the other is told that the coupon
// is used (E509) or has changed (E403).
func (r *replay) redeemOne(ctx context.Context, t task, currency uint16) error {
	if !t.c.untouched {
		_, _, err := r.client(t.n).Redemption(ctx, t.c.coupon(t.t), 0)
		if err == nil {
			r.done.Add(1)
			return nil
		}
		if !errors.Is(err, client.ErrNotFound) {
			return err
		}
	}
	var results [2]error
	var both sync.WaitGroup
	for i := range results {
		till := r.ledger.tills[(t.n+i)%len(r.ledger.tills)]
		// The two differ in their time, so that they are two even at a single till.
		raw := r.redeem(t.c, t.t, till, currency, nowMs()+lifeMs+uint64(i))
		both.Go(func() { _, results[i] = r.submit(ctx, r.client(t.n+i), raw) })
	}
	both.Wait()
	lost := results[0]
	if lost == nil {
		lost = results[1]
	} else if results[1] != nil {
		return fmt.Errorf("neither till could redeem it: %w", errors.Join(results[:]...))
	}
	return r.secondRefused(lost)
}

// secondRefused checks and counts the refusal of a second redemption.
func (r *replay) secondRefused(err error) error {
	if err == nil {
		return errors.New("two tills redeemed the same coupon")
	}
	var refusal *client.Refusal
	if !errors.As(err, &refusal) || refusal.Code != coupon.AlreadyRedeemed && refusal.Code != coupon.StaleSeq {
		return fmt.Errorf("the second till should be refused with E509 or E403: %w", err)
	}
	if refusal.Final {
		r.proven.Add(1)
	} else {
		r.atDoor.Add(1)
	}
	n, _ := r.codes.LoadOrStore(refusal.Code, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
	return nil
}

// code returns how many refusals had a code.
func (r *replay) code(c coupon.Code) int64 {
	n, ok := r.codes.Load(c)
	if !ok {
		return 0
	}
	return n.(*atomic.Int64).Load()
}
