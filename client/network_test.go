package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// quiet lets a test ask as often as it likes.
func quiet(c *api.Config) { c.Limits.PerSecond = -1 }

func start(t testing.TB) *apitest.Network {
	t.Helper()
	x := apitest.Start(t, 4, quiet)
	x.WaitReady()
	return x
}

func newClient(t testing.TB, x *apitest.Network, urls []string, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(x.Dev.Genesis.Raw, urls, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func submit(t testing.TB, c *client.Client, tx []byte) *client.Receipt {
	t.Helper()
	r, err := c.Submit(within(t, time.Minute), tx)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// issue publishes a campaign with ten tickets and claims the first for a holder.
func issue(t testing.TB, x *apitest.Network, c *client.Client, holder coupon.Signer) *apitest.Campaign {
	t.Helper()
	publish, campaign := x.Publish()
	submit(t, c, publish)
	submit(t, c, campaign.Batch(10))
	submit(t, c, campaign.Claim(1, holder.Key))
	return campaign
}

// proxy stands before a node. change may alter its answers.
func proxy(t testing.TB, node string, change func(r *http.Request, status int, body []byte) (int, []byte)) string {
	t.Helper()
	target, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	p := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			r.StatusCode, b = change(r.Request, r.StatusCode, b)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			r.Header.Del("Content-Length")
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return s.URL
}

// edit decodes an answer, changes it and encodes it again.
func edit[T any](t testing.TB, body []byte, change func(*T)) []byte {
	t.Helper()
	x := new(T)
	if err := json.Unmarshal(body, x); err != nil {
		t.Error(err)
	}
	change(x)
	b, err := json.Marshal(x)
	if err != nil {
		t.Error(err)
	}
	return b
}

// dead returns the address of nobody.
func dead(t testing.TB) string {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.URL
}

// silent returns the address of a node that never answers, and counts who asks.
func silent(t testing.TB) (string, *atomic.Int64) {
	asked := new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the client goes
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestASilentOrDeadNodeIsPassedBy(t *testing.T) {
	x := start(t)
	mute, asked := silent(t)
	c := newClient(t, x, []string{dead(t), mute, x.Members[2].URL}, client.WithPatience(30*time.Millisecond))
	holder := apitest.Holder(1)
	campaign := issue(t, x, c, holder)
	if asked.Load() == 0 {
		t.Error("the silent node was not asked first")
	}
	held, err := c.Coupon(within(t, time.Minute), campaign.Coupon(1))
	if err != nil || held.Owner != holder.Key || held.State.Node != x.Members[2].URL {
		t.Fatalf("coupon %+v, %v", held, err)
	}
}

// The first node takes the transaction and breaks the connection. The same bytes
// go to another one, which returns the receipt of the first: there is one effect.
func TestADroppedReplyGivesTheOriginalReceipt(t *testing.T) {
	x := start(t)
	honest := newClient(t, x, x.URLs())
	holder := apitest.Holder(1)
	campaign := issue(t, x, honest, holder)
	var first client.TxAnswer
	var posts atomic.Int64
	dropping := proxy(t, x.Members[0].URL, func(r *http.Request, status int, body []byte) (int, []byte) {
		if r.Method == http.MethodPost && posts.Add(1) == 1 {
			if err := json.Unmarshal(body, &first); err != nil {
				t.Error(err)
			}
		}
		return http.StatusBadGateway, nil
	})
	c := newClient(t, x, []string{dropping, x.Members[1].URL})
	r := submit(t, c, campaign.Redeem(1, 0, holder, 0))
	if r.Outcome.Code != coupon.OK || r.Height != uint64(first.Height) || r.Proof.Index != first.Index ||
		first.Code != "OK" {
		t.Fatalf("the first answer was %+v, the receipt %+v", first, r)
	}
	if r.Node != x.Members[1].URL {
		t.Errorf("the receipt came from %s", r.Node)
	}
}

// Two tills race for one coupon at different nodes: one redeems it, the other
// gets a proven refusal.
func TestTheSecondRedemptionIsRefusedForGood(t *testing.T) {
	x := start(t)
	holder := apitest.Holder(1)
	campaign := issue(t, x, newClient(t, x, x.URLs()), holder)
	type result struct {
		r   *client.Receipt
		err error
	}
	results := make(chan result, 2)
	for i := range 2 {
		// Tills 0 and 1 belong to one shop.
		till := client.WithTill(apitest.Signer(x.Dev.Tills[i]))
		c := newClient(t, x, []string{x.Members[i].URL, x.Members[i+2].URL}, till)
		tx := campaign.Redeem(1, 0, holder, i)
		go func() {
			r, err := c.Submit(within(t, time.Minute), tx)
			results <- result{r, err}
		}()
	}
	accepted, refused := 0, 0
	for range 2 {
		got := <-results
		var refusal *client.Refusal
		switch {
		case got.err == nil && got.r.OK():
			accepted++
		case errors.As(got.err, &refusal):
			refused++
			if !refusal.Final || refusal.Code != coupon.AlreadyRedeemed || refusal.Receipt != got.r || got.r == nil {
				t.Errorf("refused with %+v", refusal)
			}
		default:
			t.Error(got.err)
		}
	}
	if accepted != 1 || refused != 1 {
		t.Fatalf("%d accepted, %d refused", accepted, refused)
	}
}

// Without a till's login a node refuses at its door what its state refuses, which
// is not final, and is believed of f+1 nodes only.
func TestADoorsRefusalIsNotFinal(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	holder, thief := apitest.Holder(1), apitest.Holder(2)
	campaign := issue(t, x, c, holder)
	for i := range x.Members { // a node that is behind would rightly say that there is no such coupon
		one := newClient(t, x, x.URLs()[i:i+1], client.WithFloor(c.Floor()))
		if _, err := one.Coupon(within(t, time.Minute), campaign.Coupon(1)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Submit(within(t, time.Minute), campaign.Transfer(1, 0, thief, thief.Key))
	var refusal *client.Refusal
	if !errors.As(err, &refusal) || refusal.Final || refusal.Code != coupon.NotOwner || refusal.Nodes < 2 {
		t.Fatalf("got %v", err)
	}
	// One node alone that lies is not believed.
	liar := proxy(t, x.Members[0].URL, func(_ *http.Request, _ int, _ []byte) (int, []byte) {
		return http.StatusConflict, []byte(`{"code":"E401","status":409,"final":true}`)
	})
	c = newClient(t, x, []string{liar, x.Members[1].URL, x.Members[2].URL})
	submit(t, c, campaign.Transfer(1, 0, holder, thief.Key))
}

func TestAnInvalidTransactionIsNotSent(t *testing.T) {
	x := start(t)
	mute, asked := silent(t)
	c := newClient(t, x, []string{mute})
	tx, _ := x.Publish()
	tx[len(tx)-1] ^= 1
	var e *coupon.Error
	if _, err := c.Submit(within(t, time.Second), tx); !errors.As(err, &e) || e.Code != coupon.BadSignature {
		t.Errorf("got %v", err)
	}
	if asked.Load() != 0 {
		t.Error("it was sent")
	}
}

func TestTheOutcomeIsUnknownWhenTheTimeIsOver(t *testing.T) {
	x := start(t)
	mute, _ := silent(t)
	c := newClient(t, x, []string{mute})
	tx, _ := x.Publish()
	_, err := c.Submit(within(t, 50*time.Millisecond), tx)
	var unknown *client.UnknownError
	if !errors.As(err, &unknown) || unknown.Lapsed || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// A transaction that nobody has seen, asked for after its end, is dead.
func TestAnUnseenTransactionLapses(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	publish, _ := x.Publish()
	submit(t, c, publish) // so that the chain's time has moved
	_, err := c.Receipt(within(t, time.Minute), [32]byte{1, 2, 3}, x.Dev.Genesis.File.TimeMs+1)
	var unknown *client.UnknownError
	if !errors.As(err, &unknown) || !unknown.Lapsed {
		t.Errorf("got %v", err)
	}
}

func TestAbsenceIsProven(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	publish, campaign := x.Publish()
	submit(t, c, publish)
	_, err := c.Coupon(within(t, time.Minute), campaign.Coupon(7))
	if !errors.Is(err, client.ErrNotFound) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	campaigns, members, s, err := c.Counts(within(t, time.Minute))
	if err != nil || campaigns != 1 || members != 4 || s.Height < c.Floor() {
		t.Errorf("%d campaigns, %d members, %v", campaigns, members, err)
	}
}

func TestQueriesAgreeWithTheStory(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	holder := apitest.Holder(1)
	campaign := issue(t, x, c, holder)
	submit(t, c, campaign.Claim(2, holder.Key))
	ctx := within(t, time.Minute)
	ids, err := c.HolderCoupons(ctx, holder.Key)
	if err != nil || len(ids) != 2 || ids[0] != campaign.Coupon(1) {
		t.Fatalf("the holder has %v, %v", ids, err)
	}
	submit(t, c, campaign.Redeem(1, 0, holder, 0))
	if r, _, err := c.Redemption(ctx, campaign.Coupon(1), 0); err != nil || r.Value != 500 {
		t.Errorf("redemption %+v, %v", r, err)
	}
	due, err := c.Obligations(ctx)
	if err != nil || len(due) != 1 || due[0].Sum != 500 {
		t.Fatalf("obligations %+v, %v", due, err)
	}
	if o, _, err := c.Obligation(ctx, due[0].Cycle, campaign.Number, due[0].Payee); err != nil || o.Sum != 500 {
		t.Errorf("obligation %+v, %v", o, err)
	}
	if o, s, err := c.Obligation(ctx, 1, campaign.Number, 2); err != nil || o.Sum != 0 || s.Found() {
		t.Errorf("obligation of no redemptions %+v, %v", o, err)
	}
	submit(t, c, campaign.Void(1, 0, 1))
	steps, err := c.History(ctx, campaign.Coupon(1))
	if err != nil || len(steps) != 3 || steps[2].Type != "redemption.voided" {
		t.Fatalf("history %+v, %v", steps, err)
	}
	for _, s := range steps {
		if r, err := c.Receipt(ctx, s.Tx, 0); err != nil || r.Height != uint64(s.Height) {
			t.Errorf("the step %s: %v", s.ID, err)
		}
	}
	till, err := c.Till(ctx, x.Dev.Tills[0].Public())
	if err != nil || till.Member != 2 || till.DaySum != 500 {
		t.Errorf("till %+v, %v", till, err)
	}
	if m, err := c.Member(ctx, 2); err != nil || !strings.Contains(m.Name, "Bakery") {
		t.Errorf("member %+v, %v", m, err)
	}
	if b, _, err := c.Batch(ctx, campaign.Number, 1); err != nil || b.Count != 10 {
		t.Errorf("batch %+v, %v", b, err)
	}
	if g, err := c.Campaign(ctx, campaign.Number); err != nil || g.Issued != 2 || g.Status != "PUBLISHED" ||
		g.Terms.Title != "Free coffee" {
		t.Errorf("campaign %+v, %v", g, err)
	}
	if d, err := c.DryRun(ctx, campaign.Redeem(2, 0, holder, 0)); err != nil || d.Code != "OK" || d.Final {
		t.Errorf("dry run %+v, %v", d, err)
	}
	for h := range c.Floor() + 1 {
		if _, err := c.Block(ctx, h); err != nil {
			t.Errorf("block %d: %v", h, err)
		}
	}
	if err := c.CheckChain(ctx, 0); err != nil {
		t.Error(err)
	}
	if raw, err := client.FetchGenesis(ctx, x.Members[0].URL); err != nil || !bytes.Equal(raw, x.Dev.Genesis.Raw) {
		t.Errorf("genesis: %v", err)
	}
}
