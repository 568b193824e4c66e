package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// ErrFalseLedger is wrapped by what Replay finds: the ledger is not what its blocks give.
var ErrFalseLedger = errors.New("node: false ledger")

// Replay executes the blocks of a ledger again, from the genesis, and compares all that the
// ledger holds with what they give. It believes nothing of the ledger but the bytes of the
// blocks, and of those only what their certificates and links prove.
type Replay struct {
	Committee *pbft.Committee
	// GenesisTimeMs and TxBytesMax are as in Config.
	GenesisTimeMs uint64
	TxBytesMax    int
	// Into is an empty ledger for what the blocks give; Machine is over it.
	Into    *store.Ledger
	Machine StateMachine
	// Progress, if set, is told each height that is done, and the last one.
	Progress func(height, last uint64)
}

// Replayed is what a ledger was found to hold.
type Replayed struct {
	// Height is the last block's, Transactions how many there are.
	Height, Transactions uint64
	// Certified is the highest block under a commit certificate that the ledger holds: those
	// above were committed under a later block's, which it does not.
	Certified uint64
	// Checkpoints is how many blocks have a certificate over their results.
	Checkpoints uint64
}

// replaying is one run of Replay.
type replaying struct {
	*Replay
	from   *store.View
	scheme scheme
	limits chain.PayloadLimits
	parent *record             // the block below
	pages  map[string]struct{} // of the state tree, all that were written
	seen   map[uint64]struct{} // the buckets of ids that stand
	ids    [][32]byte          // of all transactions
	out    Replayed
}

// Run compares a ledger that does not grow. The error wraps ErrFalseLedger and names the
// block or the key if the ledger is false; else it is the machine's or the context's.
func (x *Replay) Run(ctx context.Context, from *store.View) (Replayed, error) {
	last, ok := from.Height()
	if !ok {
		return Replayed{}, nil
	}
	p := x.Committee.Parameters()
	r := &replaying{Replay: x, from: from, scheme: scheme{sig.NewVerifier(0)},
		pages: map[string]struct{}{}, seen: map[uint64]struct{}{},
		limits: chain.PayloadLimits{BytesMax: int(p.PayloadBytesMax), TxsMax: driver.PayloadTxsMax, TxBytesMax: x.TxBytesMax}}
	for height := uint64(0); height <= last; height++ {
		if err := ctx.Err(); err != nil {
			return r.out, err
		}
		if err := r.block(height); err != nil {
			return r.out, fmt.Errorf("block %d: %w", height, err)
		}
		r.out.Height = height
		if x.Progress != nil {
			x.Progress(height, last)
		}
	}
	if from.StateRoot() != x.Into.StateRoot() {
		return r.out, fmt.Errorf("%w: its state root is %x, the blocks give %x", ErrFalseLedger, from.StateRoot(),
			x.Into.StateRoot())
	}
	return r.out, r.tables()
}

// falseUnless returns what with ErrFalseLedger, unless it is so.
func falseUnless(so bool, what string, args ...any) error {
	if so {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrFalseLedger, fmt.Sprintf(what, args...))
}

// block executes one block again and compares what is stored of it.
func (r *replaying) block(height uint64) error {
	stored, err := r.from.Block(height)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFalseLedger, err)
	}
	receipts, err := r.from.Receipts(height)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFalseLedger, err)
	}
	h, err := decodeRecord(stored.Header)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFalseLedger, err)
	}
	txs, err := r.payload(height, &h, stored.Payload)
	if err != nil {
		return err
	}
	batch, digest, err := r.execute(height, &h, stored, txs)
	if err != nil {
		return err
	}
	switch {
	case !bytes.Equal(batch.Receipts, receipts):
		return falseUnless(false, "its receipts are not those that its transactions give")
	case !bytes.Equal(batch.Header, stored.Header):
		return falseUnless(false, "its state root, receipt root or time is not what its transactions give")
	}
	if err := r.Into.Commit(batch, false); err != nil {
		return fmt.Errorf("store what it gives: %w", err)
	}
	r.note(&batch)
	if err := r.certificates(height, &h, digest, stored.Certificate); err != nil {
		return err
	}
	r.parent, r.out.Transactions = &h, r.out.Transactions+uint64(len(txs))
	return nil
}

