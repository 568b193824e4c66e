package desk_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/desk"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/sig"
)

const wallet = "https://wallet.example"

var (
	chain  = coupon.Chain{Digest: [32]byte{7}, ValidKey: sig.ValidKey}
	secret = keys.Secret{Kind: keys.Ticket, Seed: [32]byte{9}}
)

func claimKey(n byte) coupon.Signer { return coupon.NewSigner([32]byte{n}) }

// start runs a desk in a folder until the test ends, or stop is called.
func start(t *testing.T, c coupon.Chain, dir string, fresh bool, l desk.Limits) (d *desk.Desk, url string,
	stop func(),
) {
	t.Helper()
	d, err := desk.Open(desk.Config{Chain: c, Secret: secret, Dir: dir, New: fresh})
	if err != nil {
		t.Fatal(err)
	}
	s := desk.NewServer(d, []string{wallet}, l, slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, listener) }()
	stop = func() {
		if cancel == nil {
			return
		}
		cancel()
		cancel = nil
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return d, "http://" + listener.Addr().String(), stop
}

func do(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	x, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = x.Body.Close() }()
	b, err := io.ReadAll(x.Body)
	if err != nil {
		t.Fatal(err)
	}
	return x, string(b)
}

func request(campaign uint32, key [32]byte) string {
	return fmt.Sprintf(`{"campaign":%d,"claim_key":"%x"}`, campaign, key)
}

func post(t *testing.T, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	return do(t, "POST", url+"/v1/tickets", body, append([]string{"Content-Type", "application/json"}, header...)...)
}

func serveBatch(t *testing.T, d *desk.Desk, campaign, count uint32) {
	t.Helper()
	b := desk.Batch{Campaign: campaign, Number: 1, First: 1, Count: count, TicketKey: d.KeyFor(campaign, 1),
		Expires: apitest.Now() + 3_600_000}
	if err := d.Serve(b, apitest.Now()); err != nil {
		t.Fatal(err)
	}
}

// The same bytes, the same status, no sooner than the floor: a caller learns nothing
// from a refusal.
func TestRefusalsDoNotTellTheReason(t *testing.T) {
	d, url, _ := start(t, chain, t.TempDir(), true, desk.Limits{AddressPerMinute: -1, PerSecond: -1})
	serveBatch(t, d, 3, 1)
	good := claimKey(1).Key
	if r, b := post(t, url, request(3, good)); r.StatusCode != 200 {
		t.Fatalf("%s: %s", r.Status, b)
	}
	other := claimKey(2).Key
	var first string
	for name, ask := range map[string]func() (*http.Response, string){
		"none left":         func() (*http.Response, string) { return post(t, url, request(3, other)) },
		"no campaign":       func() (*http.Response, string) { return post(t, url, request(4, other)) },
		"no key":            func() (*http.Response, string) { return post(t, url, `{"campaign":3,"claim_key":"00"}`) },
		"a weak key":        func() (*http.Response, string) { return post(t, url, request(3, [32]byte{1})) },
		"no JSON":           func() (*http.Response, string) { return post(t, url, `campaign=3`) },
		"an unknown member": func() (*http.Response, string) { return post(t, url, `{"campaign":3,"x":1}`) },
		"too long": func() (*http.Response, string) {
			return post(t, url, strings.Repeat(" ", 4000)+request(3, good))
		},
		"another origin": func() (*http.Response, string) {
			return post(t, url, request(3, good), "Origin", "https://evil.example")
		},
		"a form": func() (*http.Response, string) {
			return do(t, "POST", url+"/v1/tickets", request(3, good), "Content-Type", "text/plain")
		},
	} {
		begin := time.Now()
		r, b := ask()
		if took := time.Since(begin); took < 25*time.Millisecond {
			t.Errorf("%s: refused after %v", name, took)
		}
		if first == "" {
			first = b
		}
		if r.StatusCode != http.StatusForbidden || b != first || r.Header.Get("Content-Type") != client.ProblemType ||
			!strings.Contains(b, `"no_ticket"`) {
			t.Errorf("%s: %s: %s", name, r.Status, b)
		}
	}
	if r, b := post(t, url, request(3, good), "Origin", wallet); r.StatusCode != 200 ||
		r.Header.Get("Access-Control-Allow-Origin") != wallet {
		t.Errorf("the wallet's page: %s: %s", r.Status, b)
	}
}

