package pbft

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits of decoded messages, each a bound that no honest message reaches.
const (
	// WalkMax bounds the headers of one walk: the largest window.
	WalkMax = 256
	// HeadersMax bounds the shared headers of a NEW-VIEW.
	HeadersMax = 4096
	// BlocksMax bounds the blocks of one BLOCKS message.
	BlocksMax = 256
	// LinksMax bounds the headers of one LINKED message: many times the blocks that
	// commit under one certificate. They are little more than 1 MiB.
	LinksMax = 4096
	// MessageBytesMax bounds an encoded message: the largest payload with room
	// for certificates and an entry proof.
	MessageBytesMax = 16 << 20
)

// signedHeaderBytes is the size of the smallest signed header.
const signedHeaderBytes = HeaderBytes + 64

// EncodeMessage returns the canonical bytes of a message, its kind first.
func EncodeMessage(m Message) []byte {
	size := 512
	switch x := m.(type) {
	case *PrePrepare:
		size += len(x.Payload) + len(x.Recipe)
	case *Blocks:
		for i := range x.Blocks {
			size += len(x.Blocks[i].Payload) + 512
		}
	case *Linked:
		size += len(x.Headers) * HeaderBytesMax
		for i := range x.Blocks {
			size += len(x.Blocks[i].Payload) + 512
		}
	case *Decided:
		for i := range x.Blocks {
			size += len(x.Blocks[i].Payload) + 512 + 64*len(x.Certificates[i].Signatures)
		}
	}
	return m.append(wire.AppendUint8(make([]byte, 0, size), uint8(m.Kind())))
}

// DecodeMessage decodes exactly one message. The result aliases b. Nothing of it
// is verified beyond the encoding.
func DecodeMessage(b []byte) (Message, error) {
	if len(b) > MessageBytesMax {
		return nil, fmt.Errorf("decode message: %w: %d bytes", wire.ErrLimit, len(b))
	}
	r := wire.NewReader(b)
	kind := Kind(r.Uint8())
	m := readMessage(r, kind)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode %v: %w", kind, err)
	}
	return m, nil
}

func readMessage(r *wire.Reader, kind Kind) Message {
	switch kind {
	case KindPrePrepare:
		return &PrePrepare{Block: readBlock(r), Certificate: readOptionalCertificate(r), Entry: readOptionalNewView(r)}
	case KindPrepare:
		return &Prepare{readVote(r)}
	case KindCommit:
		return &Commit{readVote(r)}
	case KindCheckpoint:
		return &Checkpoint{Epoch: Epoch(r.Uint32()), Seq: Seq(r.Uint64()), Block: r.Bytes32(), StateRoot: r.Bytes32(),
			ReceiptRoot: r.Bytes32(), Replica: ReplicaID(r.Uint16()), Signature: r.Bytes64()}
	case KindSuspect:
		return readSuspect(r)
	case KindViewChange:
		v := readCore(r)
		v.Certificate = readOptionalCertificate(r)
		v.Walk = readHeaders(r, WalkMax)
		return &v
	case KindNewView:
		return readNewView(r)
	case KindStatus:
		return &Status{Epoch: Epoch(r.Uint32()), View: View(r.Uint64()), ViewChanged: View(r.Uint64()),
			Committed: readRef(r), Executed: Seq(r.Uint64()),
			High: Rank{View(r.Uint64()), Seq(r.Uint64())}, Replica: ReplicaID(r.Uint16())}
	case KindFetch, KindFetchRecipe:
		return &Fetch{Epoch: Epoch(r.Uint32()), Seq: Seq(r.Uint64()), Digest: r.Bytes32(), After: Seq(r.Uint64()),
			RecipeFirst: kind == KindFetchRecipe}
	case KindRecipe:
		return readRecipe(r)
	case KindPull:
		return &Pull{Epoch: Epoch(r.Uint32()), Justify: readRef(r), Block: r.Bytes32()}
	case KindBlocks:
		return readBlocks(r)
	case KindLinked:
		return readLinked(r)
	case KindProof:
		return &Proof{Certificate: readCertificate(r), Header: readOptionalHeader(r)}
	case KindRecall:
		return &Recall{Epoch: Epoch(r.Uint32()), Nonce: r.Uint64()}
	case KindRecollection:
		return readRecollection(r)
	}
	return readSlotMessage(r, kind)
}

// readSlotMessage reads the kinds of the original protocol, and what both have since.
func readSlotMessage(r *wire.Reader, kind Kind) Message {
	switch kind {
	case KindSlotViewChange:
		v := readSlotCore(r)
		v.Checkpoint = readOptionalCheckpoint(r)
		v.Proofs = readCertificates(r)
		return &v
	case KindSlotNewView:
		return readSlotNewView(r)
	case KindDecided:
		return readDecided(r)
	case KindStable:
		return &Stable{Certificate: ReadCheckpointCertificate(r)}
	case KindMarks:
		return readMarks(r)
	case KindEpochProof:
		return ReadEpochProof(r)
	}
	r.Fail(fmt.Errorf("%w: message kind %d", wire.ErrValue, kind))
	return nil
}

