package node

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
)

// packer is what a ledger keeps of blocks without transactions: what cannot be had
// from the block below, and the signatures that somebody may still ask for.
//
// It leaves out the primary's signature, which the engines do not look at under a
// commit certificate; commit certificates but the last, which stands for those below,
// where the protocol lets it; and of the attestations those beyond f+1, which prove a
// receipt, or that there is none. The last block of a run keeps all of its own.
type packer struct{ committee *pbft.Committee }

// NewPacker returns the packer of a committee's ledgers.
func NewPacker(c *pbft.Committee) store.Packer { return packer{c} }

// A run is a version u8 and a list of blocks: flags u8, and then in this order
//
//	packedWhole        header [HeaderBytes], state root [32], receipt root [32];
//	                   else u32, by how many ms the block is later than the one below
//	packedTimed        the time u64 at which it was executed, if not the header's
//	packedCertificate  commit certificate, bytes
//	packedCheckpoint   certificate over the result, bytes
//	packedThin         the same as a list of u8, members, and as many signatures
const (
	packedVersion = 1

	packedWhole       = 1
	packedTimed       = 2
	packedOlder       = 4 // it is justified by the block two below, not by the one below
	packedCertificate = 8
	packedCheckpoint  = 16
	packedThin        = 32
	packedAll         = 63

	// packedBlocksMax bounds a run when it is read.
	packedBlocksMax = 256
	packedBytesMax  = 1 << 16 // of one certificate
)

// Pack implements store.Packer.
func (p packer) Pack(blocks []store.Quiet) ([]byte, error) {
	b := wire.AppendUint32(wire.AppendUint8(nil, packedVersion), uint32(len(blocks)))
	var below *record
	for i := range blocks {
		x, err := decodeRecord(blocks[i].Header)
		if err != nil {
			return nil, err
		}
		last := i == len(blocks)-1
		if b, err = p.append(b, &x, below, &blocks[i], last); err != nil {
			return nil, err
		}
		below = &x
	}
	return b, nil
}

func (p packer) append(b []byte, x, below *record, q *store.Quiet, last bool) ([]byte, error) {
	at := len(b)
	b = append(b, 0)
	flags := byte(0)
	switch {
	case below != nil && p.after(below, x.Header.TimeMs, false).same(x):
	case below != nil && p.after(below, x.Header.TimeMs, true).same(x):
		flags |= packedOlder
	default:
		flags |= packedWhole
	}
	if flags&packedWhole != 0 {
		b = append(append(x.Header.Append(b), x.stateRoot[:]...), x.receiptRoot[:]...)
	} else {
		b = wire.AppendUint32(b, uint32(x.Header.TimeMs-below.Header.TimeMs))
	}
	if x.timeMs != x.Header.TimeMs {
		flags |= packedTimed
		b = wire.AppendUint64(b, x.timeMs)
	}
	if len(q.Certificate) > 0 && (last || p.committee.Protocol() != pbft.DualPath) {
		flags |= packedCertificate
		b = wire.AppendBytes(b, q.Certificate)
	}
	if len(q.Checkpoint) > 0 {
		c, err := pbft.DecodeCheckpointCertificate(q.Checkpoint)
		if err != nil {
			return nil, err
		}
		if whole := p.checkpoint(x, c.Signers, c.Signatures); last || !bytes.Equal(whole, q.Checkpoint) {
			flags |= packedCheckpoint
			b = wire.AppendBytes(b, q.Checkpoint)
		} else {
			flags |= packedThin
			b = p.thin(b, c)
		}
	}
	b[at] = flags
	return b, nil
}

// thin appends f+1 of the signatures.
func (p packer) thin(b []byte, c *pbft.CheckpointCertificate) []byte {
	n := min(p.committee.WeakQuorum(), len(c.Signatures))
	b = wire.AppendUint32(b, uint32(n))
	for id := pbft.ReplicaID(0); n > 0; id++ {
		if c.Signers.Has(id) {
			b = append(b, byte(id))
			n--
		}
	}
	for i := range min(p.committee.WeakQuorum(), len(c.Signatures)) {
		b = append(b, c.Signatures[i][:]...)
	}
	return b
}

