package client

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/sig"
)

// What a node says cannot always be proven: that it knows no such transaction, or
// that its state would refuse one. f+1 members who say so are enough, since one of
// them is honest. An address is no member, so a member signs what it says:
//
//	body      = version u8 = 1 | replica u16 | height u64 | time u64 | subject [32] | says u16 | nonce [32]
//	statement = body || signature [64] over M("scrip/statement/v1", body) by the validator key
//
// The nonce is the asker's, fresh for each question, so that nobody can answer with
// what another member has said before, or says about something else.

// StatementTag is the domain tag of a Statement.
const StatementTag = "scrip/statement/v1"

// StatementBytes is the size of an encoded Statement.
const StatementBytes = statementBody + sig.SignatureSize

const (
	statementBody    = 1 + 2 + 8 + 8 + 32 + 2 + 32
	statementVersion = 1
)

// What a Statement says beside the codes of package coupon, which mean that the
// member's state at the height refuses the subject with that code.
const (
	SaysStatus uint16 = 0 // no more than how high the member stands; the subject is zero
	SaysAbsent uint16 = 1 // no block up to the height holds the subject
	SaysOpen   uint16 = 2 // blocks up to the height hold the subject, and none has ended its id
)

// Statement is what one member says, under its validator key. It proves who said
// it, to whoever chose the nonce, and nothing of what was said.
type Statement struct {
	// Replica is the member's number in the committee.
	Replica uint16
	// Height is a height that the member had executed when it looked, and TimeMs
	// the time of that block, Unix milliseconds.
	Height uint64
	TimeMs uint64
	// Subject is the id of the transaction that was asked about, or zero.
	Subject [32]byte
	// Says is SaysStatus, SaysAbsent, SaysOpen or the number of a code that refuses
	// Subject.
	Says uint16
	// Nonce is the asker's.
	Nonce [32]byte
	// Signature is by the validator key of Replica.
	Signature [sig.SignatureSize]byte
}

func (s *Statement) body() []byte {
	b := wire.AppendUint16(wire.AppendUint8(make([]byte, 0, StatementBytes), statementVersion), s.Replica)
	b = append(wire.AppendUint64(wire.AppendUint64(b, s.Height), s.TimeMs), s.Subject[:]...)
	return append(wire.AppendUint16(b, s.Says), s.Nonce[:]...)
}

// Sign sets the signature. sign is that of the member's validator key.
func (s *Statement) Sign(c coupon.Chain, sign func(message []byte) [sig.SignatureSize]byte) {
	s.Signature = sign(c.Message(StatementTag, s.body()))
}

// Lapsed reports whether the member says that the subject, which expires then, has
// had no effect and can have none: every later block refuses it with E104.
func (s *Statement) Lapsed(expiresMs uint64) bool {
	return (s.Says == SaysAbsent || s.Says == SaysOpen) && expiresMs > 0 && s.TimeMs >= expiresMs
}

// Refuses returns the code with which the member's state refuses the subject. E105
// is no refusal: there is an outcome, if not here.
func (s *Statement) Refuses() (coupon.Code, bool) {
	code := coupon.Code(s.Says)
	return code, s.Says > SaysOpen && code != coupon.Overloaded && code != coupon.DuplicateTx
}

// Encode returns the canonical bytes.
func (s *Statement) Encode() []byte { return append(s.body(), s.Signature[:]...) }

// DecodeStatement decodes the canonical bytes strictly. It checks no signature.
func DecodeStatement(b []byte) (*Statement, error) {
	r := wire.NewReader(b)
	version := r.Uint8()
	s := &Statement{Replica: r.Uint16(), Height: r.Uint64(), TimeMs: r.Uint64(), Subject: r.Bytes32(), Says: r.Uint16(),
		Nonce: r.Bytes32(), Signature: r.Bytes64()}
	switch err := r.Close(); {
	case err != nil:
		return nil, fmt.Errorf("statement: %w", err)
	case version != statementVersion:
		return nil, fmt.Errorf("statement: of version %d", version)
	case s.TimeMs > coupon.TimeMax:
		return nil, errors.New("statement: the time is out of range")
	case (s.Says == SaysStatus) != (s.Subject == [32]byte{}):
		return nil, errors.New("statement: it needs a subject, or has one that it says nothing of")
	case s.Says > SaysOpen && !coupon.Code(s.Says).Listed():
		return nil, fmt.Errorf("statement: it says %d, which is no code", s.Says)
	}
	return s, nil
}

// Statement checks an encoded statement about a subject, zero for none, that was
// asked for with a nonce: a member of the committee signed it. Errors wrap
// ErrFalse.
func (v *Verifier) Statement(encoded []byte, subject, nonce [32]byte) (*Statement, error) {
	s, err := DecodeStatement(encoded)
	c := v.Committee()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFalse, err)
	case s.Nonce != nonce || s.Subject != subject:
		return nil, fmt.Errorf("%w: the statement answers another question", ErrFalse)
	case int(s.Replica) >= c.Size():
		return nil, fmt.Errorf("%w: the statement is by replica %d, which is no member", ErrFalse, s.Replica)
	}
	key := c.Key(pbft.ReplicaID(s.Replica))
	if !v.scheme.Verify(key, v.chain.Message(StatementTag, s.body()), pbft.Signature(s.Signature)) {
		return nil, fmt.Errorf("%w: the statement is not signed by replica %d", ErrFalse, s.Replica)
	}
	return s, nil
}
