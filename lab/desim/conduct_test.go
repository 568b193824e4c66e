package desim

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// monitored is a network of four members, 5 ms apart, with about twenty blocks a second, whose
// timers are at a second and whose tenures are short: by faultMs all have led.
func monitored(faults ...Fault) Config {
	return Config{Engine: EngineDualPath, N: 4, Links: Uniform(4, 5_000), Tenure: 100, Monitor: true,
		Timers: pbft.Timers{TimeoutTicksMin: 100}, Load: Load{TxPerSecond: 20, Poisson: true},
		DurationMs: 55_000, WarmupMs: -1, Seed: 5, Faults: faults}
}

const faultMs = 25_000

// keptMs is for how long one view of the primary that is at fault went on since then.
func keptMs(r *Result) (most int64) {
	var faulty uint64
	first := make(map[uint64]int64)
	for i := range r.BlockRows {
		x := &r.BlockRows[i]
		at := x.ProposedNs / 1_000_000
		if at < faultMs {
			faulty = x.View % 4
			continue
		}
		if _, ok := first[x.View]; !ok {
			first[x.View] = at
		}
		if x.View%4 == faulty {
			most = max(most, at-first[x.View])
		}
	}
	return most
}

// judged compares a run with the monitor with one without it.
func judged(t *testing.T, cfg Config, inTimeMs int64) {
	t.Helper()
	r := mustRun(t, cfg)
	cfg.Monitor = false
	off := mustRun(t, cfg)
	t.Logf("kept for %d ms, without the monitor for %d", keptMs(&r), keptMs(&off))
	if kept := keptMs(&r); kept > inTimeMs {
		t.Errorf("it is kept for %d ms", kept)
	}
	if kept := keptMs(&off); kept < inTimeMs*3/2 {
		t.Errorf("without the monitor it is kept for %d ms", kept)
	}
}

// A primary that is late by less than its timer, and so proposes all that came meanwhile in
// one block, is replaced within six seconds, or within twenty if it proposes once in each
// timeout; without the monitor it stays for its tenure.
func TestSlowPrimaryIsReplaced(t *testing.T) {
	judged(t, monitored(Fault{AtMs: faultMs, Kind: SlowPrimary, DelayMs: 600}), 6_000)
	judged(t, monitored(Fault{AtMs: faultMs, Kind: SlowPrimary, DelayMs: 900}), 15_000)
}

// So is one that leaves out what one member's clients hand in.
func TestUnfairPrimaryIsReplaced(t *testing.T) {
	cfg := monitored(Fault{AtMs: faultMs, Kind: UnfairPrimary, Member: 3})
	cfg.Tenure = 1000
	judged(t, cfg, 6_000)
}

// Healthy networks call nobody slow: a cold start, an idle network, jitter of 100 ms, lost
// frames, more load than they carry, a flash sale, and members that crash and come back.
func TestHealthyPrimariesStay(t *testing.T) {
	jitter := Uniform(4, 20_000)
	jitter.JitterUs = 100_000
	for name, change := range map[string]func(*Config){
		"as usual": func(*Config) {},
		"idle":     func(c *Config) { c.Load.TxPerSecond = 1 },
		"jitter":   func(c *Config) { c.Links = jitter },
		"loss":     func(c *Config) { c.Links.LossPerMillion = 2_000 },
		"overload": func(c *Config) { c.Load = Load{InFlight: 8_000}; c.DurationMs = 12_000 },
		"country":  func(c *Config) { c.Links = Country(4) },
		"slow disk": func(c *Config) {
			costs := DefaultCosts()
			costs.SyncNs, costs.SyncSpreadNs = 30_000_000, 100_000_000
			c.Costs = &costs
		},
		"flash sale": func(c *Config) {
			c.Load.Steps = []LoadStep{{AtMs: 12_000, TxPerSecond: 4_000}, {AtMs: 15_000, TxPerSecond: 400}}
		},
		"a member restarts": func(c *Config) {
			c.Faults = []Fault{{AtMs: 12_000, Kind: Crash, Member: 1}, {AtMs: 16_000, Kind: Restart, Member: 1}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := monitored()
			change(&cfg)
			on := mustRun(t, cfg)
			cfg.Monitor = false
			off := mustRun(t, cfg)
			if on.Of("suspect").Count > off.Of("suspect").Count {
				t.Errorf("%d SUSPECTs with the monitor, %d without; %d and %d views", on.Of("suspect").Count,
					off.Of("suspect").Count, on.ViewChanges, off.ViewChanges)
			}
		})
	}
}
