package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// A till whose invoice expires too late gets no receipt: that receipt would end
// nothing, and the same bytes would be good later.
func TestATillsOwnRedeemIsNotAdmittedWithWhatEndsNothing(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	till, holder := apitest.Signer(x.Dev.Tills[0]), apitest.Holder(1)
	plain, chain := newClient(t, x), x.Chain()
	publish, campaign := x.Publish()
	for _, tx := range [][]byte{publish, campaign.Batch(5), campaign.Claim(1, holder.Key)} {
		submit(t, plain, tx)
	}
	late := apitest.Now() + x.Dev.Genesis.File.Ledger.LifeMs + 120_000
	redeem := func(invoice, envelope uint64) []byte {
		v := coupon.Invoice{TillKey: till.Key, Campaign: campaign.Number, Currency: 978, Basis: 800, Expires: invoice}
		a := coupon.Auth{Coupon: campaign.Coupon(1), Holder: holder.Key, Value: 500, Expires: envelope,
			InvoiceDigest: v.Digest(chain)}
		return chain.NewRedeemInvoice(v, chain.SignInvoice(v, till), a, chain.SignAuth(a, holder))
	}
	for name, tx := range map[string][]byte{"the envelope": redeem(late, late),
		"the invoice": redeem(late, apitest.Soon())} {
		login := client.SignLogin(chain, till, "POST", "/v1/transactions", tx, now())
		r, b := ask(t, "POST", x.Members[0].URL+"/v1/transactions",
			map[string]string{"Content-Type": "application/octet-stream", "Authorization": login}, tx)
		p := asProblem(t, x.Members[0].URL, r, b)
		if p.Code != "E109" || p.Final || p.Receipt != nil || p.Proof != nil {
			t.Errorf("%s: %s", name, b)
		}
		if s, _ := ask(t, "GET", x.Members[0].URL+"/v1/transactions/"+p.Tx.String(), nil, nil); s.StatusCode != 404 {
			t.Errorf("%s: the transaction is known: %s", name, s.Status)
		}
	}
}

// A key beyond its window, without the right, or of a member that is not active is
// no till: it neither makes receipts nor reads codes.
func TestOnlyAKeyThatMayRedeemLogsIn(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c, chain := newClient(t, x), x.Chain()
	admin := coupon.MemberSigner{Member: 2, Signer: apitest.Signer(x.Dev.Admins[1])}
	now := apitest.Now()
	add := func(name string, rights uint8, from, until uint64) coupon.Signer {
		key := coupon.NewSigner([32]byte{byte(len(name)), 'k'})
		f := &coupon.TillKeyAdd{Member: 2, Store: 1, TillKey: key.Key, Rights: rights, Currency: 978, ValidFrom: from,
			ValidUntil: until, DayCap: 1000, Label: name}
		submit(t, c, chain.NewTillKeyAdd(apitest.Soon(), f, key, admin))
		return key
	}
	day := uint64(86_400_000)
	for name, k := range map[string]struct {
		key coupon.Signer
		ok  bool
	}{
		"one that may":         {add("one that may", coupon.RightRedeem, now-day, now+day), true},
		"one of tomorrow":      {add("one of tomorrow", coupon.RightRedeem, now+day, now+2*day), false},
		"one that only undoes": {add("one that only undoes", coupon.RightVoidAny, now-day, now+day), false},
		"nobody's":             {apitest.Holder(77), false},
	} {
		for _, path := range []string{"/v1/codes/00000-00000", "/v1/transactions"} {
			method, body := "GET", []byte(nil)
			if path == "/v1/transactions" {
				method, body = "POST", chain.NewVoid(apitest.Soon(), coupon.Void{Coupon: 1, Key: k.key.Key}, k.key)
			}
			login := client.SignLogin(chain, k.key, method, path, body, time.Now())
			_, b := ask(t, method, x.Members[0].URL+path,
				map[string]string{"Content-Type": "application/octet-stream", "Authorization": login}, body)
			var p client.Problem
			if err := json.Unmarshal(b, &p); err != nil || (p.Code != client.ProblemLogin) != k.ok {
				t.Errorf("%s at %s: %s", name, path, b)
			}
		}
	}
}

// With a nonce a node signs what it says about a transaction that it cannot prove,
// as the member that it is; without one, or without a key, it does not.
func TestANodeSignsWhatItSays(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	submit(t, c, publish)
	nonce := client.Hash{9, 9}
	says := func(m int, method, path string, body []byte) (*client.Statement, client.Problem) {
		t.Helper()
		_, b := ask(t, method, x.Members[m].URL+path+"?nonce="+nonce.String(),
			map[string]string{"Content-Type": "application/octet-stream"}, body)
		var p client.Problem
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		var subject [32]byte
		if p.Tx != nil {
			subject = *p.Tx
		}
		s, err := c.Verifier.Statement(p.Statement, subject, nonce)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if int(s.Replica) != m {
			t.Errorf("%+v", s)
		}
		return s, p
	}
	if s, _ := says(1, "GET", "/v1/status", nil); s.Says != client.SaysStatus {
		t.Errorf("status: %+v", s)
	}
	if s, p := says(2, "GET", "/v1/transactions/"+strings.Repeat("ab", 32), nil); s.Says != client.SaysAbsent ||
		s.TimeMs != uint64(p.Time.Ms) || s.Height != uint64(p.Height) {
		t.Errorf("absent: %+v", s)
	}
	if s, _ := says(3, "POST", "/v1/transactions", campaign.Claim(1, apitest.Holder(1).Key)); s.Says != 301 {
		t.Errorf("refused: %+v", s)
	}
	for _, path := range []string{"/v1/status", "/v1/transactions/" + strings.Repeat("ab", 32)} {
		if _, b := ask(t, "GET", x.Members[0].URL+path, nil, nil); strings.Contains(string(b), "statement") {
			t.Errorf("without a nonce: %s", b)
		}
	}
	mute := apitest.Start(t, 4, func(c *api.Config) { c.Sign = nil })
	_, b := ask(t, "GET", fmt.Sprintf("%s/v1/status?nonce=%s", mute.Members[0].URL, nonce), nil, nil)
	var a client.StatusAnswer
	if err := json.Unmarshal(b, &a); err != nil || a.Statement != nil {
		t.Errorf("without a key: %s", b)
	}
	r, b := ask(t, "GET", x.Members[0].URL+"/v1/status?nonce=12", nil, nil)
	if r.StatusCode != http.StatusBadRequest {
		t.Errorf("a short nonce: %s", b)
	}
}
