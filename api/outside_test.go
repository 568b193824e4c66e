package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/node"
)

// alone is a node that holds its blocks without certificates, as after a restart.
type alone struct{ api.Node }

func (a alone) Block(height uint64) (*node.Block, error) {
	b, err := a.Node.Block(height)
	if err != nil {
		return nil, err
	}
	x := *b
	x.Checkpoint = nil
	return &x, nil
}

// A block that too few attest here is no answer: a client could not tell it from a lie.
func TestABlockWithoutItsCertificateIsNoProof(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Node = alone{c.Node} })
	x.WaitReady()
	publish, _ := x.Publish()
	r := submit(t, newClient(t, x), publish)
	for _, path := range []string{"", "?bare=true", "/receipts"} {
		at := fmt.Sprintf("%s/v1/blocks/%d%s", x.Members[0].URL, r.Height, path)
		answer, b := ask(t, "GET", at, nil, nil)
		if p := asProblem(t, x.Members[0].URL, answer, b); p.Code != client.ProblemNoProof || !p.Retry {
			t.Errorf("%s: %s", path, b)
		}
	}
	if g, b := ask(t, "GET", x.Members[0].URL+"/v1/blocks/0", nil, nil); g.StatusCode != http.StatusOK {
		t.Errorf("the genesis needs no certificate: %s", b)
	}
}

// No byte from outside makes a failure of the server out of a request, whatever is
// wrong with it; and what can never be taken is not to be tried again.
func TestMalformedRequestsAreTheClients(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	x.WaitReady()
	base := x.Members[0].URL
	_, spec := ask(t, "GET", base+"/openapi.json", nil, nil)
	var d struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(spec, &d); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{
		"no chunk":        "Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
		"a negative size": "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
		"a wrong size":    "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
		"a huge size":     "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
		"two lengths":     "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"no length":       "Content-Length: x\r\n\r\n",
		"nonsense":        "Content-Length: 5\r\n\r\n\x00\xff\xfe{]",
		"nothing":         "Content-Length: 0\r\n\r\n",
	}
	asked := 0
	for path, methods := range d.Paths {
		for method := range methods {
			if path == "/v1/events" {
				continue // its answer has no end
			}
			at := strings.NewReplacer("{id}", "7", "{height}", "1", "{key}", "01", "{coupon}", "1", "{seq}", "0",
				"{code}", "E101", "{address}", "x", "{name}", "0").Replace(path)
			for name, body := range bodies {
				for _, kind := range []string{"application/octet-stream", "application/json"} {
					status, header := raw(t, base, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+
						"Content-Type: %s\r\n%s", strings.ToUpper(method), at, kind, body))
					asked++
					if status >= 500 && !strings.HasPrefix(path, "/v1/state") && !strings.HasPrefix(path, "/v1/blocks") ||
						status == 0 || status == 400 && header.Get("Retry-After") != "" {
						t.Errorf("%s %s (%s) with %s: %d, %v", method, at, kind, name, status, header)
					}
				}
			}
		}
	}
	if asked < 400 {
		t.Errorf("only %d requests were made", asked)
	}
	octets := map[string]string{"Content-Type": "application/octet-stream"}
	if r, _ := ask(t, "POST", base+"/v1/transactions", octets, []byte("hello")); r.Header.Get("Retry-After") != "" {
		t.Error("bad bytes may be tried again")
	}
}

// raw sends bytes and returns the status and header of the answer.
func raw(t testing.TB, base, request string) (int, http.Header) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, nil
	}
	defer r.Body.Close()
	return r.StatusCode, r.Header
}

// A gift whose time is over is its owner's again without a transaction, and so is the
// right to show the coupon.
func TestACouponIsShownAgainAfterItsGiftLapsed(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	x.WaitReady()
	c, chain, holder := newClient(t, x), x.Chain(), apitest.Holder(1)
	publish, campaign := x.Publish()
	for _, tx := range [][]byte{publish, campaign.Batch(1), campaign.Claim(1, holder.Key)} {
		submit(t, c, tx)
	}
	until := apitest.Now() + 20_000
	submit(t, c, chain.NewTransfer(apitest.Soon(), coupon.Transfer{Coupon: campaign.Coupon(1), Mover: holder.Key,
		To: apitest.Holder(2).Key, GiftUntil: until}, holder))
	show := func() int {
		r, _ := leave(t, x.Members[0].URL, shown(x, campaign.Coupon(1), 1, holder, 0))
		return r.StatusCode
	}
	if apitest.Now() < until-10_000 {
		if status := show(); status != http.StatusForbidden {
			t.Errorf("while the gift is open: %d", status)
		}
	}
	deadline := time.Now().Add(90 * time.Second)
	for apitest.Now() < until || show() != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("after the gift has lapsed the code is still refused")
		}
		time.Sleep(200 * time.Millisecond)
	}
}
