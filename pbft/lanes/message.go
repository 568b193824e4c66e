package lanes

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Kind tells the messages of lanes apart on the wire, where they share a byte with
// pbft.Kind and with what nodes tell each other.
type Kind uint8

// The kinds.
const (
	KindOpen  Kind = 0x84 + iota // LANE-OPEN
	KindBatch                    // BATCH
	KindFetch                    // FETCH-RANGE
	KindData                     // RANGE-DATA
	KindLack                     // LACK
	KindWatch                    // WATCH
	KindAck                      // LANE-ACK

	KindFirst, KindLast = KindOpen, KindAck
)

// String returns the name of the kind.
func (k Kind) String() string {
	names := [...]string{"lane-open", "batch", "fetch-range", "range-data", "lack", "watch", "lane-ack"}
	if k < KindFirst || k > KindLast {
		return "?"
	}
	return names[k-KindFirst]
}

// MessageBytesMax bounds an encoded message: a range of RangeBytesMax with what is around
// it.
const MessageBytesMax = RangeBytesMax + RangeBatchesMax*16 + 64

// Message is one of the messages of lanes. They are immutable, and slices in a decoded one
// alias its bytes.
type Message interface {
	// Kind returns the kind of the message.
	Kind() Kind
	append(b []byte) []byte
}

// Open says which instance of the sender's lane begins, and at which number.
type Open struct {
	Epoch    pbft.Epoch
	Instance uint64
	Next     uint32
}

// Fetch asks for a range.
type Fetch struct{ Range Range }

// Data brings a range, or says that it is not here.
type Data struct {
	Range   Range
	Batches []*Batch // all of the range, or none
}

// Lack tells a proposer which lanes its block has ranges of that are missing.
type Lack struct {
	Block pbft.Digest
	Seq   pbft.Seq
	Lanes pbft.Signers
}

// Watch is a primary's word that batches of some lanes wait for acknowledgements.
type Watch struct {
	View  pbft.View
	Lanes pbft.Signers
}

// Ack says up to which number a member has all batches of watched lanes.
type Ack struct{ Up []Upto }

// Upto is a place in a lane.
type Upto struct {
	Lane     pbft.ReplicaID
	Instance uint64
	Seq      uint32
}

const uptoBytes = 2 + 8 + 4

// Kind implements Message.
func (*Open) Kind() Kind { return KindOpen }

// Kind implements Message.
func (*Batch) Kind() Kind { return KindBatch }

// Kind implements Message.
func (*Fetch) Kind() Kind { return KindFetch }

// Kind implements Message.
func (*Data) Kind() Kind { return KindData }

// Kind implements Message.
func (*Lack) Kind() Kind { return KindLack }

// Kind implements Message.
func (*Watch) Kind() Kind { return KindWatch }

// Kind implements Message.
func (*Ack) Kind() Kind { return KindAck }

// ChannelOf returns the channel between two members that carries a kind: payload never
// delays what is small.
func ChannelOf(k Kind) pbft.Lane {
	switch k {
	case KindOpen, KindBatch, KindData:
		return pbft.LaneBulk
	}
	return pbft.LaneVotes
}

// Encode returns the canonical bytes of a message, its kind first.
func Encode(m Message) []byte {
	size := 64
	switch x := m.(type) {
	case *Batch:
		size = BatchSize(x)
	case *Data:
		for _, y := range x.Batches {
			size += BatchSize(y)
		}
	}
	return m.append(wire.AppendUint8(make([]byte, 0, size), uint8(m.Kind())))
}

// BatchSize returns the size of an encoded BATCH.
func BatchSize(x *Batch) int { return 17 + x.bytes }

// Decode decodes exactly one message that member from sent, and hashes the transactions in
// it, which is the work that callers spread over their links. Nothing of it is judged
// beyond the encoding.
func Decode(c *pbft.Committee, from pbft.ReplicaID, b []byte) (Message, error) {
	if len(b) > MessageBytesMax {
		return nil, fmt.Errorf("decode message of lanes: %w: %d bytes", wire.ErrLimit, len(b))
	}
	r := wire.NewReader(b)
	kind := Kind(r.Uint8())
	m := readMessage(c, from, r, kind)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode %v: %w", kind, err)
	}
	return m, nil
}

