package desim

import (
	"errors"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// free are costs of nothing: only the network takes time.
func free() *Costs { return &Costs{} }

const ms = 1_000_000

func mustRun(t *testing.T, c Config) Result {
	t.Helper()
	r, err := Run(c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Diverged != "" {
		t.Fatalf("seed %d: %s", c.Seed, r.Diverged)
	}
	checkResult(t, c.Seed, &r)
	return r
}

// checkResult tests what holds in every run.
func checkResult(t *testing.T, seed uint64, r *Result) {
	t.Helper()
	if r.Answered+r.Refused > r.Offered || r.Committed > r.Offered {
		t.Errorf("seed %d: %d offered, %d answered, %d refused, %d committed", seed, r.Offered, r.Answered, r.Refused,
			r.Committed)
	}
	inBlocks := 0
	for i := range r.BlockRows {
		inBlocks += r.BlockRows[i].Txs
		if i > 0 && r.BlockRows[i].Seq != r.BlockRows[i-1].Seq+1 {
			t.Errorf("seed %d: block %d follows %d", seed, r.BlockRows[i].Seq, r.BlockRows[i-1].Seq)
		}
	}
	ordered := 0
	for i := range r.TxSamples {
		s := &r.TxSamples[i]
		ordered += count(s.Seq != 0)
		queue, propose, vote, execute, notify, ok := s.Phases()
		if !ok {
			continue
		}
		if queue+propose+vote+execute+notify != s.LatencyNs() {
			t.Fatalf("seed %d: the phases of transaction %d do not add up: %+v", seed, i, *s)
		}
		if min(queue, propose, vote, execute, notify) < 0 || s.Seq == 0 {
			t.Fatalf("seed %d: transaction %d runs backwards: %+v", seed, i, *s)
		}
	}
	if ordered > inBlocks {
		t.Errorf("seed %d: %d transactions are ordered, blocks hold %d", seed, ordered, inBlocks)
	}
}

// both runs a test under either engine.
func both(t *testing.T, test func(t *testing.T, engine string)) {
	t.Helper()
	for _, engine := range []string{EngineDualPath, EngineOriginal} {
		t.Run(engine, func(t *testing.T) { test(t, engine) })
	}
}

// A seed decides everything.
func TestTheSameSeedGivesTheSameResult(t *testing.T) {
	both(t, sameSeedSameResult)
}

func sameSeedSameResult(t *testing.T, engine string) {
	cfg := Config{Engine: engine, N: 7, Links: City(7), Load: Load{TxPerSecond: 400, Poisson: true}, DurationMs: 1000,
		Seed: 11, Faults: []Fault{{AtMs: 400, Kind: CrashPrimary}, {AtMs: 700, Kind: Restart, Member: -1}}}
	cfg.Links.LossPerMillion = 500
	first, second := mustRun(t, cfg), mustRun(t, cfg)
	if first.Digest != second.Digest || first.Events != second.Events {
		t.Fatalf("two runs of one seed: %d and %d events, digests %s and %s", first.Events, second.Events, first.Digest,
			second.Digest)
	}
	cfg.Seed++
	if other := mustRun(t, cfg); other.Digest == first.Digest {
		t.Fatal("another seed gives the same result")
	}
}

// delays is how long a block takes from proposal to commit, in one-way delays of
// the network, at each sample that committed in a measured and quiet system.
func delays(t *testing.T, cfg Config, oneWayMs int64) int64 {
	t.Helper()
	cfg.Costs, cfg.Links = free(), Uniform(cfg.N, oneWayMs*1000)
	cfg.Load, cfg.DurationMs = Load{TxPerSecond: 10}, 3000
	r := mustRun(t, cfg)
	found := int64(-1)
	for i := range r.BlockRows {
		x := &r.BlockRows[i]
		if x.ProposedNs < r.FromNs || x.FirstCommittedNs > r.UntilNs || x.Txs == 0 {
			continue
		}
		took := x.QuorumExecutedNs - x.ProposedNs
		if took%(oneWayMs*ms) != 0 || found >= 0 && took != found*oneWayMs*ms {
			t.Fatalf("block %d took %d ns with delays of %d ms", x.Seq, took, oneWayMs)
		}
		found = took / (oneWayMs * ms)
	}
	if found < 0 {
		t.Fatal("nothing was committed")
	}
	return found
}

func TestDelaysUntilCommit(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		want int64
	}{
		{"fast path, p = 1", Config{N: 4}, 2},
		{"fast path, p = 1, one crashed", Config{N: 4, Faults: []Fault{{Kind: Crash, Member: 3}}}, 2},
		{"fast path, p = 0", Config{N: 4, F: 1}, 2},
		{"slow path, p = 0, one crashed", Config{N: 4, F: 1, Faults: []Fault{{Kind: Crash, Member: 3}}}, 3},
		{"slow path, p = 1, two of seven withhold", Config{N: 7, Faults: []Fault{{Kind: Withhold, Member: 5},
			{Kind: Withhold, Member: 6}}}, 3},
		{"fast path switched off", Config{N: 4, Without: Without{FastPath: true}}, 3},
		{"original", Config{N: 4, Engine: EngineOriginal}, 3},
		{"original, one crashed", Config{N: 4, Engine: EngineOriginal, Faults: []Fault{{Kind: Crash, Member: 3}}}, 3},
	} {
		for _, oneWayMs := range []int64{1, 15} {
			if got := delays(t, c.cfg, oneWayMs); got != c.want {
				t.Errorf("%s: %d delays, want %d", c.name, got, c.want)
			}
		}
	}
}

// messagesPerBlock are the closed formulas of a quiet system: everybody votes to
// everybody else; on two paths COMMITs are sent only where q votes come before n-p.
func messagesPerBlock(r *Result) map[string]int64 {
	all := int64(r.N * (r.N - 1))
	want := map[string]int64{"pre-prepare": int64(r.N - 1), "prepare": all, "commit": all, "checkpoint": all}
	if r.Engine == EngineDualPath && r.Quorum == r.N-r.P {
		want["commit"] = 0
	}
	return want
}

func TestMessagesPerBlockAreThoseOfTheFormula(t *testing.T) {
	both(t, countMessages)
}

func countMessages(t *testing.T, engine string) {
	for _, n := range []int{4, 7, 10} {
		r := mustRun(t, Config{Engine: engine, N: n, Links: Uniform(n, 5000), Costs: free(), Load: Load{TxPerSecond: 10},
			DurationMs: 4050, WarmupMs: 1050})
		for kind, each := range messagesPerBlock(&r) {
			if got := r.Of(kind).Count; got != each*int64(r.Blocks) {
				t.Errorf("n = %d: %d %s in %d blocks, want %d each", n, got, kind, r.Blocks, each)
			}
		}
		if r.Blocks != 30 || r.Committed != 30 {
			t.Errorf("n = %d: %d blocks with %d transactions, 30 were offered", n, r.Blocks, r.Committed)
		}
	}
}

func TestFCrashedMembersDoNotStopTheOthers(t *testing.T) {
	both(t, crashF)
}

func crashF(t *testing.T, engine string) {
	for _, n := range []int{4, 7, 10} {
		cfg := Config{Engine: engine, N: n, Links: City(n), Load: Load{TxPerSecond: 200, Poisson: true},
			DurationMs: 1500, Seed: uint64(n)}
		f := 0
		for ; f < (n-1)/3; f++ {
			cfg.Faults = append(cfg.Faults, Fault{AtMs: 500, Kind: Crash, Member: n - 1 - f})
		}
		r := mustRun(t, cfg)
		if r.Answered != r.Offered {
			t.Errorf("n = %d: %d of %d answered after %d crashes", n, r.Answered, r.Offered, f)
		}
	}
}

// saturated is a closed loop over a slow network with free processors.
func saturated(n, window int, oneWayMs int64) Config {
	return Config{N: n, Window: window, Links: Uniform(n, oneWayMs*1000), Costs: free(), DurationMs: 4000,
		Load: Load{InFlight: 2000, Executed: true}, Batching: driver.Batching{TxsMax: 100}}
}

// A window of one is sequential PBFT: a batch every three delays.
func TestAWindowOfOneMovesABatchEveryThreeDelays(t *testing.T) {
	cfg := saturated(4, 1, 15)
	cfg.Engine = EngineOriginal
	got := mustRun(t, cfg).CommittedPerSecond
	if want := int64(100 * 1000 / 45); got < want*97/100 || got > want*103/100 {
		t.Errorf("%d tx/s, want about %d", got, want)
	}
}

// One block at a time moves a batch every two delays.
func TestWithoutPipeliningABatchTakesAWholeRound(t *testing.T) {
	cfg := saturated(4, 32, 15)
	cfg.Without.Pipelining = true
	got := mustRun(t, cfg).CommittedPerSecond
	if want := int64(100 * 1000 / 30); got < want*97/100 || got > want*103/100 {
		t.Errorf("%d tx/s, want about %d", got, want)
	}
	cfg.Without.Pipelining = false
	if piped := mustRun(t, cfg).CommittedPerSecond; piped < 3*got {
		t.Errorf("%d tx/s with four blocks in flight, %d with one", piped, got)
	}
}

func TestBandwidthBoundsThroughput(t *testing.T) {
	const bytesPerSecond = 10_000_000
	cfg := Config{N: 4, Links: Uniform(4, 1000), DurationMs: 5000, Load: Load{InFlight: 4000, Executed: true},
		Batching: driver.Batching{BytesMax: 64 << 10}, Cores: 64, Timers: pbft.Timers{FetchTicks: 200}}
	cfg.Links.EgressBytesPerSecond = bytesPerSecond
	r := mustRun(t, cfg)
	// The primary sends each transaction three times in proposals. Fetching waits,
	// so that what is on its way is not asked for again.
	bound := int64(bytesPerSecond / (3 * defaultTxBytes))
	if r.CommittedPerSecond > bound || r.CommittedPerSecond < bound/2 {
		t.Errorf("%d tx/s, the links allow %d", r.CommittedPerSecond, bound)
	}
	cfg.Links.EgressBytesPerSecond = 10 * bytesPerSecond
	if more := mustRun(t, cfg).CommittedPerSecond; more < 2*r.CommittedPerSecond {
		t.Errorf("%d tx/s with ten times the bandwidth, %d with it", more, r.CommittedPerSecond)
	}
}

// Votes overtake payload: with a proposal of a megabyte on a thin link, a vote
// still takes about its delay.
func TestVotesDoNotWaitBehindPayload(t *testing.T) {
	const bytesPerSecond = 1_000_000
	var p pipe
	if at := p.pass(0, 1, 1_000_000, bytesPerSecond); at != 1_000*ms {
		t.Fatalf("a megabyte passes at %d", at)
	}
	if at := p.pass(10*ms, 0, 1000, bytesPerSecond); at != 11*ms {
		t.Fatalf("a vote passes at %d", at)
	}
	if at := p.pass(20*ms, 1, 1000, bytesPerSecond); at != 1_002*ms {
		t.Fatalf("payload after a vote passes at %d", at)
	}
}

func TestAPrimaryThatCrashesIsReplaced(t *testing.T) {
	both(t, crashPrimary)
}

func crashPrimary(t *testing.T, engine string) {
	for seed := range uint64(4) {
		cfg := Config{Engine: engine, N: 4, Links: Country(4), Load: Load{TxPerSecond: 200, Poisson: true},
			DurationMs: 3500, Seed: seed,
			Faults: []Fault{{AtMs: 1500, Kind: CrashPrimary}, {AtMs: 2500, Kind: Restart, Member: -1}}}
		r := mustRun(t, cfg)
		if r.Answered != r.Offered || r.ViewChanges < 1 || r.ViewChangeBytes == 0 {
			t.Errorf("seed %d: %d of %d answered, %d view changes of %d bytes", seed, r.Answered, r.Offered, r.ViewChanges,
				r.ViewChangeBytes)
		}
		// Where the way is filled with many small blocks, the gap may follow the first
		// ones of the new view.
		if r.GapAtNs < 1400*ms || r.GapAtNs > 1800*ms || r.LargestGapNs > 1500*ms || r.LargestGapNs < 50*ms {
			t.Errorf("seed %d: the largest gap, %d ms, begins at %d ms", seed, r.LargestGapNs/ms, r.GapAtNs/ms)
		}
	}
}

// Where one half with the primary is a quorum, as of four members, its block commits
// and nobody need replace it.
func TestAnEquivocatingPrimaryDividesNobody(t *testing.T) {
	both(t, equivocate)
}

func equivocate(t *testing.T, engine string) {
	for seed := range uint64(4) {
		n := []int{4, 7}[seed%2]
		r := mustRun(t, Config{Engine: engine, N: n, Links: City(n), Load: Load{TxPerSecond: 200, Poisson: true},
			DurationMs: 2500, Seed: seed, Faults: []Fault{{AtMs: 1000, Kind: Equivocate}}})
		if n == 7 && r.ViewChanges < 1 || r.Committed < r.Offered/2 {
			t.Errorf("seed %d: %d view changes, %d of %d committed", seed, r.ViewChanges, r.Committed, r.Offered)
		}
	}
}

// A slow member costs the fast path where every vote counts, and nothing where
// p = 1 of them may be missing.
func TestASlowMemberCostsOnlyThoseWhoWaitForIt(t *testing.T) {
	fast := func(p int) int {
		r := mustRun(t, Config{N: 4, F: 1, P: p, Links: Uniform(4, 2000), Costs: free(), DurationMs: 3000,
			Load: Load{TxPerSecond: 50}, Faults: []Fault{{Kind: Slow, Member: 2, DelayMs: 100}}})
		if r.ViewChanges != 0 || r.Answered != r.Offered {
			t.Errorf("p = %d: %d view changes, %d of %d answered", p, r.ViewChanges, r.Answered, r.Offered)
		}
		return 100 * r.Fast / (r.Fast + r.Slow + r.Ancestor)
	}
	if with, without := fast(1), fast(0); with < 70 || without > 30 {
		t.Errorf("fast commits: %d %% with p = 1, %d %% with p = 0", with, without)
	}
}

// mean of one phase of the measured samples, in nanoseconds.
func meanPhase(r *Result, phase func(s *Sample) int64) int64 {
	var sum, n int64
	for i := range r.TxSamples {
		if s := &r.TxSamples[i]; s.IntendedNs >= r.FromNs && s.AnsweredNs != 0 {
			sum += phase(s)
			n++
		}
	}
	return sum / max(1, n)
}

// What a slow primary holds back waits in the queue, and nowhere else.
func TestASlowPrimaryShowsInTheQueue(t *testing.T) {
	both(t, func(t *testing.T, engine string) {
		phases := func(faults ...Fault) (queue, rest int64) {
			r := mustRun(t, Config{Engine: engine, N: 4, Links: Uniform(4, 1000), Costs: free(), DurationMs: 2000,
				Faults: faults, Load: Load{TxPerSecond: 10}})
			if r.ViewChanges != 0 {
				t.Errorf("%d view changes", r.ViewChanges)
			}
			return meanPhase(&r, func(s *Sample) int64 { return s.ProposedNs - s.IntendedNs }),
				meanPhase(&r, func(s *Sample) int64 { return s.AnsweredNs - s.ProposedNs })
		}
		queue, rest := phases()
		slowQueue, slowRest := phases(Fault{Kind: SlowPrimary, DelayMs: 40})
		if slowQueue-queue != 40*ms || slowRest != rest {
			t.Errorf("40 ms more make the queue %d ns longer and the rest %d", slowQueue-queue, slowRest-rest)
		}
	})
}

// TCP repairs losses, so that they are delays.
func TestLossIsDelay(t *testing.T) {
	mean := func(lossPerMillion int64) int64 {
		cfg := Config{N: 4, Links: Uniform(4, 5000), Costs: free(), DurationMs: 3000, Load: Load{TxPerSecond: 100}, Seed: 5}
		cfg.Links.LossPerMillion = lossPerMillion
		r := mustRun(t, cfg)
		if r.Answered != r.Offered {
			t.Errorf("loss of %d: %d of %d answered", lossPerMillion, r.Answered, r.Offered)
		}
		return meanPhase(&r, (*Sample).LatencyNs)
	}
	if none, some := mean(0), mean(20_000); some < none*105/100 || some > 3*none {
		t.Errorf("mean latency %d us without loss, %d us with 2 %%", none/1000, some/1000)
	}
}

// Members beyond a few dozen cost the quadratic votes, not the safety or the delays.
func TestAHundredMembersAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred engines take seconds")
	}
	both(t, func(t *testing.T, engine string) {
		r := mustRun(t, Config{Engine: engine, N: 100, Links: City(100), DurationMs: 200, WarmupMs: 50, Seed: 1,
			Load: Load{TxPerSecond: 30, Gateways: []int{0, 50}}})
		if r.Answered != r.Offered || r.ViewChanges != 0 || r.F != 33 || r.Quorum != 67 {
			t.Errorf("%d of %d answered, %d view changes", r.Answered, r.Offered, r.ViewChanges)
		}
	})
}

