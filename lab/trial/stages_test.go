package trial

import (
	"maps"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/lab/results"
)

func TestStagesAreReadFromMetrics(t *testing.T) {
	got, err := readStages(strings.NewReader(`# HELP scrip_tx_stage_seconds Time of a stage.
# TYPE scrip_tx_stage_seconds histogram
scrip_tx_stage_seconds_bucket{stage="door",le="6.4e-05"} 1
scrip_tx_stage_seconds_sum{stage="door"} 0.5
scrip_tx_stage_seconds_count{stage="door"} 40
scrip_tx_stage_seconds_sum{stage="vote"} 1e-05
scrip_tx_stage_seconds_count{stage="vote"} 2
scrip_tx_commit_seconds_sum 7
`))
	if want := (stageSums{"door": {0.5, 40}, "vote": {1e-05, 2}}); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v (%v), wanted %v", got, err, want)
	}
	if _, err := readStages(strings.NewReader(`scrip_tx_stage_seconds_sum{stage="door"} much`)); err == nil {
		t.Error("a word is taken as a number")
	}
}

// Members that were down, or began anew, are not counted.
func TestStagesOfMembersThatWereUpAreAdded(t *testing.T) {
	c := results.Counters{}
	before := []stageSums{{"vote": {1, 10}}, nil, {"vote": {5, 50}}, {"vote": {2, 20}}}
	after := []stageSums{{"vote": {4, 30}}, {"vote": {9, 90}}, {"vote": {1, 10}}, {"vote": {2, 20}, "door": {1, 1}}}
	addStages(c, before, after)
	want := results.Counters{results.PrefixStageUs + "vote": 3e6, results.PrefixStageTxs + "vote": 20}
	if !maps.Equal(c, want) {
		t.Errorf("%v, wanted %v", c, want)
	}
}
