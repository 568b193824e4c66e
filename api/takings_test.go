package api_test

import (
	"fmt"
	"testing"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// What a till took and what was undone is listed, and summed by till and campaign;
// spans are half-open, and pages add up.
func TestTakingsAndTotals(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	submit(t, c, publish)
	submit(t, c, campaign.Batch(10))
	holder := apitest.Holder(1)
	var times []uint64
	for serial := uint32(1); serial <= 3; serial++ {
		submit(t, c, campaign.Claim(serial, holder.Key))
		times = append(times, submit(t, c, campaign.Redeem(serial, 0, holder, 0)).TimeMs)
	}
	height := submit(t, c, campaign.Void(2, 0, 1)).Height
	base := x.Members[0].URL
	var till listed[client.TillAnswer]
	fetch(t, base+fmt.Sprintf("/v1/tills?min_height=%d", height), &till)
	if len(till.Items) == 0 {
		t.Fatal("no till is listed")
	}
	member := till.Items[0].Member
	var none listed[client.TillAnswer]
	if fetch(t, base+"/v1/tills?member=999", &none); len(none.Items) != 0 {
		t.Errorf("%+v are not tills of member 999", none.Items)
	}

	path := base + fmt.Sprintf("/v1/members/%d/", member)
	var all listed[client.TakingAnswer]
	fetch(t, path+fmt.Sprintf("takings?min_height=%d", height), &all)
	if len(all.Items) != 4 || all.Items[3].Type != coupon.EventRedemptionVoided.String() ||
		all.Items[3].Coupon != all.Items[1].Coupon || all.Items[3].Value != all.Items[1].Value {
		t.Fatalf("%+v", all.Items)
	}
	var span listed[client.TakingAnswer]
	fetch(t, path+fmt.Sprintf("takings?from=%d&until=%d", times[1], times[2]), &span)
	if len(span.Items) != 1 || span.Items[0].ID != all.Items[1].ID {
		t.Errorf("the span holds %+v", span.Items)
	}
	var down listed[client.TakingAnswer]
	fetch(t, path+fmt.Sprintf("takings?newest=true&limit=2&until=%d", all.Items[3].Time.Ms), &down)
	if len(down.Items) != 2 || down.Items[0].ID != all.Items[2].ID || down.Items[1].ID != all.Items[1].ID {
		t.Errorf("newest first: %+v", down.Items)
	}
	var rest listed[client.TakingAnswer]
	fetch(t, path+"takings?newest=true&cursor="+down.Next, &rest)
	if len(rest.Items) != 1 || rest.Items[0].ID != all.Items[0].ID || rest.Next != "" {
		t.Errorf("the last page: %+v", rest)
	}
	var sums listed[client.TotalAnswer]
	fetch(t, path+"totals", &sums)
	var value client.U64
	for _, item := range all.Items[:3] {
		value += item.Value
	}
	if len(sums.Items) != 1 || sums.Items[0].Count != 3 || sums.Items[0].Value != value || sums.Items[0].Voids != 1 ||
		sums.Items[0].VoidedValue != all.Items[3].Value || sums.Items[0].Campaign != campaign.Number {
		t.Errorf("%+v", sums.Items)
	}
	var issued listed[client.CouponAnswer]
	fetch(t, base+fmt.Sprintf("/v1/campaigns/%d/coupons?limit=2", campaign.Number), &issued)
	if len(issued.Items) != 2 || issued.Items[1].Serial != 2 || issued.Next == "" {
		t.Errorf("%+v", issued)
	}
	var found, lost listed[client.CampaignAnswer]
	fetch(t, base+"/v1/campaigns?title=COFFEE", &found)
	fetch(t, base+"/v1/campaigns?title=nowhere", &lost)
	if len(found.Items) != 1 || len(lost.Items) != 0 {
		t.Errorf("found %+v and %+v", found.Items, lost.Items)
	}

	// A block is found by its digest, the newest one too.
	for _, height := range []uint64{0, 1, height} {
		var byHeight, byDigest client.BlockAnswer
		fetch(t, base+fmt.Sprintf("/v1/blocks/%d", height), &byHeight)
		fetch(t, base+"/v1/blocks/"+byHeight.Digest.String(), &byDigest)
		if uint64(byDigest.Height) != height || byDigest.Digest != byHeight.Digest {
			t.Errorf("block %s is found at height %d, wanted %d", byHeight.Digest, byDigest.Height, height)
		}
	}
	r, b := ask(t, "GET", base+"/v1/blocks/"+lostDigest, nil, nil)
	if p := asProblem(t, base, r, b); p.Code != client.ProblemNotFound {
		t.Errorf("%s, wanted %s", p.Code, client.ProblemNotFound)
	}
}

const lostDigest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
