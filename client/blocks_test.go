package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// Every block comes once and in order, in spite of a node that lies about them, one that
// stops and one that never answers; and what happened in them is what events tell.
func TestBlocksComeInOrderAndWhole(t *testing.T) {
	x := start(t)
	holder := apitest.Holder(1)
	writer := newClient(t, x, []string{x.Members[1].URL, x.Members[2].URL})
	campaign := issue(t, x, writer, holder)
	lies := new(atomic.Int64)
	liar := proxy(t, x.Members[0].URL, func(r *http.Request, status int, body []byte) (int, []byte) {
		if status != http.StatusOK || !strings.HasPrefix(r.URL.Path, "/v1/blocks/") {
			return status, body
		}
		lies.Add(1)
		return status, edit(t, body, func(a *client.BlockAnswer) { a.Txs, a.Receipts = nil, nil })
	})
	mute, _ := silent(t)
	reader := newClient(t, x, []string{mute, liar, x.Members[3].URL, x.Members[2].URL},
		client.WithPatience(100*time.Millisecond))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	next, seen := uint64(1), []client.Event{}
	for b, err := range reader.Blocks(ctx, next) {
		if err != nil {
			if ctx.Err() != nil {
				t.Fatal(err)
			}
			continue // a node that stops or lies while no other has the block
		}
		if b.Height != next {
			t.Fatalf("block %d after %d", b.Height, next-1)
		}
		next++
		before := len(seen)
		seen = append(seen, b.Events()...)
		if before < 3 && len(seen) >= 3 {
			x.Members[3].Stop()
			go func() { // the reader waits for it already
				submit(t, writer, campaign.Redeem(1, 0, holder, 0))
				submit(t, writer, campaign.Void(1, 0, 1))
			}()
		}
		if len(seen) >= 5 {
			break
		}
	}
	if lies.Load() == 0 {
		t.Error("nobody has lied")
	}
	want := []coupon.EventType{coupon.EventCampaignPublished, coupon.EventBatchCommitted, coupon.EventCouponClaimed,
		coupon.EventRedemptionAccrued, coupon.EventRedemptionVoided}
	var told []client.Event // by a node's stream
	for e, err := range reader.Events(ctx, client.EventID{}, client.EventFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if told = append(told, e); len(told) == len(want) {
			break
		}
	}
	for i := range want {
		if seen[i].Type != want[i] {
			t.Errorf("event %d is %v, wanted %v", i, seen[i].Type, want[i])
		}
		if seen[i].Type == coupon.EventRedemptionVoided {
			told[i].Till = [32]byte{} // the redemption's row has it, the block has not
		}
		a, b := answer(t, x, &seen[i]), answer(t, x, &told[i])
		if a.Data.Proof, b.Data.Proof = nil, nil; shown(t, a) != shown(t, b) { // other members may have signed
			t.Errorf("event %d is\n%s\nand a stream tells\n%s", i, shown(t, a), shown(t, b))
		}
	}
}

// Whoever is behind asks for several blocks at once, and has them in order all the same, also
// where one of them fails; at the tip he waits for what is to come.
func TestBlocksAreReadAhead(t *testing.T) {
	x := start(t)
	writer := newClient(t, x, []string{x.Members[1].URL})
	for range 8 {
		publish, _ := x.Publish()
		submit(t, writer, publish)
	}
	var flying, most, failed atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), flying.Add(1)))
		defer flying.Add(-1)
		if strings.HasSuffix(r.URL.Path, "/3") && failed.Add(1) <= 2 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		time.Sleep(20 * time.Millisecond) // as from afar
		answer, err := http.Get(x.Members[0].URL + r.URL.RequestURI())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	}))
	defer front.Close()
	hourAhead := client.WithClock(func() time.Time { return time.Now().Add(time.Hour) })
	reader := newClient(t, x, []string{front.URL}, hourAhead)
	ctx := within(t, time.Minute)
	next, events, told := uint64(1), 0, 0
	for b, err := range reader.Blocks(ctx, next) {
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		if err != nil {
			told++
			continue
		}
		if b.Height != next {
			t.Fatalf("block %d after %d", b.Height, next-1)
		}
		next++
		if events += len(b.Events()); events == 8 {
			go func() { // all is read: the next one comes while the reader waits
				publish, _ := x.Publish()
				submit(t, writer, publish)
			}()
			events++
		}
		if events == 10 {
			break
		}
	}
	if most.Load() < 2 || most.Load() > 4 {
		t.Errorf("%d blocks were asked for at once", most.Load())
	}
	if told == 0 {
		t.Error("nobody was told of the failures")
	}
}

// answer shows an event, whose own proof must hold.
func answer(t *testing.T, x *apitest.Network, e *client.Event) client.EventAnswer {
	t.Helper()
	v, err := client.NewVerifier(x.Dev.Genesis.Raw)
	if err != nil {
		t.Fatal(err)
	}
	a := client.EventAnswerOf(x.Dev.Genesis.Digest, e)
	if r, err := v.Receipt(a.Data.Tx, a.Data.Proof, a.Data.Header); err != nil || r.TimeMs != uint64(a.Data.Time.Ms) {
		t.Errorf("the proof of event %s does not hold: %v", a.ID, err)
	}
	return a
}

func shown(t *testing.T, a client.EventAnswer) string {
	t.Helper()
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// While no node answers, the caller is told why, goes on, and may stop at any time.
func TestBlocksTellWhatFails(t *testing.T) {
	x := start(t)
	c := newClient(t, x, []string{dead(t)})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	told := 0
	for b, err := range c.Blocks(ctx, 1) {
		if b != nil || !errors.Is(err, client.ErrUnreachable) {
			t.Fatal(fmt.Sprint(b, err))
		}
		if told++; told == 2 {
			break
		}
	}
	ended, end := context.WithCancel(ctx)
	end()
	for b, err := range newClient(t, x, x.URLs()).Blocks(ended, 1) {
		if b != nil || !errors.Is(err, context.Canceled) {
			t.Error(b, err)
		}
	}
}
