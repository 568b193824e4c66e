package chain

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// What a verifier refuses beyond a proof that does not hold.
var (
	// ErrUnknownEpoch: the epoch is above those that are known. Epoch proofs lead there.
	ErrUnknownEpoch = errors.New("chain: a later epoch than is known")
	// ErrForgotten: the epoch is below those that are held.
	ErrForgotten = errors.New("chain: an epoch that is held no more")
	// ErrWeak: a receipt of a past epoch that fewer than a quorum attest. It holds for whom
	// trusts that no f+1 keys of a set that is gone were stolen since. It wraps ErrProof.
	ErrWeak = fmt.Errorf("%w: too few members of an epoch that is over attest it", ErrProof)
	// ErrConflict: two valid proofs of how one epoch ended. More than f members of it signed
	// twice; which of the two is the chain nobody can tell from the proofs.
	ErrConflict = errors.New("chain: two ends of one epoch")
)

const (
	// EpochsHeld is how many of the newest epochs a verifier holds: five years of weekly
	// changes, and at most 2 MiB in committees of 150.
	EpochsHeld = 256
	// RunningMs is for how long after its end, by the newest proven block, an epoch counts
	// as running, so that no till waits at a change.
	RunningMs = 600_000
)

// Epochs are the committees that a verifier knows, from the genesis file on or from an
// anchor. Whatever has an epoch is judged by the committee of that epoch and no other,
// within the heights of that epoch: what members that left, or thieves of their keys, sign
// later has no height. A value is immutable and safe for concurrent use.
type Epochs struct {
	held []heldEpoch // ascending without a gap, the newest last; never empty
}

type heldEpoch struct {
	committee *pbft.Committee
	proof     *pbft.EpochProof // how it ended; nil for the newest
}

// NewEpochs returns what follows from one committee: that of the genesis file, or one that
// was compared with an anchor.
func NewEpochs(c *pbft.Committee) *Epochs { return &Epochs{held: []heldEpoch{{committee: c}}} }

// Newest returns the committee of the newest epoch that is known.
func (e *Epochs) Newest() *pbft.Committee { return e.held[len(e.held)-1].committee }

// ConflictError has the two proofs of how one epoch ended. It wraps ErrConflict.
type ConflictError struct{ Known, Other *pbft.EpochProof }

// Error implements error.
func (x *ConflictError) Error() string {
	return fmt.Sprintf("%v %d: at height %d, and at height %d", ErrConflict, x.Known.Epoch, x.Known.Boundary.Seq,
		x.Other.Boundary.Seq)
}

// Unwrap returns ErrConflict.
func (x *ConflictError) Unwrap() error { return ErrConflict }

// Extend returns what is known with one more proof. One of an epoch whose end is known
// changes nothing if it says the same, and is a *ConflictError if it is valid and says
// another. Other errors wrap ErrUnknownEpoch, ErrForgotten or pbft.ErrEpochProof.
func (e *Epochs) Extend(p *pbft.EpochProof, s pbft.Scheme) (*Epochs, error) {
	x, err := e.epoch(p.Epoch)
	if err != nil {
		return nil, err
	}
	next, err := p.Verify(x.committee, s)
	if err != nil {
		return nil, err
	}
	if x.proof != nil {
		if x.committee.HeaderDigest(&x.proof.Boundary) != x.committee.HeaderDigest(&p.Boundary) {
			return nil, &ConflictError{x.proof, p}
		}
		return e, nil
	}
	held := make([]heldEpoch, 0, min(len(e.held)+1, EpochsHeld))
	held = append(held, e.held[max(0, len(e.held)+1-EpochsHeld):]...)
	held[len(held)-1].proof = p
	return &Epochs{append(held, heldEpoch{committee: next})}, nil
}

func (e *Epochs) epoch(n pbft.Epoch) (*heldEpoch, error) {
	first, last := e.held[0].committee.Epoch(), e.Newest().Epoch()
	switch {
	case n > last:
		return nil, fmt.Errorf("%w: epoch %d, known is %d", ErrUnknownEpoch, n, last)
	case n < first:
		return nil, fmt.Errorf("%w: epoch %d, held from %d on", ErrForgotten, n, first)
	}
	return &e.held[n-first], nil
}

