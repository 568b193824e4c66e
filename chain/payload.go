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
	size := 4
	for _, tx := range txs {
		size += 4 + len(tx)
	}
	return size
}

// EncodePayload returns the body of a block: the number of transactions as u32,
// then each behind its length as u32.
func EncodePayload(txs [][]byte) []byte {
	return AppendPayload(make([]byte, 0, PayloadSize(txs)), txs)
}

// AppendPayload appends the encoding of EncodePayload to b.
func AppendPayload(b []byte, txs [][]byte) []byte {
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
		return nil, fmt.Errorf("chain: decode payload: %w: %d bytes, at most %d", wire.ErrLimit, len(b), limits.BytesMax)
	}
	r := wire.NewReader(b)
	txs := make([][]byte, r.Count(limits.TxsMax, 4))
	for i := range txs {
		txs[i] = r.Bytes(limits.TxBytesMax)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("chain: decode payload: %w", err)
	}
	return txs, nil
}

// PayloadRoot returns the root over the transactions of a block, which its
// header names.
func PayloadRoot(txs [][]byte) [32]byte { return RootOf(txs) }

// ReceiptRoot returns the root over the receipts of a block, in the order of
// its transactions, which its checkpoint certificate names.
func ReceiptRoot(receipts [][]byte) [32]byte { return RootOf(receipts) }