func (m *PrePrepare) append(b []byte) []byte {
	if len(m.Recipe) > 0 {
		b = wire.AppendBytes(appendSignedHeader(b, &m.SignedHeader), m.Recipe)
	} else {
		b = appendBlock(b, &m.Block)
	}
	b = appendOptionalCertificate(b, m.Certificate)
	if m.Entry == nil {
		return wire.AppendUint8(b, 0)
	}
	return m.Entry.append(wire.AppendUint8(b, 1))
}

// readRecipe reads a PRE-PREPARE with a recipe; a block without payload has none.
func readRecipe(r *wire.Reader) *PrePrepare {
	m := &PrePrepare{Block: Block{SignedHeader: readSignedHeader(r)}, Recipe: r.Bytes(RecipeBytesMax)}
	if r.Err() == nil && (len(m.Recipe) == 0 || m.Header.PayloadBytes == 0) {
		r.Fail(fmt.Errorf("%w: a recipe of %d bytes for a payload of %d", wire.ErrValue, len(m.Recipe),
			m.Header.PayloadBytes))
	}
	m.Certificate, m.Entry = readOptionalCertificate(r), readOptionalNewView(r)
	return m
}

func readOptionalNewView(r *wire.Reader) *NewView {
	if r.Enum8(1) == 0 {
		return nil
	}
	return readNewView(r)
}

func (v *Vote) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(v.Epoch))
	b = appendRef(b, v.Block)
	b = wire.AppendUint16(b, uint16(v.Replica))
	return append(b, v.Signature[:]...)
}

const voteBytes = 4 + refBytes + 2 + 64

func readVote(r *wire.Reader) Vote {
	return Vote{Epoch: Epoch(r.Uint32()), Block: readRef(r), Replica: ReplicaID(r.Uint16()), Signature: r.Bytes64()}
}

func (m *Checkpoint) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(m.Epoch))
	b = wire.AppendUint64(b, uint64(m.Seq))
	b = append(b, m.Block[:]...)
	b = append(b, m.StateRoot[:]...)
	b = append(b, m.ReceiptRoot[:]...)
	b = wire.AppendUint16(b, uint16(m.Replica))
	return append(b, m.Signature[:]...)
}

func (m *Suspect) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(m.Epoch))
	b = wire.AppendUint64(b, uint64(m.View))
	b = wire.AppendUint8(b, uint8(m.Reason))
	b = wire.AppendUint64(b, uint64(m.Committed))
	b = wire.AppendUint16(b, uint16(m.Replica))
	b = append(b, m.Signature[:]...)
	return appendHeaders(b, m.Evidence)
}

func readSuspect(r *wire.Reader) *Suspect {
	m := &Suspect{Epoch: Epoch(r.Uint32()), View: View(r.Uint64()), Reason: SuspectReason(r.Uint8())}
	if r.Err() == nil && (m.Reason < SuspectTimeout || m.Reason > SuspectEvidence) {
		r.Fail(wire.ErrValue)
	}
	m.Committed = Seq(r.Uint64())
	m.Replica = ReplicaID(r.Uint16())
	m.Signature = r.Bytes64()
	m.Evidence = readHeaders(r, 2)
	return m
}

func (v *ViewChange) appendCore(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(v.Epoch))
	b = wire.AppendUint64(b, uint64(v.View))
	b = appendRef(b, v.High)
	b = appendRef(b, v.Tip)
	b = wire.AppendUint64(b, uint64(v.Committed))
	return wire.AppendUint16(b, uint16(v.Replica))
}

const signedCoreBytes = 4 + 8 + 48 + 48 + 8 + 2 + 64

func readCore(r *wire.Reader) ViewChange {
	return ViewChange{Epoch: Epoch(r.Uint32()), View: View(r.Uint64()), High: readRef(r), Tip: readRef(r),
		Committed: Seq(r.Uint64()), Replica: ReplicaID(r.Uint16()), Signature: r.Bytes64()}
}

func appendCores(b []byte, vs []ViewChange) []byte {
	b = wire.AppendUint32(b, uint32(len(vs)))
	for i := range vs {
		b = append(vs[i].appendCore(b), vs[i].Signature[:]...)
	}
	return b
}

func (v *ViewChange) append(b []byte) []byte {
	b = append(v.appendCore(b), v.Signature[:]...)
	b = appendOptionalCertificate(b, v.Certificate)
	return appendHeaders(b, v.Walk)
}

