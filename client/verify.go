package client

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
)

// ErrFalse is wrapped by every error that says that an answer does not show what
// it claims: the node lies, is broken, or is of another chain.
var ErrFalse = errors.New("client: the answer does not hold")

// Verifier checks what nodes and files claim against the committee of a genesis
// file, and those that proven epochs led to. It needs no network. It is safe for
// concurrent use; what it knows of epochs and times only grows.
type Verifier struct {
	genesis   *genesis.Genesis
	committee *pbft.Committee // of epoch 0
	chain     coupon.Chain
	scheme    scheme
	epochs    atomic.Pointer[chain.Epochs]
	newestMs  atomic.Uint64 // the latest time that a proven header has shown
}

// NewVerifier returns the verifier of the chain that a genesis file begins.
func NewVerifier(genesisFile []byte) (*Verifier, error) {
	g, err := genesis.Parse(genesisFile)
	if err != nil {
		return nil, fmt.Errorf("new verifier: %w", err)
	}
	committee, err := g.Committee()
	if err != nil {
		return nil, fmt.Errorf("new verifier: %w", err)
	}
	v := &Verifier{genesis: g, committee: committee, chain: g.Chain(), scheme: scheme{sig.NewVerifier(0)}}
	v.epochs.Store(chain.NewEpochs(committee))
	return v, nil
}

// LearnEpoch takes an encoded pbft.EpochProof, which shows how an epoch ended and who the
// members of the next one are. From then on what they sign counts for the heights of their
// epoch, and nothing that those before them sign above its end. Errors wrap ErrFalse, or
// chain.ErrUnknownEpoch where proofs between are missing; a *chain.ConflictError says that
// there are two ends, of which nobody can choose.
func (v *Verifier) LearnEpoch(proof []byte) error {
	p, err := pbft.DecodeEpochProof(bytes.Clone(proof))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFalse, err)
	}
	for {
		known := v.epochs.Load()
		more, err := known.Extend(p, v.scheme)
		if errors.Is(err, pbft.ErrEpochProof) {
			return fmt.Errorf("%w: %w", ErrFalse, err)
		}
		if err != nil {
			return fmt.Errorf("learn epoch %d: %w", p.Epoch, err)
		}
		if v.epochs.CompareAndSwap(known, more) {
			return nil
		}
	}
}

// Epochs returns the committees that are known.
func (v *Verifier) Epochs() *chain.Epochs { return v.epochs.Load() }

// judge returns the committee that judges a certificate. Errors wrap ErrFalse, and those
// of chain.Epochs.Judge.
func (v *Verifier) judge(x *pbft.CheckpointCertificate) (*pbft.Committee, error) {
	c, err := v.epochs.Load().Judge(x, v.newestMs.Load())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFalse, err)
	}
	return c, nil
}

// verified checks a proof by the committee that judges its certificate.
func (v *Verifier) verified(x *pbft.CheckpointCertificate, p interface {
	Verify(*pbft.Committee, pbft.Scheme) error
}) error {
	c, err := v.judge(x)
	if err != nil {
		return err
	}
	if err := p.Verify(c, v.scheme); err != nil {
		return fmt.Errorf("%w: %w", ErrFalse, err)
	}
	return nil
}

// Genesis returns the genesis file. It must not be changed.
func (v *Verifier) Genesis() *genesis.Genesis { return v.genesis }

// Chain returns the chain, which signs and checks transactions.
func (v *Verifier) Chain() coupon.Chain { return v.chain }

// Committee returns the members and quorums of the newest epoch that is known.
func (v *Verifier) Committee() *pbft.Committee { return v.epochs.Load().Newest() }

