package main

import (
	"fmt"
	"path/filepath"
)

// counts are the numbers of a campaign, of a folder or of the chain.
type counts struct {
	tickets     int
	claimed     int
	redemptions int
	households  int // that redeemed
	value       uint64
}

// totals are the numbers by campaign, and over all.
type totals struct {
	by map[string]counts
	// receivers is how many households got any campaign; the chain does not know it.
	receivers  int
	households int // that redeemed anything
}

// sum adds the campaigns up. A household that redeemed in two counts once.
func (t *totals) sum() counts {
	var all counts
	for _, c := range t.by {
		all.tickets += c.tickets
		all.claimed += c.claimed
		all.redemptions += c.redemptions
		all.value += c.value
	}
	all.households = t.households
	return all
}

// countFolder counts rows of the files. It shares nothing with the replay but the
// reading of a table and the rule of face values.
func countFolder(dir string, face func(kind string) uint64) (*totals, error) {
	type pair struct{ campaign, household string }
	kinds, rows := map[string]string{}, map[pair]int{}
	receivers, redeemers, per := map[string]bool{}, map[string]bool{}, map[pair]int{}
	each := func(name string, columns []string, row func(v []string)) error {
		err := readTable(filepath.Join(dir, name), discard{}, columns, func(v []string) error { row(v); return nil })
		if err != nil {
			return fmt.Errorf("count %s: %w", name, err)
		}
		return nil
	}
	if err := each(fileCampaigns, []string{"campaign_id", "campaign_type"},
		func(v []string) { kinds[v[0]] = v[1] }); err != nil {
		return nil, err
	}
	if err := each(fileReceivers, []string{"campaign_id", "household_id"}, func(v []string) {
		rows[pair{v[0], v[1]}]++
		receivers[v[1]] = true
	}); err != nil {
		return nil, err
	}
	if err := each(fileRedemptions, []string{"campaign_id", "household_id"}, func(v []string) {
		per[pair{v[0], v[1]}]++
		redeemers[v[1]] = true
	}); err != nil {
		return nil, err
	}
	t := &totals{by: map[string]counts{}, receivers: len(receivers), households: len(redeemers)}
	for id, kind := range kinds {
		var c counts
		for p, n := range rows {
			if p.campaign == id {
				// A ticket for each coupon that the household redeemed, else one.
				c.tickets += n - 1 + max(1, per[p])
			}
		}
		for p, n := range per {
			if p.campaign == id {
				c.redemptions += n
				c.households++
			}
		}
		c.claimed, c.value = c.redemptions, uint64(c.redemptions)*face(kind)
		t.by[id] = c
	}
	return t, nil
}

// discard is a writer into nothing.
type discard struct{}

// Write implements io.Writer.
func (discard) Write(b []byte) (int, error) { return len(b), nil }