func (m *NewView) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(m.Epoch))
	b = wire.AppendUint64(b, uint64(m.View))
	b = appendCores(b, m.ViewChanges)
	b = appendOptionalCertificate(b, m.Certificate)
	b = appendHeaders(b, m.Headers)
	b = appendHeaders(b, m.Evidence)
	b = appendRef(b, m.Base)
	return append(b, m.Signature[:]...)
}

func readNewView(r *wire.Reader) *NewView {
	m := &NewView{Epoch: Epoch(r.Uint32()), View: View(r.Uint64())}
	m.ViewChanges = make([]ViewChange, r.Count(ReplicasMax, signedCoreBytes))
	for i := range m.ViewChanges {
		m.ViewChanges[i] = readCore(r)
	}
	m.Certificate = readOptionalCertificate(r)
	m.Headers = readHeaders(r, HeadersMax)
	m.Evidence = readHeaders(r, 2)
	m.Base = readRef(r)
	m.Signature = r.Bytes64()
	return m
}

func (m *Status) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(m.Epoch))
	b = wire.AppendUint64(b, uint64(m.View))
	b = wire.AppendUint64(b, uint64(m.ViewChanged))
	b = appendRef(b, m.Committed)
	b = wire.AppendUint64(b, uint64(m.Executed))
	b = wire.AppendUint64(b, uint64(m.High.View))
	b = wire.AppendUint64(b, uint64(m.High.Seq))
	return wire.AppendUint16(b, uint16(m.Replica))
}

func (m *Fetch) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(m.Epoch))
	b = wire.AppendUint64(b, uint64(m.Seq))
	b = append(b, m.Digest[:]...)
	return wire.AppendUint64(b, uint64(m.After))
}

func (m *Pull) append(b []byte) []byte {
	b = appendRef(wire.AppendUint32(b, uint32(m.Epoch)), m.Justify)
	return append(b, m.Block[:]...)
}

func (m *Blocks) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(m.Epoch))
	b = wire.AppendUint32(b, uint32(len(m.Blocks)))
	for i := range m.Blocks {
		b = appendBlock(b, &m.Blocks[i])
	}
	return appendOptionalCertificate(b, m.Certificate)
}

func readBlocks(r *wire.Reader) *Blocks {
	m := &Blocks{Epoch: Epoch(r.Uint32())}
	m.Blocks = make([]Block, r.Count(BlocksMax, signedHeaderBytes+4))
	for i := range m.Blocks {
		m.Blocks[i] = readBlock(r)
	}
	m.Certificate = readOptionalCertificate(r)
	return m
}

func (m *Linked) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(m.Epoch))
	b = wire.AppendUint32(b, uint32(len(m.Blocks)))
	for i := range m.Blocks {
		b = appendBlock(b, &m.Blocks[i])
	}
	b = wire.AppendUint32(b, uint32(len(m.Headers)))
	for i := range m.Headers {
		b = m.Headers[i].Append(b)
	}
	return m.Certificate.Append(b)
}

func readLinked(r *wire.Reader) *Linked {
	m := &Linked{Epoch: Epoch(r.Uint32())}
	m.Blocks = make([]Block, r.Count(BlocksMax, signedHeaderBytes+4))
	for i := range m.Blocks {
		m.Blocks[i] = readBlock(r)
	}
	m.Headers = make([]Header, r.Count(LinksMax, HeaderBytes))
	for i := range m.Headers {
		m.Headers[i] = ReadHeader(r)
	}
	if r.Err() == nil && (len(m.Blocks) == 0 || len(m.Headers) == 0) {
		r.Fail(fmt.Errorf("%w: no block or no header", wire.ErrValue))
	}
	m.Certificate = readCertificate(r)
	return m
}

func (m *Proof) append(b []byte) []byte {
	b = m.Certificate.Append(b)
	if m.Header == nil {
		return wire.AppendUint8(b, 0)
	}
	return appendSignedHeader(wire.AppendUint8(b, 1), m.Header)
}

func (m *Recall) append(b []byte) []byte {
	return wire.AppendUint64(wire.AppendUint32(b, uint32(m.Epoch)), m.Nonce)
}

