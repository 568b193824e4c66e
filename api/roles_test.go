package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// rolesPath is the committed matrix of who may ask what.
const rolesPath = "testdata/roles.txt"

const rolesHead = `# Who may ask what of a node: the HTTP status of every route, by the login on the request.
# Holders, merchants and desks have none: what they may do, their signatures in a transaction
# say, so each of them is anyone here. "final" is an answer with a proof, "opinion" one without.
# Made from the routes that the node describes: go test ./api -run WhoMayAsk -update
`

// role is somebody with a login, or without.
type role struct {
	name string
	key  *coupon.Signer // nil = no login
	lie  bool           // the login is of another request
}

// Every route that the node describes, for everybody: a route that is new, or that
// opens to somebody else, shows in the difference.
func TestWhoMayAskWhat(t *testing.T) {
	x := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	x.WaitReady()
	c := newClient(t, x)
	holder := apitest.Holder(1)
	publish, campaign := x.Publish()
	revoked := apitest.Signer(x.Dev.Tills[3])
	revoke := x.Chain().NewMemberTx(apitest.Soon(), &coupon.TillKeyRevoke{Member: 3, TillKey: revoked.Key},
		coupon.MemberSigner{Member: 3, Signer: apitest.Signer(x.Dev.Admins[2])})
	var last *client.Receipt
	for _, tx := range [][]byte{publish, campaign.Batch(5), campaign.Claim(1, holder.Key), campaign.Claim(2, holder.Key),
		campaign.Redeem(1, 0, holder, 0), revoke} {
		last = submit(t, c, tx)
	}
	base := x.Members[0].URL
	fetch(t, fmt.Sprintf("%s/v1/members/1?min_height=%d", base, last.Height), nil)
	// A block is shown with its certificate, which comes a moment after it.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		answer, _ := ask(t, "GET", fmt.Sprintf("%s/v1/blocks/%d/receipts", base, last.Height), nil, nil)
		if answer.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("block %d never got its certificate", last.Height)
		}
	}
	var a codeAnswer
	auth := shown(x, campaign.Coupon(2), 0, holder, 0)
	if _, b := leave(t, base, auth); json.Unmarshal(b, &a) != nil || a.Code == "" {
		t.Fatalf("%s", b)
	}
	till, stranger := apitest.Signer(x.Dev.Tills[0]), apitest.Holder(9)
	roles := []role{{name: "anyone"}, {name: "till", key: &till}, {name: "revoked", key: &revoked},
		{name: "stranger", key: &stranger}, {name: "forged", key: &till, lie: true}}
	request := rolesRequest{x: x, campaign: campaign, holder: holder, auth: auth, code: a.Code, tx: last.Outcome.ID,
		height: last.Height, profile: profileOf(x, shop, now(), nil)}
	request.ask(t, http.MethodPost, "/v1/members/{id}/profile", roles[0])
	request.ask(t, http.MethodPost, "/v1/campaigns/{id}/terms", roles[0])
	request.ask(t, http.MethodPost, "/v1/boxes/{id}", roles[0]) // so that there is one to read

	var d struct {
		Paths map[string]map[string]any
	}
	fetch(t, base+"/openapi.json", &d)
	var rows []string
	for path, methods := range d.Paths {
		for method := range methods {
			row := fmt.Sprintf("%-42s", strings.ToUpper(method)+" "+path)
			for _, r := range roles {
				row += fmt.Sprintf(" %-11s", request.ask(t, strings.ToUpper(method), path, r))
			}
			rows = append(rows, strings.TrimRight(row, " "))
		}
	}
	slices.Sort(rows)
	head := fmt.Sprintf("%-42s", "")
	for _, r := range roles {
		head += fmt.Sprintf(" %-11s", r.name)
	}
	got := rolesHead + strings.TrimRight(head, " ") + "\n" + strings.Join(rows, "\n") + "\n"
	if *update {
		if err := os.WriteFile(rolesPath, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(rolesPath)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("who may ask what has changed: read the difference, then go test ./api -run WhoMayAsk -update\n%s",
			difference(string(want), got))
	}
}

