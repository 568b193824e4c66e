package pbft

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft/internal/wrong"
	"github.com/scrip-network/scrip/pbft/wire"
)

// View numbers a regime of one primary, from 1 in each epoch.
type View uint64

// Seq is a sequence number: the position of a block in the order, and its height.
type Seq uint64

// Epoch numbers committees, from 0. A certificate of one epoch is worth nothing
// in another.
type Epoch uint32

// ReplicaID is the dense index of a member in its committee, from 0.
type ReplicaID uint16

// Digest is a SHA-256 hash.
type Digest [32]byte

// String returns the first four bytes in hexadecimal, for traces.
func (d Digest) String() string { return fmt.Sprintf("%x", d[:4]) }

// PublicKey is an ed25519 public key.
type PublicKey [32]byte

// Signature is an ed25519 signature.
type Signature [64]byte

// ReplicasMax bounds a committee. It keeps votes all-to-all affordable and every
// signer set within three machine words.
const ReplicasMax = 150

// PayloadBytesLimit bounds what a chain may choose as its largest payload, so that
// a proposal with its certificates fits a frame between members.
const PayloadBytesLimit = 8 << 20

// Parameters are the chain parameters of a committee: the same on every replica
// and part of the committee's digest, never of a local configuration. A zero
// field takes the default that its comment states, except Faults and FastFaults.
type Parameters struct {
	// Faults is f, how many members may be Byzantine; at least 1.
	Faults int
	// FastFaults is p, how many members may be slow while blocks still commit
	// in two delays; 0 <= p <= f, and n >= 3f+2p-1 if p >= 1.
	FastFaults int
	// Window is W, how many sequence numbers may be in flight above the highest
	// certificate; default 32, at most 256.
	Window uint64
	// Tenure is K, after how many sequence numbers of a view the next primary
	// takes over by plan; default 4096, at least Window.
	Tenure uint64
	// CheckpointInterval is C: a checkpoint certificate of a multiple of C is
	// stable and drives garbage collection; default 256.
	CheckpointInterval uint64
	// ExecutionLag is D, how far the executed state named in a header trails
	// its proposer's own; default 4.
	ExecutionLag uint64
	// PrecisionMs bounds the clocks' disagreement in milliseconds; default 500.
	PrecisionMs uint64
	// DelayMs bounds a proposal's journey in milliseconds; default 5000.
	DelayMs uint64
	// PayloadBytesMax bounds the payload of one block; default 4 MiB.
	PayloadBytesMax uint32
	// Protocol is how the committee decides; default DualPath. Under Original,
	// Tenure and ExecutionLag mean nothing and FastFaults is 0.
	Protocol Protocol
}

func (p Parameters) withDefaults() Parameters {
	set := func(v *uint64, d uint64) {
		if *v == 0 {
			*v = d
		}
	}
	set(&p.Window, 32)
	set(&p.Tenure, 4096)
	set(&p.CheckpointInterval, 256)
	set(&p.ExecutionLag, 4)
	set(&p.PrecisionMs, 500)
	set(&p.DelayMs, 5000)
	if p.PayloadBytesMax == 0 {
		p.PayloadBytesMax = 4 << 20
	}
	return p
}

// ErrCommittee is wrapped by every error of NewCommittee.
var ErrCommittee = errors.New("committee")

// DefaultFaults returns the largest f that n members tolerate, and the largest p
// that goes with it (section 2: the default policy). f is 0 for n below 4.
func DefaultFaults(n int) (faults, fastFaults int) {
	faults = (n - 1) / 3
	for p := faults; p >= 1; p-- {
		if n >= 3*faults+2*p-1 {
			return faults, p
		}
	}
	return faults, 0
}