// At returns the committee whose votes count for a height of an epoch. Heights of an epoch
// lie above the end of the one before, and up to its own end. Errors wrap ErrUnknownEpoch,
// ErrForgotten, or ErrProof for a height that is not the epoch's.
func (e *Epochs) At(n pbft.Epoch, height pbft.Seq) (*pbft.Committee, error) {
	x, err := e.epoch(n)
	if err != nil {
		return nil, err
	}
	// An epoch that was not extended from its proof knows no start: that of the genesis
	// is height 0, which epoch 0 may attest.
	if start := x.committee.Start(); start != (pbft.BlockRef{}) && height <= start.Seq {
		return nil, fmt.Errorf("%w: height %d is before epoch %d, which begins above %d", ErrProof, height, n, start.Seq)
	}
	if x.proof != nil && height > x.proof.Boundary.Seq {
		return nil, fmt.Errorf("%w: height %d is after epoch %d, which ended at %d", ErrProof, height, n,
			x.proof.Boundary.Seq)
	}
	return x.committee, nil
}

// Judge returns the committee that judges a checkpoint certificate: that of its epoch, if
// the height is the epoch's. A receipt of an epoch that is over needs a quorum as a state
// does: f+1 keys of a set that is gone are the cheapest thing to steal. With fewer signers
// the error wraps ErrWeak, which does not say that they are good. newestMs is the time of
// the newest block that is proven to the caller, Unix milliseconds.
func (e *Epochs) Judge(x *pbft.CheckpointCertificate, newestMs uint64) (*pbft.Committee, error) {
	c, err := e.At(x.Epoch, x.Seq)
	if err != nil {
		return nil, err
	}
	if n := x.Signers.Count(); n >= c.WeakQuorum() && n < c.Quorum() && e.over(x.Epoch, newestMs) {
		return nil, fmt.Errorf("%w: height %d, %d of epoch %d, of %d", ErrWeak, x.Seq, n, x.Epoch, c.Quorum())
	}
	return c, nil
}

// over reports whether an epoch that is held counts as past.
func (e *Epochs) over(n pbft.Epoch, newestMs uint64) bool {
	x, err := e.epoch(n)
	if err != nil || x.proof == nil {
		return false
	}
	end := x.proof.Boundary.TimeMs
	newestMs = max(newestMs, e.held[len(e.held)-2].proof.Boundary.TimeMs) // a proven block, too
	return newestMs >= end && newestMs-end >= RunningMs
}

// VerifyOrder is OrderProof.Verify with the committee of the headers' epoch. In an epoch
// that is over every header must be within it, so that no closing block stands in one.
func (e *Epochs) VerifyOrder(p *OrderProof, s pbft.Scheme) (*pbft.Header, error) {
	if len(p.Headers) == 0 {
		return nil, fmt.Errorf("%w: no header", ErrProof)
	}
	first, last := &p.Headers[0], &p.Headers[len(p.Headers)-1]
	c, err := e.At(first.Epoch, first.Seq)
	if err != nil {
		return nil, err
	}
	if _, err := e.At(first.Epoch, last.Seq); err != nil {
		return nil, err
	}
	return p.Verify(c, s)
}

// Anchor returns what people compare of the newest epoch: a digest over the chain, the
// committee and the block on which it stands. ok is false where that is not known or is
// the genesis, which is compared by its file.
func (e *Epochs) Anchor() (anchor [32]byte, ok bool) {
	c := e.Newest()
	start := c.Start()
	if start == (pbft.BlockRef{}) {
		return anchor, false
	}
	const tag = "scrip/anchor/v1"
	b := append(wire.AppendUint8(nil, uint8(len(tag))), tag...)
	chain, committee := c.Chain(), c.Digest()
	b = append(b, chain[:]...)
	b = append(wire.AppendUint32(b, uint32(c.Epoch())), committee[:]...)
	b = append(wire.AppendUint64(b, uint64(start.Seq)), start.Digest[:]...)
	return sha256.Sum256(b), true
}