// difference returns the lines that only one of two texts has.
func difference(want, got string) string {
	var b strings.Builder
	a, c := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range a {
		if !slices.Contains(c, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	for _, line := range c {
		if !slices.Contains(a, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	return b.String()
}

// rolesRequest fills in what routes ask for with things that are there.
type rolesRequest struct {
	x        *apitest.Network
	campaign *apitest.Campaign
	holder   coupon.Signer
	auth     []byte
	code     string
	tx       [32]byte
	height   uint64 // of a block with transactions
	profile  []byte // of member 2
}

func (q *rolesRequest) fill(path string) string {
	return strings.NewReplacer("/v1/campaigns/{id}", "/v1/campaigns/1",
		"/v1/coupons/{id}", fmt.Sprintf("/v1/coupons/%d", q.campaign.Coupon(1)),
		"/v1/redemptions/{coupon}/{seq}", fmt.Sprintf("/v1/redemptions/%d/0", q.campaign.Coupon(1)),
		"/v1/transactions/{id}", fmt.Sprintf("/v1/transactions/%x", q.tx),
		"/v1/members/{id}", "/v1/members/2", "{address}", holderAddress(q.holder.Key),
		"/v1/tills/{key}", "/v1/tills/"+keys.Encode(keys.Till, q.x.Dev.Tills[0].Public()),
		"/v1/state/{key}", "/v1/state/01",
		"/v1/terms/{hash}", fmt.Sprintf("/v1/terms/%x", q.campaign.Terms.TermsHash),
		"/v1/cycles/{cycle}", "/v1/cycles/0", "{height}", strconv.FormatUint(q.height, 10),
		"/v1/codes/{name}", "/v1/codes/"+q.code,
		"/v1/boxes/{id}", "/v1/boxes/000102030405060708090a0b0c0d0e0f").Replace(path)
}

// body returns what is posted to a path: to where transactions go, the second
// redemption of a coupon, which a till may have refused for good and others not.
func (q *rolesRequest) body(t *testing.T, path string) (kind string, body []byte) {
	t.Helper()
	asJSON := func(v any) (string, []byte) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return "application/json", b
	}
	switch path {
	case "/v1/codes":
		return asJSON(map[string][][]byte{"auths": {q.auth}})
	case "/v1/boxes/{id}":
		return asJSON(map[string][]byte{"data": []byte("answer")})
	case "/v1/members/{id}/profile":
		return asJSON(client.PutProfile{Profile: q.profile})
	case "/v1/campaigns/{id}/terms":
		return asJSON(client.PutTermsText{Text: apitest.TermsText})
	case "/v1/transactions/batch":
		return "application/octet-stream", frames(q.campaign.Redeem(1, 1, q.holder, 0))
	}
	return "application/octet-stream", q.campaign.Redeem(1, 1, q.holder, 0)
}

// ask asks as somebody and returns the status, with what kind of answer it is where
// that differs.
func (q *rolesRequest) ask(t *testing.T, method, path string, who role) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	target, kind, body := q.fill(path), "", []byte(nil)
	if method == http.MethodPost {
		kind, body = q.body(t, path)
	}
	r, err := http.NewRequestWithContext(ctx, method, q.x.Members[0].URL+target, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if who.key != nil {
		signed := target
		if who.lie {
			signed = "/v1/status"
		}
		r.Header.Set("Authorization", client.SignLogin(q.x.Chain(), *who.key, method, signed, body, now()))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // also of a stream that goes on
	answer := fmt.Sprint(response.StatusCode)
	if response.StatusCode != http.StatusConflict {
		return answer
	}
	var p client.Problem
	if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
		t.Fatal(err)
	}
	if p.Final {
		return answer + " final"
	}
	return answer + " opinion"
}
