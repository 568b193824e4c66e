package pbft

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// SlotViewChange is the VIEW-CHANGE of the original protocol: where the sender's
// last stable checkpoint lies, and what it has prepared above. The signature
// covers the fields up to Replica; the proofs are attachments.
type SlotViewChange struct {
	Epoch Epoch
	View  View
	// Stable is the sequence number of the last stable checkpoint, 0 for the
	// genesis.
	Stable Seq
	// Prepared names, for each sequence number above Stable that the sender has
	// prepared, the block and the highest view in which it has: ascending, one
	// per sequence number, at most SlotsMax.
	Prepared  []BlockRef
	Replica   ReplicaID
	Signature Signature
	// Checkpoint proves Stable (nil for the genesis), and Proofs prove Prepared,
	// one by one. Both are absent inside a SlotNewView.
	Checkpoint *CheckpointCertificate
	Proofs     []*Certificate
}

// SlotNewView is the NEW-VIEW of the original protocol. Everything in it but
// TimeMs follows from the VIEW-CHANGEs, and every backup computes it again.
type SlotNewView struct {
	Epoch Epoch
	View  View
	// TimeMs is the time of the null requests, Unix milliseconds.
	TimeMs uint64
	// ViewChanges are exactly m, without attachments, ascending by replica.
	ViewChanges []SlotViewChange
	// Slots are the re-issued PRE-PREPAREs: one for every sequence number above
	// the highest stable checkpoint up to the highest that is prepared, ascending,
	// all of this view. The primary's signature stands for one on each.
	Slots     []BlockRef
	Signature Signature
	// Checkpoint proves the highest Stable (nil for the genesis). Proofs prove,
	// ascending, what was prepared of Slots; the others are null requests.
	Checkpoint *CheckpointCertificate
	Proofs     []*Certificate
}

// Decided answers a Fetch under the original protocol: consecutive blocks, each
// with its own commit certificate, since nothing links them.
type Decided struct {
	Epoch        Epoch
	Blocks       []Block
	Certificates []*Certificate // as many as Blocks
}

// Stable brings the proof of a stable checkpoint to a peer that seems to lack it.
type Stable struct{ Certificate *CheckpointCertificate }

// Kind implements Message.
func (*SlotViewChange) Kind() Kind { return KindSlotViewChange }

// Kind implements Message.
func (*SlotNewView) Kind() Kind { return KindSlotNewView }

// Kind implements Message.
func (*Decided) Kind() Kind { return KindDecided }

// Kind implements Message.
func (*Stable) Kind() Kind { return KindStable }

// SlotViewChangeBytes returns what a VIEW-CHANGE of the original protocol signs.
func (c *Committee) SlotViewChangeBytes(v *SlotViewChange) []byte {
	return c.signedBytes(tagSlotViewChange, v.appendCore(nil))
}

// SlotNewViewBytes returns what the primary signs over a NEW-VIEW of the original
// protocol: all of it but the proofs.
func (c *Committee) SlotNewViewBytes(v *SlotNewView) []byte {
	return c.signedBytes(tagSlotNewView, v.appendCore(nil))
}

const (
	refBytes           = 8 + 8 + 32
	slotCoreBytes      = 4 + 8 + 8 + 4 + 2 + 64
	certificateMinimum = 1 + 1 + 4 + refBytes + 24 + 4
)

func (v *SlotViewChange) appendCore(b []byte) []byte {
	b = wire.AppendUint64(wire.AppendUint32(b, uint32(v.Epoch)), uint64(v.View))
	b = wire.AppendUint64(b, uint64(v.Stable))
	b = appendRefs(b, v.Prepared)
	return wire.AppendUint16(b, uint16(v.Replica))
}

func (v *SlotViewChange) appendSignedCore(b []byte) []byte {
	return append(v.appendCore(b), v.Signature[:]...)
}

func readSlotCore(r *wire.Reader) SlotViewChange {
	return SlotViewChange{Epoch: Epoch(r.Uint32()), View: View(r.Uint64()), Stable: Seq(r.Uint64()),
		Prepared: readRefs(r), Replica: ReplicaID(r.Uint16()), Signature: r.Bytes64()}
}

