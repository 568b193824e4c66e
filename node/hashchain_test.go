package node

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// hashChain is a state machine of one row: the hash of everything so far. A
// transaction is key [32], expires u64, text, signature [64]; its id is the hash
// of all but the signature. A text that was executed before is refused.
type hashChain struct{ ledger *store.Ledger }

const (
	hashHeadBytes = 32 + 8
	hashTxMax     = 4096
	hashRow       = "chain"

	receiptOK, receiptRepeat = 0, 105
)

func newHashTx(key sig.PrivateKey, expiresMs uint64, text string) []byte {
	public := key.Public()
	b := binary.LittleEndian.AppendUint64(append([]byte(nil), public[:]...), expiresMs)
	b = append(b, text...)
	s := key.Sign(b)
	return append(b, s[:]...)
}

func hashID(raw []byte) [32]byte { return sha256.Sum256(raw[:len(raw)-sig.SignatureSize]) }

func (m *hashChain) Check(raw []byte) (*Tx, error) {
	if len(raw) < hashHeadBytes+sig.SignatureSize {
		return nil, &Refusal{Code: 101, Text: "too short"}
	}
	body := raw[:len(raw)-sig.SignatureSize]
	return &Tx{
		Raw: raw, ID: hashID(raw), Sender: [32]byte(raw), ExpiresMs: binary.LittleEndian.Uint64(raw[32:]),
		Signatures: []sig.Item{{Key: (*[32]byte)(raw), Message: body, Signature: (*[64]byte)(raw[len(body):])}},
		Decoded:    string(body[hashHeadBytes:]),
	}, nil
}

func (m *hashChain) Admit(tx *Tx, by *[32]byte, nowMs uint64) error {
	if tx.ExpiresMs <= nowMs {
		return &Refusal{Code: 104, Text: "expired"}
	}
	if _, ok := m.ledger.Latest().Row(tx.ID[:]); ok && by == nil {
		return &Refusal{Code: receiptRepeat, Text: "known"}
	}
	return nil
}

// Allows knows "later", which no block below height 1000 may hold.
func (m *hashChain) Allows(height uint64, txs []*Tx) bool {
	return height >= 1000 || !slices.ContainsFunc(txs, func(tx *Tx) bool { return tx.Decoded == "later" })
}

func (m *hashChain) Genesis() (Result, error) {
	rows := []store.Write{{Key: []byte(hashRow), Value: make([]byte, 32)}}
	return Result{StateRoot: sha256.Sum256(nil), Changes: Changes{Rows: rows}}, nil
}

func (m *hashChain) Execute(b Batch) (Result, error) {
	row, ok := m.ledger.Row([]byte(hashRow))
	if !ok {
		return Result{}, fmt.Errorf("no row: %w", m.ledger.Err())
	}
	r := Result{Weak: make([]bool, len(b.Txs))}
	state := [32]byte(row)
	for i, tx := range b.Txs {
		receipt := binary.LittleEndian.AppendUint16(append([]byte(nil), tx.ID[:]...), receiptOK)
		if _, seen := m.ledger.Row(tx.ID[:]); seen {
			receipt[32] = receiptRepeat
			r.Weak[i] = true
		} else {
			state = sha256.Sum256(append(state[:], tx.Raw...))
			r.Changes.Rows = append(r.Changes.Rows, store.Write{Key: append([]byte(nil), tx.ID[:]...), Value: []byte{1}})
			r.Events = append(r.Events, Event{Tx: uint32(i), Data: []byte(tx.Decoded.(string))})
		}
		r.Receipts = append(r.Receipts, receipt)
	}
	r.Changes.Rows = append(r.Changes.Rows, store.Write{Key: []byte(hashRow), Value: append([]byte(nil), state[:]...)})
	r.StateRoot = sha256.Sum256(state[:])
	return r, nil
}
