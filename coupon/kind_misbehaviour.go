package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// KindMisbehaviour is the kind of Misbehaviour.
const KindMisbehaviour Kind = 62

// EventMisbehaviour says that evidence against a member was recorded.
const EventMisbehaviour EventType = 39

const (
	// MisbehaviourSizeMax bounds a Misbehaviour, in bytes; other kinds TxSizeMax does.
	MisbehaviourSizeMax = 32_768
	// EvidenceMs is how long after the end of an epoch evidence of it counts: later, keys
	// that have been stolen since could frame their former owners.
	EvidenceMs = 7 * dayMs
	// EvidenceKinds is how many kinds of evidence there are, numbered from 1.
	EvidenceKinds = uint8(pbft.ArmedPrepareHidden)
)

var misbehaviourKind = kindSpec{
	name:       "Misbehaviour",
	since:      Version2,
	decode:     func(d decoder) Fields { return d.misbehaviour() },
	witness:    byNobody,
	unrecorded: true,
	receipt:    []Part{PartEpoch, PartMember, PartEvidence},
	events:     []eventSpec{{EventMisbehaviour, "misbehaviour.recorded"}},
	tally:      TallyOther,
}

// Misbehaviour is evidence that a validator broke the rules of consensus: messages of its
// own that contradict each other (rules R14). Nobody signs it: the messages are signed. It
// leads to no more than a row, and to less leading: who has a seat is for people to decide.
// The evidence has its Body where no row of the state holds the set of its epoch.
type Misbehaviour struct{ Evidence *pbft.Misbehaviour }

// Kind returns KindMisbehaviour.
func (*Misbehaviour) Kind() Kind { return KindMisbehaviour }

func (f *Misbehaviour) appendTo(b []byte) []byte { return append(b, f.Evidence.Encode()...) }

func (d decoder) misbehaviour() *Misbehaviour {
	m, err := pbft.DecodeMisbehaviour(d.Raw(d.Remaining()))
	if err != nil && d.Err() == nil {
		d.Fail(err)
	}
	return &Misbehaviour{m}
}

func (*Misbehaviour) expiry() (ms uint64, fixed bool) { return 0, false }

func (*Misbehaviour) keys() [][32]byte { return nil }

func (*Misbehaviour) signatures(_ Chain, _ *Tx, _ []byte, checks []SigCheck) []SigCheck {
	return checks
}

// sender is one for all evidence: whom it convicts only the state tells. Doors take none
// that they have not verified.
func (*Misbehaviour) sender(*Tx) (key [32]byte) { return key }

func (*Misbehaviour) about() Subject { return Subject{} }

func (*Misbehaviour) spends(Chain) (id [32]byte, expires uint64) { return id, 0 }

func (*Misbehaviour) shown() string { return "" }

// mark has nothing to return: its bytes do not name the member.
func (*Misbehaviour) mark() (key []byte, unused func(row []byte) bool) { return nil, nil }

func (f *Misbehaviour) asks(Names) string {
	return fmt.Sprintf("record that a validator of epoch %d broke the rules (%v)", f.Evidence.Epoch, f.Evidence.Kind)
}

func (f *Misbehaviour) execute(x *exec, tx *Tx, out *Outcome) Code {
	body, ok := f.setOf(x)
	if !ok {
		return EvidenceInvalid
	}
	c, err := pbft.VerifyMisbehaviour(x.committeeOf(body), x.m.chain.Scheme, f.Evidence.Encode())
	if err != nil {
		return EvidenceInvalid
	}
	id := misbehaviourID{uint32(c.Epoch), body.Seats[c.Replica].Member, uint8(c.Kind)}
	if x.misbehaved.get(x, id) != nil {
		return EvidenceInvalid
	}
	x.misbehaved.put(x, id, Misbehaving{View: uint64(c.View), Height: x.height, AtMs: x.now, Body: tx.bodyHash})
	out.Epoch, out.Member, out.Evidence = id.epoch, id.member, id.kind
	return OK
}

// setOf returns the set of the epoch: that of a row, or the one that is handed in and that
// the row of its epoch names, as long as evidence of it counts.
func (f *Misbehaviour) setOf(x *exec) (*pbft.SetBody, bool) {
	now, e := &x.set().Body, f.Evidence
	if now.Epoch == e.Epoch {
		return now, len(e.Body) == 0
	}
	if former := x.formerSets.get(x, struct{}{}); former != nil && former.Epoch == e.Epoch {
		return former, len(e.Body) == 0
	}
	if e.Epoch > now.Epoch {
		return nil, false
	}
	body, err := pbft.DecodeSetBody(e.Body)
	row, next := x.epochs.get(x, uint32(e.Epoch)), x.epochs.get(x, uint32(e.Epoch)+1)
	if err != nil || row == nil || next == nil || body.Epoch != e.Epoch || x.now >= next.SinceMs+EvidenceMs {
		return nil, false
	}
	return body, body.Digest(x.m.founding.Chain) == row.Digest
}

// NewMisbehaviour makes a Misbehaviour.
func (c Chain) NewMisbehaviour(expires uint64, f *Misbehaviour) []byte { return c.Body(expires, f) }