func readMessage(c *pbft.Committee, from pbft.ReplicaID, r *wire.Reader, kind Kind) Message {
	switch kind {
	case KindOpen:
		return &Open{Epoch: pbft.Epoch(r.Uint32()), Instance: r.Uint64(), Next: r.Uint32()}
	case KindBatch:
		return readBatch(c, from, r)
	case KindFetch:
		return &Fetch{Range: readRange(r)}
	case KindData:
		return readData(c, r)
	case KindLack:
		return &Lack{Block: r.Bytes32(), Seq: pbft.Seq(r.Uint64()), Lanes: readSet(c, r)}
	case KindWatch:
		return &Watch{View: pbft.View(r.Uint64()), Lanes: readSet(c, r)}
	case KindAck:
		m := &Ack{Up: make([]Upto, r.Count(pbft.ReplicasMax, uptoBytes))}
		for i := range m.Up {
			m.Up[i] = Upto{Lane: pbft.ReplicaID(r.Uint16()), Instance: r.Uint64(), Seq: r.Uint32()}
			if i > 0 && r.Err() == nil && m.Up[i].Lane <= m.Up[i-1].Lane {
				r.Fail(fmt.Errorf("%w: lanes out of order", wire.ErrValue))
			}
		}
		return m
	}
	r.Fail(fmt.Errorf("%w: kind %d", wire.ErrValue, kind))
	return nil
}

func (m *Open) append(b []byte) []byte {
	return wire.AppendUint32(wire.AppendUint64(wire.AppendUint32(b, uint32(m.Epoch)), m.Instance), m.Next)
}

func (m *Fetch) append(b []byte) []byte { return m.Range.append(b) }

func (m *Data) append(b []byte) []byte {
	b = m.Range.append(b)
	if len(m.Batches) == 0 {
		return wire.AppendUint8(b, 0)
	}
	b = wire.AppendUint8(b, 1)
	for _, x := range m.Batches {
		b = appendTxs(b, x.Txs)
	}
	return b
}

func readData(c *pbft.Committee, r *wire.Reader) *Data {
	m := &Data{Range: readRange(r)}
	if r.Enum8(1) == 0 || r.Err() != nil {
		return m
	}
	for i := range uint32(m.Range.Count) {
		txs := readTxs(r)
		if r.Err() == nil && len(txs) == 0 {
			r.Fail(fmt.Errorf("%w: a batch of no transactions", wire.ErrValue))
		}
		if r.Err() != nil {
			return m
		}
		m.Batches = append(m.Batches, NewBatch(c, m.Range.Lane, m.Range.Instance, m.Range.First+i, txs))
	}
	return m
}

func (m *Lack) append(b []byte) []byte {
	return appendSet(wire.AppendUint64(append(b, m.Block[:]...), uint64(m.Seq)), m.Lanes)
}

func (m *Watch) append(b []byte) []byte {
	return appendSet(wire.AppendUint64(b, uint64(m.View)), m.Lanes)
}

func (m *Ack) append(b []byte) []byte {
	b = wire.AppendUint32(b, uint32(len(m.Up)))
	for _, u := range m.Up {
		b = wire.AppendUint32(wire.AppendUint64(wire.AppendUint16(b, uint16(u.Lane)), u.Instance), u.Seq)
	}
	return b
}

func appendSet(b []byte, s pbft.Signers) []byte {
	for _, w := range s {
		b = wire.AppendUint64(b, w)
	}
	return b
}

// readSet reads a set of members.
func readSet(c *pbft.Committee, r *wire.Reader) (s pbft.Signers) {
	for i := range s {
		s[i] = r.Uint64()
	}
	for id := c.Size(); id < 64*len(s); id++ {
		if s.Has(pbft.ReplicaID(id)) {
			r.Fail(fmt.Errorf("%w: member %d of %d", wire.ErrValue, id, c.Size()))
			break
		}
	}
	return s
}
