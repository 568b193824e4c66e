package desim

import "testing"

func TestFirst(t *testing.T) {
	r, err := Run(Config{N: 4, Links: Uniform(4, 15000), Load: Load{TxPerSecond: 200}, Costs: &Costs{}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &r.TxSamples[500]
	q, p, v, e, n, ok := s.Phases()
	t.Logf("%+v %d %d %d %d %d %v", *s, q, p, v, e, n, ok)
	r.TxSamples, r.BlockRows = nil, r.BlockRows[:5]
	t.Logf("%+v", r)
}