// Nothing that a browser or a preview fetches consumes a ticket.
func TestOnlyAPostConsumes(t *testing.T) {
	d, url, _ := start(t, chain, t.TempDir(), true, desk.Limits{})
	serveBatch(t, d, 3, 5)
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE"} {
		do(t, method, url+"/v1/tickets", request(3, claimKey(1).Key), "Content-Type", "application/json")
	}
	do(t, "GET", url+"/v1/keys/3/1", "")
	if left := d.Left(3); left != 5 {
		t.Errorf("%d of 5 tickets are left", left)
	}
	r, b := do(t, "GET", url+"/v1/tickets", "")
	if want := fmt.Sprintf(`{"batches":[{"campaign":3,"batch":1,"first":1,"count":5,"ticket_key":%q}]}`,
		keys.Encode(keys.Ticket, d.KeyFor(3, 1))); r.StatusCode != 200 || strings.TrimSpace(b) != want {
		t.Errorf("%s: %s, wanted %s", r.Status, b, want)
	}
	if r, _ := do(t, "GET", url+"/v1/keys/0/1", ""); r.StatusCode != 404 {
		t.Errorf("campaign 0: %s", r.Status)
	}
	if r, _ := do(t, "OPTIONS", url+"/v1/tickets", "", "Origin", wallet, "Access-Control-Request-Method",
		"POST"); r.StatusCode != 204 || r.Header.Get("Access-Control-Allow-Headers") != "Content-Type" {
		t.Errorf("asked by the wallet's page: %s, %v", r.Status, r.Header)
	}
}

func TestCallersAreThrottled(t *testing.T) {
	for name, l := range map[string]desk.Limits{
		"one address": {AddressPerMinute: 0.01, AddressBurst: 3, PerSecond: -1},
		"all":         {AddressPerMinute: -1, PerSecond: 0.01, Burst: 3},
	} {
		d, url, _ := start(t, chain, t.TempDir(), true, l)
		serveBatch(t, d, 3, 100)
		for n := range byte(5) {
			r, b := post(t, url, request(3, claimKey(n+1).Key))
			if n < 3 && r.StatusCode != 200 || n >= 3 && (r.StatusCode != 429 || r.Header.Get("Retry-After") == "" ||
				!strings.Contains(b, `"rate_limited"`)) {
				t.Errorf("%s: request %d: %s: %s", name, n, r.Status, b)
			}
		}
		if left := d.Left(3); left != 97 {
			t.Errorf("%s: %d left", name, left)
		}
	}
}

func TestARestartedDeskGivesTheSame(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "desk")
	d, url, stop := start(t, chain, dir, true, desk.Limits{})
	serveBatch(t, d, 3, 10)
	b := d.Batches()[0]
	_, first := post(t, url, request(3, claimKey(1).Key))
	stop()
	d, url, _ = start(t, chain, dir, false, desk.Limits{})
	if err := d.Serve(b, apitest.Now()); err != nil {
		t.Fatal(err)
	}
	if _, again := post(t, url, request(3, claimKey(1).Key)); again != first {
		t.Errorf("%s, and after a restart %s", first, again)
	}
	if _, next := post(t, url, request(3, claimKey(2).Key)); !strings.Contains(next, `"serial":2,`) {
		t.Errorf("the next: %s", next)
	}
}

