package pbft

import (
	"math/bits"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Signers is a set of replicas as a bitmap.
type Signers [3]uint64

// Add puts id into the set.
func (s *Signers) Add(id ReplicaID) { s[id/64] |= 1 << (id % 64) }

// Has reports whether id is in the set.
func (s *Signers) Has(id ReplicaID) bool { return int(id) < 64*len(s) && s[id/64]>>(id%64)&1 == 1 }

// Count returns the size of the set.
func (s *Signers) Count() int {
	return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2])
}

// CertificateKind says which votes a Certificate holds.
type CertificateKind uint8

// The kinds of certificates (section 3).
const (
	// Prepared holds q PREPAREs (QC). It never commits anything by itself.
	Prepared CertificateKind = 1 + iota
	// CommittedSlow holds q COMMITs (SC).
	CommittedSlow
	// CommittedFast holds F PREPAREs for an armed block (FC).
	CommittedFast
)

// String returns the name of the kind.
func (k CertificateKind) String() string {
	switch k {
	case Prepared:
		return "prepared"
	case CommittedSlow:
		return "committed-slow"
	case CommittedFast:
		return "committed-fast"
	}
	return "unknown"
}

// schemeEd25519 is the only signature scheme of a certificate so far.
const schemeEd25519 = 1

// Certificate proves that a quorum voted for one block: the signatures of the
// distinct members in Signers, ascending, over identical votes.
type Certificate struct {
	Kind       CertificateKind
	Epoch      Epoch
	Block      BlockRef
	Signers    Signers
	Signatures []Signature
}

// VoteOf returns the vote of a member that the certificate holds, if it does: a
// PREPARE, or a COMMIT if it is CommittedSlow.
func (c *Certificate) VoteOf(id ReplicaID) (Vote, bool) {
	if !c.Signers.Has(id) {
		return Vote{}, false
	}
	at := 0
	for i := ReplicaID(0); i < id; i++ {
		if c.Signers.Has(i) {
			at++
		}
	}
	return Vote{Epoch: c.Epoch, Block: c.Block, Replica: id, Signature: c.Signatures[at]}, true
}

// Append appends the canonical encoding.
func (c *Certificate) Append(b []byte) []byte {
	b = wire.AppendUint8(b, schemeEd25519)
	b = wire.AppendUint8(b, uint8(c.Kind))
	b = wire.AppendUint32(b, uint32(c.Epoch))
	b = appendRef(b, c.Block)
	return appendSigners(b, &c.Signers, c.Signatures)
}

func appendSigners(b []byte, s *Signers, sigs []Signature) []byte {
	for _, w := range s {
		b = wire.AppendUint64(b, w)
	}
	b = wire.AppendUint32(b, uint32(len(sigs)))
	for i := range sigs {
		b = append(b, sigs[i][:]...)
	}
	return b
}

func readSigners(r *wire.Reader) (s Signers, sigs []Signature) {
	for i := range s {
		s[i] = r.Uint64()
	}
	n := r.Count(ReplicasMax, len(Signature{}))
	if r.Err() == nil && n != s.Count() {
		r.Fail(wire.ErrValue)
		return s, nil
	}
	sigs = make([]Signature, n)
	for i := range sigs {
		sigs[i] = r.Bytes64()
	}
	return s, sigs
}

func readCertificate(r *wire.Reader) *Certificate {
	c := &Certificate{}
	if r.Uint8() != schemeEd25519 && r.Err() == nil {
		r.Fail(wire.ErrValue)
	}
	c.Kind = CertificateKind(r.Uint8())
	if r.Err() == nil && (c.Kind < Prepared || c.Kind > CommittedFast) {
		r.Fail(wire.ErrValue)
	}
	c.Epoch = Epoch(r.Uint32())
	c.Block = readRef(r)
	c.Signers, c.Signatures = readSigners(r)
	return c
}

// Encode returns the canonical encoding.
func (c *Certificate) Encode() []byte { return c.Append(nil) }

// DecodeCertificate decodes exactly one certificate. Its signatures are not
// checked; Committee.VerifyCertificate does that.
func DecodeCertificate(b []byte) (*Certificate, error) {
	r := wire.NewReader(b)
	c := readCertificate(r)
	return c, r.Close()
}

// Scheme verifies signatures. All nodes and clients of a chain must use the same
// acceptance rule (ZIP-215), single and in batch. Its methods are functions of
// their arguments alone.
type Scheme interface {
	// Verify reports whether s is key's signature of message.
	Verify(key PublicKey, message []byte, s Signature) bool
	// VerifyBatch reports whether all of the signatures are valid; the slices
	// have equal length. It must agree with Verify.
	VerifyBatch(keys []PublicKey, messages [][]byte, sigs []Signature) bool
}