// Committee is the immutable ordered list of members of one epoch with its
// parameters. All quorum arithmetic is here, for general n, f and p; nothing
// else in the project computes a quorum.
type Committee struct {
	chain  Digest
	epoch  Epoch
	keys   []PublicKey
	params Parameters
	digest Digest
	quorum int
	// leaders are who leads, in turn, from epoch 1 on; nil: everybody, as in epoch 0.
	leaders []ReplicaID
	// genesis names the block on which the epoch stands (R13.4); zero where that is the
	// chain's genesis, or not known.
	genesis BlockRef
}

// NewCommittee checks n, f, p and the keys (distinct) and returns the committee
// of an epoch of the chain with the given digest. Errors wrap ErrCommittee.
func NewCommittee(chain Digest, epoch Epoch, keys []PublicKey, params Parameters) (*Committee, error) {
	params = params.withDefaults()
	if err := params.check(len(keys)); err != nil {
		return nil, err
	}
	for i := range keys {
		for j := range keys[:i] {
			if keys[i] == keys[j] {
				return nil, fmt.Errorf("%w: members %d and %d share a key", ErrCommittee, j, i)
			}
		}
	}
	c := &Committee{chain: chain, epoch: epoch, keys: append([]PublicKey(nil), keys...), params: params,
		quorum: (len(keys)+params.Faults)/2 + 1}
	c.digest = c.computeDigest()
	return c, nil
}

// check tests parameters without zeros against a number of members.
func (p *Parameters) check(n int) error {
	f, fast := p.Faults, p.FastFaults
	switch {
	case n > ReplicasMax:
		return fmt.Errorf("%w: %d members, at most %d", ErrCommittee, n, ReplicasMax)
	case f < 1 || n < 3*f+1:
		return fmt.Errorf("%w: %d members cannot tolerate f = %d (need f >= 1, n >= 3f+1)", ErrCommittee, n, f)
	case fast < 0 || fast > f:
		return fmt.Errorf("%w: p = %d is outside 0..f = %d", ErrCommittee, fast, f)
	case fast >= 1 && n < 3*f+2*fast-1:
		return fmt.Errorf("%w: p = %d needs n >= 3f+2p-1 = %d, have %d", ErrCommittee, fast, 3*f+2*fast-1, n)
	case p.Window > WindowMax:
		return fmt.Errorf("%w: window %d, at most %d", ErrCommittee, p.Window, WindowMax)
	case p.Tenure < p.Window:
		return fmt.Errorf("%w: tenure %d is below the window %d", ErrCommittee, p.Tenure, p.Window)
	case p.PayloadBytesMax > PayloadBytesLimit:
		return fmt.Errorf("%w: payload limit %d, at most %d", ErrCommittee, p.PayloadBytesMax, PayloadBytesLimit)
	}
	return p.checkProtocol()
}

func (c *Committee) computeDigest() Digest {
	b := wire.AppendUint32(nil, uint32(c.epoch))
	p := c.params
	for _, v := range []uint64{uint64(p.Faults), uint64(p.FastFaults), p.Window, p.Tenure,
		p.CheckpointInterval, p.ExecutionLag, p.PrecisionMs, p.DelayMs, uint64(p.PayloadBytesMax)} {
		b = wire.AppendUint64(b, v)
	}
	b = wire.AppendUint32(b, uint32(len(c.keys)))
	for i := range c.keys {
		b = append(b, c.keys[i][:]...)
	}
	if p.Protocol != DualPath { // the first protocol had no number
		b = wire.AppendUint8(b, uint8(p.Protocol))
	}
	return Digest(sha256.Sum256(c.signedBytes(tagCommittee, b)))
}

// Begin returns the committee with the block on which its epoch stands: the boundary
// block of the epoch before, by its header. In epoch 0 that is the chain's genesis.
func (c *Committee) Begin(a *Header) *Committee {
	x := *c
	if c.epoch > 0 {
		x.genesis = c.GenesisRef(a)
	}
	return &x
}

// GenesisRef names the block on which an epoch stands, by its header, for the rules of
// that epoch: with view 1, whatever the view in which it was proposed (R13.4). In its own
// view it would outrank certificates of the epoch that stands on it.
func (c *Committee) GenesisRef(a *Header) BlockRef {
	return BlockRef{View: 1, Seq: a.Seq, Digest: c.HeaderDigest(a)}
}

