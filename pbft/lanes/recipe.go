package lanes

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits of a recipe, each a bound that no correct primary reaches.
const (
	// PartsMax bounds the parts of a recipe.
	PartsMax = 1024
	// RangeBatchesMax bounds the batches of one range, RangeBytesMax their bytes where a
	// correct primary names them, so that one frame answers who lacks it.
	RangeBatchesMax = 256
	RangeBytesMax   = 512 << 10
	// NamedTxsMax bounds the transactions of all ranges, left-out ones included.
	NamedTxsMax = 1 << 17
	// ExpandedTxsMax bounds those that it expands to.
	ExpandedTxsMax = 1 << 16
)

// maskBytesMax bounds a mask: a bit for each transaction that may be named.
const maskBytesMax = NamedTxsMax / 8

// rangeBytes is the size of an encoded range.
const rangeBytes = 2 + 8 + 4 + 2 + 16

// Range names consecutive batches of one instance of a lane, by number and content. It is
// comparable.
type Range struct {
	Lane     pbft.ReplicaID
	Instance uint64
	First    uint32
	Count    uint16   // 1 to RangeBatchesMax
	Digest   [16]byte // rd: see RangeOf
}

// RangeOf returns the range of some batches of member a, whose numbers follow each other.
// There must be 1 to RangeBatchesMax.
func RangeOf(c *pbft.Committee, a pbft.ReplicaID, batches []*Batch) Range {
	x := Range{Lane: a, Instance: batches[0].Instance, First: batches[0].Seq, Count: uint16(len(batches))}
	b := make([]byte, 0, 16+len(pbft.Digest{})*len(batches))
	b = wire.AppendUint64(wire.AppendUint16(b, uint16(a)), x.Instance)
	b = wire.AppendUint16(wire.AppendUint32(b, x.First), x.Count)
	for _, y := range batches {
		d := y.Digest()
		b = append(b, d[:]...)
	}
	d := digestOf(c, tagRange, b)
	copy(x.Digest[:], d[:])
	return x
}

// last returns the number of its last batch.
func (x *Range) last() uint32 { return x.First + uint32(x.Count) - 1 }

func (x *Range) append(b []byte) []byte {
	b = wire.AppendUint64(wire.AppendUint16(b, uint16(x.Lane)), x.Instance)
	b = wire.AppendUint16(wire.AppendUint32(b, x.First), x.Count)
	return append(b, x.Digest[:]...)
}

func readRange(r *wire.Reader) Range {
	x := Range{Lane: pbft.ReplicaID(r.Uint16()), Instance: r.Uint64(), First: r.Uint32(), Count: r.Uint16()}
	copy(x.Digest[:], r.Raw(len(x.Digest)))
	if r.Err() == nil && (x.Count == 0 || x.Count > RangeBatchesMax || x.First == 0 || x.last() < x.First ||
		x.Lane >= pbft.ReplicasMax) {
		r.Fail(fmt.Errorf("%w: a range of %d batches from %d of lane %d", wire.ErrValue, x.Count, x.First, x.Lane))
	}
	return x
}

// The forms of a part.
const (
	partRange uint8 = iota
	partMasked
	partInline
	partLast = partInline
)

// Part is a piece of a recipe: a range, or transactions themselves.
type Part struct {
	Range Range
	// Mask has a bit for each transaction of the range in order, the lowest of each byte
	// first; set ones are left out. nil leaves out none. It neither leaves out all nor,
	// if it is there, none.
	Mask []byte
	// Inline are transactions that no lane has, in place of a range.
	Inline []Tx
}

// Recipe says how a payload is put together.
type Recipe []Part

// Append appends the canonical encoding.
func (x Recipe) Append(b []byte) []byte {
	b = wire.AppendUint16(b, uint16(len(x)))
	for i := range x {
		p := &x[i]
		switch {
		case p.Inline != nil:
			b = appendTxs(wire.AppendUint8(b, partInline), p.Inline)
		case p.Mask != nil:
			b = p.Range.append(wire.AppendUint8(b, partMasked))
			b = wire.AppendBytes(b, p.Mask)
		default:
			b = p.Range.append(wire.AppendUint8(b, partRange))
		}
	}
	return b
}

// DecodeRecipe decodes exactly one recipe, aliasing b.
func DecodeRecipe(b []byte) (Recipe, error) {
	if len(b) > pbft.RecipeBytesMax {
		return nil, fmt.Errorf("decode recipe: %w: %d bytes", wire.ErrLimit, len(b))
	}
	r := wire.NewReader(b)
	n := int(r.Uint16())
	if r.Err() == nil && n > PartsMax {
		r.Fail(fmt.Errorf("%w: %d parts", wire.ErrLimit, n))
	}
	var x Recipe
	for i := 0; i < n && r.Err() == nil; i++ {
		x = append(x, readPart(r))
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode recipe: %w", err)
	}
	return x, nil
}

func readPart(r *wire.Reader) (p Part) {
	switch r.Enum8(partLast) {
	case partRange:
		p.Range = readRange(r)
	case partMasked:
		p.Range = readRange(r)
		p.Mask = r.Bytes(maskBytesMax)
		if r.Err() == nil && !anyBit(p.Mask) {
			r.Fail(fmt.Errorf("%w: a mask that leaves out nothing", wire.ErrValue))
		}
	case partInline:
		if p.Inline = readTxs(r); r.Err() == nil && len(p.Inline) == 0 {
			r.Fail(fmt.Errorf("%w: no transactions inline", wire.ErrValue))
		}
	}
	return p
}

func anyBit(mask []byte) bool {
	for _, b := range mask {
		if b != 0 {
			return true
		}
	}
	return false
}

// masked reports whether a mask leaves out transaction i.
func masked(mask []byte, i int) bool { return mask != nil && mask[i/8]>>(i%8)&1 == 1 }
