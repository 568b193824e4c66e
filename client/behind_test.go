package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// waiter stands before a node and says for it that it has given up waiting for the
// height that was asked for. status may alter what the node says of itself.
func waiter(t *testing.T, node string, status func(*client.StatusAnswer)) string {
	t.Helper()
	problem, err := json.Marshal(&client.Problem{Status: 503, Code: client.ProblemBehind})
	if err != nil {
		t.Fatal(err)
	}
	honest := proxy(t, node, func(_ *http.Request, code int, body []byte) (int, []byte) {
		return code, edit(t, body, status)
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, code := problem, http.StatusServiceUnavailable
		if r.URL.Path == "/v1/status" {
			answer, err := http.Get(honest + r.URL.Path)
			if err != nil {
				t.Error(err)
				return
			}
			body, err = io.ReadAll(answer.Body)
			if code = answer.StatusCode; errors.Join(err, answer.Body.Close()) != nil {
				t.Error(err)
			}
		}
		w.WriteHeader(code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func honestly(*client.StatusAnswer) {}

// A client that was shown a height by an earlier one says where the nodes stand when
// none of them has it.
func TestAChainThatWasSetBackIsSaidToBe(t *testing.T) {
	x := start(t)
	publish, _ := x.Publish()
	height := submit(t, newClient(t, x, x.URLs()), publish).Height
	seen := height + 1000
	low := func(a *client.StatusAnswer) { a.Height = client.U64(height) }
	nodes := []string{waiter(t, x.Members[0].URL, low), waiter(t, x.Members[1].URL, low)}
	c := newClient(t, x, append(nodes, dead(t)), client.WithFloor(seen))
	_, stateErr := c.State(within(t, time.Minute), coupon.ParamsKey())
	_, listErr := c.Obligations(within(t, time.Minute))
	for _, err := range []error{stateErr, listErr} {
		var behind *client.BehindError
		if !errors.As(err, &behind) || !errors.Is(err, client.ErrStale) || errors.Is(err, client.ErrUnreachable) {
			t.Fatalf("%v", err)
		}
		if *behind != (client.BehindError{Seen: seen, Height: height, Nodes: 2}) {
			t.Errorf("%+v", behind)
		}
	}
}

// It says so only if it knows.
func TestNodesThatAreNotKnownToBeBehindAreNotSaidToBe(t *testing.T) {
	x := start(t)
	publish, _ := x.Publish()
	height := submit(t, newClient(t, x, x.URLs()), publish).Height
	first, second := x.Members[0].URL, x.Members[1].URL
	other := func(a *client.StatusAnswer) { a.Digest[0] ^= 1 }
	for name, c := range map[string]*client.Client{
		"one says that it is there": newClient(t, x, []string{waiter(t, first, honestly),
			waiter(t, second, func(a *client.StatusAnswer) { a.Height = 1 << 40 })}, client.WithFloor(1<<40)),
		"the only one is of another chain": newClient(t, x, []string{waiter(t, first, other)}, client.WithFloor(1<<40)),
		"no height was proven before":      newClient(t, x, []string{waiter(t, first, honestly)}),
		"nobody answers":                   newClient(t, x, []string{dead(t)}, client.WithFloor(1<<40)),
	} {
		_, err := c.State(within(t, time.Minute), coupon.ParamsKey())
		if !errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := newClient(t, x, []string{waiter(t, first, honestly), second}, client.WithFloor(height))
	if s, err := c.State(within(t, time.Minute), coupon.ParamsKey()); err != nil || s.Height < height {
		t.Errorf("with a node beside it that has the height: %+v, %v", s, err)
	}
}

// A node that says nothing until the client gives up is asked where it stands, too.
func TestASilentNodeThatIsBehindIsSaidToBe(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs()[:1], client.WithFloor(1<<40), client.WithTimeout(time.Second))
	_, err := c.State(within(t, time.Minute), coupon.ParamsKey())
	var behind *client.BehindError
	if !errors.As(err, &behind) || behind.Nodes != 1 {
		t.Errorf("%v", err)
	}
}
