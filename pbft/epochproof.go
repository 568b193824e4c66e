package pbft

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// ErrEpochProof is wrapped by what EpochProof refuses.
var ErrEpochProof = errors.New("epoch proof")

// epochProofVersion is the only form of an EpochProof so far.
const epochProofVersion = 1

// EpochProofBytesMax is the size of the largest encoded EpochProof.
const EpochProofBytesMax = 1 + 4 + HeaderBytesMax + 4 + HeaderBytesMax +
	(1 + 1 + 4 + refBytes + 24 + 4 + 64*ReplicasMax) + 4 + SetBodyBytesMax

// EpochProof shows how an epoch ended (R13.3): its boundary block is committed, by a
// certificate of its own or by that of a closing block, and names the next set. A chain of
// them, from the genesis on, is all that a verifier needs to know every committee.
type EpochProof struct {
	Epoch    Epoch
	Boundary Header
	// Closing is the closing block that Certificate commits; nil if that is Boundary. One
	// is enough, however many there were: each names the boundary block.
	Closing     *Header
	Certificate *Certificate
	// Body is the encoded SetBody of the next epoch. In a log it may be missing still, and
	// such a proof does not verify.
	Body []byte
}

// Append appends the canonical encoding.
func (x *EpochProof) Append(b []byte) []byte {
	b = wire.AppendUint32(wire.AppendUint8(b, epochProofVersion), uint32(x.Epoch))
	b = x.Boundary.Append(b)
	if x.Closing == nil {
		b = wire.AppendUint32(b, 0)
	} else {
		b = x.Closing.Append(wire.AppendUint32(b, 1))
	}
	return wire.AppendBytes(x.Certificate.Append(b), x.Body)
}

// Kind implements Message.
func (*EpochProof) Kind() Kind { return KindEpochProof }

func (x *EpochProof) append(b []byte) []byte { return x.Append(b) }

// Encode returns the canonical encoding.
func (x *EpochProof) Encode() []byte { return x.Append(nil) }

// ReadEpochProof decodes a proof from r, without verifying anything.
func ReadEpochProof(r *wire.Reader) *EpochProof {
	if v := r.Uint8(); v != epochProofVersion && r.Err() == nil {
		r.Fail(fmt.Errorf("%w: epoch proof of form %d", wire.ErrValue, v))
	}
	x := &EpochProof{Epoch: Epoch(r.Uint32()), Boundary: ReadHeader(r)}
	if r.Count(1, HeaderBytesMax) == 1 {
		h := ReadHeader(r)
		x.Closing = &h
	}
	x.Certificate = readCertificate(r)
	x.Body = r.Bytes(SetBodyBytesMax)
	return x
}

// DecodeEpochProof decodes exactly one proof, which aliases b. Verify has still to be
// called. The error wraps one of package wire.
func DecodeEpochProof(b []byte) (*EpochProof, error) {
	r := wire.NewReader(b)
	x := ReadEpochProof(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode epoch proof: %w", err)
	}
	return x, nil
}

// Verify checks the proof with the committee of the epoch that it ends, and no other, and
// returns that of the next one, which stands on Boundary. The error wraps ErrEpochProof.
func (x *EpochProof) Verify(c *Committee, s Scheme) (*Committee, error) {
	if err := x.VerifyEnd(c, s); err != nil {
		return nil, err
	}
	body, err := DecodeSetBody(x.Body)
	if err != nil {
		return nil, fmt.Errorf("%w of epoch %d: %w", ErrEpochProof, x.Epoch, err)
	}
	if body.Epoch != x.Epoch+1 || body.Epoch == 0 {
		return nil, fmt.Errorf("%w of epoch %d: the set is of epoch %d", ErrEpochProof, x.Epoch, body.Epoch)
	}
	if body.Digest(c.chain) != x.Boundary.Next {
		return nil, fmt.Errorf("%w of epoch %d: another set than the boundary block names", ErrEpochProof, x.Epoch)
	}
	next, err := NewCommitteeFromBody(c.chain, body)
	if err != nil {
		return nil, fmt.Errorf("%w of epoch %d: %w", ErrEpochProof, x.Epoch, err)
	}
	return next.Begin(&x.Boundary), nil
}

// VerifyEnd checks all of the proof but the body: that the epoch of the committee ended
// with Boundary. The error wraps ErrEpochProof.
func (x *EpochProof) VerifyEnd(c *Committee, s Scheme) error {
	refuse := func(why string) error { return fmt.Errorf("%w of epoch %d: %s", ErrEpochProof, x.Epoch, why) }
	a, last := &x.Boundary, &x.Boundary
	ours := func(h *Header) bool {
		return h.Epoch == c.epoch && h.Committee == c.digest && h.View >= 1 && h.Proposer == c.Primary(h.View)
	}
	switch {
	case x.Epoch != c.epoch:
		return refuse("not of the committee's epoch")
	case c.params.Protocol != DualPath:
		return refuse("the protocol has no epochs")
	case !ours(a) || a.Flags != FlagBoundary || a.Next == Digest{} || a.Seq <= c.genesis.Seq:
		return refuse("no boundary block of the epoch")
	}
	if k := x.Closing; k != nil {
		if !ours(k) || k.Flags != FlagClosing || k.Seq <= a.Seq || k.Next != c.HeaderDigest(a) {
			return refuse("no closing block above the boundary block")
		}
		last = k
	}
	if x.Certificate == nil || !c.Commits(x.Certificate, last) || !c.VerifyCertificate(x.Certificate, s) {
		return refuse("the certificate does not commit the last block")
	}
	return nil
}
