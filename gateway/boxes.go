package gateway

import (
	"bytes"
	"encoding/hex"
	"sync"
	"time"
)

// Limits of Boxes.
const (
	// BoxesMax bounds the boxes that are kept.
	BoxesMax = 1 << 12
	// BoxBytesMax bounds what a box holds: a signed body of a TillKeyAdd with a
	// seal is 209 bytes and the label.
	BoxBytesMax = 256
	// BoxLife is how long a box is kept.
	BoxLife = 10 * time.Minute
)

// BoxID names a box. Only who was shown the pairing's secret can know it.
type BoxID [16]byte

// ParseBoxID reads 32 hexadecimal digits.
func ParseBoxID(s string) (id BoxID, err error) {
	if len(s) != 2*len(id) {
		return id, errName
	}
	_, err = hex.Decode(id[:], []byte(s))
	return id, err
}

type box struct {
	data    []byte
	expires time.Time
}

// Boxes holds sealed answers of new tills. The seal is between till and console;
// here they are bytes. It is safe for concurrent use.
type Boxes struct {
	mu    sync.Mutex // guards all below
	boxes map[BoxID]box
	order []BoxID // by expiry, as all live equally long
}

// NewBoxes returns an empty store.
func NewBoxes() *Boxes { return &Boxes{boxes: make(map[BoxID]box)} }

// Put puts bytes into a box, once: the same bytes again change nothing, others are
// refused with ErrFull, as they are when there are too many boxes.
func (b *Boxes) Put(id BoxID, data []byte, now time.Time) (expires time.Time, err error) {
	if len(data) == 0 || len(data) > BoxBytesMax {
		return expires, ErrForm
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(now)
	if have, ok := b.boxes[id]; ok {
		if !bytes.Equal(have.data, data) {
			return expires, ErrFull
		}
		return have.expires, nil
	}
	if len(b.boxes) >= BoxesMax {
		return expires, ErrFull
	}
	x := box{bytes.Clone(data), now.Add(BoxLife)}
	b.boxes[id], b.order = x, append(b.order, id)
	return x.expires, nil
}

// Get returns what is in a box, or ErrNone.
func (b *Boxes) Get(id BoxID, now time.Time) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(now)
	x, ok := b.boxes[id]
	if !ok {
		return nil, ErrNone
	}
	return x.data, nil
}

// forget drops what is over.
func (b *Boxes) forget(now time.Time) {
	n := 0
	for n < len(b.order) && !now.Before(b.boxes[b.order[n]].expires) {
		delete(b.boxes, b.order[n])
		n++
	}
	b.order = append(b.order[:0], b.order[n:]...)
}