// VerifyCertificate checks the certificate by itself: the epoch, that the number
// of distinct members fits the kind, and every signature. That the votes' view,
// sequence number and digest are those of a header, and that a fast commit
// certificate belongs to an armed block, needs the header: CommitsHeader.
func (c *Committee) VerifyCertificate(x *Certificate, s Scheme) bool {
	if x.Epoch != c.epoch || len(x.Signatures) != x.Signers.Count() {
		return false
	}
	need, tag := c.Quorum(), tagPrepare
	switch x.Kind {
	case Prepared:
	case CommittedSlow:
		tag = tagCommit
	case CommittedFast:
		need = c.FastQuorum()
	default:
		return false
	}
	if len(x.Signatures) < need {
		return false
	}
	return c.verifySigners(s, c.voteBytes(tag, x.Block), x.Signers, x.Signatures)
}

func (c *Committee) verifySigners(s Scheme, message []byte, set Signers, sigs []Signature) bool {
	b := Batch{keys: make([]PublicKey, 0, len(sigs)), messages: make([][]byte, 0, len(sigs)), sigs: sigs}
	for id := ReplicaID(0); int(id) < 64*len(set); id++ {
		if !set.Has(id) {
			continue
		}
		if !c.Has(id) {
			return false
		}
		b.keys, b.messages = append(b.keys, c.keys[id]), append(b.messages, message)
	}
	return len(b.keys) == len(sigs) && b.All(s)
}

// Commits reports whether a verified certificate commits the block of h: slow,
// or fast with h armed. Under the original protocol a block that a later view
// ordered again is committed by votes of that view, which name its digest, and
// there is no fast path. Names and kinds are compared; signatures are not.
func (c *Committee) Commits(x *Certificate, h *Header) bool {
	ref := c.Ref(h)
	if c.params.Protocol == Original {
		return x.Epoch == c.epoch && h.Epoch == c.epoch && x.Kind == CommittedSlow && x.Block.Seq == ref.Seq &&
			x.Block.Digest == ref.Digest && x.Block.View >= ref.View
	}
	if x.Epoch != c.epoch || h.Epoch != c.epoch || x.Block != ref {
		return false
	}
	return x.Kind == CommittedSlow || x.Kind == CommittedFast && h.Armed()
}

// CheckpointBytes returns what a replica signs when it attests that it executed
// a block with the given results (R5).
func (c *Committee) CheckpointBytes(seq Seq, block, stateRoot, receiptRoot Digest) []byte {
	b := make([]byte, 0, 4+8+3*32)
	b = wire.AppendUint32(b, uint32(c.epoch))
	b = wire.AppendUint64(b, uint64(seq))
	b = append(b, block[:]...)
	b = append(b, stateRoot[:]...)
	b = append(b, receiptRoot[:]...)
	return c.signedBytes(tagCheckpoint, b)
}

// CheckpointCertificate holds signatures of distinct members over the execution
// of one block: f+1 prove a receipt, q a state (section 11, outside verifier).
type CheckpointCertificate struct {
	Epoch       Epoch
	Seq         Seq
	Block       Digest
	StateRoot   Digest
	ReceiptRoot Digest
	Signers     Signers
	Signatures  []Signature
}

// Append appends the canonical encoding.
func (c *CheckpointCertificate) Append(b []byte) []byte {
	b = wire.AppendUint8(b, schemeEd25519)
	b = wire.AppendUint32(b, uint32(c.Epoch))
	b = wire.AppendUint64(b, uint64(c.Seq))
	b = append(b, c.Block[:]...)
	b = append(b, c.StateRoot[:]...)
	b = append(b, c.ReceiptRoot[:]...)
	return appendSigners(b, &c.Signers, c.Signatures)
}

// Encode returns the canonical encoding.
func (c *CheckpointCertificate) Encode() []byte { return c.Append(nil) }

// ReadCheckpointCertificate decodes a checkpoint certificate from r, without
// checking its signatures.
func ReadCheckpointCertificate(r *wire.Reader) *CheckpointCertificate {
	c := &CheckpointCertificate{}
	if r.Uint8() != schemeEd25519 && r.Err() == nil {
		r.Fail(wire.ErrValue)
	}
	c.Epoch = Epoch(r.Uint32())
	c.Seq = Seq(r.Uint64())
	c.Block = r.Bytes32()
	c.StateRoot = r.Bytes32()
	c.ReceiptRoot = r.Bytes32()
	c.Signers, c.Signatures = readSigners(r)
	return c
}

// DecodeCheckpointCertificate decodes exactly one checkpoint certificate. Its
// signatures are not checked; Committee.VerifyCheckpoint does that.
func DecodeCheckpointCertificate(b []byte) (*CheckpointCertificate, error) {
	r := wire.NewReader(b)
	c := ReadCheckpointCertificate(r)
	return c, r.Close()
}

// VerifyCheckpoint checks a checkpoint certificate against the committee: at
// least need distinct members (WeakQuorum for a receipt, Quorum for a state),
// each with a valid signature.
func (c *Committee) VerifyCheckpoint(x *CheckpointCertificate, need int, s Scheme) bool {
	if x.Epoch != c.epoch || len(x.Signatures) != x.Signers.Count() || len(x.Signatures) < need || need < 1 {
		return false
	}
	return c.verifySigners(s, c.CheckpointBytes(x.Seq, x.Block, x.StateRoot, x.ReceiptRoot), x.Signers, x.Signatures)
}
