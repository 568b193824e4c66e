package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// Every event comes once and in order, from a stream that goes on at another node
// when the first one stops.
func TestEventsGoOnAtAnotherNode(t *testing.T) {
	x := start(t)
	holder := apitest.Holder(1)
	writer := newClient(t, x, []string{x.Members[1].URL, x.Members[2].URL})
	campaign := issue(t, x, writer, holder)
	reader := newClient(t, x, []string{x.Members[3].URL, x.Members[2].URL})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var got []client.Event
	for e, err := range reader.Events(ctx, client.EventID{}, client.EventFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 0 && !got[len(got)-1].ID.Less(e.ID) {
			t.Fatalf("%s after %s", e.ID, got[len(got)-1].ID)
		}
		got = append(got, e)
		switch len(got) {
		case 2:
			x.Members[3].Stop()
		case 3:
			submit(t, writer, campaign.Transfer(1, 0, holder, holder.Key))
		}
		if len(got) == 4 {
			break
		}
	}
	for i, want := range []coupon.EventType{coupon.EventCampaignPublished, coupon.EventBatchCommitted,
		coupon.EventCouponClaimed, coupon.EventCouponRefreshed} {
		if got[i].Type != want || got[i].Receipt == nil || got[i].TimeMs == 0 {
			t.Errorf("event %d is %+v, wanted %v", i, got[i], want)
		}
	}
}

func TestEventsAreFiltered(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	holder := apitest.Holder(1)
	first := issue(t, x, c, holder)
	second := issue(t, x, c, holder)
	submit(t, c, second.Redeem(1, 0, holder, 1))
	submit(t, c, first.Redeem(1, 0, holder, 0))
	for name, f := range map[string]struct {
		filter client.EventFilter
		want   coupon.CouponID
	}{
		"type":   {client.EventFilter{Types: []coupon.EventType{coupon.EventRedemptionAccrued}}, second.Coupon(1)},
		"coupon": {client.EventFilter{Coupon: first.Coupon(1)}, first.Coupon(1)},
		"campaign": {client.EventFilter{Campaign: second.Number, Types: []coupon.EventType{coupon.EventCouponClaimed}},
			second.Coupon(1)},
		"till": {client.EventFilter{Till: x.Dev.Tills[0].Public()}, first.Coupon(1)},
	} {
		for e, err := range c.Events(within(t, time.Minute), client.EventID{}, f.filter) {
			if err != nil || e.Outcome.Coupon != f.want {
				t.Errorf("by %s: %+v, %v", name, e.Outcome, err)
			}
			break
		}
	}
}

// An event without a proof, or with that of another, ends the stream of the node
// that sent it.
func TestALieAboutAnEventIsDetected(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	publish, campaign := x.Publish()
	r := submit(t, c, publish)
	lies := 0
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		lies++
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprintf(w, "data: {\"id\":\"1.0.0\",\"type\":\"campaign.closed\",\"data\":{\"tx\":%q}}\n\n",
			client.Hash(r.Outcome.ID))
	}))
	defer liar.Close()
	for e, err := range newClient(t, x, []string{liar.URL, x.Members[0].URL}).Events(within(t, time.Minute),
		client.EventID{}, client.EventFilter{}) {
		if err != nil || e.Type != coupon.EventCampaignPublished || e.Outcome.Campaign != campaign.Number {
			t.Errorf("%+v, %v", e, err)
		}
		break
	}
	if lies == 0 {
		t.Error("the liar was not asked")
	}
}

func TestEventsEndWithTheContext(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	var last error
	for _, err := range c.Events(ctx, client.EventID{Height: 1 << 40}, client.EventFilter{}) {
		last = err
	}
	if !errors.Is(last, context.DeadlineExceeded) {
		t.Errorf("ended with %v", last)
	}
}

// A proof shows that a receipt is in a block, and not where: the leaf at place 4 of 5
// is also that at 8 of 9. One redemption is one event all the same, on one stream and
// on those that follow.
func TestOneReceiptIsOneEvent(t *testing.T) {
	x := apitest.Start(t, 4, quiet)
	all := make([]coupon.Outcome, 5)
	for i := range all {
		all[i] = coupon.Outcome{ID: receiptID(i), Kind: coupon.KindRedeem, Coupon: coupon.NewCouponID(1, uint32(i+1))}
	}
	p, header := proven(t, x.Dev, 9, apitest.Now(), all...)
	one := p.Proof(p.Proofs(), 4)
	verifier, err := client.NewVerifier(x.Dev.Genesis.Raw)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var asked atomic.Int64
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 4 {
			cancel()
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for place := uint32(4); place < 1<<16; place *= 2 {
			one.Index, one.Size = place, place+1
			if _, err := verifier.Receipt(all[4].ID, one.Encode(), header); err != nil {
				t.Errorf("place %d is not shown: the test proves nothing: %v", place, err)
			}
			b, err := json.Marshal(client.EventAnswer{ID: client.EventID{Height: 9, Tx: place}.String(),
				Type: coupon.EventRedemptionAccrued.String(), Data: client.EventData{Tx: all[4].ID, Height: 9, Index: place,
					Proof: one.Encode(), Header: header}})
			if err != nil {
				t.Error(err)
			}
			_, _ = fmt.Fprintf(w, "data: %s\n\n", b)
		}
	}))
	defer liar.Close()
	events := 0
	for _, err := range newClient(t, x, []string{liar.URL}).Events(ctx, client.EventID{}, client.EventFilter{}) {
		if err == nil {
			events++
		}
	}
	if events != 1 || asked.Load() != 4 {
		t.Errorf("%d events of one redemption, from %d streams", events, asked.Load())
	}
}
