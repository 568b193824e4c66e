package store

import (
	"sync"

	"github.com/scrip-network/scrip/pbft/wire"
)

// SeenEntry says where an id was recorded first.
type SeenEntry struct {
	Height uint64
	Index  uint32
	Code   uint16
}

// SeenAdd is one new member of a Seen bucket. Its height is that of the block.
type SeenAdd struct {
	Bucket uint64
	ID     [32]byte
	Index  uint32
	Code   uint16
}

// SeenMember is a member as it is read back.
type SeenMember struct {
	ID [32]byte
	SeenEntry
}

// On disk the members that one block adds to one bucket are one value, in block
// order, of seenMemberBytes each: id [32], index u32, code u16.
const seenMemberBytes = 32 + 4 + 2

func appendSeenMember(b []byte, a *SeenAdd) []byte {
	b = append(b, a.ID[:]...)
	b = wire.AppendUint32(b, a.Index)
	return wire.AppendUint16(b, a.Code)
}

func readSeenMembers(height uint64, b []byte, visit func(SeenMember) bool) (goOn bool, err error) {
	r := wire.NewReader(b)
	for r.Remaining() > 0 {
		m := SeenMember{ID: r.Bytes32()}
		m.Height, m.Index, m.Code = height, r.Uint32(), r.Uint16()
		if r.Err() != nil {
			return false, r.Err()
		}
		if !visit(m) {
			return false, nil
		}
	}
	return true, nil
}

// seenTable keeps Seen buckets in memory: every transaction asks for an id that
// is nearly always absent, which is the dearest question to ask a disk. A bucket
// that does not fit is left to the disk, where a look-up reads all of it.
type seenTable struct {
	mu         sync.RWMutex // guards everything below
	entriesMax int
	entries    int
	buckets    map[uint64]map[[32]byte]SeenEntry // a nil inner map: left to the disk
}

func newSeenTable(entriesMax int) *seenTable {
	return &seenTable{entriesMax: entriesMax, buckets: map[uint64]map[[32]byte]SeenEntry{}}
}

// find looks for id among the members recorded up to height. resident is false
// if the table cannot tell; empty says that it knows of no such bucket.
func (t *seenTable) find(id [32]byte, bucket, height uint64) (e SeenEntry, ok, resident, empty bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	members, known := t.buckets[bucket]
	e, ok = members[id]
	if ok && e.Height > height {
		e, ok = SeenEntry{}, false
	}
	return e, ok, members != nil, !known
}

func (t *seenTable) add(height uint64, adds []SeenAdd) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range adds {
		a := &adds[i]
		members, known := t.buckets[a.Bucket]
		if known && members == nil {
			continue
		}
		if t.entries >= t.entriesMax {
			t.entries -= len(members)
			t.buckets[a.Bucket] = nil
			continue
		}
		if !known {
			members = map[[32]byte]SeenEntry{}
			t.buckets[a.Bucket] = members
		}
		before := len(members)
		members[a.ID] = SeenEntry{Height: height, Index: a.Index, Code: a.Code}
		t.entries += len(members) - before
	}
}

func (t *seenTable) drop(buckets []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range buckets {
		t.entries -= len(t.buckets[b])
		delete(t.buckets, b)
	}
}
