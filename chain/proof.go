package chain

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// What an outside verifier believes (protocol section 11). It knows the
// committee of the epoch, with its f, p and keys, from a source it trusts.
//
//	claim    evidence
//	receipt  f+1 members attest the same execution, and a path to its receipts
//	state    q members attest the same execution, and a state proof
//	order    a commit certificate over a header, or over one that descends from
//	         it: the transaction stands in the chain, its outcome is unknown
//
// It never believes a prepared certificate, PREPAREs for an unarmed block, votes
// that name another view or height than the header, another epoch's votes, or a
// closing block as the block of its height.

// Claim says what a checkpoint certificate is to vouch for.
type Claim uint8

// The claims of a checkpoint certificate.
const (
	// ClaimReceipt needs f+1 signatures: one honest member executed the block.
	ClaimReceipt Claim = iota
	// ClaimState needs q signatures: f+1 honest members besides hold the state.
	ClaimState
)

// need returns the number of signatures that a claim rests on.
func (k Claim) need(c *pbft.Committee) int {
	if k == ClaimReceipt {
		return c.WeakQuorum()
	}
	return c.Quorum()
}

// Attested is the outcome of one block, vouched for by enough members. Only
// VerifyCheckpoint makes one, so the signatures of a block are checked once for
// any number of receipts and state proofs.
type Attested struct {
	height                        uint64
	block, stateRoot, receiptRoot [32]byte
	claim                         Claim
}

// VerifyCheckpoint checks a checkpoint certificate for a claim. The error wraps
// ErrProof.
func VerifyCheckpoint(c *pbft.Committee, x *pbft.CheckpointCertificate, claim Claim, s pbft.Scheme) (Attested, error) {
	if claim > ClaimState {
		return Attested{}, fmt.Errorf("%w: unknown claim %d", ErrProof, claim)
	}
	if x.Epoch != c.Epoch() {
		return Attested{}, fmt.Errorf("%w: attested in epoch %d, not %d", ErrProof, x.Epoch, c.Epoch())
	}
	if !c.VerifyCheckpoint(x, claim.need(c), s) {
		return Attested{}, fmt.Errorf("%w: height %d is not attested by %d members", ErrProof, x.Seq, claim.need(c))
	}
	return Attested{uint64(x.Seq), x.Block, x.StateRoot, x.ReceiptRoot, claim}, nil
}

// Height returns the height of the block.
func (a Attested) Height() uint64 { return a.height }

// Block returns the digest of the block's header.
func (a Attested) Block() [32]byte { return a.block }

// StateRoot returns the root of the state after the block.
func (a Attested) StateRoot() [32]byte { return a.stateRoot }

// ReceiptRoot returns the root over the receipts of the block.
func (a Attested) ReceiptRoot() [32]byte { return a.receiptRoot }

// Receipt reports, as an error that wraps ErrProof, whether the inclusion fails
// to show its receipt as one of the block.
func (a Attested) Receipt(p *Inclusion) error {
	_, err := VerifyReceipt(a.receiptRoot, p)
	return err
}

// Receipts reports, as an error that wraps ErrProof, whether these are not the
// receipts of the block, all of them and in order.
func (a Attested) Receipts(receipts [][]byte) error {
	if ReceiptRoot(receipts) != a.receiptRoot && PlacedReceiptRoot(receipts) != a.receiptRoot {
		return fmt.Errorf("%w: not the %d receipts of height %d", ErrProof, len(receipts), a.height)
	}
	return nil
}

// State reports, as an error that wraps ErrProof, whether the proof fails to
// show that the state after the block has the given value for key or, with an
// empty value, no such key. It always fails unless the checkpoint was verified
// for ClaimState.
func (a Attested) State(key, value []byte, p *StateProof) error {
	if a.claim != ClaimState {
		return fmt.Errorf("%w: the checkpoint of height %d was verified for its receipts only", ErrProof, a.height)
	}
	return VerifyState(a.stateRoot, key, value, p)
}

// LeafBytesMax bounds a receipt or transaction in a proof.
const LeafBytesMax = 8192

// Inclusion is one leaf of a tree with its path: a receipt of a block, or a
// transaction.
type Inclusion struct {
	Leaf        []byte
	Index, Size uint32 // place among the leaves and their number, as VerifyInclusion explains
	Path        [][32]byte
}

// Include returns leaf number index of the tree over leaves with its path.
func Include(t *Tree, leaves [][]byte, index int) Inclusion {
	return Inclusion{leaves[index], uint32(index), uint32(len(leaves)), t.Path(index)}
}