func (m *Recollection) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(m.Epoch))
	b = wire.AppendUint64(b, m.Nonce)
	var have uint8
	if m.Prepare != nil {
		have |= 1
	}
	if m.ViewChange != nil {
		have |= 2
	}
	if m.Proposal != nil {
		have |= 4
	}
	if m.SlotViewChange != nil {
		have |= 8
	}
	if m.Commit != nil {
		have |= 16
	}
	if len(m.Prepares)+len(m.Commits) > 0 {
		have |= 32
	}
	if m.Mark != nil {
		have |= 64
	}
	b = wire.AppendUint8(b, have)
	if m.Prepare != nil {
		b = m.Prepare.append(b)
	}
	if m.ViewChange != nil {
		b = append(m.ViewChange.appendCore(b), m.ViewChange.Signature[:]...)
	}
	if m.Proposal != nil {
		b = appendSignedHeader(b, m.Proposal)
	}
	if m.SlotViewChange != nil {
		b = m.SlotViewChange.appendSignedCore(b)
	}
	if m.Commit != nil {
		b = m.Commit.append(b)
	}
	if have&32 != 0 {
		b = m.appendVotes(b)
	}
	if m.Mark != nil {
		b = m.Mark.append(b)
	}
	return b
}

func (m *Recollection) appendVotes(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(len(m.Prepares)))
	for i := range m.Prepares {
		b = m.Prepares[i].append(b)
	}
	b = wire.AppendUint32(b, uint32(len(m.Commits)))
	for i := range m.Commits {
		b = m.Commits[i].append(b)
	}
	return b
}

func readRecollection(r *wire.Reader) *Recollection {
	m := &Recollection{Epoch: Epoch(r.Uint32()), Nonce: r.Uint64()}
	have := r.Enum8(127)
	if have&1 != 0 {
		m.Prepare = &Prepare{readVote(r)}
	}
	if have&2 != 0 {
		v := readCore(r)
		m.ViewChange = &v
	}
	if have&4 != 0 {
		h := readSignedHeader(r)
		m.Proposal = &h
	}
	if have&8 != 0 {
		v := readSlotCore(r)
		m.SlotViewChange = &v
	}
	if have&16 != 0 {
		m.Commit = &Commit{readVote(r)}
	}
	if have&32 != 0 {
		for range r.Count(SlotsMax, voteBytes) {
			m.Prepares = append(m.Prepares, Prepare{readVote(r)})
		}
		for range r.Count(SlotsMax, voteBytes) {
			m.Commits = append(m.Commits, Commit{readVote(r)})
		}
		if r.Err() == nil && len(m.Prepares)+len(m.Commits) == 0 {
			r.Fail(fmt.Errorf("%w: no vote", wire.ErrValue))
		}
	}
	if have&64 != 0 {
		x := readSignedMark(r)
		m.Mark = &x
	}
	return m
}

func appendSignedHeader(b []byte, h *SignedHeader) []byte {
	return append(h.Header.Append(b), h.Signature[:]...)
}

func readSignedHeader(r *wire.Reader) SignedHeader {
	return SignedHeader{Header: ReadHeader(r), Signature: r.Bytes64()}
}

func appendHeaders(b []byte, hs []SignedHeader) []byte {
	b = wire.AppendUint32(b, uint32(len(hs)))
	for i := range hs {
		b = appendSignedHeader(b, &hs[i])
	}
	return b
}

func readHeaders(r *wire.Reader, max int) []SignedHeader {
	n := r.Count(max, signedHeaderBytes)
	if n == 0 {
		return nil
	}
	hs := make([]SignedHeader, n)
	for i := range hs {
		hs[i] = readSignedHeader(r)
	}
	return hs
}

func readOptionalHeader(r *wire.Reader) *SignedHeader {
	if r.Enum8(1) == 0 {
		return nil
	}
	h := readSignedHeader(r)
	return &h
}

func appendBlock(b []byte, x *Block) []byte {
	return wire.AppendBytes(appendSignedHeader(b, &x.SignedHeader), x.Payload)
}

func readBlock(r *wire.Reader) Block {
	h := readSignedHeader(r)
	payload := r.Bytes(MessageBytesMax)
	if r.Err() == nil && uint64(len(payload)) != uint64(h.Header.PayloadBytes) {
		r.Fail(fmt.Errorf("%w: payload of %d bytes, header says %d", wire.ErrValue, len(payload), h.Header.PayloadBytes))
	}
	return Block{SignedHeader: h, Payload: payload}
}

func appendOptionalCertificate(b []byte, c *Certificate) []byte {
	if c == nil {
		return wire.AppendUint8(b, 0)
	}
	return c.Append(wire.AppendUint8(b, 1))
}

func readOptionalCertificate(r *wire.Reader) *Certificate {
	if r.Enum8(1) == 0 {
		return nil
	}
	return readCertificate(r)
}

// EncodeBlock returns the canonical bytes of a block.
func EncodeBlock(x *Block) []byte {
	return appendBlock(make([]byte, 0, HeaderBytesMax+64+4+len(x.Payload)), x)
}

// DecodeBlock decodes exactly one block, aliasing b.
func DecodeBlock(b []byte) (*Block, error) {
	r := wire.NewReader(b)
	x := readBlock(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode block: %w", err)
	}
	return &x, nil
}