// Receipt is the proven outcome of one transaction. Only a Verifier makes one.
type Receipt struct {
	// Outcome is the receipt's content: the code and what was changed.
	Outcome coupon.Outcome
	// Height is that of its block.
	Height uint64
	// TimeMs is the proven time of its block, Unix milliseconds; 0 if the block's
	// header was not at hand.
	TimeMs uint64
	// Members is how many members attest it.
	Members int
	// Proof is the evidence, and Header the canonical header of the block.
	Proof  *chain.ReceiptProof
	Header []byte
	// Node is the address that gave the answer; empty for a file.
	Node string
}

// OK reports whether the transaction was accepted.
func (r *Receipt) OK() bool { return r.Outcome.Code == coupon.OK }

// Receipt checks an encoded receipt proof for the transaction id, and the header
// of the block if there is one. Errors wrap ErrFalse.
func (v *Verifier) Receipt(id [32]byte, proof, header []byte) (*Receipt, error) {
	p, err := chain.DecodeReceiptProof(proof)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFalse, err)
	}
	if err := v.verified(p.Checkpoint, p); err != nil {
		return nil, err
	}
	o, err := coupon.DecodeReceipt(p.Leaf)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFalse, err)
	}
	if o.ID != id {
		return nil, fmt.Errorf("%w: the receipt is that of transaction %x, not %x", ErrFalse, o.ID, id)
	}
	r := &Receipt{Outcome: o, Height: uint64(p.Checkpoint.Seq), Members: p.Checkpoint.Signers.Count(), Proof: p}
	if len(header) > 0 {
		if r.TimeMs, err = v.header(p.Checkpoint, header); err != nil {
			return nil, err
		}
		r.Header = bytes.Clone(header)
	}
	return r, nil
}

// header checks that an encoded header is that of the attested block, whose certificate
// was verified, and returns its time.
func (v *Verifier) header(x *pbft.CheckpointCertificate, encoded []byte) (timeMs uint64, err error) {
	h, err := pbft.DecodeHeader(encoded)
	if err != nil {
		return 0, fmt.Errorf("%w: header: %w", ErrFalse, err)
	}
	if v.committee.HeaderDigest(&h) != x.Block || h.Seq != x.Seq || h.Closing() {
		return 0, fmt.Errorf("%w: the header is not that of the attested block %d", ErrFalse, x.Seq)
	}
	for {
		seen := v.newestMs.Load()
		if h.TimeMs <= seen || v.newestMs.CompareAndSwap(seen, h.TimeMs) {
			return h.TimeMs, nil
		}
	}
}

// State is what the state at one height holds for a key. Only a Verifier makes
// one.
type State struct {
	Key []byte
	// Value is the row's canonical value, empty if there is none.
	Value  []byte
	Height uint64
	// TimeMs is the time of the block, Unix milliseconds.
	TimeMs uint64
	Proof  *chain.KeyProof
	Header []byte
	// Node is the address that gave the answer; empty for a file.
	Node string
}

// Found reports whether there is a row.
func (s *State) Found() bool { return len(s.Value) > 0 }

// State checks an encoded key proof for the key, with the header of its block.
// It says nothing about how old the state is. Errors wrap ErrFalse.
func (v *Verifier) State(key, proof, header []byte) (*State, error) {
	p, err := chain.DecodeKeyProof(proof)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFalse, err)
	}
	if !bytes.Equal(p.Key, key) {
		return nil, fmt.Errorf("%w: the proof is for another key", ErrFalse)
	}
	if err := v.verified(p.Checkpoint, p); err != nil {
		return nil, err
	}
	timeMs, err := v.header(p.Checkpoint, header)
	if err != nil {
		return nil, err
	}
	return &State{Key: bytes.Clone(key), Value: bytes.Clone(p.Value), Height: uint64(p.Checkpoint.Seq),
		TimeMs: timeMs, Proof: p, Header: bytes.Clone(header)}, nil
}

