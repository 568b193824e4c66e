package hooks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/hooks/signature"
)

// What an event is on the chain stands in the message, in the words of CloudEvents and of
// Standard Webhooks.
func TestAMessageIsTheEvent(t *testing.T) {
	c := newTestChain()
	b := c.add(3, 8, 9)
	x := newReceiver(t, nil)
	run(t, c, t.TempDir(), hurried).add(t, x, Filter{})
	await(t, "both events", func() bool { return x.count() == 2 })
	m := decode(t, x.bodies["scrip-01020304-1-1-0"])
	if m.SpecVersion != "1.0" || m.ID != "1.1.0" || m.Type != "coupon.claimed" || m.Subject != "coupon/12884901897" ||
		m.Source != client.ChainID(testDigest) || m.Timestamp != m.Time ||
		m.Time != client.FormatTime(b.Header.TimeMs) || m.Data.Effect.Serial != 9 || len(m.Data.Proof) == 0 {
		t.Errorf("the message is %+v", m)
	}
}

func TestFiltersSelect(t *testing.T) {
	c := newTestChain()
	s := run(t, c, t.TempDir(), hurried)
	all, none, third := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
	s.add(t, all, Filter{})
	s.add(t, none, Filter{Types: []string{"redemption.accrued"}})
	s.add(t, third, Filter{Campaigns: []uint32{3}, Types: []string{"coupon.claimed"}})
	for i := range 10 {
		c.add(uint32(2+i%2), uint32(i))
	}
	await(t, "all events", func() bool { return all.count() == 10 && third.count() == 5 })
	if none.count() > 0 {
		t.Errorf("%d events that were not wanted", none.count())
	}
}

