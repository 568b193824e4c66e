package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// ask sends a request and returns status, header and body.
func ask(t testing.TB, method, url string, header map[string]string, body []byte) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, b
}

// asProblem checks that an answer conforms to RFC 9457 and to the API's own rules.
func asProblem(t testing.TB, base string, r *http.Response, b []byte) client.Problem {
	t.Helper()
	var p client.Problem
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatalf("%s: %v: %s", r.Status, err, b)
	}
	if r.Header.Get("Content-Type") != client.ProblemType {
		t.Errorf("%s has the media type %s", p.Code, r.Header.Get("Content-Type"))
	}
	if p.Status != r.StatusCode || p.Title == "" || p.Code == "" || p.Name == "" || p.Word == "" || p.Detail == "" {
		t.Errorf("the problem is incomplete: %s", b)
	}
	if p.TraceID == "" || p.TraceID != r.Header.Get("Trace-Id") || p.Instance != r.Request.URL.Path {
		t.Errorf("the problem does not name its request: %s", b)
	}
	page, explained := ask(t, "GET", base+p.Type, nil, nil)
	var x client.Problem
	if err := json.Unmarshal(explained, &x); err != nil || page.StatusCode != 200 || x.Code != p.Code ||
		x.Title != p.Title {
		t.Errorf("%s does not explain %s: %s", p.Type, p.Code, explained)
	}
	return p
}

