package pbft

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// MisbehaviourKind says what a replica signed that no honest one ever does (R14).
type MisbehaviourKind uint8

// The kinds of misbehaviour. v' is the view of a VIEW-CHANGE, High and Tip what it reports.
const (
	// TwoHeaders: a primary signed two headers of one view and sequence number.
	TwoHeaders MisbehaviourKind = 1 + iota
	// TwoNewViews: a primary signed two NEW-VIEWs of one view.
	TwoNewViews
	// TwoPrepares: PREPAREs of one view for blocks of which neither descends from the other.
	TwoPrepares
	// TwoViewChanges: two VIEW-CHANGEs for one view.
	TwoViewChanges
	// CommitAboveHigh: a COMMIT of a view below v' for a block of higher rank than High.
	CommitAboveHigh
	// PrepareHidden: a PREPARE in the view of High for a block that is neither Tip nor below it.
	PrepareHidden
	// ArmedPrepareHidden: a PREPARE for an armed block of a view above High's and below v'.
	ArmedPrepareHidden
)

// String returns the name of the kind, as metrics and answers have it.
func (k MisbehaviourKind) String() string {
	names := [...]string{"?", "two-headers", "two-new-views", "two-prepares", "two-view-changes", "commit-above-high",
		"prepare-hidden", "armed-prepare-hidden"}
	if int(k) < len(names) {
		return names[k]
	}
	return names[0]
}

// Limits of evidence. What does not fit is not submitted.
const (
	// MisbehaviourBytesMax bounds encoded evidence.
	MisbehaviourBytesMax = 32 << 10
	// MisbehaviourChainMax bounds the headers that link two blocks.
	MisbehaviourChainMax = 128

	misbehaviourBodyMax = 8 << 10
)

// Misbehaviour is evidence against one replica: messages that it signed and that
// contradict each other (R14). It stands for itself; nobody signs it.
type Misbehaviour struct {
	Epoch Epoch
	Kind  MisbehaviourKind
	// Body is opaque here: the set of Epoch, where whoever judges may not have it any more.
	Body []byte

	Headers     []SignedHeader // of TwoHeaders
	NewViews    []NewView      // of TwoNewViews, without certificate and walks, which nobody signs
	ViewChanges []ViewChange   // without attachments: one, or two of TwoViewChanges
	Votes       []Vote         // of TwoPrepares two; of the last three kinds one
	// Chain are headers that show where a block stands, each the parent of the one before:
	// of TwoPrepares and PrepareHidden from the higher block down to just above the number
	// of the lower; of ArmedPrepareHidden the header of the vote's block.
	Chain []Header
}

// Conviction is what evidence proves: that Replica of Epoch did what Kind says. View is
// that of the two messages, or of the VIEW-CHANGE.
type Conviction struct {
	Epoch   Epoch
	Replica ReplicaID
	Kind    MisbehaviourKind
	View    View
}

// ErrMisbehaviour is wrapped by every error of VerifyMisbehaviour.
var ErrMisbehaviour = errors.New("misbehaviour")

// TwoHeadersOf returns evidence of kind TwoHeaders.
func TwoHeadersOf(a, b *SignedHeader) *Misbehaviour {
	m := &Misbehaviour{Epoch: a.Header.Epoch, Kind: TwoHeaders, Headers: []SignedHeader{*a, *b}}
	if bytes.Compare(appendSignedHeader(nil, a), appendSignedHeader(nil, b)) > 0 {
		m.Headers[0], m.Headers[1] = *b, *a
	}
	return m
}

// TwoNewViewsOf returns evidence of kind TwoNewViews.
func TwoNewViewsOf(a, b *NewView) *Misbehaviour {
	m := &Misbehaviour{Epoch: a.Epoch, Kind: TwoNewViews, NewViews: []NewView{a.signedPart(), b.signedPart()}}
	if bytes.Compare(a.appendSignedPart(nil), b.appendSignedPart(nil)) > 0 {
		m.NewViews[0], m.NewViews[1] = m.NewViews[1], m.NewViews[0]
	}
	return m
}

// TwoPreparesOf returns evidence of kind TwoPrepares. chain leads from the block of the
// higher number down to just above the lower; it is empty where the numbers are equal.
func TwoPreparesOf(a, b *Vote, chain []Header) *Misbehaviour {
	m := &Misbehaviour{Epoch: a.Epoch, Kind: TwoPrepares, Votes: []Vote{*a, *b}, Chain: chain}
	if a.Block.Seq < b.Block.Seq ||
		a.Block.Seq == b.Block.Seq && bytes.Compare(a.appendEvidence(nil), b.appendEvidence(nil)) > 0 {
		m.Votes[0], m.Votes[1] = *b, *a
	}
	return m
}

// TwoViewChangesOf returns evidence of kind TwoViewChanges.
func TwoViewChangesOf(a, b *ViewChange) *Misbehaviour {
	m := &Misbehaviour{Epoch: a.Epoch, Kind: TwoViewChanges, ViewChanges: []ViewChange{a.core(), b.core()}}
	if bytes.Compare(a.appendSignedCore(nil), b.appendSignedCore(nil)) > 0 {
		m.ViewChanges[0], m.ViewChanges[1] = m.ViewChanges[1], m.ViewChanges[0]
	}
	return m
}

// CommitAboveHighOf returns evidence of kind CommitAboveHigh; commit is a COMMIT.
func CommitAboveHighOf(v *ViewChange, commit *Vote) *Misbehaviour {
	return &Misbehaviour{Epoch: v.Epoch, Kind: CommitAboveHigh, ViewChanges: []ViewChange{v.core()},
		Votes: []Vote{*commit}}
}

