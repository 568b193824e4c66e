package trial

import (
	"fmt"
	"math"
	"slices"

	"github.com/scrip-network/scrip/lab/desim"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/lab/scenarios"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// Simulated arrivals of a closed load, and the flash sale beside its transfers.
const (
	clientDelayUs = 200 // a client in the same city as its member
	nsPerUs       = 1000
)

// simulate runs one cell in simulated time.
func simulate(s *scenarios.Scenario, p *scenarios.Part, cell scenarios.Cell, seed uint64) (*results.Run, error) {
	cfg, err := simConfig(s, p, cell, seed)
	if err != nil {
		return nil, err
	}
	r, err := desim.Run(cfg)
	if err != nil {
		return nil, err
	}
	return simRun(&r, p), nil
}

func milliseconds(seconds float64) int64 { return int64(math.Round(seconds * 1000)) }

// simConfig translates a cell.
func simConfig(s *scenarios.Scenario, p *scenarios.Part, cell scenarios.Cell, seed uint64) (desim.Config, error) {
	engine, _ := scenarios.EngineOf(cell.Engine)
	load, err := scenarios.ParseLoad(cell.Load)
	if err != nil {
		return desim.Config{}, err
	}
	links, err := Links(s, cell.Links, cell.Members)
	if err != nil {
		return desim.Config{}, err
	}
	warmup := milliseconds(p.WarmupS)
	cfg := desim.Config{Engine: desim.EngineDualPath, N: cell.Members, Window: engine.Window, Tenure: p.Tenure,
		CheckpointInterval: engine.Checkpoint, Macs: engine.Macs, Lanes: engine.Lanes,
		Links: links, Cores: p.Cores, SharedHost: p.SharedHost, DurationMs: warmup + milliseconds(p.DurationS),
		WarmupMs: warmup, Seed: seed,
		Load: desim.Load{TxPerSecond: int64(load.PerSecond), InFlight: load.InFlight, Poisson: true,
			ClientDelayUs: clientDelayUs}}
	cfg.Timers.TimeoutTicksMin = uint32(p.TimeoutMs / driver.TickMs)
	if warmup == 0 {
		cfg.WarmupMs = -1
	}
	switch {
	case engine.Original:
		cfg.Engine = desim.EngineOriginal
	case engine.Slow:
		cfg.F, _ = pbft.DefaultFaults(cell.Members)
		cfg.P = 0
	}
	if p.Workload == scenarios.Flash {
		from := warmup + milliseconds(p.FlashAfterS)
		rate := int64(load.PerSecond) + int64(float64(2*p.Stock)/p.FlashForS)
		cfg.Load.Steps = []desim.LoadStep{{AtMs: from, TxPerSecond: rate},
			{AtMs: from + milliseconds(p.FlashForS), TxPerSecond: int64(load.PerSecond)}}
	}
	k := p.CaseOf(cell.Case)
	for _, f := range k.Faults {
		until := int64(0)
		if f.UntilS > 0 {
			until = warmup + milliseconds(f.UntilS)
		}
		cfg.Faults = append(cfg.Faults, desim.Fault{AtMs: warmup + milliseconds(f.AtS), Kind: desim.FaultKind(f.Kind),
			Member: f.Member, DelayMs: int64(math.Round(f.DelayMs)), UntilMs: until})
	}
	cfg.Without = without(k.Without)
	if cfg.Engine == desim.EngineDualPath && !engine.Whole {
		cfg.Monitor = !slices.Contains(k.Without, "monitor")
		cfg.Elide, cfg.Patience = !slices.Contains(k.Without, "elide"), !slices.Contains(k.Without, "patience")
	}
	if engine.Untuned {
		cfg.Without.Pace, cfg.Without.BodyCap, cfg.Without.Grace = true, true, true
	}
	cfg.Batching.WaitUs, cfg.Batching.InFlightMax = microseconds(k.WaitMs), k.InFlight
	return cfg, nil
}

func without(names []string) (w desim.Without) {
	fields := []*bool{&w.FastPath, &w.Arming, &w.Pipelining, &w.BatchVerify, &w.Sync, &w.Bundling, &w.Lanes, &w.Gossip,
		&w.Pace, &w.BodyCap, &w.Grace}
	for i, off := range fields { // those that follow are no switches but settings
		*off = slices.Contains(names, scenarios.Mechanisms[i])
	}
	return w
}

// Links returns the network that a name of a scenario stands for, of n members.
func Links(s *scenarios.Scenario, name string, n int) (desim.Links, error) {
	switch name {
	case scenarios.NoLinks:
		return desim.Links{Name: name}, nil
	case "city":
		return desim.City(n), nil
	case "country":
		return desim.Country(n), nil
	}
	if ms, ok := scenarios.OneWay(name); ok {
		l := desim.Uniform(n, microseconds(ms))
		l.Name = name
		return l, nil
	}
	i := slices.IndexFunc(s.Links, func(l scenarios.Link) bool { return l.Name == name })
	if i < 0 {
		return desim.Links{}, fmt.Errorf("there are no links %q", name)
	}
	own := &s.Links[i]
	l := desim.Uniform(n, microseconds(own.OneWayMs))
	for i, row := range own.MatrixMs {
		for j, ms := range row {
			l.DelayUs[i][j] = microseconds(ms)
		}
	}
	l.Name, l.JitterUs = name, microseconds(own.JitterMs)
	l.EgressBytesPerSecond = int64(own.MbitPerSecond * 1e6 / 8)
	l.IngressBytesPerSecond = l.EgressBytesPerSecond
	l.LossPerMillion = int64(math.Round(own.LossPercent * 1e4))
	return l, nil
}

func microseconds(ms float64) int64 { return int64(math.Round(ms * 1000)) }

// simRun translates what a simulation has shown.
func simRun(r *desim.Result, p *scenarios.Part) *results.Run {
	out := &results.Run{Counters: results.Counters{
		results.CounterWindowUs: float64((r.UntilNs - r.FromNs) / nsPerUs),
		results.CounterBlocks:   float64(r.Blocks), results.CounterFast: float64(r.Fast),
		results.CounterSlow: float64(r.Slow), results.CounterAncestor: float64(r.Ancestor),
		results.CounterGapUs:           float64(r.LargestGapNs / nsPerUs),
		results.CounterViewChanges:     float64(r.ViewChanges),
		results.CounterViewChangeBytes: float64(r.ViewChangeBytes),
		results.CounterDiverged:        0,
	}}
	if r.Diverged != "" {
		out.Counters[results.CounterDiverged] = 1
	}
	var cpu, egress int64
	for i := range r.Members {
		cpu += r.Members[i].CPUNs()
		egress = max(egress, r.Members[i].EgressBytes)
	}
	out.Counters[results.CounterCPUUs] = float64(cpu / nsPerUs)
	out.Counters[results.CounterEgressMax] = float64(egress)
	for _, k := range r.Messages {
		out.Counters[results.PrefixMessages+k.Kind] = float64(k.Count)
		out.Counters[results.PrefixBytes+k.Kind] = float64(k.Bytes)
	}
	at := func(ns int64) int64 {
		if ns == 0 {
			return results.None
		}
		return (ns - r.FromNs) / nsPerUs
	}
	kind := "transfer"
	if p.Workload != scenarios.Transfers {
		kind = p.Workload
	}
	for i := range r.TxSamples {
		out.Samples = append(out.Samples, simSample(&r.TxSamples[i], kind, r.FromNs))
	}
	for i := range r.BlockRows {
		b := &r.BlockRows[i]
		out.Blocks = append(out.Blocks, results.Block{Seq: int64(b.Seq), View: int64(b.View), Txs: int64(b.Txs),
			Bytes: int64(b.Bytes), ProposedUs: at(b.ProposedNs), CommittedUs: at(b.FirstCommittedNs),
			ExecutedUs: at(b.QuorumExecutedNs), Fast: int64(b.Fast), Slow: int64(b.Slow), Ancestor: int64(b.Ancestor)})
	}
	return out
}

func simSample(s *desim.Sample, kind string, fromNs int64) results.Sample {
	due := (s.IntendedNs - fromNs) / nsPerUs
	out := results.Sample{DueUs: due, SentUs: due, AnsweredUs: results.None, ProofUs: results.None, Node: int64(s.Gateway),
		Kind: kind}
	for i := range out.Phases {
		out.Phases[i] = results.None
	}
	if queue, propose, vote, execute, notify, ok := s.Phases(); ok {
		out.Code = results.CodeOK
		out.AnsweredUs = (s.AnsweredNs - fromNs) / nsPerUs
		for i, ns := range []int64{queue, propose, vote, execute, notify} {
			out.Phases[i] = ns / nsPerUs
		}
	}
	return out
}