// The events of a coupon come in order, whatever fails; others do not wait for them.
func TestOrderHoldsForEachCouponAlone(t *testing.T) {
	c := newTestChain()
	const bad = 7
	failed := new(atomic.Int64)
	x := newReceiver(t, func(_ *http.Request, e client.EventID) int {
		if e.Tx == 0 && failed.Add(1) <= 6 { // the first coupon of each block is number 7
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	s := run(t, c, t.TempDir(), hurried)
	s.add(t, x, Filter{})
	for range 20 {
		c.add(1, bad, 8, 9)
	}
	await(t, "all events", func() bool { return x.count() == 60 })
	last := map[uint32]uint64{}
	overtaken := false
	for _, e := range x.events {
		if e.Height <= last[e.Tx] {
			t.Fatalf("coupon %d: block %d after %d", e.Tx, e.Height, last[e.Tx])
		}
		last[e.Tx] = e.Height
		overtaken = overtaken || e.Tx != 0 && e.Height > last[0]+1
	}
	if !overtaken {
		t.Error("nobody overtook the coupon that failed")
	}
}

// An endpoint that does not answer delays nobody else, keeps its place beyond its window,
// and loses nothing.
func TestASlowEndpointDelaysNobody(t *testing.T) {
	c := newTestChain()
	hold := make(chan struct{})
	slow := newReceiver(t, func(*http.Request, client.EventID) int { <-hold; return http.StatusOK })
	fast := newReceiver(t, nil)
	s := run(t, c, t.TempDir(), hurried)
	id := s.add(t, slow, Filter{})
	s.add(t, fast, Filter{})
	const blocks, each = 30, 50
	serials := make([]uint32, each)
	for i := range blocks {
		for j := range serials {
			serials[j] = uint32(i*each + j)
		}
		c.add(1, serials...)
	}
	await(t, "the fast one has all", func() bool { return fast.count() == blocks*each })
	if slow.count() > 0 {
		t.Fatal("the slow one has answered")
	}
	await(t, "what waits is noted", func() bool {
		list, err := s.Deliveries(id)
		return err == nil && len(list) == ListMax
	})
	if waiting, err := s.book.deliveries(tablePending, id, 2*WindowMax); err != nil || len(waiting) != WindowMax {
		t.Errorf("%d deliveries wait, at most %d may: %v", len(waiting), WindowMax, err)
	}
	close(hold)
	await(t, "the slow one has all", func() bool { return slow.count() == blocks*each })
}

// Whatever fails and whenever the process ends, each event comes, in the order of its
// coupon, and one that was noted as taken does not come again.
func TestRestartsLoseNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	luck := func(percent int) bool {
		mu.Lock()
		defer mu.Unlock()
		return r.IntN(100) < percent
	}
	c, dir := newTestChain(), t.TempDir()
	x := newReceiver(t, func(*http.Request, client.EventID) int {
		if luck(30) {
			return http.StatusBadGateway
		}
		return http.StatusNoContent
	})
	s := run(t, c, dir, hurried)
	s.add(t, x, Filter{})
	total := 0
	for range 8 {
		for range 5 {
			serials := []uint32{}
			for i := range uint32(12) {
				if luck(50) {
					serials = append(serials, i)
				}
			}
			c.add(1, serials...)
			total += len(serials)
		}
		if luck(70) {
			await(t, "some more", func() bool { return x.count() > total/2 })
		}
		s.stop()
		s = run(t, c, dir, hurried)
	}
	await(t, "all events", func() bool { return x.count() == total })
	s.stop()
	last := map[string]client.EventID{}
	for i, e := range x.events {
		subject := decode(t, x.bodies[x.got[i]]).Subject
		if e.Less(last[subject]) {
			t.Errorf("%s: %s after %s", subject, e, last[subject])
		}
		last[subject] = e
		if n := x.times[x.got[i]]; n != 1 { // every stop was an orderly one
			t.Errorf("%s came %d times", e, n)
		}
	}
}

// What fails for its whole life is a dead letter; the next event of its coupon goes on;
// people can send it again, and any other event too.
func TestDeadLettersAndResending(t *testing.T) {
	c := newTestChain()
	broken := new(atomic.Bool)
	broken.Store(true)
	x := newReceiver(t, func(_ *http.Request, e client.EventID) int {
		if broken.Load() && e.Height == 1 {
			return http.StatusTeapot
		}
		return http.StatusOK
	})
	dir := t.TempDir()
	short := patience{pauses: []time.Duration{time.Millisecond}, life: 50 * time.Millisecond, within: time.Millisecond}
	s := run(t, c, dir, short)
	id := s.add(t, x, Filter{})
	c.add(1, 5)
	c.add(1, 5)
	await(t, "the second", func() bool { return x.count() == 1 })
	var dead []*Delivery
	await(t, "a dead letter", func() (ok bool) {
		dead, _ = s.Dead("")
		return len(dead) == 1
	})
	d := dead[0]
	if d.State != StateDead || d.Event != "1.0.0" || d.Endpoint != id || d.Count < 3 || len(d.Attempts) == 0 ||
		len(d.Attempts) > AttemptsKept || d.Attempts[0].Status != http.StatusTeapot {
		t.Errorf("the dead letter is %+v", d)
	}
	s.stop()
	s = run(t, c, dir, short)
	if dead, err := s.Dead(id); err != nil || len(dead) != 1 {
		t.Fatalf("after a restart: %d, %v", len(dead), err)
	}
	ctx := context.Background()
	if to, err := s.Resend(ctx, client.EventID{Height: 1}, id, true); err != nil || !slices.Equal(to, []string{id}) {
		t.Errorf("a dry run of resending: %v, %v", to, err)
	}
	if dead, _ := s.Dead(id); len(dead) != 1 {
		t.Error("the dry run has changed something")
	}
	broken.Store(false)
	for range 2 { // the second time it is an event that was taken
		before := x.times["scrip-01020304-1-0-0"]
		if _, err := s.Resend(ctx, client.EventID{Height: 1}, "", false); err != nil {
			t.Fatal(err)
		}
		await(t, "it is taken", func() bool {
			x.mu.Lock()
			defer x.mu.Unlock()
			return x.times["scrip-01020304-1-0-0"] == before+1
		})
	}
	if dead, err := s.Dead(id); err != nil || len(dead) != 0 {
		t.Errorf("%d dead letters are left, %v", len(dead), err)
	}
	for _, e := range []client.EventID{{Height: 1, Tx: 1}, {Height: 9}} {
		if _, err := s.Resend(ctx, e, id, false); err == nil {
			t.Errorf("%s, which is no event, is sent", e)
		}
	}
	if _, err := s.Resend(ctx, client.EventID{Height: 1}, "ep_0", false); !errors.Is(err, ErrNoEndpoint) {
		t.Error(err)
	}
}

// An endpoint that says Gone gets nothing more, until it is enabled; then it goes on where
// it was.
func TestGoneDisables(t *testing.T) {
	c := newTestChain()
	gone := new(atomic.Bool)
	gone.Store(true)
	x := newReceiver(t, func(*http.Request, client.EventID) int {
		if gone.Load() {
			return http.StatusGone
		}
		return http.StatusOK
	})
	s := run(t, c, t.TempDir(), hurried)
	id := s.add(t, x, Filter{})
	for i := range uint32(4) {
		c.add(1, i)
	}
	await(t, "it is disabled", func() bool { return s.Endpoints()[0].Disabled != "" })
	await(t, "what was under way has ended", func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.tries <= sendersMax
	})
	gone.Store(false)
	c.add(1, 9)
	if x.count() > 0 {
		t.Error("something was delivered to an endpoint that is disabled")
	}
	if err := s.Enable(id, "", false); err != nil {
		t.Fatal(err)
	}
	await(t, "all", func() bool { return x.count() == 5 })
}

// While a secret changes, messages are signed with both; afterwards with the new one alone.
func TestSecretsRotateWithOverlap(t *testing.T) {
	now := uint64(1000)
	first, second, third := signature.NewSecret(), signature.NewSecret(), signature.NewSecret()
	s := &stored{Credentials: []credential{{Secret: first.Text()}}}
	has := func(at uint64, want ...signature.Secret) {
		t.Helper()
		got, err := s.secrets(at)
		if err != nil || fmt.Sprint(texts(got)) != fmt.Sprint(texts(want)) {
			t.Errorf("at %d: %d secrets of which %d were wanted, %v", at, len(got), len(want), err)
		}
	}
	s.rotate(second, 10*time.Millisecond, now)
	has(now, second, first)
	has(now+9, second, first)
	has(now+10, second)
	s.rotate(third, 100*time.Millisecond, now+5)
	has(now+6, third, second, first)
	has(now+11, third, second)
	has(now+105, third)
	for range 10 {
		s.rotate(signature.NewSecret(), time.Hour, now+200)
	}
	if len(s.Credentials) > secretsMax {
		t.Errorf("%d secrets are kept", len(s.Credentials))
	}
	s.rotate(first, 0, now+300)
	has(now+300, first)
}

func texts(all []signature.Secret) (list []string) {
	for _, s := range all {
		list = append(list, s.Text())
	}
	return list
}

func TestRotationWhileDelivering(t *testing.T) {
	c := newTestChain()
	x := newReceiver(t, nil) // it knows the old secret, then the new one
	s := run(t, c, t.TempDir(), hurried)
	id := s.add(t, x, Filter{})
	c.add(1, 1)
	await(t, "one", func() bool { return x.count() == 1 })
	secret, err := s.Rotate(id, nil, time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	c.add(1, 2)
	await(t, "two, by the old secret", func() bool { return x.count() == 2 })
	x.mu.Lock()
	x.secret = secret
	x.mu.Unlock()
	c.add(1, 3)
	await(t, "three, by the new secret", func() bool { return x.count() == 3 })
	for _, overlap := range []time.Duration{-1, OverlapMax + 1} {
		if _, err := s.Rotate(id, nil, overlap, false); !errors.Is(err, ErrEndpoint) {
			t.Errorf("an overlap of %v: %v", overlap, err)
		}
	}
}

func TestAnEndpointMustBeOne(t *testing.T) {
	s := run(t, newTestChain(), t.TempDir(), hurried)
	for _, e := range []Endpoint{
		{URL: ""}, {URL: "shop.example"}, {URL: "ftp://shop.example"}, {URL: "http://shop.example/"},
		{URL: "https://user:secret@shop.example/"}, {URL: "https://shop.example/#part"}, {URL: "https:shop"},
		{URL: "https://shop.example/" + string(make([]byte, urlBytesMax))}, {URL: "https://:443/"},
		{URL: "https://shop.example", Filter: Filter{Types: []string{"coupon.eaten"}}},
		{URL: "https://shop.example", Filter: Filter{Tills: []string{"till1x"}}},
		{URL: "https://shop.example", Filter: Filter{Campaigns: make([]uint32, filterMax+1)}},
		{URL: "https://shop.example", From: "x"},
	} {
		if _, _, err := s.Add(e, nil, false); !errors.Is(err, ErrEndpoint) {
			t.Errorf("%.60q %v: %v", e.URL, e.Filter, err)
		}
	}
	for i := range EndpointsMax + 1 {
		_, _, err := s.Add(Endpoint{URL: "https://shop.example"}, nil, false)
		if (err != nil) != (i == EndpointsMax) || err != nil && !errors.Is(err, ErrEndpoint) {
			t.Fatalf("endpoint %d: %v", i, err)
		}
	}
}

// What is removed while it waits leaves nothing behind.
func TestRemoveLeavesNothing(t *testing.T) {
	c := newTestChain()
	x := newReceiver(t, func(*http.Request, client.EventID) int { return http.StatusBadGateway })
	s := run(t, c, t.TempDir(), hurried)
	id := s.add(t, x, Filter{})
	c.add(1, 1, 2, 3)
	await(t, "some failures", func() bool {
		list, err := s.Deliveries(id)
		return err == nil && len(list) == 3
	})
	if _, err := s.Remove(id, false); err != nil {
		t.Fatal(err)
	}
	await(t, "its lane ends", func() bool { return s.lane(id) == nil })
	rows := 0
	for _, table := range []byte{tableEndpoint, tableTaken, tablePending, tableDead} {
		if err := s.book.table.Scan([]byte{table}, func([]byte, []byte) bool { rows++; return true }); err != nil {
			t.Fatal(err)
		}
	}
	if rows > 0 {
		t.Errorf("%d rows are left", rows)
	}
	if _, err := s.Remove(id, false); !errors.Is(err, ErrNoEndpoint) {
		t.Error(err)
	}
}

func TestABookIsOfOneChain(t *testing.T) {
	dir := t.TempDir()
	b, err := OpenBook(dir, testDigest)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBook(dir, [32]byte{9}); !errors.Is(err, ErrForeign) {
		t.Errorf("opened for another chain: %v", err)
	}
}

// After a restart nobody waits for an endpoint that is far behind, even while nodes do not
// give the older blocks that it needs.
func TestNobodyWaitsForOneThatIsBehind(t *testing.T) {
	c, dir := newTestChain(), t.TempDir()
	away := new(atomic.Bool)
	away.Store(true)
	behind := newReceiver(t, func(*http.Request, client.EventID) int {
		if away.Load() {
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	there := newReceiver(t, nil)
	s := run(t, c, dir, hurried)
	id := s.add(t, behind, Filter{})
	s.add(t, there, Filter{})
	for i := range uint32(WindowMax + 300) {
		c.add(1, i)
	}
	await(t, "one has all, the other's window is full", func() bool {
		list, err := s.book.deliveries(tablePending, id, 2*WindowMax)
		return there.count() == WindowMax+300 && err == nil && len(list) == WindowMax
	})
	s.stop()
	c.mu.Lock()
	c.down = true
	c.mu.Unlock()
	away.Store(false)
	s = run(t, c, dir, hurried)
	c.add(1, 1_000_000)
	await(t, "the next", func() bool { return there.count() == WindowMax+301 })
	if behind.count() > 0 {
		t.Error("events were delivered whose blocks nobody gives")
	}
	c.mu.Lock()
	c.down = false
	c.mu.Unlock()
	await(t, "all", func() bool { return behind.count() == WindowMax+301 })
	for id, n := range there.times {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

// Pauses grow, by a quarter more or less, and an endpoint that asks for more time gets it.
func TestPausesGrowAndRetryAfterIsKept(t *testing.T) {
	p := patience{pauses, LifeMax, recoverWithin}
	var total time.Duration
	for i := range 20 {
		want := pauses[min(i, len(pauses)-1)]
		lower, higher := false, false
		for range 200 {
			d := p.backOff(i + 1)
			if d < want*3/4 || d > want*5/4 {
				t.Fatalf("the pause behind attempt %d is %v, not about %v", i+1, d, want)
			}
			lower, higher = lower || d < want, higher || d > want
		}
		if !lower || !higher {
			t.Errorf("the pause behind attempt %d is always the same", i+1)
		}
		if i < len(pauses) {
			total += want
		}
	}
	if total > LifeMax/3 {
		t.Errorf("the pauses take %v: a delivery of %v is tried too seldom", total, LifeMax)
	}
	c := newTestChain()
	x := newReceiver(t, nil)
	x.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.tries++; x.tries == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	s := run(t, c, t.TempDir(), hurried)
	id := s.add(t, x, Filter{})
	begin := time.Now()
	c.add(1, 1)
	await(t, "it is taken", func() bool {
		list, err := s.Deliveries(id)
		return err == nil && len(list) == 1 && list[0].State == StateDelivered
	})
	if took := time.Since(begin); took < time.Second || x.tries != 2 {
		t.Errorf("taken after %v, by attempt %d", took, x.tries)
	}
}

// So many dead letters disable an endpoint, which keeps its place.
func TestTooManyDeadLettersDisable(t *testing.T) {
	s := run(t, newTestChain(), t.TempDir(), hurried)
	x := newReceiver(t, nil)
	l := newLane(s.Service, s.add(t, x, Filter{}))
	l.dead = DeadMax - 2
	for i := range uint32(2) {
		if s.Endpoints()[0].Disabled != "" {
			t.Fatal("disabled too early")
		}
		y := &item{event: client.EventID{Height: 1, Tx: i}}
		y.Event = y.event.String()
		l.add(y)
		if err := l.bury(y); err != nil {
			t.Fatal(err)
		}
	}
	if s.Endpoints()[0].Disabled == "" {
		t.Error("it is not disabled")
	}
}

// No proxy of the environment is asked: it would dial in this process's place.
func TestNoProxyIsAsked(t *testing.T) {
	asked := new(atomic.Int64)
	proxy := newReceiver(t, nil)
	proxy.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	o := newSender("test").send(context.Background(), "http://shop.invalid/", true, nil, "scrip-1", nil)
	if o.ok() || asked.Load() > 0 {
		t.Errorf("the proxy was asked: %+v", o)
	}
}

// An endpoint gets so many attempts at a time, one while it is away; and when it is there
// again, all that waits comes soon, however long the pauses have become.
func TestAnEndpointThatWasAway(t *testing.T) {
	c := newTestChain()
	away := new(atomic.Bool)
	var flying, most, failed atomic.Int64
	x := newReceiver(t, func(*http.Request, client.EventID) int {
		now := flying.Add(1)
		defer flying.Add(-1)
		if !away.Load() || failed.Load() > failuresMax+sendersMax {
			most.Store(max(most.Load(), now))
		}
		time.Sleep(5 * time.Millisecond)
		if away.Load() {
			failed.Add(1)
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	serials := func(from, n uint32) (all []uint32) {
		for i := range n {
			all = append(all, from+i)
		}
		return all
	}
	slow := patience{pauses: []time.Duration{time.Hour}, life: 3 * time.Hour, within: 50 * time.Millisecond}
	s := run(t, c, t.TempDir(), slow)
	s.add(t, x, Filter{})
	c.add(1, serials(0, 200)...)
	await(t, "all while it is there", func() bool { return x.count() == 200 })
	if n := most.Load(); n != sendersMax {
		t.Errorf("%d attempts at a time, %d are allowed", n, sendersMax)
	}
	away.Store(true)
	most.Store(0)
	c.add(1, serials(200, 40)...)
	await(t, "each has failed once", func() bool { return failed.Load() == 40 })
	if n := most.Load(); n != 1 {
		t.Errorf("%d attempts at a time while it is away", n)
	}
	away.Store(false)
	c.add(1, 1000)
	await(t, "all that waited an hour", func() bool { return x.count() == 241 })
}

// An endpoint that takes the request and never answers has failed after the time of an
// attempt.
func TestAnAttemptEnds(t *testing.T) {
	for _, c := range []*http.Client{newClient(false), newClient(true)} {
		if c.Timeout != attemptTimeout {
			t.Errorf("an attempt may take %v", c.Timeout)
		}
	}
	hang := make(chan struct{})
	server := newReceiver(t, nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_ = http.NewResponseController(w).Flush()
		<-hang // the end of the answer never comes
	})
	defer close(hang)
	s := newSender("test")
	s.private.Timeout = 50 * time.Millisecond
	begin := time.Now()
	if o := s.send(context.Background(), server.URL, true, nil, "scrip-1", nil); o.ok() || o.Error == "" {
		t.Errorf("%+v", o)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