// Processors are the limit when work costs: all of the cores' time is used and no
// more.
func TestProcessorsAreTheLimitAtSaturation(t *testing.T) {
	r := mustRun(t, Config{N: 4, SharedHost: true, DurationMs: 2500, Load: Load{InFlight: 2048, Executed: true}})
	var used int64
	for i := range r.Members {
		used += r.Members[i].CPUNs()
	}
	have := 2 * (r.UntilNs - r.FromNs)
	if used > have*101/100 || used < have*80/100 {
		t.Errorf("%d ms of %d ms used", used/ms, have/ms)
	}
}

func TestAFlashSaleDrains(t *testing.T) {
	r := mustRun(t, Config{N: 4, Links: City(4), DurationMs: 4000, Load: Load{TxPerSecond: 200,
		Steps: []LoadStep{{AtMs: 1000, TxPerSecond: 8000}, {AtMs: 2000, TxPerSecond: 200}}}})
	if want := 200 + 8000 + 400; r.Offered < want-20 || r.Offered > want+20 || r.Answered != r.Offered {
		t.Errorf("%d offered, %d answered, want about %d", r.Offered, r.Answered, want)
	}
}

func TestEverySwitchIsWired(t *testing.T) {
	base := Config{N: 7, Links: City(7), DurationMs: 600, Load: Load{TxPerSecond: 2000, Poisson: true}, Seed: 3}
	base.Links.EgressBytesPerSecond = 20_000_000
	reference := mustRun(t, base).Digest
	for i, w := range []Without{{FastPath: true}, {Arming: true}, {Pipelining: true}, {BatchVerify: true}, {Sync: true},
		{Bundling: true}, {Lanes: true}, {Gossip: true}} {
		cfg := base
		cfg.Without = w
		if r := mustRun(t, cfg); r.Digest == reference && !w.Arming {
			t.Errorf("switch %d changes nothing", i)
		} else if r.Answered != r.Offered {
			t.Errorf("switch %d: %d of %d answered", i, r.Answered, r.Offered)
		}
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	for i, c := range []Config{
		{N: 3}, {N: 151}, {N: 4, F: 2}, {N: 5, F: 1, P: 2}, {Engine: "none"}, {Cores: -1}, {DurationMs: -1},
		{DurationMs: 100, WarmupMs: 100}, {Links: Uniform(5, 1)}, {Links: Links{LossPerMillion: 1_000_000}},
		{Load: Load{TxPerSecond: -1}}, {Load: Load{TxPerSecond: 1, InFlight: 1}}, {Load: Load{TxPerSecond: 1 << 60}},
		{Load: Load{Gateways: []int{4}}}, {Load: Load{TxBytes: TxBytesMax + 1}}, {Faults: []Fault{{Kind: "none"}}},
		{Load: Load{Steps: []LoadStep{{AtMs: 5}, {AtMs: 4}}}}, {Faults: []Fault{{Kind: Crash, Member: 4}}},
		{Faults: []Fault{{Kind: Slow, AtMs: 5, UntilMs: 4}}}, {Window: 1000}, {Batching: driver.Batching{BytesMax: -1}},
		{Costs: &Costs{SignNs: -1}}, {Costs: &Costs{Batches: []BatchCost{{Size: 8}, {Size: 4}}}},
	} {
		if _, err := Run(c); !errors.Is(err, ErrConfig) {
			t.Errorf("configuration %d: %v", i, err)
		}
	}
}

func TestWaitsOfAPoissonProcessHaveTheirMean(t *testing.T) {
	var sum int64
	const draws, mean = 200_000, 5 * ms
	state := uint64(1)
	longest := int64(0)
	for range draws {
		state = state*6364136223846793005 + 1442695040888963407
		d := exponential(state^state>>33, mean)
		sum += d
		longest = max(longest, d)
	}
	if got := sum / draws; got < mean*99/100 || got > mean*101/100 {
		t.Errorf("mean wait %d, want about %d", got, mean)
	}
	if longest < 9*mean || longest > 45*mean {
		t.Errorf("the longest of %d waits is %d", draws, longest)
	}
}

func TestEventsComeInTheOrderOfTimeThenOfCreation(t *testing.T) {
	var q queue
	state := uint64(7)
	var want []event
	for i := range 3000 {
		state = state*6364136223846793005 + 1442695040888963407
		e := event{at: int64(state>>33) % 50}
		q.push(e)
		e.order = uint64(i)
		want = append(want, e)
	}
	slices.SortStableFunc(want, func(a, b event) int { return int(a.at - b.at) })
	for i, w := range want {
		if got := q.pop(); got.at != w.at || got.order != w.order {
			t.Fatalf("event %d is (%d, %d), want (%d, %d)", i, got.at, got.order, w.at, w.order)
		}
	}
}

func TestTheCostFileIsWhole(t *testing.T) {
	c := DefaultCosts()
	if c.Source.Machine == "" || c.Source.Date == "" || c.Source.Method == "" {
		t.Errorf("the costs do not say where they are from: %+v", c.Source)
	}
	if c.SignNs == 0 || c.VerifyNs == 0 || len(c.Batches) == 0 || c.ExecuteNsPerTx == 0 || c.SyncNs == 0 {
		t.Errorf("costs of nothing: %+v", c)
	}
	for _, bad := range []string{`{`, `{"no_such": 1}`, `{"sign_ns": -1}`, `{"batches": [{"size": 1}]}`} {
		if _, err := DecodeCosts([]byte(bad)); err == nil {
			t.Errorf("%s is taken for costs", bad)
		}
	}
}
