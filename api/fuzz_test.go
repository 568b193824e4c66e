package api

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// Whatever a body holds, it is a transaction of at most the allowed size or a
// problem.
func FuzzDecodeTx(f *testing.F) {
	f.Add("application/octet-stream", []byte("x"))
	f.Add("application/json; charset=utf-8", []byte(`{"tx":"AQID"}`))
	f.Add("application/json", []byte(`{"tx":null}`))
	f.Add("text/plain;", []byte(`{"tx":"AQID"} `))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		tx, err := decodeTx(kind, body)
		if err == nil && len(tx) > coupon.TxSizeMax {
			t.Errorf("%d bytes are taken", len(tx))
		}
		if p, ok := err.(*client.Problem); err != nil && (!ok || p.Status < 400 || p.Status > 499) {
			t.Errorf("%T %v", err, err)
		}
	})
}

// A cursor is what its list made, or refused.
func FuzzParseCursor(f *testing.F) {
	f.Add(uint8(listOwned), cursor{listOwned, 7, []byte("place")}.String())
	f.Add(uint8(listBlocks), "AAAA")
	f.Fuzz(func(t *testing.T, list uint8, text string) {
		c, err := parseCursor(list, text)
		if err == nil && c.String() != text {
			t.Errorf("%q is %+v, which is %q", text, c, c.String())
		}
	})
}

func FuzzParseEvents(f *testing.F) {
	s := &Server{node: idle{}}
	f.Add("from=1.2.3&type=coupon.claimed,batch.committed&campaign=1&coupon=2&till=x&proof=true", "4.5.6")
	f.Fuzz(func(t *testing.T, query, last string) {
		r := &http.Request{Method: http.MethodGet, Header: http.Header{"Last-Event-Id": {last}}}
		r.URL = parseURL("/v1/events?" + query)
		in, problems := s.parseEvents(r)
		if len(problems) == 0 && last != "" {
			if from, err := client.ParseEventID(last); err != nil || !from.Less(in.from) {
				t.Errorf("behind %q comes %v", last, in.from)
			}
		}
	})
}

func TestACounterCountsByKeyAndInAll(t *testing.T) {
	c := newCounter(3, 2)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	held := map[string]int{}
	all := 0
	for range 10_000 {
		key := string(rune('a' + random.IntN(3)))
		if random.IntN(2) == 0 && held[key] > 0 {
			c.leave(key)
			held[key]--
			all--
			continue
		}
		if got, want := c.enter(key), all < 3 && held[key] < 2; got != want {
			t.Fatalf("enter with %d of %v: %v", all, held, got)
		} else if got {
			held[key]++
			all++
		}
	}
}

func TestHostsOfThisMachineAreAllowed(t *testing.T) {
	s := &Server{config: Config{Hosts: []string{"node.example"}}}
	for host, want := range map[string]bool{
		"localhost:7600": true, "127.0.0.1:7600": true, "[::1]:7600": true, "192.168.1.20": true, "Node.Example:7600": true,
		"shop.localhost": true, "evil.example": false, "": false, "localhost.evil.example": false,
		"127.0.0.1.evil.example:80": false,
	} {
		if got := s.allowedHost(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

// A problem loses nothing between a node and a client.
func TestProblemsSurviveTheirEncoding(t *testing.T) {
	for _, p := range allProblems() {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		got := new(client.Problem)
		if err := json.Unmarshal(b, got); err != nil || got.Error() != p.Error() || got.Status != p.Status ||
			got.Retry != p.Retry {
			t.Errorf("%s: %v", b, err)
		}
		if !strings.HasPrefix(p.Type, "/errors/") || p.Title == "" || p.Detail == "" || p.Word == "" {
			t.Errorf("incomplete: %s", b)
		}
	}
}

func TestWhatNeverChangesIsKeptButNotAcrossDemonstrations(t *testing.T) {
	if forever(true) != "no-cache" || !strings.Contains(forever(false), "immutable") {
		t.Errorf("%q on a demonstration, %q elsewhere", forever(true), forever(false))
	}
}
