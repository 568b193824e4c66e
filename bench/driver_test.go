package bench

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stalling answers every batch at once, but for a pause in which it answers none.
type stalling struct {
	mu       sync.Mutex
	from, to time.Time
	answers  int
	code     func(n int) string
}

func (s *stalling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := bufio.NewReader(r.Body)
	n := 0
	for {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			break
		}
		if _, err := io.CopyN(io.Discard, in, int64(binary.LittleEndian.Uint32(size[:]))); err != nil {
			break
		}
		n++
	}
	if now := time.Now(); now.After(s.from) && now.Before(s.to) {
		time.Sleep(time.Until(s.to))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range n {
		s.answers++
		_, _ = fmt.Fprintf(w, "{\"tx\":%d,\"code\":%q,\"final\":true}\n", i, s.code(s.answers))
	}
}

func lanes(n, each int) (all []*lane) {
	for range n {
		all = append(all, &lane{kindTransfer, 0, make([][]byte, each)})
	}
	return all
}

// RoundTrip lets a client reach the handler without a network, whose time would not be
// that of the test.
func (s *stalling) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result(), nil
}

// drive runs a load by the clock of the test's bubble: however busy the machine is, the
// same falls due.
func drive(t *testing.T, s *stalling, cfg *Config, load []*lane) *Report {
	t.Helper()
	cfg.Nodes, cfg.Workload = []string{"http://stalling"}, Transfers
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	d := newDriver(cfg, &sender{urls: cfg.Nodes, http: &http.Client{Transport: s}}, load)
	if err := d.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &Report{ByCode: make(map[string]int)}
	if err := d.report(r); err != nil {
		t.Fatal(err)
	}
	return r
}

// A pause of the system is charged to everything that was due in it: of 2 s with a
// pause of 1 s, half of the transactions have waited, half a second on average. A
// load that waits for answers would see one slow request.
func TestAStallIsChargedForWhatFellDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := &Config{Rate: 500, Duration: 2 * time.Second, Warmup: 10 * time.Millisecond}
		begin := time.Now()
		s := &stalling{from: begin.Add(500 * time.Millisecond), to: begin.Add(1500 * time.Millisecond),
			code: func(int) string { return okCode }}
		r := drive(t, s, cfg, lanes(2000, 10))
		if r.Committed < 900 || r.Errors != 0 || r.Late != 0 {
			t.Fatalf("%+v", r)
		}
		if r.LatencyMs.P90 < 600 || r.LatencyMs.P99 < 900 || r.LatencyMs.P50 > 600 {
			t.Errorf("latency %+v does not show a pause of 1000 ms in half of the run", r.LatencyMs)
		}
	})
}

// Refusals are counted by their code, and a lane goes on only after a success or
// when the node was busy.
func TestRefusalsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		codes := []string{okCode, "E403", "E108"}
		s := &stalling{code: func(n int) string { return codes[n%3] }}
		cfg := &Config{Rate: 300, Duration: time.Second, Warmup: 10 * time.Millisecond}
		r := drive(t, s, cfg, lanes(1000, 2))
		if r.ByCode["E403"] == 0 || r.ByCode["E108"] == 0 || r.Refused != r.ByCode["E403"]+r.ByCode["E108"] {
			t.Errorf("%+v", r)
		}
		if total := r.Committed + r.Refused; total != 300 {
			t.Errorf("%d outcomes at 300 a second", total)
		}
	})
}

// More load than there are coupons is said to be late, not left out.
func TestBusyCouponsAreLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stalling{code: func(int) string { return okCode }}
		cfg := &Config{Rate: 200, Duration: time.Second, Warmup: 10 * time.Millisecond}
		if r := drive(t, s, cfg, lanes(50, 1)); r.Late < 140 || r.Committed > 50 {
			t.Errorf("%+v", r)
		}
	})
}

// Every transaction of a load is told once, with times that follow each other.
func TestEachTransactionIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stalling{code: func(int) string { return okCode }}
		seen := make(map[string]int)
		cfg := &Config{Rate: 200, Duration: time.Second, Warmup: 100 * time.Millisecond, Observe: func(s Sample) {
			seen[s.Code]++
			if s.Code == okCode && (s.Sent < s.Due || s.Answered < s.Sent || s.Due < -100*time.Millisecond) {
				t.Errorf("due %v, sent %v, answered %v", s.Due, s.Sent, s.Answered)
			}
		}}
		r := drive(t, s, cfg, lanes(50, 2))
		if total := seen[okCode] + seen[CodeLate]; seen[okCode] != 100 || seen[CodeLate] != r.Late || total < 215 {
			t.Errorf("observed %v, reported %+v", seen, r)
		}
	})
}

// Of a sale, all claims fall due in its time: two for each coupon and no more.
func TestFlashHasTwoClaimantsForEachCoupon(t *testing.T) {
	cfg := &Config{Workload: Flash, Nodes: []string{"a", "b"}, Rate: 100, Duration: 3 * time.Second, Stock: 333,
		FlashAfter: time.Second, FlashFor: 500 * time.Millisecond}
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	d := newDriver(cfg, nil, nil)
	d.start, d.end = time.Unix(0, 0), time.Unix(3, 0)
	flash := d.streams(d.start)[1]
	flash.fallDue(time.Unix(0, 999_999_999))
	if len(flash.waiting) != 0 {
		t.Errorf("%d claims were due before the sale", len(flash.waiting))
	}
	flash.fallDue(time.Unix(2, 0))
	if n := len(flash.waiting); n != 666 || !flash.waiting[n-1].Before(time.Unix(1, 500_000_000)) {
		t.Errorf("%d claims were due, the last at %v", n, flash.waiting[n-1])
	}
}

func TestMixHasItsProportions(t *testing.T) {
	var n [kinds]int
	for _, k := range mixPattern {
		n[k]++
	}
	if n != [kinds]int{kindTransfer: 5, kindClaim: 14, kindRedeem: 1} {
		t.Errorf("of twenty: %v", n)
	}
}
