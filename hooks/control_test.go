package hooks

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/client"
)

// Whoever has the token can do all that the service can, over a network and in the same
// process; nobody else can.
func TestTheControlInterface(t *testing.T) {
	c := newTestChain()
	c.add(1, 1)
	s := run(t, c, t.TempDir(), hurried)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	ctx := context.Background()
	for name, remote := range map[string]*Remote{"served": NewRemote(server.Listener.Addr().String(), s.book.Token()),
		"local": s.Local()} {
		x := newReceiver(t, nil)
		e := Endpoint{URL: x.URL, AllowPrivate: true, From: "1.0.0"}
		if a, err := remote.Add(ctx, e, "", true); err != nil || !a.DryRun || len(s.Endpoints()) > 0 {
			t.Fatalf("%s: a dry run adds %v, %v", name, s.Endpoints(), err)
		}
		a, err := remote.Add(ctx, e, x.secret.Text(), false)
		if err != nil {
			t.Fatal(err)
		}
		id := a.Endpoint.ID
		await(t, "an event", func() bool { return x.count() == 1 })
		if list, err := remote.Endpoints(ctx); err != nil || len(list) != 1 || list[0].URL != x.URL {
			t.Errorf("%s: the endpoints are %v, %v", name, list, err)
		}
		list, err := remote.Deliveries(ctx, id)
		if err != nil || len(list) != 1 || list[0].State != StateDelivered || list[0].Attempts[0].Status != 200 {
			t.Errorf("%s: the deliveries are %v, %v", name, list, err)
		}
		if to, err := remote.Resend(ctx, "scrip-01020304-1-0-0", id, false); err != nil || len(to) != 1 {
			t.Errorf("%s: sent again to %v, %v", name, to, err)
		}
		await(t, "it comes again", func() bool {
			x.mu.Lock()
			defer x.mu.Unlock()
			return x.times["scrip-01020304-1-0-0"] == 2
		})
		if a, err := remote.Rotate(ctx, id, "", 0, true); err != nil || a.Secret == "" {
			t.Error(err)
		}
		if _, err := remote.Rotate(ctx, id, "short", 0, false); !errors.Is(err, ErrEndpoint) {
			t.Errorf("%s: a secret that is none: %v", name, err)
		}
		if err := remote.Enable(ctx, id, "a holiday", true); err != nil || s.Endpoints()[0].Disabled != "" {
			t.Errorf("%s: a dry run disables: %v", name, err)
		}
		if err := remote.Enable(ctx, id, "a holiday", false); err != nil || s.Endpoints()[0].Disabled != "a holiday" {
			t.Errorf("%s: not disabled: %v", name, err)
		}
		if _, err := remote.Dead(ctx, "ep_0"); !errors.Is(err, ErrNoEndpoint) {
			t.Errorf("%s: dead letters of nobody: %v", name, err)
		}
		if _, err := remote.Resend(ctx, "1.0", id, false); !errors.Is(err, ErrNoDelivery) {
			t.Errorf("%s: an id that is none: %v", name, err)
		}
		if _, err := remote.Remove(ctx, id, true); err != nil || len(s.Endpoints()) != 1 {
			t.Errorf("%s: a dry run removes: %v", name, err)
		}
		if _, err := remote.Remove(ctx, id, false); err != nil || len(s.Endpoints()) != 0 {
			t.Errorf("%s: not removed: %v", name, err)
		}
	}
	for _, token := range []string{"", "x", s.book.Token() + "x", strings.ToUpper(s.book.Token())} {
		if _, err := NewRemote(server.Listener.Addr().String(), token).Endpoints(ctx); err == nil {
			t.Errorf("the token %q is taken", token)
		}
	}
}

func TestTheControlInterfaceRefusesOtherForms(t *testing.T) {
	s := run(t, newTestChain(), t.TempDir(), hurried)
	post := func(kind, body string) int {
		r := httptest.NewRequest(http.MethodPost, "/v1/endpoints", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+s.book.Token())
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code
	}
	good := `{"url":"https://shop.example"}`
	if code := post("application/json", good); code != http.StatusOK {
		t.Fatal(code)
	}
	for _, c := range [][2]string{{"text/plain", good}, {"", good}, {"application/json", `{"url":1}`},
		{"application/json", `{"url":"https://shop.example","colour":"red"}`}, {"application/json", ""},
		{"application/json", `{"url":"` + strings.Repeat("x", controlBodyMax) + `"}`}} {
		if code := post(c[0], c[1]); code != http.StatusBadRequest {
			t.Errorf("%s %.60s: %d", c[0], c[1], code)
		}
	}
}

func TestHealthAndMetricsNeedNoToken(t *testing.T) {
	c := newTestChain()
	s := run(t, c, t.TempDir(), hurried)
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	if code, text := get("/healthz"); code != http.StatusServiceUnavailable {
		t.Errorf("without a block it says %d %s", code, text)
	}
	x := newReceiver(t, nil)
	s.add(t, x, Filter{})
	c.add(1, 1)
	await(t, "an event", func() bool { return x.count() == 1 })
	await(t, "it is counted", func() bool {
		_, text := get("/metrics")
		return strings.Contains(text, `scrip_hooks_attempts_total{result="taken"} 1`) &&
			strings.Contains(text, "scrip_hooks_height 1")
	})
	if code, text := get("/healthz"); code != http.StatusOK {
		t.Errorf("with a new block it says %d %s", code, text)
	}
}

// While nodes do not give older blocks, what waits for them waits, and goes on afterwards.
func TestOlderBlocksAreAskedForAgain(t *testing.T) {
	c := newTestChain()
	for i := range uint32(5) {
		c.add(1, i)
	}
	s := run(t, c, t.TempDir(), hurried)
	await(t, "the chain is followed", func() bool { tip, _, _ := s.feed.height(); return tip == 5 })
	s.feed.mu.Lock() // as if they had been forgotten
	clear(s.feed.heights)
	s.feed.recent.Init()
	s.feed.mu.Unlock()
	c.mu.Lock()
	c.down = true
	c.mu.Unlock()
	x := newReceiver(t, nil)
	s.add(t, x, Filter{})
	await(t, "it is asked", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.asked > 0 })
	c.mu.Lock()
	c.down = false
	c.mu.Unlock()
	await(t, "all events", func() bool { return x.count() == 5 })
}

func TestTheFeedForgetsTheOldest(t *testing.T) {
	f := newFeed(newTestChain(), testDigest, 1, nil)
	body := bytes.Repeat([]byte("x"), 1<<20)
	for h := range uint64(200) {
		f.keep(h, []Message{{Body: body}})
		f.keep(h, []Message{{Body: body}}) // is there already
	}
	if f.bytes > FeedBytesMax || len(f.heights) != f.recent.Len() || len(f.heights) < 50 {
		t.Errorf("%d heights, %d bytes", len(f.heights), f.bytes)
	}
	if _, ok := f.inMemory(199); !ok {
		t.Error("the newest is forgotten")
	}
	if _, ok := f.inMemory(0); ok {
		t.Error("the oldest is kept")
	}
}

func TestIDsNameOneEventOfOneChain(t *testing.T) {
	e := client.EventID{Height: 12, Tx: 3}
	id := messageID(testDigest, e)
	if id != "scrip-01020304-12-3-0" {
		t.Errorf("the id is %s", id)
	}
	for _, text := range []string{id, "12.3.0"} {
		if got, err := ParseID(testDigest, text); err != nil || got != e {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "12", "12.3", "scrip-01020305-12-3-0", "scrip-01020304-12-3", "12.3.0.0"} {
		if got, err := ParseID(testDigest, text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