func (p *Inclusion) append(b []byte) []byte {
	b = wire.AppendUint32(wire.AppendUint32(b, p.Index), p.Size)
	return appendHashes(wire.AppendBytes(b, p.Leaf), p.Path)
}

func readInclusion(r *wire.Reader) (p Inclusion) {
	p.Index, p.Size = r.Uint32(), r.Uint32()
	if r.Err() == nil && p.Index >= p.Size {
		r.Fail(fmt.Errorf("%w: leaf %d of %d", wire.ErrValue, p.Index, p.Size))
	}
	p.Leaf = r.Bytes(LeafBytesMax)
	p.Path = readHashes(r, PathMax)
	return p
}

const proofVersion = 1

// ReceiptProof shows the receipt of one transaction to somebody who knows the
// committee alone.
type ReceiptProof struct {
	Checkpoint *pbft.CheckpointCertificate
	Inclusion
}

// ReceiptProofBytesMax is the size of the largest encoded receipt proof.
const ReceiptProofBytesMax = 1 + CertificateBytesMax + 8 + 4 + LeafBytesMax + 4 + 32*PathMax

// Verify reports, as an error that wraps ErrProof, whether the proof fails to
// show its receipt.
func (p *ReceiptProof) Verify(c *pbft.Committee, s pbft.Scheme) error {
	// Hashing comes first: it is a thousand times cheaper than the signatures.
	if _, err := VerifyReceipt(p.Checkpoint.ReceiptRoot, &p.Inclusion); err != nil {
		return err
	}
	_, err := VerifyCheckpoint(c, p.Checkpoint, ClaimReceipt, s)
	return err
}

// Encode returns the canonical encoding: version u8 = 1, the checkpoint
// certificate, index and size as u32, the receipt behind its length, the path
// behind its number of hashes.
func (p *ReceiptProof) Encode() []byte {
	return p.append(p.Checkpoint.Append(wire.AppendUint8(nil, proofVersion)))
}

// DecodeReceiptProof decodes exactly one receipt proof, aliasing b; Verify has
// still to be called. The error wraps one of package wire.
func DecodeReceiptProof(b []byte) (*ReceiptProof, error) {
	r := wire.NewReader(b)
	readVersion(r)
	p := &ReceiptProof{Checkpoint: pbft.ReadCheckpointCertificate(r), Inclusion: readInclusion(r)}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("chain: decode receipt proof: %w", err)
	}
	return p, nil
}

func readVersion(r *wire.Reader) {
	if v := r.Uint8(); v != proofVersion {
		r.Fail(fmt.Errorf("%w: proof version %d", wire.ErrValue, v))
	}
}

// Bounds of the key and value in a KeyProof.
const (
	KeyBytesMax   = 256
	ValueBytesMax = 64 << 10
)

// KeyProof shows what the state after one block holds for a key to somebody who
// knows the committee alone.
type KeyProof struct {
	Checkpoint *pbft.CheckpointCertificate
	Key        []byte
	Value      []byte // empty: there is no such key
	Proof      *StateProof
}

// Verify reports, as an error that wraps ErrProof, whether the proof fails to
// show its key and value.
func (p *KeyProof) Verify(c *pbft.Committee, s pbft.Scheme) error {
	if err := VerifyState(p.Checkpoint.StateRoot, p.Key, p.Value, p.Proof); err != nil {
		return err
	}
	_, err := VerifyCheckpoint(c, p.Checkpoint, ClaimState, s)
	return err
}

// Encode returns the canonical encoding: version u8 = 1, the checkpoint
// certificate, key and value behind their lengths, the state proof.
func (p *KeyProof) Encode() []byte {
	b := p.Checkpoint.Append(wire.AppendUint8(nil, proofVersion))
	return p.Proof.Append(wire.AppendBytes(wire.AppendBytes(b, p.Key), p.Value))
}

// DecodeKeyProof decodes exactly one key proof, aliasing b; Verify has still to
// be called. The error wraps one of package wire.
func DecodeKeyProof(b []byte) (*KeyProof, error) {
	r := wire.NewReader(b)
	readVersion(r)
	p := &KeyProof{Checkpoint: pbft.ReadCheckpointCertificate(r), Key: r.Bytes(KeyBytesMax),
		Value: r.Bytes(ValueBytesMax), Proof: ReadStateProof(r)}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("chain: decode key proof: %w", err)
	}
	return p, nil
}
