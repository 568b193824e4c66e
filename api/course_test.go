package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/ledger"
)

// How campaigns went is told by parts of a span that add up to what their rows count,
// and a span that a node would have to work long for is refused.
func TestCourseAddsUpToTheRows(t *testing.T) {
	x := apitest.Start(t, 4, nil)
	x.WaitReady()
	c := newClient(t, x)
	publish, campaign := x.Publish()
	begin := submit(t, c, publish).TimeMs
	submit(t, c, campaign.Batch(10))
	holder := apitest.Holder(1)
	for serial := uint32(1); serial <= 3; serial++ {
		submit(t, c, campaign.Claim(serial, holder.Key))
		submit(t, c, campaign.Redeem(serial, 0, holder, 0))
	}
	last := submit(t, c, campaign.Void(2, 0, 1))
	base := x.Members[0].URL
	var row client.CampaignAnswer
	fetch(t, fmt.Sprintf("%s/v1/campaigns/%d?min_height=%d", base, campaign.Number, last.Height), &row)

	from := begin / ledger.QuarterMs * ledger.QuarterMs
	path := fmt.Sprintf("%s/v1/members/%d/course?from=%d&min_height=%d", base, row.Issuer, from, last.Height)
	until := func(ms uint64) string { return fmt.Sprintf("&until=%d", ms) }
	sum := func(query string) (s client.CourseAnswer) {
		t.Helper()
		var a listed[client.CourseAnswer]
		fetch(t, path+query, &a)
		for _, i := range a.Items {
			s.Claims += i.Claims
			s.Redemptions += i.Redemptions
			s.Voids += i.Voids
			s.Payable += i.Payable - i.Voided
			s.Uncounted = s.Uncounted || i.Uncounted
			if uint64(i.Begin) < from || i.Currency != row.Terms.Currency {
				t.Errorf("%+v", i)
			}
		}
		return s
	}
	want := client.CourseAnswer{Claims: client.U64(row.Issued), Redemptions: client.U64(row.Redemptions),
		Voids: client.U64(row.Voids), Payable: row.Accrued}
	if want.Claims != 3 || want.Voids != 1 {
		t.Fatalf("%+v", row)
	}
	hour := uint64(60 * 60 * 1000)
	for _, query := range []string{until(from + 24*hour), until(from+24*hour) + "&step_ms=900000",
		until(from+24*hour) + fmt.Sprintf("&campaign=%d", campaign.Number)} {
		if got := sum(query); got != want {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
	}
	if got := sum(until(from+24*hour) + "&campaign=999"); got != (client.CourseAnswer{}) {
		t.Errorf("a campaign that is not there: %+v", got)
	}

	for _, query := range []string{"from=1&until=900000", "from=900000&until=900000", "from=900000&until=34560900001",
		"from=900000&until=900000000&step_ms=900001", "from=900000&until=9001800001&step_ms=900000", "from=900000",
		"until=9&cursor=x"} {
		r, err := http.Get(fmt.Sprintf("%s/v1/members/%d/course?%s", base, row.Issuer, query))
		if err != nil {
			t.Fatal(err)
		}
		if body(t, r); r.StatusCode != http.StatusBadRequest && r.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", query, r.Status)
		}
	}
}
