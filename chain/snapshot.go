package chain

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// A snapshot is the state as of one height, cut into pieces each of which is checked alone:
// a manifest, which a checkpoint certificate proves, chunks of rows, which the manifest proves,
// and the members of Seen buckets, which rows prove (package coupon). So pieces come from any
// peers in any order, and a lie costs the one piece.
const (
	// SnapshotHeights is the distance of the heights at which snapshots are made. It is no
	// setting: peers must have the same ones.
	SnapshotHeights = 4096
	// SnapshotDepthMax is the largest depth, in hexadecimal digits of the hashes of keys.
	SnapshotDepthMax = 4
	// SeenBucketsMax bounds the buckets of a manifest: those of a week, and some more.
	SeenBucketsMax = 1 << 16
	// BelowMax bounds the headers below a snapshot.
	BelowMax = 1100
	// RowKeyBytesMax is the size of the longest key of a row.
	RowKeyBytesMax = 64

	// chunkBytesGoal is what a chunk has at most, where the depth allows it: rows are not
	// spread evenly, and ground keys can make it more.
	chunkBytesGoal = 512 << 10
	// chunkBytesMax and chunkBytesMaxDeepest bound a chunk before its slot is checked.
	chunkBytesMax        = 4 << 20
	chunkBytesMaxDeepest = 64 << 20

	manifestVersion = 1
)

// ErrSnapshot says that a piece of a snapshot is not what its slot, its certificate or its row
// says, or has no form at all.
var ErrSnapshot = errors.New("chain: false piece of a snapshot")

// SnapshotDepth returns the depth at which a state is cut whose keys and values have so many
// bytes together.
func SnapshotDepth(stateBytes uint64) int {
	depth := 0
	for depth < SnapshotDepthMax && stateBytes>>(4*depth) > chunkBytesGoal {
		depth++
	}
	return depth
}

// SnapshotChunks returns how many chunks a snapshot of a depth has.
func SnapshotChunks(depth int) int { return 1 << (4 * depth) }

// ChunkBytesMax returns the size of the largest chunk of a depth that is looked at.
func ChunkBytesMax(depth int) int {
	if depth == SnapshotDepthMax {
		return chunkBytesMaxDeepest
	}
	return chunkBytesMax
}

// ChunkOf returns the number of the chunk that a key is in, at a depth.
func ChunkOf(depth int, key []byte) int {
	hash := hashKey(key)
	return chunkOf(depth, &hash)
}

func chunkOf(depth int, hash *[32]byte) (n int) {
	for i := range depth {
		n = n<<4 | digit(hash, i)
	}
	return n
}

// Row is a row of the state.
type Row struct{ Key, Value []byte }

// SeenBucket says how many bytes the members of a Seen bucket have in a snapshot.
type SeenBucket struct {
	Bucket uint64
	Bytes  uint32
}

// Slots are what the chunks of a snapshot amount to, each a part of the state tree.
type Slots struct {
	depth int
	slots []slot
}

// Manifest says what a snapshot is, and proves its slots.
type Manifest struct {
	Chain [32]byte
	// Header is that of the block after which the state stands, Checkpoint attests the state.
	Header     pbft.Header
	Checkpoint *pbft.CheckpointCertificate
	Slots      *Slots
	Seen       []SeenBucket // ascending
	// Below are the headers right below Header, ascending, as many as are needed to judge the
	// next blocks.
	Below []pbft.Header
}

// NewSlots returns the slots of a depth, all empty.
func NewSlots(depth int) *Slots {
	if depth < 0 || depth > SnapshotDepthMax {
		panic(fmt.Sprintf("chain: snapshot of depth %d", depth))
	}
	return &Slots{depth, make([]slot, SnapshotChunks(depth))}
}

// Depth returns the depth of the slots.
func (s *Slots) Depth() int { return s.depth }

// Set makes slot n that of a chunk's rows, in any order.
func (s *Slots) Set(n int, rows []Row) error {
	leaves := make([]slot, len(rows))
	for i := range rows {
		leaves[i] = slot{slotLeaf, hashKey(rows[i].Key), sha256.Sum256(rows[i].Value)}
		if chunkOf(s.depth, &leaves[i].a) != n {
			return fmt.Errorf("%w: a row of another chunk than %d", ErrSnapshot, n)
		}
	}
	sortSlots(leaves)
	for i := 1; i < len(leaves); i++ {
		if leaves[i-1].a == leaves[i].a {
			return fmt.Errorf("%w: a key of chunk %d is there twice", ErrSnapshot, n)
		}
	}
	s.slots[n] = foldLeaves(leaves, 4*s.depth)
	return nil
}