// note remembers what an executed block has written, for the comparison of the tables.
func (r *replaying) note(b *store.BlockBatch) {
	for i := range b.Pages {
		r.pages[string(b.Pages[i].Key)] = struct{}{}
	}
	for i := range b.SeenAdded {
		r.seen[b.SeenAdded[i].Bucket] = struct{}{}
	}
	for _, bucket := range b.SeenDropped {
		delete(r.seen, bucket)
	}
	for i := range b.Txs {
		r.ids = append(r.ids, b.Txs[i].ID)
	}
}

// payload checks the header against the one below and the payload against the header, and
// returns the transactions, their signatures verified.
func (r *replaying) payload(height uint64, h *record, payload []byte) ([]*Tx, error) {
	if height == 0 {
		return nil, falseUnless(len(payload) == 0, "the genesis has a payload")
	}
	if err := chain.CheckLink(r.Committee, &r.parent.Header, &h.Header); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFalseLedger, err)
	}
	raws, err := chain.CheckPayload(&h.Header, payload, r.limits)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFalseLedger, err)
	}
	txs := make([]*Tx, len(raws))
	var items []sig.Item
	for i, raw := range raws {
		if txs[i], err = r.Machine.Check(raw); err != nil {
			return nil, fmt.Errorf("%w: transaction %d: %w", ErrFalseLedger, i, err)
		}
		items = append(items, txs[i].Signatures...)
	}
	return txs, falseUnless(r.scheme.v.VerifyBatch(items), "a transaction is not signed")
}

// execute returns what a block leaves in a ledger.
func (r *replaying) execute(height uint64, h *record, stored store.Block, txs []*Tx) (b store.BlockBatch,
	digest pbft.Digest, err error) {
	digest = r.Committee.HeaderDigest(&h.Header)
	var result Result
	var root pbft.Digest
	timeMs := h.Header.TimeMs
	if height == 0 {
		result, err = r.Machine.Genesis()
		h.SignedHeader = pbft.SignedHeader{Header: r.Committee.GenesisHeader(result.StateRoot, r.GenesisTimeMs)}
	} else {
		timeMs = max(timeMs, r.parent.timeMs+1)
		if err := r.executed(&h.Header); err != nil {
			return b, digest, err
		}
		result, err = r.Machine.Execute(NewBatch(&h.Header, &r.parent.Header, timeMs, txs))
	}
	if err != nil {
		return b, digest, fmt.Errorf("execute it again: %w", err)
	}
	if len(txs) > 0 {
		root = result.ReceiptTree().Root()
	}
	b = BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: h.SignedHeader, Payload: stored.Payload}},
		txs, &result, root)
	b.Height, b.Certificate = height, stored.Certificate
	if timeMs != h.Header.TimeMs {
		b.Header = wire.AppendUint64(b.Header, timeMs)
	}
	return b, digest, nil
}

// executed compares the state that a header names with what the blocks up to there gave.
func (r *replaying) executed(h *pbft.Header) error {
	if r.Committee.Protocol() == pbft.Original {
		return nil // its headers name none
	}
	named, err := readRecord(r.Into.Latest(), uint64(h.ExecSeq))
	if err != nil {
		return fmt.Errorf("%w: it names the state of height %d: %w", ErrFalseLedger, h.ExecSeq, err)
	}
	return falseUnless(named.stateRoot == h.ExecRoot, "it names another state of height %d than the blocks give",
		h.ExecSeq)
}

