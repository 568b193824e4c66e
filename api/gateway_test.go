package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/scrip-network/scrip/actions"
	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/web"
)

// wrongCode is a short code without a slip that nobody was given.
const wrongCode = "14D2P-F2DBR"

var asJSON = map[string]string{"Content-Type": "application/json"}

// codeAnswer is what the gateway says of a code, put in or asked for.
type codeAnswer struct {
	Code, Bundle string
	Auths        [][]byte
	Expires      client.Time
}

// shown returns what a wallet shows, encoded.
func shown(x *apitest.Network, id coupon.CouponID, seq uint32, holder coupon.Signer, merchant uint16) []byte {
	p := actions.SignedShowCode(x.Chain(), actions.Held{Coupon: id, Seq: seq}, holder, 500, merchant, apitest.Soon())
	return x.Chain().EncodePayload(&p)
}

func leave(t *testing.T, url string, auths ...[]byte) (*http.Response, []byte) {
	t.Helper()
	b, err := json.Marshal(map[string][][]byte{"auths": auths})
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, "POST", url+"/v1/codes", asJSON, b)
}

// asTill asks for a code as a till does.
func asTill(t *testing.T, x *apitest.Network, member int, till coupon.Signer, name string) (*http.Response, []byte) {
	t.Helper()
	target := "/v1/codes/" + name
	login := client.SignLogin(x.Chain(), till, "GET", target, nil, now())
	return ask(t, "GET", x.Members[member].URL+target, map[string]string{"Authorization": login}, nil)
}

// What a customer reads out leads a till to what the customer has signed, through
// any node, and to a redemption.
func TestAShortCodeLeadsToARedemption(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	holder, till := apitest.Holder(1), apitest.Signer(x.Dev.Tills[0])
	publish, campaign := x.Publish()
	for _, tx := range [][]byte{publish, campaign.Batch(3), campaign.Claim(1, holder.Key), campaign.Claim(2,
		holder.Key)} {
		submit(t, c, tx)
	}
	height := submit(t, c, campaign.Claim(3, holder.Key)).Height
	auth := shown(x, campaign.Coupon(1), 0, holder, 0)
	var code string
	for i, m := range x.Members {
		fetch(t, fmt.Sprintf("%s/v1/members/1?min_height=%d", m.URL, height), nil)
		var a codeAnswer
		if r, b := leave(t, m.URL, auth); r.StatusCode != 200 || json.Unmarshal(b, &a) != nil {
			t.Fatalf("member %d: %s: %s", i, r.Status, b)
		}
		if code != "" && a.Code != code {
			t.Errorf("member %d gives %s, others %s", i, a.Code, code)
		}
		code = a.Code
	}
	r, b := asTill(t, x, 2, till, strings.ToLower(code))
	var got codeAnswer
	if err := json.Unmarshal(b, &got); err != nil || r.StatusCode != 200 || len(got.Auths) != 1 ||
		!bytes.Equal(got.Auths[0], auth) || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s: %s", r.Status, b)
	}
	p, err := x.Chain().DecodePayload(got.Auths[0])
	if err != nil {
		t.Fatal(err)
	}
	tx := actions.SignedRedeemShown(x.Chain(), till, actions.Bill{Campaign: campaign.Number, Currency: 978, Basis: 800},
		p.Auth.Expires, p)
	if receipt := submit(t, c, tx); receipt.Outcome.Value != 500 {
		t.Errorf("the receipt says %d", receipt.Outcome.Value)
	}
	// Two in one bundle; reading has consumed neither.
	r, b = leave(t, x.Members[0].URL, shown(x, campaign.Coupon(2), 0, holder, 0), shown(x, campaign.Coupon(3), 0, holder,
		0))
	if err := json.Unmarshal(b, &got); err != nil || r.StatusCode != 200 {
		t.Fatalf("%s: %s", r.Status, b)
	}
	for range 2 {
		if r, b = asTill(t, x, 0, till, got.Bundle); r.StatusCode != 200 || json.Unmarshal(b, &got) != nil ||
			len(got.Auths) != 2 {
			t.Errorf("%s: %s", r.Status, b)
		}
	}
}

