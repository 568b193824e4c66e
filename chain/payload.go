package chain

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// PayloadLimits bounds a payload before it is stored or decoded. All members of
// a committee use the same limits, because they decide whether a block is valid.
type PayloadLimits struct {
	BytesMax   int // bytes of the whole encoding
	TxsMax     int // transactions
	TxBytesMax int // bytes of one transaction
}

// PayloadSize returns the bytes that EncodePayload needs for txs.
func PayloadSize(txs [][]byte) int {
	if len(txs) == 0 {
		return 0
	}
	size := 4
	for _, tx := range txs {
		size += 4 + len(tx)
	}
	return size
}

// EncodePayload returns the body of a block: the number of transactions as u32,
// then each behind its length as u32. That of no transactions is nothing at all.
func EncodePayload(txs [][]byte) []byte {
	return AppendPayload(make([]byte, 0, PayloadSize(txs)), txs)
}

// AppendPayload appends the encoding of EncodePayload to b.
func AppendPayload(b []byte, txs [][]byte) []byte {
	if len(txs) == 0 {
		return b
	}
	b = wire.AppendUint32(b, uint32(len(txs)))
	for _, tx := range txs {
		b = wire.AppendBytes(b, tx)
	}
	return b
}

// DecodePayload is the inverse of EncodePayload. The transactions alias b; none
// of them is looked into. The error wraps one of package wire.
func DecodePayload(b []byte, limits PayloadLimits) ([][]byte, error) {
	if len(b) > limits.BytesMax {
		return nil, fmt.Errorf("chain: decode payload: %w: %d bytes, at most %d",
			wire.ErrLimit, len(b), limits.BytesMax)
	}
	if len(b) == 0 {
		return nil, nil
	}
	r := wire.NewReader(b)
	txs := make([][]byte, r.Count(limits.TxsMax, 4))
	if len(txs) == 0 {
		r.Fail(fmt.Errorf("%w: a count of no transactions", wire.ErrValue))
	}
	for i := range txs {
		txs[i] = r.Bytes(limits.TxBytesMax)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("chain: decode payload: %w", err)
	}
	return txs, nil
}

// PayloadRoot returns the root over the transactions of a block, which its
// header names: that of RFC 6962, or zero if there are none.
func PayloadRoot(txs [][]byte) [32]byte { return rootOrZero(txs) }

// RootOfLeaves is PayloadRoot over the hashes of the leaves, of which there is one at least:
// SHA-256(00 || transaction) each.
func RootOfLeaves[D ~[32]byte](leaves []D) [32]byte {
	level := make([][32]byte, len(leaves))
	for i := range leaves {
		level[i] = leaves[i]
	}
	for len(level) > 1 {
		foldLevel(level, level)
		level = level[:(len(level)+1)/2]
	}
	return level[0]
}

// ReceiptRoot returns the root over the receipts of a block, in the order of its
// transactions, which its checkpoint certificate names: that of RFC 6962, or
// zero if there are none.
func ReceiptRoot(receipts [][]byte) [32]byte { return rootOrZero(receipts) }

// PlacedReceipts returns the leaves of the receipt tree of a block from version 2 of the
// domain rules on: each receipt behind its place, a u32. A path to a root that does not
// hold the number of leaves shows that a receipt is in the block; a leaf that holds its
// place shows where (domain rules 3.40).
func PlacedReceipts(receipts [][]byte) [][]byte {
	leaves := make([][]byte, len(receipts))
	for i, r := range receipts {
		leaves[i] = placed(uint32(i), r)
	}
	return leaves
}

func placed(index uint32, receipt []byte) []byte {
	return append(wire.AppendUint32(make([]byte, 0, 4+len(receipt)), index), receipt...)
}

// PlacedReceiptRoot returns the root over the receipts of a block of version 2 of the
// domain rules, or zero if there are none.
func PlacedReceiptRoot(receipts [][]byte) [32]byte { return rootOrZero(PlacedReceipts(receipts)) }

// VerifyReceipt reports, as an error that wraps ErrProof, whether the inclusion fails to
// lead from its receipt to root. placed says that it also shows the receipt's place, which
// a block of version 1 cannot. Neither form passes for the other: a receipt begins with the
// id of its transaction, which nobody can choose.
func VerifyReceipt(root [32]byte, p *Inclusion) (isPlaced bool, err error) {
	if VerifyInclusion(root, placed(p.Index, p.Leaf), p.Index, p.Size, p.Path) == nil {
		return true, nil
	}
	return false, VerifyInclusion(root, p.Leaf, p.Index, p.Size, p.Path)
}

func rootOrZero(leaves [][]byte) [32]byte {
	if len(leaves) == 0 {
		return [32]byte{}
	}
	return RootOf(leaves)
}
