package pbft

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// RecordKind tells records apart in the consensus log.
type RecordKind uint8

// The kinds of records: the durable promises of section 7.
const (
	// RecordEntry is the entry into a view, before its first PREPARE: Base and,
	// if the view was entered by a NEW-VIEW, NewView.
	RecordEntry RecordKind = 1 + iota
	// RecordCertificate is a certificate that a later VIEW-CHANGE must be able
	// to present (highQC, and the prepared certificate behind a COMMIT).
	RecordCertificate
	// RecordBlock is a header with its body, before a PREPARE or a commit that
	// rests on it.
	RecordBlock
	// RecordProposal is the reference of an own proposal; its block precedes it.
	RecordProposal
	// RecordPrepare is an own PREPARE; its block precedes it.
	RecordPrepare
	// RecordViewChange is an own VIEW-CHANGE with its attachments.
	RecordViewChange
	// RecordNewView is an own NEW-VIEW.
	RecordNewView
	// RecordCommit is a commit certificate; its block precedes it.
	RecordCommit
	// RecordSlotEntry is the entry into a view by a NEW-VIEW of the original
	// protocol, before the first own message of the view.
	RecordSlotEntry
	// RecordSlotViewChange is an own VIEW-CHANGE of the original protocol with its
	// attachments.
	RecordSlotViewChange
	// RecordStable is a stable checkpoint, before what lies below is forgotten.
	RecordStable

	// RecordBoundary is the end of an epoch, before what follows from it: nothing of the
	// epoch is signed behind it. Its proof may lack the body.
	RecordBoundary RecordKind = 12
	// RecordBoot is the start of a process over the log: Boot of it. It is written
	// before anything is sent, and again before the first vote.
	RecordBoot RecordKind = 13
	// RecordMark is the greatest mark of another key that was heard.
	RecordMark RecordKind = 14
	// RecordAmnesia is what has shown that the log lacks something. Its replica never
	// signs again over this log.
	RecordAmnesia RecordKind = 15
)

// Record is one durable promise of a replica. Only the fields that its kind
// names are set. A turn's records form one frame of the consensus log.
type Record struct {
	Kind        RecordKind
	View        View         // RecordEntry, RecordProposal
	Base        BlockRef     // RecordEntry: base of View; RecordProposal: the proposed block
	NewView     *NewView     // RecordEntry (may be nil), RecordNewView
	Certificate *Certificate // RecordCertificate, RecordCommit
	Block       *Block       // RecordBlock
	Prepare     *Prepare     // RecordPrepare
	ViewChange  *ViewChange  // RecordViewChange

	SlotNewView    *SlotNewView           // RecordSlotEntry
	SlotViewChange *SlotViewChange        // RecordSlotViewChange
	Checkpoint     *CheckpointCertificate // RecordStable

	Boundary *EpochProof // RecordBoundary

	Boot  Boot          // RecordBoot
	Mark  *SignedMark   // RecordMark
	Shown *Recollection // RecordAmnesia: what was shown, and nothing else
}

// Boot is a start of a process over a log.
type Boot struct {
	Number uint32    // counts them, from 0
	Nonce  MarkNonce // drawn for this one
	// Votes says that it votes: its recall has ended, and it may have signed marks.
	Votes bool
	// Before is the greatest mark that an earlier start may have signed; zero if none
	// has voted. It has the last frame that the log held when the next start found it.
	Before Mark
}

// RecordBytesMax bounds one encoded record.
const RecordBytesMax = MessageBytesMax

// EncodeRecords returns the records of one turn as the bytes of one frame.
func EncodeRecords(rs []Record) []byte {
	size := 4
	for i := range rs {
		size += 1024
		if rs[i].Block != nil {
			size += len(rs[i].Block.Payload)
		}
	}
	b := wire.AppendUint32(make([]byte, 0, size), uint32(len(rs)))
	for i := range rs {
		b = rs[i].append(b)
	}
	return b
}

