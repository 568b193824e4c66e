package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/internal/throttle"
)

// openStream opens an event stream for a forwarded address, and leaves it open until the
// test ends.
func openStream(t *testing.T, url, forwarded string) int {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", forwarded)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer.StatusCode
}

// Everybody behind one proxy shares the limits of its address, unless the node trusts
// the proxy's word.
func TestStreamsOfAnAddressAreCountedBehindATrustedProxy(t *testing.T) {
	proxies, err := throttle.ParseProxies([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		trust throttle.Proxies
		other int
	}{{"not trusted", nil, http.StatusTooManyRequests}, {"trusted", proxies, http.StatusOK}} {
		t.Run(c.name, func(t *testing.T) {
			x := apitest.Start(t, 4, func(g *api.Config) { g.Proxies, g.Limits.AddressStreams = c.trust, 2 })
			url := x.Members[0].URL
			for i := range 2 {
				if got := openStream(t, url, "203.0.113.1"); got != http.StatusOK {
					t.Fatalf("stream %d: %d", i, got)
				}
			}
			if got := openStream(t, url, "203.0.113.1"); got != http.StatusTooManyRequests {
				t.Errorf("one more of the same address: %d", got)
			}
			if got := openStream(t, url, "203.0.113.2"); got != c.other {
				t.Errorf("one of another address: %d, want %d", got, c.other)
			}
		})
	}
}
