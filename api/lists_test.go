package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
)

type listed[T any] struct {
	Items  []T
	Next   string `json:"next_cursor"`
	Height client.U64
	Final  bool
}

// A list is what it was when it began, though the state goes on.
func TestPagesDoNotShift(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	base := x.Members[0].URL
	publish, campaign := x.Publish()
	submit(t, c, publish)
	submit(t, c, campaign.Batch(10))
	holder, other := apitest.Holder(1), apitest.Holder(2)
	var height uint64
	for serial := uint32(1); serial <= 5; serial++ {
		height = submit(t, c, campaign.Claim(serial, holder.Key)).Height
	}
	ids, err := c.HolderCoupons(testContext(t), holder.Key)
	if err != nil || len(ids) != 5 {
		t.Fatalf("%v, %v", ids, err)
	}
	var owned listed[client.CouponAnswer]
	path := base + "/v1/holders/" + holderAddress(holder.Key) + "/coupons"
	fetch(t, path+fmt.Sprintf("?limit=2&min_height=%d", height), &owned)
	at := owned.Height
	if len(owned.Items) != 2 || owned.Next == "" || !owned.Final {
		t.Fatalf("%+v", owned)
	}
	// The next items are given away, and the first is redeemed.
	submit(t, c, campaign.Transfer(3, 0, holder, other.Key))
	submit(t, c, campaign.Redeem(1, 0, holder, 0))
	got := owned.Items
	for owned.Next != "" {
		cursor := owned.Next
		owned = listed[client.CouponAnswer]{}
		if r := fetch(t, path+"?limit=2&cursor="+cursor, &owned); r.StatusCode != 200 {
			t.Fatal(r.Status)
		}
		if owned.Height != at {
			t.Errorf("a page of height %d in a list of height %d", owned.Height, at)
		}
		got = append(got, owned.Items...)
	}
	if len(got) != 5 {
		t.Fatalf("%d items, wanted 5", len(got))
	}
	for i, a := range got {
		if a.Serial != uint32(i+1) || a.Status != "HELD" || a.Owner != got[0].Owner {
			t.Errorf("item %d is %+v", i, a)
		}
	}
	// A cursor of another list, and one of a state that is not kept.
	for cursor, code := range map[string]string{
		mustNext(t, base+"/v1/members?limit=1"): client.ProblemBadRequest,
		lostCursor:                              client.ProblemCursorExpired,
	} {
		r, b := ask(t, "GET", path+"?cursor="+cursor, nil, nil)
		if p := asProblem(t, base, r, b); p.Code != code {
			t.Errorf("%s, wanted %s", p.Code, code)
		}
	}
}

// lostCursor is a cursor of the list of owned coupons at height 9,999.
const lostCursor = "AQUPJwAAAAAAAAgAAAAAAAABAAAAAQ"

func mustNext(t testing.TB, url string) string {
	var l listed[json.RawMessage]
	fetch(t, url, &l)
	if l.Next == "" {
		t.Fatalf("%s has one page", url)
	}
	return l.Next
}

// Blocks are listed from the newest down, each once, to the genesis.
func TestBlocksAreListedDownToTheGenesis(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	submit(t, c, publish)
	height := submit(t, c, campaign.Batch(10)).Height
	base := x.Members[0].URL
	var heights []uint64
	for cursor := ""; ; {
		var l listed[client.BlockAnswer]
		fetch(t, base+fmt.Sprintf("/v1/blocks?limit=2&min_height=%d&cursor=%s", height, cursor), &l)
		for _, b := range l.Items {
			heights = append(heights, uint64(b.Height))
		}
		if cursor = l.Next; cursor == "" {
			break
		}
	}
	if len(heights) < 3 || heights[0] < height {
		t.Fatalf("the heights are %v", heights)
	}
	for i, h := range heights {
		if h != heights[0]-uint64(i) {
			t.Fatalf("the heights are %v", heights)
		}
	}
	if heights[len(heights)-1] != 0 {
		t.Error("the genesis is not listed")
	}
}

func TestReadsHaveTags(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, _ := x.Publish()
	height := submit(t, c, publish).Height
	url := x.Members[0].URL + fmt.Sprintf("/v1/blocks/%d", height)
	var tag string
	// A block changes no more once its checkpoint has a quorum.
	for deadline := time.Now().Add(30 * time.Second); ; {
		var a client.BlockAnswer
		r, b := ask(t, "GET", url, nil, nil)
		tag = r.Header.Get("ETag")
		if err := json.Unmarshal(b, &a); err != nil || r.Header.Get("Cache-Control") != "no-cache" {
			t.Fatalf("%v, %v", err, r.Header)
		}
		if a.Attested >= 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(r.Header)
		}
	}
	r, b := ask(t, "GET", url, map[string]string{"If-None-Match": tag}, nil)
	if r.StatusCode != http.StatusNotModified || len(b) != 0 {
		t.Errorf("%s: %s", r.Status, b)
	}
	r, _ = ask(t, "GET", x.Members[0].URL+"/v1/genesis", nil, nil)
	r, _ = ask(t, "GET", x.Members[0].URL+"/v1/genesis", map[string]string{"If-None-Match": r.Header.Get("ETag")}, nil)
	if r.StatusCode != http.StatusNotModified {
		t.Error(r.Status)
	}
}

