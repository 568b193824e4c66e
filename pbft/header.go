package pbft

import (
	"crypto/sha256"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Domain tags of what replicas sign or hash. The length byte in front of a tag
// makes them prefix-free among themselves and against the domain tags of
// transactions.
const (
	tagCommittee  = "scrip/pbft/committee/v1"
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

// Header flags. Unknown flags make a header invalid.
const (
	// FlagClosing marks an empty block above the last payload block of an epoch
	// (R13). No outside verifier accepts one as a block of its height.
	FlagClosing uint8 = 1 << iota
)

// HeaderBytes is the size of an encoded header.
const HeaderBytes = 1 + 4 + 8 + 8 + 32 + 8 + 32 + 4 + 8 + 32 + 8 + 48 + 2 + 32 + 1

const headerVersion = 1

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
}

// Armed reports whether a fast quorum of PREPAREs commits the block: its
// justification is a certificate of its own view.
func (h *Header) Armed() bool { return h.Justify.View == h.View }

// Closing reports whether FlagClosing is set.
func (h *Header) Closing() bool { return h.Flags&FlagClosing != 0 }

// Append appends the canonical encoding, HeaderBytes long.
func (h *Header) Append(b []byte) []byte {
	b = wire.AppendUint8(b, headerVersion)
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
	return wire.AppendUint8(b, h.Flags)
}

func readHeader(r *wire.Reader) (h Header) {
	if v := r.Uint8(); v != headerVersion && r.Err() == nil {
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
	if h.Flags&^FlagClosing != 0 {
		r.Fail(wire.ErrValue)
	}
	return h
}

// DecodeHeader decodes exactly one header.
func DecodeHeader(b []byte) (Header, error) {
	r := wire.NewReader(b)
	h := readHeader(r)
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
	return Digest(sha256.Sum256(c.signedBytes(tagHeader, h.Append(make([]byte, 0, HeaderBytes)))))
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
