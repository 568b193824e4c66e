package trial

import (
	"testing"

	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
)

// A share is offered of what the same engine committed in the same part.
func TestSharesOfTheSaturation(t *testing.T) {
	p := &scenarios.Part{Name: "a", Mode: scenarios.Host, DurationS: 2}
	saturated := &job{part: p, cell: scenarios.Cell{Engine: "P1", Members: 4, Load: "saturate"},
		run: &results.Run{Counters: results.Counters{results.CounterWindowUs: 2e6}}}
	for range 600 {
		saturated.run.Samples = append(saturated.run.Samples, results.Sample{Code: results.CodeOK, AnsweredUs: 1})
	}
	p.Cases = []scenarios.Case{{}}
	l := &lab{saturation: make(map[string]float64)}
	half := &job{part: p, cell: scenarios.Cell{Engine: "P1", Members: 4, Load: "50%"}}
	if load, err := l.offered(half); err == nil {
		t.Errorf("%v is offered before the saturation is known", load)
	}
	l.keepSaturation(saturated)
	if load, err := l.offered(half); err != nil || load.PerSecond != 150 {
		t.Errorf("%v (%v) is offered of 300 per second", load, err)
	}
	other := *half
	other.cell.Engine = "P0"
	if load, err := l.offered(&other); err == nil {
		t.Errorf("another engine is offered %v", load)
	}
}

// Runs are shortened, but not below what happens in them.
func TestShortenedRuns(t *testing.T) {
	s := &scenarios.Scenario{Parts: []scenarios.Part{{DurationS: 10}, {DurationS: 1},
		{DurationS: 20, Workload: scenarios.Flash, FlashAfterS: 1, FlashForS: 4},
		{DurationS: 9, Cases: []scenarios.Case{{Faults: []scenarios.Fault{{AtS: 5}}}}}}}
	(&Options{Seconds: 2}).shorten(s)
	for i, want := range []float64{2, 1, 5 + afterwardsS, 5 + afterwardsS} {
		if got := s.Parts[i].DurationS; got != want {
			t.Errorf("part %d takes %v s, wanted %v", i, got, want)
		}
	}
}
