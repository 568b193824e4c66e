package node

import (
	"fmt"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// Tx is a transaction that passed StateMachine.Check. It is immutable once made
// and may be read by several goroutines.
type Tx struct {
	// Raw is the full transaction, body and witness, as received.
	Raw []byte
	// ID names the transaction: one id has one outcome.
	ID [32]byte
	// Sender is the key whose share of the mempool the transaction takes.
	Sender [32]byte
	// ExpiresMs is the block time, in Unix milliseconds, from which on the
	// transaction has no effect.
	ExpiresMs uint64
	// Signatures must all verify, or a block that holds the transaction is
	// invalid.
	Signatures []sig.Item
	// Decoded is the state machine's own form of the transaction.
	Decoded any
}

// Refusal is the answer to a transaction that was not taken. It holds at the
// door only: a refusal that is final is a receipt.
type Refusal struct {
	// Code is the number of the refusal; CodeOverloaded is the node's own, the
	// others are the state machine's.
	Code uint16
	// Text says what was wrong, for people.
	Text string
	// RetryMs is after how many milliseconds another try makes sense; 0 if the
	// same transaction need not be tried again.
	RetryMs uint32
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("refused with E%d: %s", r.Code, r.Text) }

// Codes of refusals that the driver gives by itself, with the numbers of the
// domain rules 3.3.
const (
	CodeBadSignature uint16 = 102
	CodeTooLarge     uint16 = 107
	CodeOverloaded   uint16 = 108
)

// Batch is one ordered block as the state machine sees it.
type Batch struct {
	Height uint64
	TimeMs uint64
	// Parent is the digest of the block below.
	Parent [32]byte
	// Epoch, View, BaseSeq and Proposer are those of the block's header.
	Epoch    uint32
	View     uint64
	BaseSeq  uint64
	Proposer uint16
	// ParentView and ParentBase are view and BaseSeq of the header below, which a block of
	// an earlier epoch counts as view 1 and its own height (R13.4).
	ParentView, ParentBase uint64
	// Txs are the block's transactions in order, all made by Check.
	Txs []*Tx
}

// NewBatch returns the block of a header, above that of its parent, as it is executed at
// timeMs.
func NewBatch(h, parent *pbft.Header, timeMs uint64, txs []*Tx) Batch {
	b := Batch{Height: uint64(h.Seq), TimeMs: timeMs, Parent: h.Parent, Epoch: uint32(h.Epoch), View: uint64(h.View),
		BaseSeq: uint64(h.BaseSeq), Proposer: uint16(h.Proposer), ParentView: uint64(parent.View),
		ParentBase: uint64(parent.BaseSeq), Txs: txs}
	if parent.Epoch != h.Epoch {
		b.ParentView, b.ParentBase = 1, uint64(parent.Seq)
	}
	return b
}

// Result is what executing a Batch did.
type Result struct {
	// StateRoot is the root of the state after the batch.
	StateRoot [32]byte
	// Receipts are the canonical receipts, one per transaction.
	Receipts [][]byte
	// Placed says that the leaves of the receipt tree are the receipts behind their
	// places (chain.PlacedReceipts).
	Placed bool
	// Weak says of each transaction whether its receipt gives way to an earlier
	// one of the same id, as that of a late copy does. nil stands for none.
	Weak []bool
	// Open says of each transaction whether its receipt ends nothing, so that a
	// later batch may accept the same one. nil stands for none.
	Open []bool
	// Events in the order of the transactions.
	Events []Event
	// NextSet is the encoded pbft.NextSet that the state after the batch holds, nil if it
	// holds none: with it the engine learns how the epoch ends.
	NextSet []byte
	// Changes are written in the same atomic batch as the block.
	Changes Changes
}

// ReceiptTree returns the tree over the receipts, of which there is one at least.
func (r *Result) ReceiptTree() *chain.Tree {
	if r.Placed {
		return chain.NewTree(chain.PlacedReceipts(r.Receipts))
	}
	return chain.NewTree(r.Receipts)
}

// ReceiptRoot returns the root over the receipts, zero if there are none.
func (r *Result) ReceiptRoot() pbft.Digest {
	if len(r.Receipts) == 0 {
		return pbft.Digest{}
	}
	return r.ReceiptTree().Root()
}

// Changes is what executing a batch writes beside the block itself.
type Changes struct {
	Rows, Pages []store.Write // of the flat state, and of the state tree
	Extra       []store.Write // indexes that are no part of the state
	SeenAdded   []store.SeenAdd
	SeenDropped []uint64
}

// Event is something that a transaction made happen.
type Event struct {
	// Tx is the index of the transaction in its block.
	Tx uint32
	// Data is the machine's encoding of the event.
	Data []byte
}

// StateMachine is the replicated service. It is a function of the ordered
// batches: every replica gets the same results, byte for byte.
type StateMachine interface {
	// Check decodes a transaction and checks everything that needs neither
	// state nor signature verification. The result may alias raw. An error is a
	// *Refusal. Safe for concurrent use; it must not panic or allocate beyond
	// the order of the input, whatever the input.
	Check(raw []byte) (*Tx, error)
	// Admit says, as a *Refusal, whether the latest executed state refuses the
	// transaction. It promises nothing: the block decides. by is the key that
	// authenticated whoever hands it in, or nil. Safe for concurrent use.
	Admit(tx *Tx, by *[32]byte, nowMs uint64) error
	// Genesis returns the state below the first block, with no receipts. It is
	// asked only over an empty store.
	Genesis() (Result, error)
	// Allows reports whether a block at a height may hold the transactions, all made by
	// Check, by the rules that hold there: a function of the height and the blocks some way
	// below it. Safe for concurrent use.
	Allows(height uint64, txs []*Tx) bool
	// Execute applies a batch to the state that the store holds. The driver
	// commits the result before it calls Execute again. Any batch has a result;
	// an error means that the store cannot be read, and the node stops.
	Execute(b Batch) (Result, error)
}
