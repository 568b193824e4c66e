package desim

import (
	"testing"

	"github.com/scrip-network/scrip/pbft/driver"
)

// Beyond saturation a member takes no more from its own clients than its share, before
// it checks their signatures; what all members took fits into the pool of each, so that
// nothing is dropped that somebody waits for.
func TestBeyondSaturationEachMemberKeepsToItsShare(t *testing.T) {
	cfg, err := Config{SharedHost: true, Load: Load{InFlight: 4000, Executed: true},
		Pool: driver.Limits{TxsMax: 800}, DurationMs: 2000, Seed: 3}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSimulation(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	const share, probeNs = 150, 100_000
	most, mostAll, dropped := 0, 0, 0
	var look func()
	look = func() {
		s.after(probeNs, look)
		for _, m := range s.members {
			own, _ := m.pool.shares.Own()
			most, mostAll = max(most, own), max(mostAll, m.pool.shares.Txs())
			dropped += count(m.pool.shares.Full())
		}
	}
	look()
	s.run()
	r := s.result()
	checkResult(t, cfg.Seed, &r)
	if most > share || most < share*9/10 {
		t.Errorf("a member had up to %d transactions of own clients, its share is %d", most, share)
	}
	if dropped > 0 || mostAll <= share {
		t.Errorf("pools of 800 were full %d times and held up to %d", dropped, mostAll)
	}
	if r.Refused == 0 || r.Committed == 0 {
		t.Errorf("%d refused and %d committed of %d", r.Refused, r.Committed, r.Offered)
	}
	if refused := float64(r.Refused) / float64(r.Offered); refused < 0.1 {
		t.Errorf("%.0f %% of 4,000 at a door for 600 were refused", 100*refused)
	}
}
