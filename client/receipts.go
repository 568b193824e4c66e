package client

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon"
)

// Receipts are the proven outcomes of all transactions of one block: for those who
// check many, since the signatures are checked once for all. Only a Verifier makes
// one. It is safe for concurrent use.
type Receipts struct {
	Height uint64
	// TimeMs is the proven time of the block, Unix milliseconds.
	TimeMs uint64
	// Members is how many members attest the receipts.
	Members int
	// Outcomes are the receipts' contents, in the order of the transactions.
	Outcomes []coupon.Outcome
	// Proof is the evidence, and Header the canonical header of the block.
	Proof  *chain.BlockReceipts
	Header []byte
	// Node is the address that gave the answer; empty for a file.
	Node string

	tree func() *chain.Tree
}

// Receipts checks the encoded receipts of a block with the block's header. Errors
// wrap ErrFalse.
func (v *Verifier) Receipts(proof, header []byte) (*Receipts, error) {
	p, err := chain.DecodeBlockReceipts(proof)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFalse, err)
	}
	if err := v.verified(p.Checkpoint, p); err != nil {
		return nil, err
	}
	r := &Receipts{Height: uint64(p.Checkpoint.Seq), Members: p.Checkpoint.Signers.Count(), Proof: p,
		Header: bytes.Clone(header), tree: sync.OnceValue(p.Proofs)}
	if r.TimeMs, err = v.header(p.Checkpoint, header); err != nil {
		return nil, err
	}
	if r.Outcomes, err = outcomes(p.Receipts); err != nil {
		return nil, err
	}
	return r, nil
}

// outcomes decodes the receipts of a block.
func outcomes(receipts [][]byte) ([]coupon.Outcome, error) {
	list := make([]coupon.Outcome, len(receipts))
	for i := range receipts {
		var err error
		if list[i], err = coupon.DecodeReceipt(receipts[i]); err != nil {
			return nil, fmt.Errorf("%w: receipt %d: %w", ErrFalse, i, err)
		}
	}
	return list, nil
}

// One returns the receipt of one transaction with a proof of its own, to keep or to
// hand on; ok is false if the block does not hold the transaction.
func (r *Receipts) One(id [32]byte) (one *Receipt, ok bool) {
	for i := range r.Outcomes {
		if r.Outcomes[i].ID == id {
			return r.at(i), true
		}
	}
	return nil, false
}

// at returns the receipt of the transaction at a place.
func (r *Receipts) at(i int) *Receipt {
	return &Receipt{Outcome: r.Outcomes[i], Height: r.Height, TimeMs: r.TimeMs, Members: r.Members,
		Proof: r.Proof.Proof(r.tree(), i), Header: r.Header, Node: r.Node}
}