// certificates verifies what members signed of a block.
func (r *replaying) certificates(height uint64, h *record, digest pbft.Digest, encoded []byte) error {
	if len(encoded) == 0 && height > 0 && r.Committee.Protocol() == pbft.Original {
		return falseUnless(false, "it has no certificate, and no other block's stands for it")
	}
	if len(encoded) > 0 {
		c, err := pbft.DecodeCertificate(encoded)
		if err != nil {
			return fmt.Errorf("%w: its certificate: %w", ErrFalseLedger, err)
		}
		if !r.Committee.Commits(c, &h.Header) || !r.Committee.VerifyCertificate(c, r.scheme) {
			return falseUnless(false, "its certificate does not commit it")
		}
		r.out.Certified = height
	}
	encoded, err := r.from.Checkpoint(height)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := pbft.DecodeCheckpointCertificate(encoded)
	if err != nil {
		return fmt.Errorf("%w: its checkpoint: %w", ErrFalseLedger, err)
	}
	a, err := chain.VerifyCheckpoint(r.Committee, c, chain.ClaimReceipt, r.scheme)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFalseLedger, err)
	}
	r.out.Checkpoints++
	return falseUnless(a.Height() == height && a.Block() == digest && a.StateRoot() == h.stateRoot &&
		a.ReceiptRoot() == h.receiptRoot, "its checkpoint is of other results")
}

// tables compares the rows, the indexes, the events and the state tree's pages.
func (r *replaying) tables() error {
	into := r.Into.Latest()
	err := same("row", walkAll(r.from.Rows), walkAll(into.Rows))
	if err == nil {
		err = same("index", walkAll(r.from.Extras), walkAll(into.Extras))
	}
	if err == nil {
		err = same("event", walkEvents(r.from), walkEvents(into))
	}
	for _, bucket := range slices.Sorted(maps.Keys(r.seen)) {
		if err == nil {
			err = same("seen id", walkSeen(r.from, bucket), walkSeen(into, bucket))
		}
	}
	if err != nil {
		return err
	}
	for _, id := range r.ids {
		mine, is, err := r.from.LookupTx(id)
		want, must, wantErr := into.LookupTx(id)
		if err = errors.Join(err, wantErr, falseUnless(is == must && mine == want,
			"the place of transaction %x is not what the blocks give", id)); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.pages)) {
		mine, _ := r.from.Page([]byte(id))
		if want, _ := into.Page([]byte(id)); !bytes.Equal(mine, want) {
			return falseUnless(false, "page %x of the state tree is not what the blocks give", id)
		}
	}
	return errors.Join(r.from.Err(), into.Err())
}

// table calls visit with the entries of a table, in order.
type table = func(visit func(k, b []byte) bool) error

func walkAll(rows func(prefix, from []byte, visit func(k, b []byte) bool) error) table {
	return func(visit func(k, b []byte) bool) error { return rows(nil, nil, visit) }
}

func walkSeen(v *store.View, bucket uint64) table {
	return func(visit func(k, b []byte) bool) error {
		return v.SeenMembers(bucket, func(m store.SeenMember) bool {
			return visit(m.ID[:], fmt.Appendf(nil, "%+v", m.SeenEntry))
		})
	}
}

func walkEvents(v *store.View) table {
	return func(visit func(k, b []byte) bool) error {
		return v.Events(store.EventID{}, func(id store.EventID, data []byte) bool {
			return visit(fmt.Appendf(nil, "%d.%d.%d", id.Height, id.Tx, id.Index), data)
		})
	}
}

// same compares two tables, entry by entry.
func same(name string, mine, want table) (err error) {
	var failed error
	next, stop := iter.Pull2(func(yield func(k, b []byte) bool) { failed = want(yield) })
	defer stop()
	mineErr := mine(func(k, b []byte) bool {
		wk, wb, more := next()
		err = falseUnless(more && bytes.Equal(k, wk) && bytes.Equal(b, wb), "%s %x is not what the blocks give", name, k)
		return err == nil
	})
	if err = errors.Join(err, mineErr, failed); err != nil {
		return err
	}
	k, _, more := next()
	return errors.Join(failed, falseUnless(!more, "%s %x is missing", name, k))
}
