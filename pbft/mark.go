package pbft

import (
	"bytes"
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// MarksMax bounds the marks of one MARKS message: those of the members of three
// committees of the largest size, and of as many keys that wait for a seat.
const MarksMax = 4 * ReplicasMax

// MarkNonce tells the starts of a process apart that have the same number.
type MarkNonce [16]byte

// Mark says how far the log of a key had come at some time (section 7). It lets others
// remember the age of a log, whatever they forget of what was signed over it.
type Mark struct {
	// Boot counts the starts over the log, from 0, and Nonce was drawn for this one.
	Boot  uint32
	Nonce MarkNonce
	// Frames is the sequence number of the last frame that was durable.
	Frames uint64
}

// Less reports whether x is of an earlier start than y, or of an earlier frame of it.
func (x Mark) Less(y Mark) bool { return x.Boot < y.Boot || x.Boot == y.Boot && x.Frames < y.Frames }

// Excludes reports whether no single log can have both marks: it was copied, or an older
// one put in its place, and two processes have voted.
func (x Mark) Excludes(y Mark) bool {
	switch {
	case x.Boot == y.Boot:
		return x.Nonce != y.Nonce
	case x.Boot < y.Boot: // a start writes a frame before it signs
		return x.Frames >= y.Frames
	}
	return y.Frames >= x.Frames
}

// SignedMark is a mark with the key that signed it, so that anybody may pass it on.
type SignedMark struct {
	Key       PublicKey
	Mark      Mark
	Signature Signature
}

const signedMarkBytes = 32 + 4 + 16 + 8 + 64

// Marks brings marks to a peer: the sender's own, or all that it holds.
type Marks struct {
	Marks []SignedMark // ascending by key, one of each
}

// Kind implements Message.
func (*Marks) Kind() Kind { return KindMarks }

// MarkBytes returns what a mark signs.
func (c *Committee) MarkBytes(x Mark) []byte { return c.signedBytes(tagMark, x.append(nil)) }

func (x Mark) append(b []byte) []byte {
	b = append(wire.AppendUint32(b, x.Boot), x.Nonce[:]...)
	return wire.AppendUint64(b, x.Frames)
}

func readMark(r *wire.Reader) (x Mark) {
	x.Boot = r.Uint32()
	copy(x.Nonce[:], r.Raw(len(x.Nonce)))
	x.Frames = r.Uint64()
	return x
}

func (x *SignedMark) append(b []byte) []byte {
	return append(x.Mark.append(append(b, x.Key[:]...)), x.Signature[:]...)
}

func readSignedMark(r *wire.Reader) SignedMark {
	return SignedMark{Key: r.Bytes32(), Mark: readMark(r), Signature: r.Bytes64()}
}

func (m *Marks) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(len(m.Marks)))
	for i := range m.Marks {
		b = m.Marks[i].append(b)
	}
	return b
}

func readMarks(r *wire.Reader) *Marks {
	m := &Marks{Marks: make([]SignedMark, r.Count(MarksMax, signedMarkBytes))}
	for i := range m.Marks {
		x := readSignedMark(r)
		if m.Marks[i] = x; i > 0 && bytes.Compare(m.Marks[i-1].Key[:], x.Key[:]) >= 0 && r.Err() == nil {
			r.Fail(fmt.Errorf("%w: marks are not ascending by key", wire.ErrValue))
		}
	}
	return m
}
