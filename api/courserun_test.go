package api

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/ledger"
)

// Entries count from the campaign's beginning; an answer counts what is new in each
// part, from the entry before the span on, and says where that one is missing.
func TestCourseTellsWhatIsNewInEachPart(t *testing.T) {
	const q = ledger.QuarterMs
	type entry struct {
		at  uint64
		now ledger.Counters
	}
	life := []entry{{0, ledger.Counters{}}, {4 * q, ledger.Counters{Issued: 2}},
		{8 * q, ledger.Counters{Issued: 5, Redemptions: 2, Accrued: 900}},
		{9 * q, ledger.Counters{Issued: 5, Redemptions: 3, Voids: 1, Accrued: 800}},
		{16 * q, ledger.Counters{Issued: 6, Redemptions: 3, Voids: 1, Accrued: 800}}}
	part := func(at uint64, claims, redemptions, voids, payable, voided client.U64) client.CourseAnswer {
		return client.CourseAnswer{Begin: client.U64(at), Currency: "EUR", Claims: claims, Redemptions: redemptions,
			Voids: voids, Payable: payable, Voided: voided}
	}
	uncounted := func(at uint64) client.CourseAnswer {
		return client.CourseAnswer{Begin: client.U64(at), Currency: "EUR", Uncounted: true}
	}
	for _, c := range []struct {
		name    string
		in      courseInput
		entries []entry
		want    []client.CourseAnswer
	}{
		{"a whole life", courseInput{From: 0, Until: 20 * q, Step: 4 * q}, life,
			[]client.CourseAnswer{part(4*q, 2, 0, 0, 0, 0), part(8*q, 3, 3, 1, 900, 100), part(16*q, 1, 0, 0, 0, 0)}},
		{"from the middle on", courseInput{From: 8 * q, Until: 20 * q, Step: q}, life[1:],
			[]client.CourseAnswer{part(8*q, 3, 2, 0, 900, 0), part(9*q, 0, 1, 1, 0, 100), part(16*q, 1, 0, 0, 0, 0)}},
		{"until the middle", courseInput{From: 2 * q, Until: 9 * q, Step: 3 * q}, life,
			[]client.CourseAnswer{part(2*q, 2, 0, 0, 0, 0), part(8*q, 3, 2, 0, 900, 0)}},
		{"of a node that began later", courseInput{From: 4 * q, Until: 20 * q, Step: 4 * q}, life[2:],
			[]client.CourseAnswer{{Begin: 8 * q, Currency: "EUR", Redemptions: 1, Voids: 1, Voided: 100, Uncounted: true},
				part(16*q, 1, 0, 0, 0, 0)}},
		{"of one that began last", courseInput{From: 4 * q, Until: 20 * q, Step: 4 * q}, life[4:],
			[]client.CourseAnswer{uncounted(16 * q)}},
	} {
		sums := make(map[coursePart]*client.CourseAnswer)
		run := courseRun{in: &c.in, currency: "EUR", sums: sums}
		for _, e := range c.entries {
			if !run.visit(e.at, e.now) {
				break
			}
		}
		var got []client.CourseAnswer
		byBegin := func(a, b coursePart) int { return cmp.Compare(a.begin, b.begin) }
		for _, k := range slices.SortedFunc(maps.Keys(sums), byBegin) {
			got = append(got, *sums[k])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%+v, want\n%+v", c.name, got, c.want)
		}
	}
}