func TestProblemsOfTheDoor(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	base := x.Members[0].URL
	octets := map[string]string{"Content-Type": "application/octet-stream"}
	object := map[string]string{"Content-Type": "application/json"}
	publish, _ := x.Publish()
	flipped := bytes.Clone(publish)
	flipped[len(flipped)-1] ^= 1
	foreign := bytes.Clone(publish)
	foreign[2] ^= 1
	for name, c := range map[string]struct {
		method, path string
		header       map[string]string
		body         []byte
		status       int
		code         string
	}{
		"no address":          {"GET", "/v1/nothing", nil, nil, 404, "not_found"},
		"no page":             {"GET", "/nothing", nil, nil, 404, "not_found"},
		"no such code":        {"GET", "/errors/E999", nil, nil, 404, "not_found"},
		"a method":            {"DELETE", "/v1/status", nil, nil, 405, "method_not_allowed"},
		"a POST to a read":    {"POST", "/v1/status", nil, nil, 405, "method_not_allowed"},
		"unknown parameter":   {"GET", "/v1/campaigns?limt=3", nil, nil, 400, "bad_request"},
		"a limit":             {"GET", "/v1/campaigns?limit=5000", nil, nil, 400, "bad_request"},
		"a negative number":   {"GET", "/v1/campaigns/-1", nil, nil, 400, "bad_request"},
		"no number":           {"GET", "/v1/coupons/x", nil, nil, 400, "bad_request"},
		"a cursor":            {"GET", "/v1/campaigns?cursor=AAAA", nil, nil, 400, "bad_request"},
		"an address":          {"GET", "/v1/holders/scrip1qqq/coupons", nil, nil, 400, "bad_request"},
		"a till's key":        {"GET", "/v1/tills/x", nil, nil, 400, "bad_request"},
		"a row's key":         {"GET", "/v1/state/ff00", nil, nil, 400, "bad_request"},
		"an odd key":          {"GET", "/v1/state/010", nil, nil, 400, "bad_request"},
		"a height":            {"GET", "/v1/blocks/99999999999999999999", nil, nil, 400, "bad_request"},
		"a later height":      {"GET", "/v1/blocks/999999", nil, nil, 404, "not_found"},
		"no campaign":         {"GET", "/v1/campaigns/77", nil, nil, 404, "not_found"},
		"no coupon":           {"GET", "/v1/coupons/77", nil, nil, 404, "not_found"},
		"no redemption":       {"GET", "/v1/redemptions/77/0", nil, nil, 404, "not_found"},
		"no member":           {"GET", "/v1/members/77", nil, nil, 404, "not_found"},
		"an event id":         {"GET", "/v1/events?from=1.2", nil, nil, 400, "bad_request"},
		"an event type":       {"GET", "/v1/events?type=coupon.eaten", nil, nil, 400, "bad_request"},
		"an event parameter":  {"GET", "/v1/events?since=1", nil, nil, 400, "bad_request"},
		"a transaction's id":  {"GET", "/v1/transactions/12", nil, nil, 400, "bad_request"},
		"unknown transaction": {"GET", "/v1/transactions/" + strings.Repeat("ab", 32), nil, nil, 404, "unknown_tx"},
		"no media type":       {"POST", "/v1/transactions", nil, publish, 415, "media_type"},
		"a form": {"POST", "/v1/transactions", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
			publish, 415, "media_type"},
		"a wait":            {"POST", "/v1/transactions?wait=forever", octets, publish, 400, "bad_request"},
		"a timeout":         {"POST", "/v1/transactions?timeout=61", octets, publish, 400, "bad_request"},
		"no object":         {"POST", "/v1/transactions", object, []byte("[]"), 400, "bad_request"},
		"an empty object":   {"POST", "/v1/transactions", object, []byte("{}"), 400, "bad_request"},
		"an unknown member": {"POST", "/v1/transactions", object, []byte(`{"tx":"AA==","x":1}`), 400, "bad_request"},
		"two objects":       {"POST", "/v1/transactions", object, []byte(`{"tx":"AA=="}{}`), 400, "bad_request"},
		"too large":         {"POST", "/v1/transactions", octets, make([]byte, 8193), 413, "E107"},
		"far too large":     {"POST", "/v1/transactions", octets, make([]byte, 1<<20), 413, "E107"},
		"no transaction":    {"POST", "/v1/transactions", octets, []byte("hello"), 400, "E101"},
		"a dry run of none": {"POST", "/v1/transactions/dry-run", octets, []byte("hello"), 400, "E101"},
		"a signature":       {"POST", "/v1/transactions", octets, flipped, 400, "E102"},
		"a signature, dry":  {"POST", "/v1/transactions/dry-run", octets, flipped, 400, "E102"},
		"another chain":     {"POST", "/v1/transactions", octets, foreign, 400, "E103"},
		"a login": {"POST", "/v1/transactions", map[string]string{"Content-Type": "application/octet-stream",
			"Authorization": "Bearer x"}, publish, 401, "login"},
		"a host": {"GET", "/v1/status", map[string]string{"Host": "evil.example"}, nil, 421, "forbidden"},
		"an origin": {"POST", "/v1/transactions", map[string]string{"Origin": "https://evil.example",
			"Content-Type": "application/octet-stream"}, publish, 403, "forbidden"},
		"a preflight": {"OPTIONS", "/v1/transactions", map[string]string{"Origin": "https://evil.example",
			"Access-Control-Request-Method": "POST"}, nil, 403, "forbidden"},
		"a height not there": {"GET", "/v1/status?x=1", nil, nil, 400, "bad_request"},
	} {
		t.Run(name, func(t *testing.T) {
			r, b := ask(t, c.method, base+c.path, c.header, c.body)
			if r.StatusCode != c.status {
				t.Fatalf("%s, wanted %d: %s", r.Status, c.status, b)
			}
			if p := asProblem(t, base, r, b); p.Code != c.code || p.Final {
				t.Errorf("%s (final %v), wanted %s", p.Code, p.Final, c.code)
			}
		})
	}
}

// Every code has its page, for programs and for people.
func TestEveryCodeIsExplained(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	base := x.Members[0].URL
	for _, info := range coupon.Codes() {
		r, b := ask(t, "GET", base+"/errors/"+info.Code.String(), map[string]string{"Accept": "text/html"}, nil)
		if r.StatusCode != 200 || !strings.Contains(string(b), info.Word) ||
			!strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s", info.Code, r.Status)
		}
		if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") ||
			strings.Contains(string(b), "<script") {
			t.Errorf("%s: the page may run scripts: %s", info.Code, csp)
		}
	}
	r, b := ask(t, "GET", base+"/docs", nil, nil)
	for _, text := range []string{"/v1/transactions", "TxAnswer", "ALREADY_REDEEMED", "Last-Event-ID"} {
		if !strings.Contains(string(b), text) {
			t.Errorf("the reader page does not mention %s (%s)", text, r.Status)
		}
	}
	if strings.Contains(string(b), "http://") || strings.Contains(string(b), "https://") {
		t.Error("the reader page names a foreign host")
	}
}

