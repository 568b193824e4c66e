package results

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/lab/scenarios"
)

func TestRawDataComesBack(t *testing.T) {
	samples := []Sample{
		{DueUs: -5, SentUs: 1, AnsweredUs: 700, ProofUs: None, Node: 2, Kind: "claim", Code: CodeOK,
			Phases: [5]int64{1, 2, 3, 4, None}},
		{DueUs: 9, SentUs: None, AnsweredUs: None, ProofUs: None, Kind: "transfer", Code: "",
			Phases: [5]int64{None, None, None, None, None}},
	}
	raw, err := EncodeSamples(samples)
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeSamples(bytes.NewReader(raw))
	if err != nil || !reflect.DeepEqual(back, samples) {
		t.Errorf("%+v, %v", back, err)
	}
	blocks := []Block{{Seq: 1, View: 1, Txs: 3, Bytes: 4, ProposedUs: 5, CommittedUs: None, ExecutedUs: 7, Fast: 8,
		Slow: 9, Ancestor: 10}}
	if raw, err = EncodeBlocks(blocks); err != nil {
		t.Fatal(err)
	}
	if back, err := DecodeBlocks(bytes.NewReader(raw)); err != nil || !slices.Equal(back, blocks) {
		t.Errorf("%+v, %v", back, err)
	}
	counters := Counters{"b": 1.5, "a": 2e9}
	table := bytes.NewReader(EncodeCounters(counters))
	if back, err := DecodeCounters(table); err != nil || !reflect.DeepEqual(back, counters) {
		t.Errorf("%+v, %v", back, err)
	}
	if _, err := DecodeSamples(bytes.NewReader(raw)); err == nil {
		t.Error("blocks are taken as samples")
	}
	if _, err := DecodeSamples(bytes.NewReader([]byte("no gzip"))); err == nil {
		t.Error("text is taken as samples")
	}
}

// run is two seconds in which one transaction falls due every 10 ms and is answered
// after 5 ms, but for a pause from 1,000 to 1,300 ms after which all are answered
// at once.
func run() *Run {
	r := &Run{Counters: Counters{CounterWindowUs: 2e6, CounterCPUUs: 4e5}}
	for due := int64(-100_000); due < 2_000_000; due += 10_000 {
		s := Sample{DueUs: due, SentUs: due, AnsweredUs: due + 5_000, ProofUs: None, Kind: "transfer", Code: CodeOK}
		if s.AnsweredUs >= 1_000_000 && s.AnsweredUs < 1_300_000 {
			s.AnsweredUs = 1_300_000
		}
		for i := range s.Phases {
			s.Phases[i] = None
		}
		r.Samples = append(r.Samples, s)
	}
	return r
}

// The warm-up counts nowhere. Of 200 measured transactions 170 took 5 ms, and the 30
// that were due in the pause 10, 20, and so on up to 300 ms: p90 is the 180th, the
// tenth of those.
func TestMetricsByHand(t *testing.T) {
	p := &scenarios.Part{Workload: scenarios.Transfers}
	m := run().Metrics(p, &scenarios.Case{Faults: []scenarios.Fault{{Kind: "crash", AtS: 1}}})
	for name, want := range map[string]float64{
		"throughput": 100, "p50": 5, "p90": 100, "p99": 280, "lost": 0, "refused": 0, "gap": 305, "cpu_us": 2000,
		// The bin from 1.3 s on is the first that is full again.
		"recovery": 300,
	} {
		if got := m[name]; got != want {
			t.Errorf("%s is %v, wanted %v", name, got, want)
		}
	}
	if _, ok := m["fast_share"]; ok {
		t.Error("a share of nothing was measured")
	}
}

// A run in which nothing was accepted has no latency, and says what was lost.
func TestNothingAcceptedHasNoLatency(t *testing.T) {
	r := &Run{Counters: Counters{CounterWindowUs: 1e6}, Samples: []Sample{
		{DueUs: 1, AnsweredUs: None, ProofUs: None}, {DueUs: 2, AnsweredUs: None, ProofUs: None, Code: CodeLate},
		{DueUs: 3, AnsweredUs: 4, ProofUs: None, Code: "E108"}, {DueUs: -3, AnsweredUs: 4, ProofUs: None, Code: "E108"}}}
	m := r.Metrics(&scenarios.Part{}, &scenarios.Case{})
	if _, ok := m["p50"]; ok || m["lost"] != 2 || m["refused"] != 1 || m["throughput"] != 0 {
		t.Errorf("%v", m)
	}
}

func TestMessagesArePerBlock(t *testing.T) {
	r := run()
	for name, v := range map[string]float64{CounterBlocks: 10, CounterFast: 30, CounterSlow: 10,
		PrefixMessages + "prepare": 120, PrefixBytes + "prepare": 12000, PrefixMessages + "pre-prepare": 30,
		PrefixBytes + "pre-prepare": 300_000} {
		r.Counters[name] = v
	}
	m := r.Metrics(&scenarios.Part{}, &scenarios.Case{})
	for name, want := range map[string]float64{"messages": 15, "vote_messages": 12, "bytes": 31200, "vote_bytes": 1200,
		"bytes_per_tx": 1560, "fast_share": 0.75} {
		if m[name] != want {
			t.Errorf("%s is %v, wanted %v", name, m[name], want)
		}
	}
}

