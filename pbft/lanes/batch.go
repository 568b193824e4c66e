package lanes

import (
	"crypto/sha256"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Limits of a batch, each a bound that no correct member reaches.
const (
	// BatchTxsMax bounds its transactions.
	BatchTxsMax = 1024
	// BatchBytesMax bounds their bytes, each with its length before it.
	BatchBytesMax = 256 << 10
	// BatchFrameBytesMax bounds an encoded BATCH.
	BatchFrameBytesMax = BatchBytesMax + 17
)

// txOverheadBytes is the length before a transaction, in batches as in payloads.
const txOverheadBytes = 4

// Domain tags of digests over batches.
const (
	tagBatch = "scrip/batch/v1"
	tagRange = "scrip/range/v1"
)

// digestOf is D of docs/wire.md, part 2.
func digestOf(c *pbft.Committee, tag string, body []byte) pbft.Digest {
	chain, h := c.Chain(), sha256.Sum256(body)
	b := make([]byte, 0, 1+len(tag)+len(chain)+len(h))
	b = append(append(wire.AppendUint8(b, uint8(len(tag))), tag...), chain[:]...)
	return pbft.Digest(sha256.Sum256(append(b, h[:]...)))
}

// LeafOf returns the leaf of a transaction, given with its witness, in the tree under
// Header.PayloadRoot.
func LeafOf(tx []byte) pbft.Digest {
	var space [1024]byte // most fit, so nothing is allocated
	return sha256.Sum256(append(append(space[:0], 0), tx...))
}

// Tx is a transaction of a batch, as it came.
type Tx struct {
	Bytes []byte
	// Leaf is LeafOf of Bytes: computed once, for the batch and for payload roots.
	Leaf pbft.Digest
}

// Batch is what a member pushed in one frame. It is immutable.
type Batch struct {
	Instance uint64
	Seq      uint32
	Txs      []Tx
	digest   pbft.Digest
	bytes    int // of Txs, with the lengths before them
}

// NewBatch returns a batch of member a.
func NewBatch(c *pbft.Committee, a pbft.ReplicaID, instance uint64, seq uint32, txs []Tx) *Batch {
	x := &Batch{Instance: instance, Seq: seq, Txs: txs}
	b := make([]byte, 0, 22+len(pbft.Digest{})*len(txs))
	b = wire.AppendUint16(wire.AppendUint32(b, uint32(c.Epoch())), uint16(a))
	b = wire.AppendUint32(wire.AppendUint64(b, instance), seq)
	b = wire.AppendUint32(b, uint32(len(txs)))
	for i := range txs {
		b = append(b, txs[i].Leaf[:]...)
		x.bytes += txOverheadBytes + len(txs[i].Bytes)
	}
	x.digest = digestOf(c, tagBatch, b)
	return x
}

// Digest returns bd, which names the batch, its member and every byte in it.
func (x *Batch) Digest() pbft.Digest { return x.digest }

// Bytes returns the size of its transactions in a payload.
func (x *Batch) Bytes() int { return x.bytes }

func (x *Batch) append(b []byte) []byte {
	b = wire.AppendUint32(wire.AppendUint64(b, x.Instance), x.Seq)
	return appendTxs(b, x.Txs)
}

func appendTxs(b []byte, txs []Tx) []byte {
	b = wire.AppendUint32(b, uint32(len(txs)))
	for i := range txs {
		b = wire.AppendBytes(b, txs[i].Bytes)
	}
	return b
}

func readBatch(c *pbft.Committee, a pbft.ReplicaID, r *wire.Reader) *Batch {
	instance, seq := r.Uint64(), r.Uint32()
	txs := readTxs(r)
	if r.Err() == nil && (seq == 0 || len(txs) == 0) {
		r.Fail(fmt.Errorf("%w: batch %d of %d transactions", wire.ErrValue, seq, len(txs)))
	}
	if r.Err() != nil {
		return nil
	}
	return NewBatch(c, a, instance, seq, txs)
}

// readTxs reads the transactions of a batch or of a part, and hashes them.
func readTxs(r *wire.Reader) []Tx {
	from := r.Offset()
	txs := make([]Tx, r.Count(BatchTxsMax, txOverheadBytes+1))
	for i := range txs {
		txs[i].Bytes = r.Bytes(BatchBytesMax)
		if r.Err() == nil && len(txs[i].Bytes) == 0 {
			r.Fail(fmt.Errorf("%w: a transaction of no bytes", wire.ErrValue))
		}
	}
	if r.Err() == nil && r.Offset()-from > BatchBytesMax+4 {
		r.Fail(fmt.Errorf("%w: transactions of %d bytes", wire.ErrLimit, r.Offset()-from))
	}
	if r.Err() != nil {
		return nil
	}
	for i := range txs {
		txs[i].Leaf = LeafOf(txs[i].Bytes)
	}
	return txs
}
