package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
)

func TestThePreviewOfACampaignIsItsTitleAndIssuer(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	height := submit(t, c, publish).Height
	fetch(t, fmt.Sprintf("%s/v1/campaigns/%d?min_height=%d", x.Members[0].URL, campaign.Number, height), nil)
	g, err := c.Campaign(testContext(t), campaign.Number)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Member(testContext(t), g.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	title, issuer, ok := x.Members[0].Server.CampaignTitle(campaign.Number)
	if !ok || title != g.Terms.Title || issuer != m.Name {
		t.Errorf("%q of %q, %v", title, issuer, ok)
	}
	if title, _, ok := x.Members[0].Server.CampaignTitle(campaign.Number + 1); ok {
		t.Errorf("there is no campaign %d, and its title is %q", campaign.Number+1, title)
	}
}

// A wallet finds its coupons among all of a campaign, used ones included, and tells
// nobody which keys it compares.
func TestTheHoldersOfACampaignAreListedInFewBytes(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	submit(t, c, publish)
	if marks, err := c.HolderMarks(testContext(t), campaign.Number); err != nil || len(marks) != 0 {
		t.Errorf("before any was claimed: %v, %v", marks, err)
	}
	if _, err := c.HolderMarks(testContext(t), campaign.Number+1); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("of no campaign: %v", err)
	}
	submit(t, c, campaign.Batch(10))
	bo, cy := apitest.Holder(1), apitest.Holder(2)
	for _, serial := range []uint32{7, 2, 5} {
		submit(t, c, campaign.Claim(serial, bo.Key))
	}
	submit(t, c, campaign.Redeem(2, 0, bo, 0))
	height := submit(t, c, campaign.Transfer(5, 0, bo, cy.Key)).Height
	marks, err := c.HolderMarks(testContext(t), campaign.Number)
	want := []client.HolderMark{{Serial: 2, Mark: [4]byte(bo.Key[:4])}, {Serial: 5, Mark: [4]byte(cy.Key[:4])},
		{Serial: 7, Mark: [4]byte(bo.Key[:4])}}
	if err != nil || fmt.Sprint(marks) != fmt.Sprint(want) {
		t.Errorf("%v, %v, wanted %v", marks, err, want)
	}
	var body struct {
		Holders []byte
		Next    uint32
	}
	path := fmt.Sprintf("%s/v1/campaigns/%d/holders?min_height=%d", x.Members[0].URL, campaign.Number, height)
	fetch(t, path+"&from=5", &body)
	if len(body.Holders) != 16 || body.Holders[3] != 5 || body.Next != 0 {
		t.Errorf("from serial 5: %x, next %d", body.Holders, body.Next)
	}
	if r := fetch(t, fmt.Sprintf("%s/v1/campaigns/%d/holders", x.Members[0].URL, campaign.Number+1), nil); r.StatusCode !=
		http.StatusNotFound {
		t.Errorf("of no campaign: %s", r.Status)
	}
}
