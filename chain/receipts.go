package chain

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Bounds of a BlockReceipts, decided when it is decoded.
const (
	// ReceiptsMax is the largest number of receipts.
	ReceiptsMax = 1 << 16
	// BlockReceiptsBytesMax is the size of the largest encoding.
	BlockReceiptsBytesMax = 32 << 20
)

// BlockReceipts shows all receipts of one block, in the order of its transactions,
// to somebody who knows the committee alone: the signatures are checked once for
// the block, and no receipt needs a path, since all of them give the root. A block
// without transactions has none.
type BlockReceipts struct {
	Checkpoint *pbft.CheckpointCertificate
	Receipts   [][]byte
}

// Verify reports, as an error that wraps ErrProof, whether these are not the
// receipts of the block, all of them and in order, or too few members attest it.
func (p *BlockReceipts) Verify(c *pbft.Committee, s pbft.Scheme) error {
	// The signatures come first: they cost less than hashing a large block.
	a, err := VerifyCheckpoint(c, p.Checkpoint, ClaimReceipt, s)
	if err != nil {
		return err
	}
	if len(p.Receipts) == 0 {
		return fmt.Errorf("%w: no receipts", ErrProof)
	}
	return a.Receipts(p.Receipts)
}

// Proofs returns the tree over the receipts, from which the proof of each single
// one is taken.
func (p *BlockReceipts) Proofs() *Tree { return ReceiptTree(p.Receipts, p.Checkpoint.ReceiptRoot) }

// ReceiptTree returns the tree over the receipts of a block whose root is known: in the form
// of version 1 if that gives the root, else with places.
func ReceiptTree(receipts [][]byte, root [32]byte) *Tree {
	if t := NewTree(receipts); t.Root() == root {
		return t
	}
	return NewTree(PlacedReceipts(receipts))
}

// Proof returns the proof of receipt number index alone, with the tree of Proofs.
// The index must be below the number of receipts; it is the caller's own, never
// one from outside.
func (p *BlockReceipts) Proof(t *Tree, index int) *ReceiptProof {
	return &ReceiptProof{p.Checkpoint, Include(t, p.Receipts, index)}
}

// Encode returns the canonical encoding: version u8 = 1, the checkpoint
// certificate, the receipts as a list, each behind its length.
func (p *BlockReceipts) Encode() []byte {
	return AppendPayload(p.Checkpoint.Append(wire.AppendUint8(nil, proofVersion)), p.Receipts)
}

// DecodeBlockReceipts decodes exactly one BlockReceipts, aliasing b; Verify has
// still to be called. The error wraps one of package wire.
func DecodeBlockReceipts(b []byte) (*BlockReceipts, error) {
	if len(b) > BlockReceiptsBytesMax {
		return nil, fmt.Errorf("chain: decode receipts: %w: %d bytes", wire.ErrLimit, len(b))
	}
	r := wire.NewReader(b)
	readVersion(r)
	p := &BlockReceipts{Checkpoint: pbft.ReadCheckpointCertificate(r)}
	p.Receipts = make([][]byte, r.Count(ReceiptsMax, 4))
	if r.Err() == nil && len(p.Receipts) == 0 {
		r.Fail(fmt.Errorf("%w: a count of no receipts", wire.ErrValue))
	}
	for i := range p.Receipts {
		p.Receipts[i] = r.Bytes(LeafBytesMax)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("chain: decode receipts: %w", err)
	}
	return p, nil
}
