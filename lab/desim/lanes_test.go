package desim

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
)

// apart is a committee with lanes over lines that are no limit.
func apart(n int) Config {
	c := Config{N: n, Lanes: true, DurationMs: 1200, Load: Load{TxPerSecond: 1500, Poisson: true}, Seed: 3,
		Links: Links{DelayUs: make([][]int64, n), EgressBytesPerSecond: 125_000_000, IngressBytesPerSecond: 125_000_000}}
	for i := range n {
		c.Links.DelayUs[i] = slices.Repeat([]int64{500}, n)
		c.Links.DelayUs[i][i] = 0
	}
	return c
}

func sent(r *Result, kind string) (k KindCount) {
	for _, x := range r.Messages {
		if x.Kind == kind {
			return x
		}
	}
	return k
}

// answeredAll fails unless every client of a run has its answer, and nobody led in vain.
func answeredAll(t *testing.T, what string, r *Result) {
	t.Helper()
	if r.Answered != r.Offered || r.Refused != 0 {
		t.Errorf("%s: %d offered, %d answered, %d refused", what, r.Offered, r.Answered, r.Refused)
	}
	if r.ViewChanges != 0 {
		t.Errorf("%s: %d changes of the primary", what, r.ViewChanges)
	}
}

// medianUs is the median latency of those of some members' clients, in microseconds.
func medianUs(r *Result, but int32) int64 {
	var all []int64
	for i := range r.TxSamples {
		if x := &r.TxSamples[i]; x.AnsweredNs > 0 && x.Gateway != but {
			all = append(all, x.LatencyNs()/1000)
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// With lanes payload travels once, in batches, and proposals bring recipes that every
// member can put together by itself, under both protocols.
func TestLanesCarryPayloadApart(t *testing.T) {
	for _, engine := range []string{EngineDualPath, EngineOriginal} {
		c := apart(4)
		c.Engine = engine
		r := mustRun(t, c)
		answeredAll(t, engine, &r)
		for _, kind := range []string{"transactions", "pre-prepare", "fetch", "fetch-recipe", "blocks", "fetch-range"} {
			if k := sent(&r, kind); k.Count != 0 {
				t.Errorf("%s: %d messages of %s", engine, k.Count, kind)
			}
		}
		if b := sent(&r, "batch"); b.Bytes < int64(r.Committed)*3*250*3/4 || sent(&r, "recipe").Count == 0 {
			t.Errorf("%s: batches of %d bytes for %d transactions", engine, b.Bytes, r.Committed)
		}
	}
}

// One configuration gives one result with lanes, too.
func TestLanesGiveTheSameResultAgain(t *testing.T) {
	c := apart(4)
	c.DurationMs = 300
	one, two := mustRun(t, c), mustRun(t, c)
	if !reflect.DeepEqual(one, two) {
		t.Error("two runs differ")
	}
}

// On a line of 100 Mbit/s four members carry with lanes what the line of a primary cannot.
func TestLanesCarryMoreThanALine(t *testing.T) {
	c := apart(4)
	c.DurationMs, c.Load = 600, Load{InFlight: 8192}
	c.Links.EgressBytesPerSecond, c.Links.IngressBytesPerSecond = 12_500_000, 12_500_000
	r := mustRun(t, c)
	if r.CommittedPerSecond < 20_000 { // 12,300 is the bound of the form inside
		t.Errorf("%d a second", r.CommittedPerSecond)
	}
}

// One author does what it can to those who need its batches: the others wait for a block or
// two, and then no longer (attacks 1, 3, 4, 5).
func TestAFaultyAuthorDelaysNobodyForLong(t *testing.T) {
	for _, x := range []struct {
		n      int
		faults []Fault
		shows  string // a kind of message that shows the fault at work
	}{
		{4, []Fault{{Kind: WithholdBodies, Member: 2}}, "lack"},
		{4, []Fault{{Kind: WithholdBodies, Member: 2}, {Kind: Withhold, Member: 2}}, "range-data"},
		{4, []Fault{{Kind: Drip, Member: 2, DelayMs: 400}}, "lack"},
		{4, []Fault{{Kind: EquivocateBatches, Member: 1}}, "fetch-range"},
		{4, []Fault{{Kind: LackAll, Member: 2}}, "range-data"},
		{7, []Fault{{Kind: WithholdBodies, Member: 2}, {Kind: MuteAuthor, Member: 3}}, "range-data"},
	} {
		c := apart(x.n)
		c.WarmupMs = -1
		without := mustRun(t, c)
		c.Faults = x.faults
		what, author := fmt.Sprint(x.faults), int32(x.faults[0].Member)
		r := mustRun(t, c)
		answeredAll(t, what, &r)
		if sent(&r, x.shows).Count == 0 || sent(&without, x.shows).Count != 0 {
			t.Errorf("%s: the fault does nothing", what)
		}
		if own, others := medianUs(&without, author), medianUs(&r, author); others > own*3/2 {
			t.Errorf("%s: the others wait %d us instead of %d", what, others, own)
		}
		if k := sent(&r, "fetch-range").Count; k > 40 {
			t.Errorf("%s: %d ranges were asked for", what, k)
		}
		if k := sent(&r, "blocks").Count; k > 10 {
			t.Errorf("%s: %d bodies were fetched", what, k)
		}
	}
}

// Lanes flow while a primary is dead, and begin again with a member that was.
func TestLanesOutliveThePrimary(t *testing.T) {
	for _, engine := range []string{EngineDualPath, EngineOriginal} {
		c := apart(4)
		c.Engine, c.DurationMs, c.DrainMs = engine, 1500, 8000
		c.Faults = []Fault{{AtMs: 400, Kind: CrashPrimary}, {AtMs: 800, Kind: Restart, Member: -1}}
		r := mustRun(t, c)
		if r.Answered != r.Offered-r.Refused || r.ViewChanges == 0 {
			t.Errorf("%s: %d offered, %d answered, %d refused after %d changes", engine, r.Offered, r.Answered, r.Refused,
				r.ViewChanges)
		}
	}
}

// Faults of lanes are none where there are no lanes.
func TestFaultsOfLanesNeedLanes(t *testing.T) {
	for _, kind := range []FaultKind{WithholdBodies, Drip, EquivocateBatches, LackAll, MuteAuthor} {
		if _, err := Run(Config{Faults: []Fault{{Kind: kind}}}); err == nil {
			t.Errorf("%s is taken", kind)
		}
	}
}