func TestAHeightNotReachedIsWaitedFor(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	base := x.Members[0].URL
	next := uint64(x.Members[0].Node.Status().Height) + 1
	for _, path := range []string{"/v1/members/1", "/v1/state/01"} {
		var a struct{ Height client.U64 }
		fetch(t, base+fmt.Sprintf("%s?min_height=%d", path, next), &a) // an idle chain makes a block a second
		if uint64(a.Height) < next {
			t.Errorf("%s is of height %d, wanted %d", path, a.Height, next)
		}
	}
}

func TestHealthAndMetrics(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	base := x.Members[0].URL
	for path, text := range map[string]string{"/livez": "ok\n", "/readyz?verbose": "ok   quorum:",
		"/metrics": "scrip_api_requests_total"} {
		r, b := ask(t, "GET", base+path, nil, nil)
		if r.StatusCode != 200 || !strings.Contains(string(b), text) {
			t.Errorf("%s: %s\n%.400s", path, r.Status, b)
		}
	}
	for _, m := range x.Members[1:] {
		m.Stop()
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		r, b := ask(t, "GET", base+"/readyz?verbose", nil, nil)
		if r.StatusCode == http.StatusServiceUnavailable {
			if !strings.Contains(string(b), "fail quorum") {
				t.Errorf("%s", b)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a node without a quorum says that it is ready")
		}
	}
}

// stream reads n events of a stream, as a browser would.
func stream(t testing.TB, url, last string, n int) []client.EventAnswer {
	t.Helper()
	r, err := http.NewRequestWithContext(testContext(t), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		t.Fatalf("%s %s", response.Status, kind)
	}
	var events []client.EventAnswer
	var id, kind string
	retry := false
	lines := bufio.NewScanner(response.Body)
	for len(events) < n && lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "retry":
			retry = true
		case "data":
			var e client.EventAnswer
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				t.Fatal(err)
			}
			if e.ID != id || e.Type != kind || e.SpecVersion != "1.0" || e.Source == "" || e.Time != e.Data.Time.UTC {
				t.Errorf("the event %q %q holds %+v", id, kind, e)
			}
			events = append(events, e)
		}
	}
	if len(events) < n || !retry {
		t.Fatalf("%d events (retry %v): %v", len(events), retry, lines.Err())
	}
	return events
}

// A stream goes on behind Last-Event-ID, at this node or another: nothing is
// missing, nothing comes twice.
func TestAStreamGoesOnBehindItsLastEvent(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	holder := apitest.Holder(1)
	for _, tx := range [][]byte{publish, campaign.Batch(5), campaign.Claim(1, holder.Key), campaign.Redeem(1, 0, holder,
		0)} {
		submit(t, c, tx)
	}
	all := stream(t, x.Members[0].URL+"/v1/events?from=0", "", 4)
	want := []string{"campaign.published", "batch.committed", "coupon.claimed", "redemption.accrued"}
	for i, e := range all {
		if e.Type != want[i] {
			t.Fatalf("event %d is %s, wanted %s", i, e.Type, want[i])
		}
		if i < 3 {
			rest := stream(t, x.Members[1+i].URL+"/v1/events", e.ID, 3-i)
			if rest[0].ID != all[i+1].ID || rest[2-i].ID != all[3].ID {
				t.Errorf("behind %s came %s", e.ID, rest[0].ID)
			}
		}
	}
	if all[3].Data.Till == "" || all[3].Subject != fmt.Sprintf("coupon/%d", campaign.Coupon(1)) {
		t.Errorf("the redemption is %+v", all[3])
	}
	// Without a place it begins with what is to come.
	later := make(chan client.EventAnswer, 1)
	go func() { later <- stream(t, x.Members[0].URL+"/v1/events?type=coupon.claimed&proof=true", "", 1)[0] }()
	for serial := uint32(2); ; serial++ {
		submit(t, c, campaign.Claim(serial, holder.Key))
		select {
		case e := <-later:
			if e.Data.Effect.Serial < 2 || len(e.Data.Proof) == 0 {
				t.Errorf("%+v", e)
			}
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func TestStreamsAreLimitedAndEndWithTheServer(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.AddressStreams = 1 })
	url := x.Members[0].URL + "/v1/events"
	first, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Body.Close()
	r, b := ask(t, "GET", url, nil, nil)
	if r.StatusCode != http.StatusTooManyRequests || !bytes.Contains(b, []byte(client.ProblemRateLimited)) {
		t.Errorf("%s: %s", r.Status, b)
	}
	x.Members[0].Stop()
	if _, err := io.ReadAll(first.Body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err,
		context.Canceled) {
		t.Log(err) // cut or ended: either is the end
	}
}

// An outcome is found long after its block has left the memory of the node, with
// its proof.
func TestAnOldOutcomeIsFound(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	first := submit(t, c, publish)
	submit(t, c, campaign.Batch(10))
	holder := apitest.Holder(1)
	submit(t, c, campaign.Claim(1, holder.Key))
	for seq := uint32(0); seq < 140; seq++ {
		submit(t, c, campaign.Transfer(1, seq, holder, holder.Key))
	}
	got, err := c.Receipt(testContext(t), first.Outcome.ID, 0)
	if err != nil || got.Outcome != first.Outcome || got.Height != first.Height {
		t.Errorf("%+v, %v", got, err)
	}
	steps, err := c.History(testContext(t), campaign.Coupon(1))
	if err != nil || len(steps) != 141 {
		t.Errorf("%d steps, %v", len(steps), err)
	}
}