// From the key that the desk names over the batch on the chain to a coupon of one's
// own; a batch whose log is lost is not served.
func TestADeskServesWhatTheChainShows(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.New(x.Dev.Genesis.Raw, x.URLs())
	if err != nil {
		t.Fatal(err)
	}
	submit := func(tx []byte) *client.Receipt {
		t.Helper()
		r, err := c.Submit(ctx, tx)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	publish, campaign := x.Publish()
	submit(publish)
	submit(campaign.Batch(5)) // under a key that is not the desk's
	dir := t.TempDir()
	d, url, stop := start(t, x.Chain(), dir, true, desk.Limits{})
	following := make(chan error, 1)
	followCtx, unfollow := context.WithCancel(ctx)
	go func() { following <- d.Follow(followCtx, c, slog.New(slog.DiscardHandler)) }()

	_, named := do(t, "GET", fmt.Sprintf("%s/v1/keys/%d/6", url, campaign.Number), "")
	var k struct {
		TicketKey string `json:"ticket_key"`
	}
	if err := json.Unmarshal([]byte(named), &k); err != nil {
		t.Fatal(err)
	}
	key, err := keys.Decode(keys.Ticket, k.TicketKey)
	if err != nil {
		t.Fatal(err)
	}
	issuer := coupon.MemberSigner{Member: 1, Signer: apitest.Signer(x.Dev.Admins[0])}
	submit(x.Chain().NewMemberTx(apitest.Soon(), &coupon.BatchCommit{Campaign: campaign.Number, First: 6, Count: 2,
		TicketKey: key}, issuer))
	for len(d.Batches()) == 0 {
		if ctx.Err() != nil {
			t.Fatal("the batch is not served")
		}
		time.Sleep(5 * time.Millisecond)
	}
	claim, owner := claimKey(1), apitest.Holder(1)
	r, b := post(t, url, request(campaign.Number, claim.Key))
	var a struct {
		Campaign  uint32
		Batch     uint16
		Serial    uint32
		Expires   client.Time
		TicketKey string `json:"ticket_key"`
		Signature []byte
	}
	if err := json.Unmarshal([]byte(b), &a); err != nil || r.StatusCode != 200 || a.Batch != 2 || a.Serial != 6 ||
		a.TicketKey != k.TicketKey || len(a.Signature) != 64 {
		t.Fatalf("%s: %s (%v)", r.Status, b, err)
	}
	ticket := coupon.Ticket{Campaign: a.Campaign, Batch: a.Batch, Serial: a.Serial, ClaimKey: claim.Key,
		Expires: uint64(a.Expires.Ms)}
	receipt := submit(x.Chain().NewClaim(apitest.Soon(), ticket, key, [64]byte(a.Signature), owner.Key, claim))
	if receipt.Outcome.Coupon != campaign.Coupon(6) || !bytes.Equal(receipt.Outcome.Owner[:], owner.Key[:]) {
		t.Errorf("the coupon is %d of %s", receipt.Outcome.Coupon, hex.EncodeToString(receipt.Outcome.Owner[:]))
	}
	unfollow()
	if err := <-following; err != nil {
		t.Error(err)
	}
	stop()

	// Its folder is lost: the batch was used, so a desk that begins anew leaves it.
	lost, _, _ := start(t, x.Chain(), t.TempDir(), true, desk.Limits{})
	refused := make(chan string, 8)
	followCtx, unfollow = context.WithCancel(ctx)
	go func() { following <- lost.Follow(followCtx, c, slog.New(slog.NewJSONHandler(lines(refused), nil))) }()
	if line := <-refused; !strings.Contains(line, "the log was lost") || len(lost.Batches()) != 0 {
		t.Errorf("%s, and %d batches are served", line, len(lost.Batches()))
	}
	unfollow()
	if err := <-following; err != nil {
		t.Error(err)
	}
}

// lines is a writer of a log that a test reads.
type lines chan string

// Write implements io.Writer.
func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// An operator sees what a desk gives and refuses, also while callers are throttled;
// what a refusal was for stays untold.
func TestADeskCountsWhatItDoes(t *testing.T) {
	d, url, _ := start(t, chain, t.TempDir(), true, desk.Limits{AddressPerMinute: 0.001, AddressBurst: 3})
	serveBatch(t, d, 1, 1)
	for _, n := range []byte{1, 1, 2, 3} { // given, given again, refused as none is left, throttled
		post(t, url, request(1, claimKey(n).Key))
	}
	answer, text := do(t, "GET", url+"/metrics", "")
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	for _, want := range []string{
		`scrip_desk_requests_total{result="ticket"} 2`, `scrip_desk_requests_total{result="refused"} 1`,
		`scrip_desk_requests_total{result="throttled"} 1`, `scrip_desk_requests_total{result="failed"} 0`,
		"scrip_desk_batches 1", "scrip_desk_tickets 1", "scrip_desk_tickets_left 0", "scrip_desk_batches_failed 0",
		"scrip_desk_ticket_seconds_count 2",
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no line %q in:\n%s", want, text)
		}
	}
}