func (x *Record) append(b []byte) []byte {
	b = wire.AppendUint8(b, uint8(x.Kind))
	switch x.Kind {
	case RecordEntry:
		b = appendRef(wire.AppendUint64(b, uint64(x.View)), x.Base)
		if x.NewView == nil {
			return wire.AppendUint8(b, 0)
		}
		return x.NewView.append(wire.AppendUint8(b, 1))
	case RecordCertificate, RecordCommit:
		return x.Certificate.Append(b)
	case RecordBlock:
		return appendBlock(b, x.Block)
	case RecordProposal:
		return appendRef(wire.AppendUint64(b, uint64(x.View)), x.Base)
	case RecordPrepare:
		return x.Prepare.append(b)
	case RecordViewChange:
		return x.ViewChange.append(b)
	case RecordNewView:
		return x.NewView.append(b)
	case RecordSlotEntry:
		return x.SlotNewView.append(b)
	case RecordSlotViewChange:
		return x.SlotViewChange.append(b)
	case RecordStable:
		return x.Checkpoint.Append(b)
	case RecordBoundary:
		return x.Boundary.Append(b)
	case RecordBoot:
		return x.Boot.append(b)
	case RecordMark:
		return x.Mark.append(b)
	case RecordAmnesia:
		return x.Shown.append(wire.AppendUint8(b, uint8(KindRecollection)))
	}
	panic(fmt.Sprintf("pbft: encode record of kind %d", x.Kind))
}

// DecodeRecords decodes the bytes of one frame, which the result aliases.
func DecodeRecords(b []byte) ([]Record, error) {
	r := wire.NewReader(b)
	rs := make([]Record, r.Count(1<<20, 2))
	for i := range rs {
		rs[i] = readRecord(r)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode records: %w", err)
	}
	return rs, nil
}

func readRecord(r *wire.Reader) Record {
	x := Record{Kind: RecordKind(r.Uint8())}
	switch x.Kind {
	case RecordEntry:
		x.View, x.Base, x.NewView = View(r.Uint64()), readRef(r), readOptionalNewView(r)
	case RecordCertificate, RecordCommit:
		x.Certificate = readCertificate(r)
	case RecordBlock:
		k := readBlock(r)
		x.Block = &k
	case RecordProposal:
		x.View, x.Base = View(r.Uint64()), readRef(r)
	case RecordPrepare:
		x.Prepare = &Prepare{readVote(r)}
	case RecordViewChange:
		x.ViewChange, _ = readMessage(r, KindViewChange).(*ViewChange)
	case RecordNewView:
		x.NewView = readNewView(r)
	case RecordSlotEntry:
		x.SlotNewView = readSlotNewView(r)
	case RecordSlotViewChange:
		x.SlotViewChange, _ = readMessage(r, KindSlotViewChange).(*SlotViewChange)
	case RecordStable:
		x.Checkpoint = ReadCheckpointCertificate(r)
	case RecordBoundary:
		x.Boundary = ReadEpochProof(r)
	default:
		readGuardRecord(r, &x)
	}
	return x
}

func (x *Boot) append(b []byte) []byte {
	b = append(wire.AppendUint32(b, x.Number), x.Nonce[:]...)
	var votes uint8
	if x.Votes {
		votes = 1
	}
	return x.Before.append(wire.AppendUint8(b, votes))
}

// readGuardRecord reads the records of the log's guard.
func readGuardRecord(r *wire.Reader, x *Record) {
	switch x.Kind {
	case RecordBoot:
		x.Boot.Number = r.Uint32()
		copy(x.Boot.Nonce[:], r.Raw(len(x.Boot.Nonce)))
		x.Boot.Votes = r.Enum8(1) == 1
		x.Boot.Before = readMark(r)
	case RecordMark:
		m := readSignedMark(r)
		x.Mark = &m
	case RecordAmnesia:
		if kind := r.Uint8(); r.Err() == nil && Kind(kind) != KindRecollection {
			r.Fail(fmt.Errorf("%w: message kind %d shows what is lacking", wire.ErrValue, kind))
			return
		}
		x.Shown = readRecollection(r)
	default:
		r.Fail(fmt.Errorf("%w: record kind %d", wire.ErrValue, x.Kind))
	}
}