// The HTTP status of a refusal is that of its word, for every code that a till or
// wallet sees.
func TestRefusalsHaveTheirStatus(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	for code, status := range map[coupon.Code]int{
		coupon.AlreadyRedeemed: 409, coupon.NotOwner: 409, coupon.WrongState: 409, coupon.StaleSeq: 409,
		coupon.TxExpired:      409,
		coupon.InvoiceExpired: 409, coupon.Expired: 422, coupon.NotYetValid: 422, coupon.MerchantNotEligible: 422,
		coupon.InvoiceFacts: 422, coupon.MinSpend: 422, coupon.HolderLimit: 422, coupon.BudgetExhausted: 422,
		coupon.CampaignNotActive: 422, coupon.KeyState: 403, coupon.NotAuthorised: 403, coupon.Quorum: 403,
		coupon.NotTransferable: 403, coupon.NotFound: 404, coupon.Overloaded: 429, coupon.TooLarge: 413,
		coupon.DuplicateTx: 409,
	} {
		_, b := ask(t, "GET", x.Members[0].URL+"/errors/"+code.String(), nil, nil)
		var p client.Problem
		if err := json.Unmarshal(b, &p); err != nil || p.Status != status {
			t.Errorf("%s has status %d, wanted %d", code, p.Status, status)
		}
	}
}

func TestATransactionIsTakenAsBytesAndAsJSON(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	base := x.Members[0].URL
	publish, campaign := x.Publish()
	r, b := ask(t, "POST", base+"/v1/transactions", map[string]string{"Content-Type": "application/json; charset=utf-8"},
		[]byte(`{"tx":"`+base64.StdEncoding.EncodeToString(publish)+`"}`))
	var first client.TxAnswer
	if err := json.Unmarshal(b, &first); err != nil || r.StatusCode != 200 || first.State != client.StateProved ||
		!first.Final || first.Known {
		t.Fatalf("%s: %s", r.Status, b)
	}
	// A retry at another node, which may be behind, has the original receipt.
	var s any
	fetch(t, fmt.Sprintf("%s/v1/blocks?limit=1&min_height=%d", x.Members[1].URL, first.Height), &s)
	r, b = ask(t, "POST", x.Members[1].URL+"/v1/transactions",
		map[string]string{"Content-Type": "application/octet-stream"}, publish)
	var again client.TxAnswer
	if err := json.Unmarshal(b, &again); err != nil || r.StatusCode != 200 || !again.Known {
		t.Fatalf("%s: %s", r.Status, b)
	}
	if again.Height != first.Height || !bytes.Equal(again.Receipt, first.Receipt) {
		t.Errorf("first %+v, again %+v", first, again)
	}
	// Whoever does not wait is told where to ask.
	r, b = ask(t, "POST", base+"/v1/transactions?wait=none",
		map[string]string{"Content-Type": "application/octet-stream"}, campaign.Batch(3))
	at := r.Header.Get("Location")
	if r.StatusCode != http.StatusAccepted || !strings.HasPrefix(at, "/v1/transactions/") {
		t.Fatalf("%s: %s", r.Status, b)
	}
	r, b = ask(t, "GET", base+at+"?wait=executed", nil, nil)
	var done client.TxAnswer
	if err := json.Unmarshal(b, &done); err != nil || r.StatusCode != 200 || done.Code != "OK" ||
		done.Effect.Event != "batch.committed" {
		t.Errorf("%s: %s", r.Status, b)
	}
}

