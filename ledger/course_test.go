package ledger

import (
	"maps"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/coupon/coupontest"
)

// What is kept of a campaign is its row as it stood at the end of each quarter of an
// hour, behind an entry of zeros, and is found from any time on with the entry before.
func TestCourseIsTheRowAtTheEndOfEachQuarter(t *testing.T) {
	w := testWorld(true)
	b := newBench(t, w)
	g := coupontest.NewGenerator(w, coupontest.Workload{Campaigns: 2, Claim: 3, Redeem: 2, Void: 1}, 1, startMs)
	b.block(startMs, g.Setup()...)
	const minuteMs = 60_000
	want := map[uint32]map[uint64]Counters{}
	look := func(timeMs uint64) {
		for n := uint32(1); n <= 2; n++ {
			row, ok := b.store.Latest().Row(coupon.CampaignKey(n))
			c, err := coupon.DecodeCampaign(row)
			if err != nil || !ok {
				t.Fatal(n, ok, err)
			}
			now := Counters{Issued: c.Issued, Redemptions: c.Redemptions, Voids: c.Voids, Accrued: c.Accrued}
			if want[n] == nil {
				want[n] = map[uint64]Counters{0: {}}
			}
			last := want[n][slices.Max(slices.Collect(maps.Keys(want[n])))]
			if now != last || timeMs == startMs {
				want[n][timeMs/QuarterMs*QuarterMs] = now
			}
		}
	}
	look(startMs)
	for i := range uint64(60) {
		timeMs := startMs + (i+1)*4*minuteMs
		b.block(timeMs, g.Next(timeMs), g.Next(timeMs))
		look(timeMs)
	}
	for n, all := range want {
		if len(all) < 8 {
			t.Fatalf("campaign %d changed in %d quarters only", n, len(all))
		}
		times := slices.Sorted(maps.Keys(all))
		for i, from := range times {
			first := max(0, i-1) // the entry before comes first
			var got []uint64
			err := Course(b.store.Latest(), n, from, func(at uint64, c Counters) bool {
				if got = append(got, at); c != all[at] {
					t.Errorf("campaign %d at %d: %+v, want %+v", n, at, c, all[at])
				}
				return true
			})
			if err != nil || !slices.Equal(got, times[first:]) {
				t.Fatalf("campaign %d from %d: %d, want %d (%v)", n, from, got, times[first:], err)
			}
		}
		calls := 0
		err := Course(b.store.Latest(), n, times[3], func(uint64, Counters) bool { calls++; return false })
		if err != nil || calls != 1 {
			t.Errorf("%d calls after the first had enough (%v)", calls, err)
		}
	}
}

// An entry that is not of its form is an error, not a number.
func TestCourseRefusesWhatItDidNotWrite(t *testing.T) {
	for _, x := range [][2][]byte{{courseKey(1, 0), []byte{1, 2}}, {{indexCourses, 1}, (&Counters{}).encode()},
		{courseKey(1, 0), append((&Counters{}).encode(), 0)}} {
		if at, c, err := decodeCounters(x[0], x[1]); err == nil {
			t.Errorf("%x under %x is read as %d, %+v", x[1], x[0], at, c)
		}
	}
}