// Equal reports whether slot n is the same in both, so that a chunk of one is the other's.
func (s *Slots) Equal(o *Slots, n int) bool {
	return s.depth == o.depth && n < len(s.slots) && s.slots[n].hash() == o.slots[n].hash()
}

// Root returns the root of the state that the slots amount to.
func (s *Slots) Root() [32]byte {
	level := append([]slot(nil), s.slots...)
	for len(level) > 1 {
		for i := range len(level) / 2 {
			var space slot
			level[i] = *join(&level[2*i], &level[2*i+1], &space)
		}
		level = level[:len(level)/2]
	}
	return level[0].hash()
}

// foldLeaves returns what leaves that share their first bits amount to. They ascend.
func foldLeaves(leaves []slot, bit int) slot {
	switch len(leaves) {
	case 0:
		return slot{}
	case 1:
		return leaves[0]
	}
	at := sort.Search(len(leaves), func(i int) bool { return leaves[i].a[bit/8]>>(7-bit%8)&1 == 1 })
	l, r := foldLeaves(leaves[:at], bit+1), foldLeaves(leaves[at:], bit+1)
	var space slot
	return *join(&l, &r, &space)
}

// AppendRow appends a row as it stands in a chunk. Rows follow each other there by the hashes of
// their keys.
func AppendRow(b []byte, r Row) []byte { return wire.AppendBytes(wire.AppendBytes(b, r.Key), r.Value) }

// EncodeChunk returns the chunk that holds rows, which it puts in order.
func EncodeChunk(rows []Row) []byte {
	sortRows(rows)
	var b []byte
	for _, r := range rows {
		b = AppendRow(b, r)
	}
	return b
}

// CheckChunk returns the rows of chunk n if they are just those of its slot, in order. They
// alias data. The error wraps ErrSnapshot. It allocates no more than some three times data.
func (s *Slots) CheckChunk(n int, data []byte) ([]Row, error) {
	if n < 0 || n >= len(s.slots) || len(data) > ChunkBytesMax(s.depth) {
		return nil, fmt.Errorf("%w: %d bytes as chunk %d of %d", ErrSnapshot, len(data), n, len(s.slots))
	}
	const rowBytesMin = 4 + 4
	rows := make([]Row, 0, min(len(data)/rowBytesMin, len(data)/64+16))
	leaves := make([]slot, 0, cap(rows))
	for r := wire.NewReader(data); r.Remaining() > 0; {
		row := Row{r.Bytes(RowKeyBytesMax), r.Bytes(len(data))}
		if r.Err() != nil {
			return nil, fmt.Errorf("%w: row %d of chunk %d", ErrSnapshot, len(rows), n)
		}
		leaf := slot{slotLeaf, hashKey(row.Key), sha256.Sum256(row.Value)}
		if last := len(leaves) - 1; last >= 0 && bytes.Compare(leaves[last].a[:], leaf.a[:]) >= 0 ||
			chunkOf(s.depth, &leaf.a) != n {
			return nil, fmt.Errorf("%w: row %d of chunk %d is out of place", ErrSnapshot, len(rows), n)
		}
		rows, leaves = append(rows, row), append(leaves, leaf)
	}
	// By hash: a manifest may call a leaf a subtree of its hash, and amounts to the same state.
	if got := foldLeaves(leaves, 4*s.depth); got.hash() != s.slots[n].hash() {
		return nil, fmt.Errorf("%w: chunk %d is not that of its slot", ErrSnapshot, n)
	}
	return rows, nil
}

// Encode returns the canonical encoding, see docs/wire.md.
func (m *Manifest) Encode() []byte {
	b := append(wire.AppendUint8(nil, manifestVersion), m.Chain[:]...)
	b = wire.AppendBytes(b, m.Header.Append(nil))
	b = wire.AppendBytes(b, m.Checkpoint.Encode())
	b = wire.AppendUint8(b, uint8(m.Slots.depth))
	for i := range m.Slots.slots {
		x := &m.Slots.slots[i]
		b = wire.AppendUint8(b, x.kind)
		switch x.kind {
		case slotLeaf:
			b = append(append(b, x.a[:]...), x.b[:]...)
		case slotNode:
			b = append(b, x.a[:]...)
		}
	}
	b = wire.AppendUint32(b, uint32(len(m.Seen)))
	for _, x := range m.Seen {
		b = wire.AppendUint32(wire.AppendUint64(b, x.Bucket), x.Bytes)
	}
	b = wire.AppendUint32(b, uint32(len(m.Below)))
	for i := range m.Below {
		b = wire.AppendBytes(b, m.Below[i].Append(nil))
	}
	return b
}