// A sale ends at one second; waits are back at 1.3 s.
func TestHangover(t *testing.T) {
	p := &scenarios.Part{Workload: scenarios.Flash, FlashAfterS: 0.5, FlashForS: 0.5}
	r := run()
	r.Counters[CounterIssued], r.Counters[CounterStock] = 101, 100
	m := r.Metrics(p, &scenarios.Case{})
	if m["hangover"] != 300 || m["oversold"] != 1 || m["issued"] != 101 {
		t.Errorf("%v", m)
	}
}

// Percentiles that rest on fewer than ten samples are not stated.
func TestDistributionEndsWhereSamplesDo(t *testing.T) {
	var us []int64
	for i := range int64(1000) {
		us = append(us, 1000*(i+1))
	}
	d := distribution(us)
	if last := d[len(d)-1]; last.Percentile != 99 || last.Ms != 990 {
		t.Errorf("ends with %+v", last)
	}
}

func TestTimelineHasTheMedianOfRuns(t *testing.T) {
	bins := timeline([]*Run{run(), run(), run()})
	if len(bins) != 8 || bins[0].PerSecond != 100 || bins[0].P50Ms != 5 {
		t.Errorf("%+v", bins)
	}
	// From 1.0 to 1.25 s nothing is answered, and what was due then waited.
	if b := bins[4]; b.AtS != 1 || b.PerSecond != 0 || b.P50Ms < 150 {
		t.Errorf("%+v", b)
	}
}

func TestFitsNeedThreePoints(t *testing.T) {
	var cells []Cell
	for _, n := range []int{4, 8, 16} {
		c := Cell{Cell: scenarios.Cell{Engine: "P1", Members: n}}
		r := &Run{Counters: Counters{CounterBlocks: 1, PrefixMessages + "prepare": float64(n * n)}}
		c.Metrics = (&deriver{manifest: &Manifest{}}).cell(&scenarios.Part{Cases: []scenarios.Case{{}}}, c.Cell,
			[]*Run{r}).Metrics
		cells = append(cells, c)
	}
	f := fits(cells)
	if len(f) != 2 || f[0].Metric != "messages" || f[0].Power.Exponent != 2 || f[0].Power.R2 != 1 {
		t.Errorf("%+v", f)
	}
	if f := fits(cells[:2]); len(f) != 0 {
		t.Errorf("two points give %+v", f)
	}
}

// The client's part is what the members leave of the mean wait of what was answered
// in the measurement.
func TestStagesAddUpToTheMeanWait(t *testing.T) {
	r := &Run{Counters: Counters{CounterWindowUs: 1e6}, Samples: []Sample{
		{DueUs: 0, AnsweredUs: 20_000, Code: CodeOK}, {DueUs: 1000, AnsweredUs: 41_000, Code: CodeOK},
		{DueUs: 999_000, AnsweredUs: 1_500_000, Code: CodeOK}, {DueUs: 5, AnsweredUs: 6, Code: "E108"}}}
	if got := r.stageMs(); got != nil {
		t.Errorf("%v of members that said nothing", got)
	}
	want := map[string]float64{StageClient: 30 - 6*2.5}
	for _, name := range StageNames[1:] {
		r.Counters[PrefixStageUs+name], r.Counters[PrefixStageTxs+name] = 10_000, 4
		want[name] = 2.5
	}
	if got := r.stageMs(); !maps.Equal(got, want) {
		t.Errorf("%v, wanted %v", got, want)
	}
	slow := &Run{Counters: maps.Clone(r.Counters), Samples: r.Samples}
	slow.Counters[PrefixStageUs+"vote"] = 40_000
	want[StageClient], want["vote"] = 7.5, 10
	if got := stages([]*Run{slow, r, slow}); !maps.Equal(got, want) {
		t.Errorf("median %v, wanted %v", got, want)
	}
}

// Refusals for lack of room are counted by the second, and from when they were due.
func TestRefusalsCountFromWhenTheyWereDue(t *testing.T) {
	r := &Run{Counters: Counters{CounterWindowUs: 5e5}}
	for i := range int64(100) {
		r.Samples = append(r.Samples, Sample{DueUs: 1000 * i, SentUs: 1000*i + 5000, AnsweredUs: 1000*i + 6000 + i,
			ProofUs: None, Code: codeOverloaded})
	}
	r.Samples = append(r.Samples, Sample{DueUs: 9, SentUs: 9, AnsweredUs: 400_000, ProofUs: None, Code: "E301"})
	m := r.Metrics(&scenarios.Part{}, &scenarios.Case{})
	if m["refused"] != 101 || m["refused_per_second"] != 200 || m["refusal_p50"] != 6.049 || m["refusal_p99"] != 6.098 {
		t.Errorf("%v", m)
	}
}
