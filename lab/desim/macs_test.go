package desim

import (
	"errors"
	"testing"
)

func published(change func(c *Config)) Config {
	c := Config{Engine: EngineOriginal, Seed: 3, DurationMs: 600, WarmupMs: 100,
		Links: Uniform(4, 5000), Load: Load{TxPerSecond: 400, Poisson: true}}
	change(&c)
	return c
}

// Votes with codes cost less of the processor, and no message delay.
func TestMacsSaveProcessorTime(t *testing.T) {
	signed := mustRun(t, published(func(*Config) {}))
	coded := mustRun(t, published(func(c *Config) { c.Macs = true }))
	if coded.Members[1].LoopNs >= signed.Members[1].LoopNs || coded.Blocks == 0 {
		t.Errorf("a backup's loop took %d ns with codes, %d with signatures", coded.Members[1].LoopNs,
			signed.Members[1].LoopNs)
	}
	if _, err := Run(Config{Macs: true}); !errors.Is(err, ErrConfig) {
		t.Errorf("dual-path PBFT took codes: %v", err)
	}
}

// A change of the primary reports every block above the last checkpoint.
func TestFrequentCheckpointsShortenTheChange(t *testing.T) {
	bytes := func(interval int) int64 {
		r := mustRun(t, published(func(c *Config) {
			c.DurationMs, c.CheckpointInterval = 1500, interval
			c.Faults = []Fault{{AtMs: 1000, Kind: CrashPrimary}}
		}))
		if r.ViewChanges == 0 {
			t.Fatal("the primary was not changed")
		}
		return r.ViewChangeBytes
	}
	if often, seldom := bytes(8), bytes(256); often >= seldom {
		t.Errorf("%d bytes with a checkpoint each 8 blocks, %d with one each 256", often, seldom)
	}
}