// Block is an executed block with everything that happened in it. Only a
// Verifier makes one.
type Block struct {
	Height   uint64
	Digest   [32]byte
	Header   pbft.Header
	Txs      [][]byte
	Receipts [][]byte
	// Outcomes are the receipts decoded, in the order of the transactions.
	Outcomes   []coupon.Outcome
	Checkpoint *pbft.CheckpointCertificate
	// Node is the address that gave the answer.
	Node string
}

// Block checks that an answer holds the block of the height, with exactly its
// transactions and receipts. Errors wrap ErrFalse. Of height 0, the genesis, the
// state root is not proved.
func (v *Verifier) Block(height uint64, a *BlockAnswer) (*Block, error) {
	h, err := pbft.DecodeHeader(a.Header)
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrFalse, err)
	}
	if uint64(h.Seq) != height || h.Closing() {
		return nil, fmt.Errorf("%w: a header of height %d, not %d", ErrFalse, h.Seq, height)
	}
	b := &Block{Height: height, Digest: v.committee.HeaderDigest(&h), Header: h, Txs: a.Txs, Receipts: a.Receipts}
	if height == 0 {
		if h != v.committee.GenesisHeader(h.ExecRoot, v.genesis.File.TimeMs) || len(a.Txs)+len(a.Receipts) > 0 {
			return nil, fmt.Errorf("%w: not the genesis of this chain", ErrFalse)
		}
		return b, nil
	}
	if b.Checkpoint, err = pbft.DecodeCheckpointCertificate(a.Checkpoint); err != nil {
		return nil, fmt.Errorf("%w: checkpoint: %w", ErrFalse, err)
	}
	committee, err := v.judge(b.Checkpoint)
	if err != nil {
		return nil, err
	}
	attested, err := chain.VerifyCheckpoint(committee, b.Checkpoint, chain.ClaimReceipt, v.scheme)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFalse, err)
	}
	if attested.Block() != b.Digest || attested.Height() != height {
		return nil, fmt.Errorf("%w: the checkpoint is that of another block", ErrFalse)
	}
	if chain.PayloadRoot(a.Txs) != h.PayloadRoot || len(a.Txs) != len(a.Receipts) {
		return nil, fmt.Errorf("%w: not the transactions of block %d", ErrFalse, height)
	}
	if len(a.Receipts) > 0 { // without transactions there is nothing to compare
		if err := attested.Receipts(a.Receipts); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFalse, err)
		}
	}
	if b.Outcomes, err = outcomes(a.Receipts); err != nil {
		return nil, err
	}
	return b, nil
}

// CheckTx makes every stateless check of a transaction with its signatures, as a
// node's door does. The error is a *coupon.Error.
func (v *Verifier) CheckTx(raw []byte) (*coupon.Tx, error) {
	tx, err := v.chain.CheckTx(raw)
	if err != nil {
		return nil, err
	}
	checks := tx.Signatures(v.chain)
	items := make([]sig.Item, len(checks))
	for i := range checks {
		items[i] = sig.Item{Key: &checks[i].Key, Message: checks[i].Message, Signature: &checks[i].Signature}
	}
	if !v.scheme.v.VerifyBatch(items) {
		return nil, &coupon.Error{Code: coupon.BadSignature, Detail: "a signature does not verify"}
	}
	return tx, nil
}

// scheme is ZIP-215 for package chain.
type scheme struct{ v *sig.Verifier }

// Verify implements pbft.Scheme.
func (s scheme) Verify(key pbft.PublicKey, message []byte, signature pbft.Signature) bool {
	return s.v.Verify((*[32]byte)(&key), message, (*[64]byte)(&signature))
}

// VerifyBatch implements pbft.Scheme.
func (s scheme) VerifyBatch(keys []pbft.PublicKey, messages [][]byte, sigs []pbft.Signature) bool {
	items := make([]sig.Item, len(keys))
	for i := range keys {
		items[i] = sig.Item{Key: (*[32]byte)(&keys[i]), Message: messages[i], Signature: (*[64]byte)(&sigs[i])}
	}
	return s.v.VerifyBatch(items)
}