// ManifestBytesMax is the size of the largest manifest.
const ManifestBytesMax = 1 + 32 + 4 + pbft.HeaderBytesMax + 4 + CertificateBytesMax + 1 +
	(1<<(4*SnapshotDepthMax))*65 + 4 + SeenBucketsMax*12 + 4 + BelowMax*(4+pbft.HeaderBytesMax)

// DecodeManifest decodes exactly one manifest, of which nothing is verified. The error wraps
// ErrSnapshot. It allocates no more than some four times b.
func DecodeManifest(b []byte) (*Manifest, error) {
	if len(b) > ManifestBytesMax {
		return nil, fmt.Errorf("%w: a manifest of %d bytes", ErrSnapshot, len(b))
	}
	r := wire.NewReader(b)
	if r.Uint8() != manifestVersion && r.Err() == nil {
		r.Fail(wire.ErrValue)
	}
	m := &Manifest{Chain: r.Bytes32(), Header: readHeader(r)}
	var err error
	if m.Checkpoint, err = pbft.DecodeCheckpointCertificate(r.Bytes(CertificateBytesMax)); err != nil {
		r.Fail(err)
	}
	m.Slots = readSlots(r)
	m.Seen = make([]SeenBucket, r.Count(SeenBucketsMax, 12))
	for i := range m.Seen {
		if m.Seen[i] = (SeenBucket{r.Uint64(), r.Uint32()}); i > 0 && m.Seen[i-1].Bucket >= m.Seen[i].Bucket {
			r.Fail(wire.ErrValue)
		}
	}
	m.Below = make([]pbft.Header, r.Count(BelowMax, 4+pbft.HeaderBytes))
	for i := range m.Below {
		m.Below[i] = readHeader(r)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: its manifest: %w", ErrSnapshot, err)
	}
	return m, nil
}

func readHeader(r *wire.Reader) pbft.Header {
	h, err := pbft.DecodeHeader(r.Bytes(pbft.HeaderBytesMax))
	if err != nil {
		r.Fail(err)
	}
	return h
}

// readSlots reads a depth and as many slots. A leaf lies in the slot of its own hash.
func readSlots(r *wire.Reader) *Slots {
	depth := int(r.Enum8(SnapshotDepthMax))
	if r.Err() != nil || r.Remaining() < SnapshotChunks(depth) {
		r.Fail(wire.ErrLimit)
		return NewSlots(0)
	}
	s := NewSlots(depth)
	for i := range s.slots {
		x := &s.slots[i]
		switch x.kind = r.Enum8(slotNode); x.kind {
		case slotLeaf:
			if x.a, x.b = r.Bytes32(), r.Bytes32(); chunkOf(depth, &x.a) != i {
				r.Fail(wire.ErrValue)
			}
		case slotNode:
			x.a = r.Bytes32()
		}
	}
	return s
}

// Check verifies a manifest with the committee of its epoch: the certificate attests the block
// of the header, claim says by how many, the slots amount to its state, and the headers below
// lead up to it. The error wraps ErrSnapshot, or ErrProof.
func (m *Manifest) Check(c *pbft.Committee, claim Claim, s pbft.Scheme) error {
	switch {
	case m.Chain != c.Chain():
		return fmt.Errorf("%w: of chain %x", ErrSnapshot, m.Chain)
	case m.Header.Closing():
		return fmt.Errorf("%w: of a closing block", ErrSnapshot)
	}
	a, err := VerifyCheckpoint(c, m.Checkpoint, claim, s)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	case a.Block() != c.HeaderDigest(&m.Header): // which has the height in it
		return fmt.Errorf("%w: its certificate is of another block", ErrSnapshot)
	case m.Slots.Root() != a.StateRoot():
		return fmt.Errorf("%w: its slots amount to another state", ErrSnapshot)
	}
	above := &m.Header
	for i := len(m.Below) - 1; i >= 0; i-- {
		h := &m.Below[i]
		if c.HeaderDigest(h) != above.Parent {
			return fmt.Errorf("%w: the header of height %d does not lead up to it", ErrSnapshot, h.Seq)
		}
		above = h
	}
	return nil
}

func sortSlots(s []slot) {
	slices.SortFunc(s, func(x, y slot) int { return bytes.Compare(x.a[:], y.a[:]) })
}

// sortRows puts rows in the order of the hashes of their keys, each hashed once.
func sortRows(rows []Row) {
	type place struct {
		hash [32]byte
		row  Row
	}
	order := make([]place, len(rows))
	for i, r := range rows {
		order[i] = place{hashKey(r.Key), r}
	}
	slices.SortFunc(order, func(x, y place) int { return bytes.Compare(x.hash[:], y.hash[:]) })
	for i := range order {
		rows[i] = order[i].row
	}
}