func TestCodesAreForTillsAlone(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	holder, thief := apitest.Holder(1), apitest.Holder(2)
	publish, campaign := x.Publish()
	submit(t, c, publish)
	submit(t, c, campaign.Batch(3))
	height := submit(t, c, campaign.Claim(1, holder.Key)).Height
	base := x.Members[0].URL
	fetch(t, fmt.Sprintf("%s/v1/members/1?min_height=%d", base, height), nil)

	changed := shown(x, campaign.Coupon(1), 0, holder, 0)
	changed[100] ^= 1
	bakery, bookshop := apitest.Signer(x.Dev.Tills[0]), apitest.Signer(x.Dev.Tills[2])
	r, b := leave(t, base, shown(x, campaign.Coupon(1), 0, holder, 2))
	var a codeAnswer
	if err := json.Unmarshal(b, &a); err != nil || r.StatusCode != 200 {
		t.Fatalf("%s: %s", r.Status, b)
	}
	for name, auth := range map[string][]byte{
		"a stranger's":    shown(x, campaign.Coupon(1), 0, thief, 0),
		"another state's": shown(x, campaign.Coupon(1), 1, holder, 0),
		"none":            shown(x, campaign.Coupon(2), 0, holder, 0),
		"a changed one":   changed,
		"nonsense":        {1, 2, 3},
	} {
		if r, b := leave(t, base, auth); asProblem(t, base, r, b).Code != client.ProblemNotTaken || r.StatusCode != 403 {
			t.Errorf("%s: %s: %s", name, r.Status, b)
		}
	}
	if r, b := ask(t, "GET", base+"/v1/codes/"+a.Code, nil, nil); r.StatusCode != 401 {
		t.Errorf("without a login: %s: %s", r.Status, b)
	}
	if r, b := asTill(t, x, 0, thief, a.Code); r.StatusCode != 401 {
		t.Errorf("with a login of no till: %s: %s", r.Status, b)
	}
	// The other shop's till is told what it is told of a code that is not there,
	// and after some of those it has to wait. The shop itself does not.
	r, other := asTill(t, x, 0, bookshop, a.Code)
	r2, none := asTill(t, x, 0, bookshop, wrongCode)
	p, q := asProblem(t, base, r, other), asProblem(t, base, r2, none)
	p.TraceID, p.Instance, q.TraceID, q.Instance = "", "", "", ""
	if r.StatusCode != 404 || fmt.Sprint(p) != fmt.Sprint(q) {
		t.Errorf("another shop's code: %s: %s; none: %s: %s", r.Status, other, r2.Status, none)
	}
	status := 0
	for range 12 {
		r, _ = asTill(t, x, 0, bookshop, wrongCode)
		status = r.StatusCode
	}
	if status != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" {
		t.Errorf("after many guesses: %d", status)
	}
	if r, b := asTill(t, x, 0, bakery, a.Code); r.StatusCode != 200 {
		t.Errorf("the shop itself: %s: %s", r.Status, b)
	}
}

func TestABoxPassesATillsAnswer(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	url := x.Members[0].URL + "/v1/boxes/000102030405060708090a0b0c0d0e0f"
	if r, b := ask(t, "GET", url, nil, nil); asProblem(t, x.Members[0].URL, r, b).Code != client.ProblemNotFound {
		t.Errorf("an empty box: %s", b)
	}
	fill := func(data []byte) int {
		b, err := json.Marshal(map[string][]byte{"data": data})
		if err != nil {
			t.Fatal(err)
		}
		r, _ := ask(t, "POST", url, asJSON, b)
		return r.StatusCode
	}
	if got := fill(make([]byte, 257)); got != 400 {
		t.Errorf("a box of 257 bytes: %d", got)
	}
	if got := fill([]byte("answer")); got != 200 {
		t.Errorf("filled: %d", got)
	}
	if got := fill([]byte("another")); got != 429 {
		t.Errorf("filled anew: %d", got)
	}
	var a struct{ Data []byte }
	if r := fetch(t, url, &a); r.StatusCode != 200 || string(a.Data) != "answer" {
		t.Errorf("%s: %q", r.Status, a.Data)
	}
}

func TestNodesTellOfOthersAndServeTheFaces(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) {
		c.Nodes = map[int]string{0: "http://127.0.0.1:7600", 3: "https://four.example"}
		c.Desks = []string{"https://desk.example"}
		h, err := web.New(web.Config{Files: fstest.MapFS{"wallet/index.html": {Data: []byte("the wallet")}},
			Connect: []string{"https://four.example", "https://desk.example"}})
		if err != nil {
			t.Fatal(err)
		}
		c.Web = h
	})
	base := x.Members[0].URL
	var a struct {
		Nodes []struct {
			Replica, Member int
			Name, URL       string
		}
		Desks []string
	}
	fetch(t, base+"/v1/nodes", &a)
	if len(a.Nodes) != 4 || a.Nodes[0].URL != "http://127.0.0.1:7600" || a.Nodes[1].URL != "" ||
		a.Nodes[3].URL != "https://four.example" || a.Nodes[3].Name != "DEV Payments" || len(a.Desks) != 1 {
		t.Errorf("%+v", a)
	}
	r, b := ask(t, "GET", base+"/c", nil, nil)
	if string(b) != "the wallet" || r.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
		!strings.Contains(r.Header.Get("Content-Security-Policy"), "https://four.example") {
		t.Errorf("%s: %s, %v", r.Status, b, r.Header)
	}
	for _, path := range []string{"/v1/nothing", "/v1/codes"} { // are the interface's, faces or not
		if r, b := ask(t, "GET", base+path, nil, nil); asProblem(t, base, r, b).Code == "" {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	start := time.Now()
	if r, b := ask(t, "GET", base+"/", nil, nil); r.StatusCode != 200 || !bytes.Contains(b, []byte("/wallet/")) {
		t.Errorf("after %v: %s: %s", time.Since(start), r.Status, b)
	}
}
