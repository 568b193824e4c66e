package costing

import (
	"fmt"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
)

// ReceiptBytes is the size of the receipts in measured proofs.
const ReceiptBytes = 96

// ProofCost is what a wallet or till downloads and works to believe a receipt of a
// committee of Members, in a block of Txs transactions.
type ProofCost struct {
	Members int `json:"members"`
	Txs     int `json:"txs"`
	// Signatures is f+1, how many the proof holds.
	Signatures int `json:"signatures"`
	// ProofBytes is the encoded proof with its receipt.
	ProofBytes int `json:"proof_bytes"`
	// VerifyNs is for decoding and checking it with nothing cached.
	VerifyNs int64 `json:"verify_ns"`
	// StateSignatures (a quorum) and StateBytes are of the certificate that proves a
	// state, without the path to a key.
	StateSignatures int `json:"state_signatures"`
	StateBytes      int `json:"state_bytes"`
}

// MeasureProof makes and checks a receipt proof of a committee of the largest f, with
// real keys and signatures.
func MeasureProof(members, txs int) (ProofCost, error) {
	if txs < 1 {
		return ProofCost{}, fmt.Errorf("measure a proof: a block of %d transactions", txs)
	}
	signers := make([]sig.PrivateKey, members)
	keys := make([]pbft.PublicKey, members)
	for i := range signers {
		signers[i] = sig.NewKeyFromSeed([sig.SeedSize]byte{byte(i), byte(i >> 8), 4})
		keys[i] = signers[i].Public()
	}
	f, p := pbft.DefaultFaults(members)
	committee, err := pbft.NewCommittee(pbft.Digest{5}, 0, keys, pbft.Parameters{Faults: f, FastFaults: p})
	if err != nil {
		return ProofCost{}, fmt.Errorf("measure a proof: %w", err)
	}
	receipts := make([][]byte, txs)
	for i := range receipts {
		receipts[i] = make([]byte, ReceiptBytes)
		receipts[i][0], receipts[i][1], receipts[i][2] = byte(i), byte(i>>8), byte(i>>16)
	}
	tree := chain.NewTree(receipts)
	certify := func(count int) *pbft.CheckpointCertificate {
		c := &pbft.CheckpointCertificate{Seq: 9, Block: pbft.Digest{1}, StateRoot: pbft.Digest{2}, ReceiptRoot: tree.Root()}
		message := committee.CheckpointBytes(c.Seq, c.Block, c.StateRoot, c.ReceiptRoot)
		for i := range count {
			c.Signers.Add(pbft.ReplicaID(i))
			c.Signatures = append(c.Signatures, signers[i].Sign(message))
		}
		return c
	}
	proof := chain.ReceiptProof{Checkpoint: certify(committee.WeakQuorum()),
		Inclusion: chain.Include(tree, receipts, txs/2)}
	encoded := proof.Encode()
	cost := ProofCost{Members: members, Txs: txs, Signatures: committee.WeakQuorum(), ProofBytes: len(encoded),
		StateSignatures: committee.Quorum(), StateBytes: len(certify(committee.Quorum()).Encode())}
	var failed error
	err = perOpInto(&cost.VerifyNs, func() {
		p, err := chain.DecodeReceiptProof(encoded)
		if err == nil {
			err = p.Verify(committee, scheme{})
		}
		if err != nil {
			failed = err
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return ProofCost{}, fmt.Errorf("measure a proof: %w", err)
	}
	return cost, nil
}

// scheme checks signatures as a wallet does that has never met the committee.
type scheme struct{}

// Verify implements pbft.Scheme.
func (scheme) Verify(key pbft.PublicKey, message []byte, s pbft.Signature) bool {
	return sig.Verify((*[sig.KeySize]byte)(&key), message, (*[sig.SignatureSize]byte)(&s))
}

// VerifyBatch implements pbft.Scheme.
func (scheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, sigs []pbft.Signature) bool {
	items := make([]sig.Item, len(keys))
	for i := range keys {
		items[i] = sig.Item{Key: (*[sig.KeySize]byte)(&keys[i]), Message: messages[i],
			Signature: (*[sig.SignatureSize]byte)(&sigs[i])}
	}
	return sig.NewVerifier(1).VerifyBatch(items)
}
