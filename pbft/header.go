package pbft

import (
	"crypto/sha256"
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Domain tags of what replicas sign or hash. The length byte in front of a tag
// makes them prefix-free among themselves and against the domain tags of
// transactions.
const (
	tagCommittee  = "scrip/pbft/committee/v1"
	tagSetBody    = "scrip/pbft/committee/v2"
	tagHeader     = "scrip/pbft/header/v1"
	tagPrePrepare = "scrip/pbft/pre-prepare/v1"
	tagPrepare    = "scrip/pbft/prepare/v1"
	tagCommit     = "scrip/pbft/commit/v1"
	tagCheckpoint = "scrip/pbft/checkpoint/v1"
	tagSuspect    = "scrip/pbft/suspect/v1"
	tagViewChange = "scrip/pbft/view-change/v1"
	tagNewView    = "scrip/pbft/new-view/v1"

	tagMark = "scrip/pbft/mark/v1"

	tagSlotViewChange = "scrip/pbft/slot-view-change/v1"
	tagSlotNewView    = "scrip/pbft/slot-new-view/v1"
)

// signedBytes is what is signed or hashed for a body under a tag: the tag behind
// its length byte, the chain's digest, and the hash of the body.
func (c *Committee) signedBytes(tag string, body []byte) []byte {
	h := sha256.Sum256(body)
	b := make([]byte, 0, 1+len(tag)+len(c.chain)+len(h))
	b = append(b, uint8(len(tag)))
	b = append(b, tag...)
	b = append(b, c.chain[:]...)
	return append(b, h[:]...)
}

// Rank orders blocks and certificates: by view, then by sequence number.
type Rank struct {
	View View
	Seq  Seq
}

// Less reports whether r stands below o.
func (r Rank) Less(o Rank) bool {
	return r.View < o.View || r.View == o.View && r.Seq < o.Seq
}

// BlockRef names a block by view, sequence number and digest.
type BlockRef struct {
	View   View
	Seq    Seq
	Digest Digest
}

// Rank returns the rank of the named block.
func (b BlockRef) Rank() Rank { return Rank{b.View, b.Seq} }

// Header flags. A header has at most one; unknown ones and both make it invalid.
const (
	// FlagClosing marks an empty block above the last payload block of an epoch
	// (R13). No outside verifier accepts one as a block of its height.
	FlagClosing uint8 = 1 << iota
	// FlagBoundary marks the last payload block of an epoch (R13.1).
	FlagBoundary
)

// Sizes of an encoded header: of an ordinary one, and of one with a flag, the most.
const (
	HeaderBytes    = 1 + 4 + 8 + 8 + 32 + 8 + 32 + 4 + 8 + 32 + 8 + 48 + 2 + 32 + 1
	HeaderBytesMax = HeaderBytes + 32
)

// Versions of a header: without a flag, and with one and what follows it.
const (
	headerVersion      = 1
	headerVersionEpoch = 2
)

// Header is what a primary proposes and what votes are about (section 3). Its
// digest names the block.
type Header struct {
	Epoch Epoch
	// View in which the block was proposed; inherited blocks keep theirs.
	View View
	Seq  Seq
	// Parent is the digest of the block at Seq-1.
	Parent Digest
	// BaseSeq is the sequence number of the block on which this view began.
	BaseSeq Seq
	// PayloadRoot commits to the payload, whose size is PayloadBytes. The empty
	// payload has the zero root.
	PayloadRoot  Digest
	PayloadBytes uint32
	// ExecSeq and ExecRoot state the state root after executing ExecSeq.
	ExecSeq  Seq
	ExecRoot Digest
	// TimeMs is Unix time in milliseconds, UTC; greater than the parent's (R12).
	TimeMs uint64
	// Justify names a certified proper ancestor.
	Justify  BlockRef
	Proposer ReplicaID
	// Committee is the digest of the epoch's committee.
	Committee Digest
	Flags     uint8
	// Next, with FlagBoundary, is the digest of the next epoch's SetBody; with
	// FlagClosing it is the digest of the epoch's boundary block. Else it is zero.
	Next Digest
}

// Armed reports whether a fast quorum of PREPAREs commits the block: its
// justification is a certificate of its own view.
func (h *Header) Armed() bool { return h.Justify.View == h.View }

// Closing reports whether FlagClosing is set.
func (h *Header) Closing() bool { return h.Flags&FlagClosing != 0 }

// Boundary reports whether FlagBoundary is set.
func (h *Header) Boundary() bool { return h.Flags&FlagBoundary != 0 }

// Ending reports whether the block is a boundary or a closing one: nothing but
// closing blocks stands above it in its epoch.
func (h *Header) Ending() bool { return h.Flags&(FlagBoundary|FlagClosing) != 0 }

// Formed reports whether flags and Next have one of the three forms that there are.
func (h *Header) Formed() bool {
	switch h.Flags {
	case 0:
		return h.Next == Digest{}
	case FlagClosing, FlagBoundary:
		return h.Next != Digest{}
	}
	return false
}

// Size returns the length of the encoding.
func (h *Header) Size() int {
	if h.Flags == 0 {
		return HeaderBytes
	}
	return HeaderBytesMax
}

// Bytes returns the canonical encoding.
func (h *Header) Bytes() []byte { return h.Append(make([]byte, 0, HeaderBytesMax)) }

// Append appends the canonical encoding: HeaderBytes, or HeaderBytesMax with a flag.
func (h *Header) Append(b []byte) []byte {
	if h.Flags == 0 {
		b = wire.AppendUint8(b, headerVersion)
	} else {
		b = wire.AppendUint8(b, headerVersionEpoch)
	}
	b = wire.AppendUint32(b, uint32(h.Epoch))
	b = wire.AppendUint64(b, uint64(h.View))
	b = wire.AppendUint64(b, uint64(h.Seq))
	b = append(b, h.Parent[:]...)
	b = wire.AppendUint64(b, uint64(h.BaseSeq))
	b = append(b, h.PayloadRoot[:]...)
	b = wire.AppendUint32(b, h.PayloadBytes)
	b = wire.AppendUint64(b, uint64(h.ExecSeq))
	b = append(b, h.ExecRoot[:]...)
	b = wire.AppendUint64(b, h.TimeMs)
	b = appendRef(b, h.Justify)
	b = wire.AppendUint16(b, uint16(h.Proposer))
	b = append(b, h.Committee[:]...)
	b = wire.AppendUint8(b, h.Flags)
	if h.Flags != 0 {
		b = append(b, h.Next[:]...)
	}
	return b
}

// ReadHeader decodes a header from r. One that is not Formed is not decoded.
func ReadHeader(r *wire.Reader) (h Header) {
	version := r.Uint8()
	if version != headerVersion && version != headerVersionEpoch && r.Err() == nil {
		r.Fail(wire.ErrValue)
	}
	h.Epoch = Epoch(r.Uint32())
	h.View = View(r.Uint64())
	h.Seq = Seq(r.Uint64())
	h.Parent = r.Bytes32()
	h.BaseSeq = Seq(r.Uint64())
	h.PayloadRoot = r.Bytes32()
	h.PayloadBytes = r.Uint32()
	h.ExecSeq = Seq(r.Uint64())
	h.ExecRoot = r.Bytes32()
	h.TimeMs = r.Uint64()
	h.Justify = readRef(r)
	h.Proposer = ReplicaID(r.Uint16())
	h.Committee = r.Bytes32()
	h.Flags = r.Uint8()
	if version == headerVersionEpoch {
		h.Next = r.Bytes32()
	}
	if r.Err() == nil && (!h.Formed() || (h.Flags != 0) != (version == headerVersionEpoch)) {
		r.Fail(fmt.Errorf("%w: a header of version %d with flags %d", wire.ErrValue, version, h.Flags))
	}
	return h
}

// DecodeHeader decodes exactly one header.
func DecodeHeader(b []byte) (Header, error) {
	r := wire.NewReader(b)
	h := ReadHeader(r)
	return h, r.Close()
}

func appendRef(b []byte, x BlockRef) []byte {
	b = wire.AppendUint64(b, uint64(x.View))
	b = wire.AppendUint64(b, uint64(x.Seq))
	return append(b, x.Digest[:]...)
}

func readRef(r *wire.Reader) BlockRef {
	return BlockRef{View: View(r.Uint64()), Seq: Seq(r.Uint64()), Digest: r.Bytes32()}
}

// HeaderDigest returns the digest that names the block of h on this chain.
func (c *Committee) HeaderDigest(h *Header) Digest {
	return Digest(sha256.Sum256(c.signedBytes(tagHeader, h.Bytes())))
}

// Ref returns the reference of a block by its header.
func (c *Committee) Ref(h *Header) BlockRef {
	return BlockRef{View: h.View, Seq: h.Seq, Digest: c.HeaderDigest(h)}
}

// GenesisHeader returns the header below the first block of the chain: sequence
// number 0 of view 1. It counts as certified (section 3), by equality and not
// by signatures. stateRoot is the root of the genesis state, timeMs the genesis
// time.
func (c *Committee) GenesisHeader(stateRoot Digest, timeMs uint64) Header {
	return Header{Epoch: c.epoch, View: 1, ExecRoot: stateRoot, TimeMs: timeMs, Committee: c.digest}
}
