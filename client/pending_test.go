package client_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
)

// A node that says for ever that a transaction waits holds nobody up, even if the
// others fail while it is asked: they are asked again.
func TestANodeThatAlwaysSaysPendingHoldsNobodyUp(t *testing.T) {
	x := start(t)
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(client.TxAnswer{State: client.StatePending})
	}))
	t.Cleanup(liar.Close)
	var failed atomic.Bool
	flaky := proxy(t, x.URLs()[0], func(_ *http.Request, status int, body []byte) (int, []byte) {
		if !failed.Swap(true) {
			return http.StatusBadGateway, nil
		}
		return status, body
	})
	c := newClient(t, x, []string{flaky, liar.URL})
	publish, _ := x.Publish()
	r, err := c.Submit(within(t, 30*time.Second), publish)
	if err != nil {
		t.Fatal(err)
	}
	if !failed.Load() || r.Node != flaky {
		t.Errorf("the receipt came from %s", r.Node)
	}
}
