package trial

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/lab/results"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
)

// The block whose receipt is proved, and how often the proof is checked.
const (
	provenBlockTxs = 1000
	provenChecks   = 101
)

// proofs makes the proof of a receipt as a committee of n gives it, and measures
// its size and how long a client that knows nothing but the committee takes to
// check it, on one core.
func proofs(n int, seed uint64) (*results.Run, error) {
	dev, err := genesis.Dev("lab", n, "")
	if err != nil {
		return nil, err
	}
	committee, err := dev.Genesis.Committee()
	if err != nil {
		return nil, err
	}
	id, raw := receiptProof(committee, dev, seed)
	var us []float64
	for range provenChecks {
		v, err := client.NewVerifier(dev.Genesis.Raw) // one that has seen no key before
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		if _, err := v.Receipt(id, raw, nil); err != nil {
			return nil, fmt.Errorf("check a proof of %d members: %w", n, err)
		}
		us = append(us, float64(time.Since(begin).Nanoseconds())/1000)
	}
	slices.Sort(us)
	return &results.Run{Counters: results.Counters{results.CounterProofBytes: float64(len(raw)),
		results.CounterVerifyUs: us[len(us)/2]}}, nil
}

// receiptProof returns the encoded proof of a receipt in the middle of a block.
func receiptProof(c *pbft.Committee, dev *genesis.DevNetwork, seed uint64) (id [32]byte, raw []byte) {
	idOf := func(i int) (id [32]byte) {
		binary.LittleEndian.PutUint64(id[:], seed+uint64(i))
		return id
	}
	var leaves [][]byte
	for i := range provenBlockTxs {
		o := coupon.Outcome{ID: idOf(i), Code: coupon.OK, Kind: coupon.KindTransfer, Case: coupon.CaseTransferred,
			Coupon: coupon.NewCouponID(1, uint32(i+1))}
		leaves = append(leaves, o.AppendTo(nil))
	}
	tree := chain.NewTree(leaves)
	x := &pbft.CheckpointCertificate{Epoch: c.Epoch(), Seq: 1, ReceiptRoot: tree.Root()}
	text := c.CheckpointBytes(x.Seq, x.Block, x.StateRoot, x.ReceiptRoot)
	for i := range c.WeakQuorum() {
		x.Signers.Add(pbft.ReplicaID(i))
		x.Signatures = append(x.Signatures, sig.NewKeyFromSeed(dev.Validators[i].Seed).Sign(text))
	}
	p := &chain.ReceiptProof{Checkpoint: x, Inclusion: chain.Include(tree, leaves, len(leaves)/2)}
	return idOf(len(leaves) / 2), p.Encode()
}
