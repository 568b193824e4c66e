package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/keys"
)

func newClient(t testing.TB, x *apitest.Network, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(x.Dev.Genesis.Raw, x.URLs(), options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func submit(t testing.TB, c *client.Client, tx []byte) *client.Receipt {
	t.Helper()
	r, err := c.Submit(testContext(t), tx)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fetch(t testing.TB, url string, out any) *http.Response {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("%s: %s: %v\n%s", url, r.Status, err, b)
		}
	}
	return r
}

func TestCouponsLife(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	submit(t, c, publish)
	submit(t, c, campaign.Batch(10))
	bo := apitest.Holder(1)
	submit(t, c, campaign.Claim(1, bo.Key))
	ctx := testContext(t)
	held, err := c.Coupon(ctx, campaign.Coupon(1))
	if err != nil {
		t.Fatal(err)
	}
	if held.Status != "HELD" || held.Owner != bo.Key {
		t.Fatalf("the coupon is %s of %x", held.Status, held.Owner)
	}
	submit(t, c, campaign.Redeem(1, 0, bo, 0))
	used, err := c.Coupon(ctx, campaign.Coupon(1))
	if err != nil {
		t.Fatal(err)
	}
	if used.Status != "REDEEMED" {
		t.Fatalf("the coupon is %s", used.Status)
	}
	for _, path := range []string{"/v1/status", "/v1/validators", "/v1/blocks", "/v1/blocks/1", "/v1/blocks/latest",
		"/v1/campaigns", "/v1/campaigns/1",
		"/v1/coupons/4294967297", "/v1/coupons/4294967297?proof=true", "/v1/coupons/4294967297/history", "/v1/members",
		"/v1/members/1", "/v1/batches",
		"/v1/redemptions/4294967297/0", "/v1/obligations", "/v1/state/01"} {
		var body any
		r := fetch(t, x.Members[0].URL+path, &body)
		b, _ := json.Marshal(body)
		t.Log(path, r.Status, string(b[:min(len(b), 600)]))
		if r.StatusCode != 200 {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
}

func now() time.Time { return time.Now() }

func holderAddress(key [32]byte) string { return keys.Encode(keys.Holder, key) }