// PrepareHiddenOf returns evidence of kind PrepareHidden. chain leads from the tip down to
// just above the vote's number; it is empty where the vote's is not below the tip's.
func PrepareHiddenOf(v *ViewChange, prepare *Vote, chain []Header) *Misbehaviour {
	return &Misbehaviour{Epoch: v.Epoch, Kind: PrepareHidden, ViewChanges: []ViewChange{v.core()},
		Votes: []Vote{*prepare}, Chain: chain}
}

// ArmedPrepareHiddenOf returns evidence of kind ArmedPrepareHidden; h is the header of the
// vote's block.
func ArmedPrepareHiddenOf(v *ViewChange, prepare *Vote, h *Header) *Misbehaviour {
	return &Misbehaviour{Epoch: v.Epoch, Kind: ArmedPrepareHidden, ViewChanges: []ViewChange{v.core()},
		Votes: []Vote{*prepare}, Chain: []Header{*h}}
}

// Encode returns the canonical encoding.
func (m *Misbehaviour) Encode() []byte {
	b := wire.AppendUint32(nil, uint32(m.Epoch))
	b = wire.AppendUint8(b, uint8(m.Kind))
	b = wire.AppendBytes(b, m.Body)
	for i := range m.Headers {
		b = appendSignedHeader(b, &m.Headers[i])
	}
	for i := range m.NewViews {
		b = m.NewViews[i].appendSignedPart(b)
	}
	for i := range m.ViewChanges {
		b = m.ViewChanges[i].appendSignedCore(b)
	}
	for i := range m.Votes {
		b = m.Votes[i].appendEvidence(b)
	}
	switch m.Kind {
	case TwoPrepares, PrepareHidden:
		b = wire.AppendUint32(b, uint32(len(m.Chain)))
		fallthrough
	case ArmedPrepareHidden:
		for i := range m.Chain {
			b = m.Chain[i].Append(b)
		}
	}
	return b
}

// DecodeMisbehaviour decodes exactly one piece of evidence, aliasing b. Nothing of it is
// verified beyond the encoding.
func DecodeMisbehaviour(b []byte) (*Misbehaviour, error) {
	if len(b) > MisbehaviourBytesMax {
		return nil, fmt.Errorf("decode misbehaviour: %w: %d bytes", wire.ErrLimit, len(b))
	}
	r := wire.NewReader(b)
	m := &Misbehaviour{Epoch: Epoch(r.Uint32()), Kind: MisbehaviourKind(r.Uint8()), Body: r.Bytes(misbehaviourBodyMax)}
	switch m.Kind {
	case TwoHeaders:
		m.Headers = []SignedHeader{readSignedHeader(r), readSignedHeader(r)}
	case TwoNewViews:
		m.NewViews = []NewView{readSignedPart(r, m.Epoch), readSignedPart(r, m.Epoch)}
	case TwoPrepares:
		m.Votes = []Vote{readEvidenceVote(r, m.Epoch), readEvidenceVote(r, m.Epoch)}
		m.Chain = readChain(r)
	case TwoViewChanges:
		m.ViewChanges = []ViewChange{readCore(r), readCore(r)}
	case CommitAboveHigh, PrepareHidden, ArmedPrepareHidden:
		m.ViewChanges = []ViewChange{readCore(r)}
		m.Votes = []Vote{readEvidenceVote(r, m.Epoch)}
		switch m.Kind {
		case PrepareHidden:
			m.Chain = readChain(r)
		case ArmedPrepareHidden:
			m.Chain = []Header{ReadHeader(r)}
		}
	default:
		r.Fail(fmt.Errorf("%w: misbehaviour kind %d", wire.ErrValue, m.Kind))
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode misbehaviour: %w", err)
	}
	return m, nil
}

// readChain reads the headers that link two blocks.
func readChain(r *wire.Reader) []Header {
	hs := make([]Header, r.Count(MisbehaviourChainMax, HeaderBytes))
	for i := range hs {
		hs[i] = ReadHeader(r)
	}
	return hs
}

// appendEvidence appends a vote as evidence has it, which names its epoch once.
func (v *Vote) appendEvidence(b []byte) []byte {
	b = wire.AppendUint16(appendRef(b, v.Block), uint16(v.Replica))
	return append(b, v.Signature[:]...)
}

func readEvidenceVote(r *wire.Reader, e Epoch) Vote {
	return Vote{Epoch: e, Block: readRef(r), Replica: ReplicaID(r.Uint16()), Signature: r.Bytes64()}
}

// core returns the VIEW-CHANGE without its attachments.
func (v *ViewChange) core() ViewChange {
	x := *v
	x.Certificate, x.Walk = nil, nil
	return x
}

func (v *ViewChange) appendSignedCore(b []byte) []byte {
	return append(v.appendCore(b), v.Signature[:]...)
}

// signedPart returns what the primary signs of a NEW-VIEW, with its signature.
func (m *NewView) signedPart() NewView {
	x := *m
	x.Certificate, x.Headers = nil, nil
	return x
}

func (m *NewView) appendSignedPart(b []byte) []byte {
	b = appendCores(wire.AppendUint64(b, uint64(m.View)), m.ViewChanges)
	b = appendRef(appendHeaders(b, m.Evidence), m.Base)
	return append(b, m.Signature[:]...)
}

func readSignedPart(r *wire.Reader, e Epoch) NewView {
	m := NewView{Epoch: e, View: View(r.Uint64())}
	m.ViewChanges = make([]ViewChange, r.Count(ReplicasMax, signedCoreBytes))
	for i := range m.ViewChanges {
		m.ViewChanges[i] = readCore(r)
	}
	m.Evidence = readHeaders(r, 2)
	m.Base, m.Signature = readRef(r), r.Bytes64()
	return m
}