// Start returns what Begin was told: GenesisRef, or zero in epoch 0.
func (c *Committee) Start() BlockRef { return c.genesis }

// Chain returns the digest that binds every signature to one chain.
func (c *Committee) Chain() Digest { return c.chain }

// Epoch returns the epoch of the committee.
func (c *Committee) Epoch() Epoch { return c.epoch }

// Digest commits to the members, their order and the parameters.
func (c *Committee) Digest() Digest { return c.digest }

// Parameters returns the chain parameters with defaults filled in.
func (c *Committee) Parameters() Parameters { return c.params }

// Size returns n.
func (c *Committee) Size() int { return len(c.keys) }

// Faults returns f.
func (c *Committee) Faults() int { return c.params.Faults }

// FastFaults returns p.
func (c *Committee) FastFaults() int { return c.params.FastFaults }

// Has reports whether id is a member.
func (c *Committee) Has(id ReplicaID) bool { return int(id) < len(c.keys) }

// Key returns the public key of a member; id must be one.
func (c *Committee) Key(id ReplicaID) PublicKey { return c.keys[id] }

// Find returns the member with the given key.
func (c *Committee) Find(key PublicKey) (ReplicaID, bool) {
	for i := range c.keys {
		if c.keys[i] == key {
			return ReplicaID(i), true
		}
	}
	return 0, false
}

// Primary returns the primary of a view; the list is fixed for the epoch (R11). From
// epoch 1 on it begins further down in each epoch, so that a first member that is dead
// does not cost a timeout at every change.
func (c *Committee) Primary(v View) ReplicaID {
	if n := uint64(len(c.leaders)); n > 0 {
		return c.leaders[(uint64(v)%n+n-1+uint64(c.epoch)%n)%n]
	}
	return ReplicaID((uint64(v) + uint64(len(c.keys)) - 1) % uint64(len(c.keys)))
}

// Quorum returns q = floor((n+f)/2)+1: PREPAREs of a prepared certificate,
// COMMITs of a slow commit certificate, signatures of a checkpoint certificate.
func (c *Committee) Quorum() int { return c.quorum }

// FastQuorum returns F = n-p: PREPAREs that commit an armed block at once.
func (c *Committee) FastQuorum() int { return len(c.keys) - c.params.FastFaults }

// ViewChangeQuorum returns m = n-f: SUSPECTs that start a view change, and
// VIEW-CHANGEs in a NEW-VIEW.
func (c *Committee) ViewChangeQuorum() int { return len(c.keys) - c.params.Faults }

// HonestSuspects returns n-2f, how many honest members are among those that start a view
// change at least.
func (c *Committee) HonestSuspects() int { return len(c.keys) - 2*c.params.Faults }

// WeakQuorum returns f+1: one of so many is honest.
func (c *Committee) WeakQuorum() int { return c.params.Faults + 1 }

// Strict reports n >= 3f+2p+1: no two conflicting blocks can both reach Support.
func (c *Committee) Strict() bool {
	return len(c.keys) >= 3*c.params.Faults+2*c.params.FastFaults+1
}

// Support returns T0 = n-2f-p, the reports that a fast-committed block has in
// every set of m VIEW-CHANGEs (R9).
func (c *Committee) Support() int {
	return len(c.keys) - 2*c.params.Faults - c.params.FastFaults
}

// SupportWithEvidence returns T1 = T0+1, the same when the equivocating primary
// is excluded (R9, clause E).
func (c *Committee) SupportWithEvidence() int { return c.Support() + 1 }

// WithQuorum returns a committee that uses another quorum q. It breaks the protocol on
// purpose, for tests that must notice; the quorum is of a type that only they can name.
func (c *Committee) WithQuorum(q wrong.Quorum) *Committee {
	m := *c
	m.quorum = q.Size
	return &m
}
