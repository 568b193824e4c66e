package desim

import (
	"time"

	"github.com/scrip-network/scrip/pbft"
)

// MeasureMessageNs runs four engines against each other without any crypto and
// returns the time that one spends on a message, the least of some repeats. It is
// the only function of this package that looks at a clock.
func MeasureMessageNs(repeats int) (int64, error) {
	cfg := Config{N: 4, F: 1, P: 1, Costs: &Costs{}, DurationMs: 1000, WarmupMs: -1, Links: Uniform(4, 500),
		Load: Load{TxPerSecond: 1000}}
	full, err := cfg.withDefaults()
	if err != nil {
		return 0, err
	}
	best := int64(1 << 62)
	for range repeats {
		s, err := newSimulation(&full)
		if err != nil {
			return 0, err
		}
		var engines []*timedEngine
		untimed := s.newEngine
		s.newEngine = func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
			e, err := untimed(cfg, log)
			t := &timedEngine{Engine: e}
			engines = append(engines, t)
			return t, err
		}
		for _, m := range s.members {
			if err := m.boot(); err != nil {
				return 0, err
			}
		}
		s.run()
		var spent time.Duration
		received := 0
		for i := range engines {
			spent += engines[i].spent
			received += engines[i].received
		}
		best = min(best, spent.Nanoseconds()/int64(received))
	}
	return best, nil
}

// timedEngine measures the time in an engine, without its signatures.
type timedEngine struct {
	pbft.Engine
	spent    time.Duration
	received int
}

// Receive implements pbft.Engine.
func (e *timedEngine) Receive(from pbft.ReplicaID, m pbft.Message) pbft.Reason {
	start := time.Now()
	r := e.Engine.Receive(from, m)
	e.spent += time.Since(start)
	e.received++
	return r
}

// Ready implements pbft.Engine.
func (e *timedEngine) Ready() pbft.Ready {
	start := time.Now()
	r := e.Engine.Ready()
	e.spent += time.Since(start)
	return r
}

// Advance implements pbft.Engine.
func (e *timedEngine) Advance() {
	start := time.Now()
	e.Engine.Advance()
	e.spent += time.Since(start)
}