func (v *SlotViewChange) append(b []byte) []byte {
	b = appendOptionalCheckpoint(v.appendSignedCore(b), v.Checkpoint)
	return appendCertificates(b, v.Proofs)
}

func (m *SlotNewView) appendCore(b []byte) []byte {
	b = wire.AppendUint64(wire.AppendUint32(b, uint32(m.Epoch)), uint64(m.View))
	b = wire.AppendUint64(b, m.TimeMs)
	b = wire.AppendUint32(b, uint32(len(m.ViewChanges)))
	for i := range m.ViewChanges {
		b = m.ViewChanges[i].appendSignedCore(b)
	}
	return appendRefs(b, m.Slots)
}

func (m *SlotNewView) append(b []byte) []byte {
	b = append(m.appendCore(b), m.Signature[:]...)
	return appendCertificates(appendOptionalCheckpoint(b, m.Checkpoint), m.Proofs)
}

func readSlotNewView(r *wire.Reader) *SlotNewView {
	m := &SlotNewView{Epoch: Epoch(r.Uint32()), View: View(r.Uint64()), TimeMs: r.Uint64()}
	m.ViewChanges = make([]SlotViewChange, r.Count(ReplicasMax, slotCoreBytes))
	for i := range m.ViewChanges {
		m.ViewChanges[i] = readSlotCore(r)
	}
	m.Slots = readRefs(r)
	m.Signature = r.Bytes64()
	m.Checkpoint = readOptionalCheckpoint(r)
	m.Proofs = readCertificates(r)
	return m
}

func (m *Decided) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(m.Epoch))
	b = wire.AppendUint32(b, uint32(len(m.Blocks)))
	for i := range m.Blocks {
		b = m.Certificates[i].Append(appendBlock(b, &m.Blocks[i]))
	}
	return b
}

func readDecided(r *wire.Reader) *Decided {
	m := &Decided{Epoch: Epoch(r.Uint32())}
	n := r.Count(BlocksMax, signedHeaderBytes+4+certificateMinimum)
	if n == 0 && r.Err() == nil {
		r.Fail(fmt.Errorf("%w: no block", wire.ErrValue))
	}
	m.Blocks, m.Certificates = make([]Block, n), make([]*Certificate, n)
	for i := range m.Blocks {
		m.Blocks[i], m.Certificates[i] = readBlock(r), readCertificate(r)
	}
	return m
}

func (m *Stable) append(b []byte) []byte { return m.Certificate.Append(b) }

func appendRefs(b []byte, refs []BlockRef) []byte {
	b = wire.AppendUint32(b, uint32(len(refs)))
	for i := range refs {
		b = appendRef(b, refs[i])
	}
	return b
}

func readRefs(r *wire.Reader) []BlockRef {
	n := r.Count(SlotsMax, refBytes)
	if n == 0 {
		return nil
	}
	refs := make([]BlockRef, n)
	for i := range refs {
		refs[i] = readRef(r)
	}
	return refs
}

func appendCertificates(b []byte, cs []*Certificate) []byte {
	b = wire.AppendUint32(b, uint32(len(cs)))
	for _, c := range cs {
		b = c.Append(b)
	}
	return b
}

func readCertificates(r *wire.Reader) []*Certificate {
	n := r.Count(SlotsMax, certificateMinimum)
	if n == 0 {
		return nil
	}
	cs := make([]*Certificate, n)
	for i := range cs {
		cs[i] = readCertificate(r)
	}
	return cs
}

func appendOptionalCheckpoint(b []byte, c *CheckpointCertificate) []byte {
	if c == nil {
		return wire.AppendUint8(b, 0)
	}
	return c.Append(wire.AppendUint8(b, 1))
}

func readOptionalCheckpoint(r *wire.Reader) *CheckpointCertificate {
	if r.Enum8(1) == 0 {
		return nil
	}
	return ReadCheckpointCertificate(r)
}