// after is the block that most often follows one without transactions.
func (p packer) after(below *record, timeMs uint64, older bool) *record {
	x := *below
	x.Signature = pbft.Signature{}
	h := &x.Header
	h.Justify = p.committee.Ref(&below.Header)
	h.Parent = h.Justify.Digest
	if older {
		h.Justify = pbft.BlockRef{View: below.Header.View, Seq: below.Header.Seq - 1, Digest: below.Header.Parent}
	}
	h.Seq++
	h.ExecSeq++
	h.TimeMs, x.timeMs = timeMs, timeMs
	h.PayloadRoot, h.PayloadBytes, x.receiptRoot = pbft.Digest{}, 0, pbft.Digest{}
	return &x
}

// same compares two records but for signature and time of execution.
func (x *record) same(y *record) bool {
	return x.Header == y.Header && x.stateRoot == y.stateRoot && x.receiptRoot == y.receiptRoot
}

// checkpoint returns the certificate over the result of a block by some members.
func (p packer) checkpoint(x *record, signers pbft.Signers, signatures []pbft.Signature) []byte {
	c := pbft.CheckpointCertificate{Epoch: x.Header.Epoch, Seq: x.Header.Seq, Block: p.committee.HeaderDigest(&x.Header),
		StateRoot: x.stateRoot, ReceiptRoot: x.receiptRoot, Signers: signers, Signatures: signatures}
	return c.Encode()
}

// Unpack implements store.Packer.
func (p packer) Unpack(packed []byte) ([]store.Quiet, error) {
	r := wire.NewReader(packed)
	if v := r.Uint8(); v != packedVersion && r.Err() == nil {
		return nil, fmt.Errorf("a run of blocks of version %d", v)
	}
	blocks := make([]store.Quiet, r.Count(packedBlocksMax, 1+4))
	var below *record
	for i := range blocks {
		x, err := p.read(r, below, &blocks[i])
		if err != nil {
			return nil, err
		}
		below = x
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("a run of blocks: %w", err)
	}
	return blocks, nil
}

func (p packer) read(r *wire.Reader, below *record, q *store.Quiet) (*record, error) {
	flags := r.Uint8()
	if flags > packedAll || below == nil && flags&packedWhole == 0 {
		r.Fail(wire.ErrValue)
	}
	var x *record
	if flags&packedWhole != 0 {
		h, err := pbft.DecodeHeader(r.Raw(pbft.HeaderBytes))
		if err != nil {
			return nil, fmt.Errorf("a run of blocks: %w", err)
		}
		x = &record{SignedHeader: pbft.SignedHeader{Header: h}, stateRoot: r.Bytes32(), receiptRoot: r.Bytes32(),
			timeMs: h.TimeMs}
	} else if later := r.Uint32(); r.Err() == nil {
		x = p.after(below, below.Header.TimeMs+uint64(later), flags&packedOlder != 0)
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("a run of blocks: %w", r.Err())
	}
	q.Header = x.encode()
	if flags&packedTimed != 0 {
		x.timeMs = r.Uint64()
		q.Header = wire.AppendUint64(q.Header, x.timeMs)
	}
	if flags&packedCertificate != 0 {
		q.Certificate = slices.Clone(r.Bytes(packedBytesMax))
	}
	if flags&packedCheckpoint != 0 {
		q.Checkpoint = slices.Clone(r.Bytes(packedBytesMax))
	}
	if flags&packedThin != 0 {
		q.Checkpoint = p.readThin(r, x)
	}
	return x, nil
}

func (p packer) readThin(r *wire.Reader, x *record) []byte {
	var signers pbft.Signers
	signatures := make([]pbft.Signature, r.Count(pbft.ReplicasMax, 1+64))
	for range signatures {
		if id := pbft.ReplicaID(r.Uint8()); p.committee.Has(id) {
			signers.Add(id)
		}
	}
	for i := range signatures {
		signatures[i] = r.Bytes64()
	}
	if r.Err() == nil && signers.Count() != len(signatures) {
		r.Fail(wire.ErrValue)
	}
	return p.checkpoint(x, signers, signatures)
}
