//go:build unix

package index_test

import (
	"strings"
	"testing"

	"github.com/scrip-network/scrip/api/apitest"
)

// known is rows whose answers are worked out by hand: campaign 1, a stored value of 20.00 that
// members 1 and 3 pay for, and campaign 2, three breakfasts of at most 1.50.
const known = `
SET TIME ZONE 'Asia/Tokyo';
INSERT INTO scrip.campaigns SELECT n, 1, 't' || n, 'PUBLISHED', k, 978, f, 0, c, 0, u, 0, 10000, l, 100000, 50, 0, d, d,
  d, d, d, 1 FROM (VALUES (1, 'STORED', 2000, 0, 20, 2000), (2, 'PERCENT', 0, 150, 3, 450)) x (n, k, f, c, u, l),
  (SELECT timestamptz '2026-01-01 00:00:00+00' AS d) y;
INSERT INTO scrip.campaign_funders VALUES (1, 1, 1, 6667), (1, 3, 2, 3333), (2, 1, 1, 10000);
INSERT INTO scrip.batches VALUES (1, 1, 1, 10, '', 1), (1, 2, 11, 5, '', 1);
INSERT INTO scrip.coupons VALUES
  (1, 1, '\xaa', 3, 17, 1949, false, '2026-01-01 10:00:00+00', '2026-02-01 00:00:00+00', 1),
  (1, 2, '\xaa', 1, 19, 1900, false, '2026-01-01 10:00:00+00', '2026-02-01 00:00:00+00', 1),
  (1, 3, '\xbb', 0, 20, 2000, true,  '2026-01-01 10:00:00+00', '2026-02-01 00:00:01+00', 1),
  (2, 1, '\xcc', 0, 3, 0, false, '2026-01-01 10:00:00+00', '2026-01-15 00:00:00+00', 1),
  (2, 2, '\xdd', 3, 0, 0, false, '2026-01-01 10:00:00+00', '2026-01-15 00:00:00+00', 1);
INSERT INTO scrip.redemptions VALUES
  (1, 1, 0, 2, 0, '2026-01-01 23:59:59.999+00', 't2', 2, 1, 'SHOW', 50, 50, 1, now(), NULL, NULL),
  (1, 1, 1, 3, 0, '2026-01-02 00:00:00+00', 't4', 4, 1, 'SHOW', 51, 51, 1, now(), NULL, NULL),
  (1, 1, 2, 4, 0, '2026-01-02 00:30:00+00', 't4', 4, 1, 'SHOW', 70, 70, 1, now(), '2026-01-03 12:00:00+00', 5),
  (1, 2, 0, 4, 1, '2026-01-03 10:00:00+00', 't2', 2, 2, 'INVOICE', 100, 100, 2, now(), NULL, NULL),
  (2, 2, 0, 6, 0, '2026-01-01 11:00:00+00', 't1', 1, 1, 'SHOW', 150, 150, 1, now(), NULL, NULL);
INSERT INTO scrip.refusals VALUES (1, 0, '2026-01-01 23:00:00+00', '', 'Redeem', 'E509'),
  (1, 1, '2026-01-01 01:00:00+00', '', 'Redeem', 'E509'), (2, 0, '2026-01-02 01:00:00+00', '', 'Claim', 'E304');
UPDATE scrip.chain SET at = '2026-02-01 00:00:00+00';
SET TIME ZONE 'America/Lima';`

// The views answer with what is worked out by hand, in whatever zone a session is: rounding
// over buckets, hours and days that begin in UTC, what was undone, ends that are reached.
func TestTheViewsOnRowsThatAreKnown(t *testing.T) {
	url := database(t)
	m := &market{Network: apitest.Start(t, 4, nil)}
	m.open(t, url)
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	for _, q := range [][3]string{
		// Shares of 50, 101 and 201 so far: 16, 33 and 66 are floor(total * 0.3333).
		{"who pays whom", "SELECT cycle, payer, payee, amount FROM scrip.who_pays_whom ORDER BY 1, 2, 3",
			"1 1 2 34|1 1 4 34|1 3 2 16|1 3 4 17|2 1 2 67|2 3 2 33"},
		{"obligations", "SELECT cycle, campaign, payee, sum, count FROM scrip.obligations ORDER BY 1, 2, 3",
			"1 1 2 50 1|1 1 4 51 1|1 2 1 150 1|2 1 2 100 1"},
		{"hours", "SELECT merchant, to_char(hour AT TIME ZONE 'UTC', 'DD HH24:MI'), redemptions, value, payable, voided " +
			"FROM scrip.redemptions_by_hour WHERE campaign = 1 ORDER BY hour, 1",
			"2 01 23:00 1 50 50 0|4 02 00:00 2 121 121 1|2 03 10:00 1 100 100 0"},
		{"store days", "SELECT merchant, store, to_char(day AT TIME ZONE 'UTC', 'DD HH24:MI'), redemptions, value, " +
			"payable, voided, voided_payable FROM scrip.store_days ORDER BY 1, 2, 3", "1 1 01 00:00 1 150 150 0 0|" +
			"2 1 01 00:00 1 50 50 0 0|2 2 03 00:00 1 100 100 0 0|4 1 02 00:00 2 121 121 0 0|4 1 03 00:00 0 0 0 1 70"},
		{"funnel", "SELECT campaign, max_supply, offered, claimed, used, used_up FROM scrip.campaign_funnel ORDER BY 1",
			"1 50 15 3 2 0|2 50 0 2 1 1"},
		// The coupon 1-3 has a second left; a breakfast gives at most the ceiling.
		{"breakage", "SELECT campaign, claimed, lapsed, lapsed_uses, lapsed_value FROM scrip.breakage ORDER BY 1",
			"1 3 2 36 3849|2 2 1 3 450"},
		{"repeat holders", "SELECT campaign, coupons, holders FROM scrip.repeat_holders ORDER BY 1, 2", "1 1 1|1 2 1|2 1 2"},
		// 50,399.999 and 172,800 seconds for campaign 1, 3,600 for campaign 2.
		{"time to redeem", "SELECT campaign, coupons, round(median_seconds::numeric, 4), round(p90_seconds::numeric, 1) " +
			"FROM scrip.time_to_redeem ORDER BY 1", "1 2 111599.9995 160560.0|2 1 3600.0000 3600.0"},
		{"budget", "SELECT campaign, committed, accrued, free FROM scrip.budget_use ORDER BY 1",
			"1 6000 201 94000|2 900 150 99100"},
		{"refusals", "SELECT to_char(day AT TIME ZONE 'UTC', 'DD HH24:MI'), kind, code, word, refusals " +
			"FROM scrip.refusal_reasons ORDER BY 1, 2", "01 00:00 Redeem E509 already_redeemed 2|" +
			"02 00:00 Claim E304 limit_reached 1"},
	} {
		text := "SELECT concat_ws(' ', VARIADIC array(SELECT value FROM jsonb_array_elements_text(jsonb_agg_row))) " +
			"FROM (SELECT (SELECT jsonb_agg(value) FROM json_each_text(row_to_json(x))) AS jsonb_agg_row FROM (" + q[1] +
			") x) y"
		if got := strings.Join(asked(t, conn, text), "|"); got != q[2] {
			t.Errorf("%s:\n%s\nwanted\n%s", q[0], got, q[2])
		}
	}
}