// A till's own Redeem is admitted though it will be refused: the refusal is a
// receipt, hence final. A key that the state does not know admits nothing.
func TestATillsRefusalIsFinal(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	plain := newClient(t, x)
	publish, campaign := x.Publish()
	holder := apitest.Holder(1)
	for _, tx := range [][]byte{publish, campaign.Batch(5), campaign.Claim(1, holder.Key), campaign.Redeem(1, 0, holder,
		0)} {
		submit(t, plain, tx)
	}
	tx := campaign.Redeem(1, 1, holder, 0)
	base, octets := x.Members[0].URL, "application/octet-stream"
	r, b := ask(t, "POST", base+"/v1/transactions", map[string]string{"Content-Type": octets}, tx)
	if p := asProblem(t, base, r, b); p.Code != "E509" || p.Final || p.Proof != nil || r.StatusCode != 409 {
		t.Errorf("without a login: %s", b)
	}
	stranger := apitest.Holder(9)
	login := client.SignLogin(x.Chain(), stranger, "POST", "/v1/transactions", tx, now())
	r, b = ask(t, "POST", base+"/v1/transactions", map[string]string{"Content-Type": octets, "Authorization": login}, tx)
	if p := asProblem(t, base, r, b); p.Code != client.ProblemLogin {
		t.Errorf("with a stranger's login: %s", b)
	}
	login = client.SignLogin(x.Chain(), apitest.Signer(x.Dev.Tills[0]), "POST", "/v1/transactions", tx, now())
	r, b = ask(t, "POST", base+"/v1/transactions", map[string]string{"Content-Type": octets, "Authorization": login}, tx)
	p := asProblem(t, base, r, b)
	if p.Code != "E509" || !p.Final || r.StatusCode != 409 || p.Height == 0 || p.Tx == nil {
		t.Fatalf("with the till's login: %s", b)
	}
	if got, err := plain.Verifier.Receipt(*p.Tx, p.Proof, p.Header); err != nil ||
		got.Outcome.Code != coupon.AlreadyRedeemed {
		t.Errorf("the refusal is not proven: %v", err)
	}
	// As a resource it is an answer, not a problem.
	var a client.TxAnswer
	at := fmt.Sprintf("%s/v1/transactions/%s?wait=executed", x.Members[1].URL, p.Tx)
	if r := fetch(t, at, &a); r.StatusCode != 200 || a.Code != "E509" || !a.Final {
		t.Errorf("%+v", a)
	}
}

func TestOriginsAndHostsCanBeAllowed(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) {
		c.Origins, c.Hosts = []string{"https://shop.example"}, []string{"node.example"}
	})
	url := x.Members[0].URL + "/v1/status"
	r, _ := ask(t, "GET", url, map[string]string{"Origin": "https://shop.example", "Host": "node.example:7600"}, nil)
	if r.StatusCode != 200 || r.Header.Get("Access-Control-Allow-Origin") != "https://shop.example" {
		t.Errorf("%s, %v", r.Status, r.Header)
	}
	r, _ = ask(t, "OPTIONS", url, map[string]string{"Origin": "https://shop.example",
		"Access-Control-Request-Method": "POST"}, nil)
	if r.StatusCode != 204 || !strings.Contains(r.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("%s, %v", r.Status, r.Header)
	}
	r, _ = ask(t, "GET", url, map[string]string{"Origin": "https://evil.example"}, nil)
	if r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", r.Header)
	}
}

func TestRequestsAreLimitedByAddress(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond, c.Limits.Burst = 0.001, 3 })
	base := x.Members[0].URL
	for range 3 {
		if r := fetch(t, base+"/v1/status", nil); r.StatusCode != 200 {
			t.Fatal(r.Status)
		}
	}
	r, b := ask(t, "GET", base+"/v1/status", nil, nil)
	var p client.Problem
	if err := json.Unmarshal(b, &p); err != nil || r.StatusCode != 429 || p.Code != client.ProblemRateLimited ||
		!p.Retry || r.Header.Get("Retry-After") == "" {
		t.Errorf("%s: %s", r.Status, b)
	}
}
