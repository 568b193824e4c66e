package chain

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// OrderHeadersMax bounds the headers of an order proof. A block without a
// certificate of its own is decided by one that is at most a window above it.
const OrderHeadersMax = 257

// OrderProof shows that a block stands in the chain at its height. It says
// nothing about the outcome of a transaction in it: the second redemption of a
// coupon has its place in the order as well as the first.
type OrderProof struct {
	// Headers are linked by their digests and ascend from the block that is
	// proved to the one that Commit decides; often they are the same, and always
	// under the original protocol.
	Headers []pbft.Header
	Commit  *pbft.Certificate
}

// OrderProofBytesMax is the size of the largest encoded order proof.
const OrderProofBytesMax = 1 + 4 + OrderHeadersMax*pbft.HeaderBytesMax + CertificateBytesMax

// VerifyCommit reports, as an error that wraps ErrProof, whether the certificate
// fails to decide the block of h: it must hold COMMITs of q members, or PREPAREs
// of F members with h armed, for exactly this header of this epoch; under the
// original protocol, COMMITs of q members in the header's view or a later one. A closing
// header is decided like any other; to take it for the block of its height is
// the mistake that OrderProof.Verify prevents.
func VerifyCommit(c *pbft.Committee, h *pbft.Header, x *pbft.Certificate, s pbft.Scheme) error {
	if x == nil {
		return fmt.Errorf("%w: height %d comes without a certificate", ErrProof, h.Seq)
	}
	if h.Epoch != c.Epoch() || h.Committee != c.Digest() {
		return fmt.Errorf("%w: height %d belongs to another epoch or committee", ErrProof, h.Seq)
	}
	if !h.Formed() {
		return fmt.Errorf("%w: height %d has unknown flags, or lacks what they name", ErrProof, h.Seq)
	}
	if !c.Commits(x, h) {
		return fmt.Errorf("%w: a %v certificate does not decide height %d", ErrProof, x.Kind, h.Seq)
	}
	if !c.VerifyCertificate(x, s) {
		return fmt.Errorf("%w: height %d: too few valid signatures", ErrProof, h.Seq)
	}
	return nil
}

// Verify checks the proof and returns the header that it proves. The error wraps
// ErrProof.
func (p *OrderProof) Verify(c *pbft.Committee, s pbft.Scheme) (*pbft.Header, error) {
	n := len(p.Headers)
	if n == 0 || n > OrderHeadersMax {
		return nil, fmt.Errorf("%w: %d headers, at least 1, at most %d", ErrProof, n, OrderHeadersMax)
	}
	// The certificate fixes the top header and each header the one below, so the
	// links need no signature. What else is wrong with a header kept the honest
	// voters from deciding it.
	for i := 1; i < n; i++ {
		below, above := &p.Headers[i-1], &p.Headers[i]
		if above.Seq != below.Seq+1 || above.Parent != c.HeaderDigest(below) || above.Epoch != below.Epoch {
			return nil, fmt.Errorf("%w: height %d does not descend from height %d", ErrProof, above.Seq, below.Seq)
		}
	}
	h := &p.Headers[0]
	if h.Closing() {
		return nil, fmt.Errorf("%w: a closing block is not the block of height %d", ErrProof, h.Seq)
	}
	if err := VerifyCommit(c, &p.Headers[n-1], p.Commit, s); err != nil {
		return nil, err
	}
	return h, nil
}

// Encode returns the canonical encoding: version u8 = 1, the headers behind their
// number, the certificate.
func (p *OrderProof) Encode() []byte {
	b := wire.AppendUint32(wire.AppendUint8(nil, proofVersion), uint32(len(p.Headers)))
	for i := range p.Headers {
		b = p.Headers[i].Append(b)
	}
	return p.Commit.Append(b)
}

// DecodeOrderProof decodes exactly one order proof; Verify has still to be
// called. The error wraps one of package wire.
func DecodeOrderProof(b []byte) (*OrderProof, error) {
	r := wire.NewReader(b)
	readVersion(r)
	p := &OrderProof{Headers: make([]pbft.Header, r.Count(OrderHeadersMax, pbft.HeaderBytes))}
	for i := range p.Headers {
		p.Headers[i] = pbft.ReadHeader(r)
	}
	if len(p.Headers) == 0 {
		r.Fail(fmt.Errorf("%w: no header", wire.ErrValue))
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("chain: decode order proof: %w", err)
	}
	commit, err := pbft.DecodeCertificate(r.Raw(r.Remaining()))
	if err != nil {
		return nil, fmt.Errorf("chain: decode order proof: certificate: %w", err)
	}
	p.Commit = commit
	return p, nil
}
