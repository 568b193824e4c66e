package api_test

import (
	"fmt"
	"testing"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/ledger"
)

// What was claimed, redeemed, undone and refused is counted in the quarter of its block,
// the same on every node, with the time that blocks took here.
func TestActivityIsCountedByQuarters(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	first := submit(t, c, publish)
	submit(t, c, campaign.Batch(10))
	holder := apitest.Holder(1)
	for serial := uint32(1); serial <= 3; serial++ {
		submit(t, c, campaign.Claim(serial, holder.Key))
	}
	submit(t, c, campaign.Redeem(1, 0, holder, 0))
	submit(t, c, campaign.Redeem(2, 0, holder, 0))
	last := submit(t, c, campaign.Void(2, 0, 1))

	var sum client.ActivityAnswer
	var all, again listed[client.ActivityAnswer]
	path := "/v1/activity?min_height=%d&from=%d"
	begin := first.TimeMs - first.TimeMs%ledger.QuarterMs
	fetch(t, x.Members[0].URL+fmt.Sprintf(path, last.Height, begin), &all)
	fetch(t, x.Members[3].URL+fmt.Sprintf(path, last.Height, begin), &again)
	if len(all.Items) == 0 || len(again.Items) != len(all.Items) {
		t.Fatalf("%+v, and of another node %+v", all, again)
	}
	timed := false
	for i, a := range all.Items {
		if a.Begins.Ms%ledger.QuarterMs != 0 {
			t.Errorf("a quarter begins at %d", a.Begins.Ms)
		}
		if b := again.Items[i]; b.Claims != a.Claims || b.Redemptions != a.Redemptions {
			t.Errorf("one node counts %+v, another %+v", a, b)
		}
		timed = timed || a.Final != nil && a.Final.Blocks > 0 && a.Final.MostMs >= a.Final.MeanMs
		sum.Blocks += a.Blocks
		sum.Transactions += a.Transactions
		sum.Claims += a.Claims
		sum.Redemptions += a.Redemptions
		sum.Voids += a.Voids
	}
	if sum.Claims != 3 || sum.Redemptions != 2 || sum.Voids != 1 || sum.Transactions != 8 || sum.Blocks < 1 || !timed {
		t.Errorf("%+v, timed: %v", sum, timed)
	}
	var before listed[client.ActivityAnswer]
	fetch(t, x.Members[0].URL+fmt.Sprintf("/v1/activity?until=%d", begin), &before)
	if len(before.Items) != 0 {
		t.Errorf("before the chain: %+v", before.Items)
	}
}
