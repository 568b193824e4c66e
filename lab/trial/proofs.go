package trial

import (
	"github.com/scrip-network/scrip/lab/desim/costing"
	"github.com/scrip-network/scrip/lab/results"
)

// provenBlockTxs is the size of the block in the middle of which a proved receipt
// stands.
const provenBlockTxs = 1000

// proofs measures the proof of a receipt as a committee of n gives it.
func proofs(n int) (*results.Run, error) {
	c, err := costing.MeasureProof(n, provenBlockTxs)
	if err != nil {
		return nil, err
	}
	return &results.Run{Counters: results.Counters{results.CounterProofBytes: float64(c.ProofBytes),
		results.CounterVerifyUs: float64(c.VerifyNs) / 1000, "signatures": float64(c.Signatures),
		"state_bytes": float64(c.StateBytes)}}, nil
}
