package desim

import "github.com/scrip-network/scrip/pbft"

// Bounds of signature batches, those of sig.Pool.
const (
	signatureBatchMax = 512
	signatureShareMin = 64
)

// The classes of signatures to check: those of a proposal come first.
const (
	urgent = iota
	bulk
	classes
)

// txEntry is a transaction of which signatures are or were checked. Nearly always
// one inquiry waits for it; the others stand aside.
type txEntry struct {
	state  txState
	waiter *inquiry
}

// txState is what a member's front knows of a transaction.
type txState uint8

const (
	txUnknown txState = iota
	txVerifying
	txVerified
)

// front checks the signatures of each transaction once, in batches that form
// from what waits while all workers are busy.
type front struct {
	m          *member
	txs        []txEntry // by transaction
	others     map[int32][]*inquiry
	queues     [classes]fifo[int32]
	workers    int
	preparedAt map[pbft.Digest]int64 // own PREPAREs
}

// inquiry waits for some transactions.
type inquiry struct {
	left int
	done func()
}

func newFront(m *member) front {
	return front{m: m, others: make(map[int32][]*inquiry), preparedAt: make(map[pbft.Digest]int64)}
}

func (f *front) of(tx int32) *txEntry { return at(&f.txs, tx) }

// at returns the entry of a transaction in a table that grows.
func at[T any](table *[]T, tx int32) *T {
	if have := len(*table); int(tx) >= have {
		*table = append(*table, make([]T, max(1024, int(tx)+1, 2*have)-have)...)
	}
	return &(*table)[tx]
}

// check calls done once the signatures of all txs are checked.
func (f *front) check(class int, txs []int32, done func()) {
	q := &inquiry{done: done}
	for _, tx := range txs {
		e := f.of(tx)
		switch e.state {
		case txVerified:
			continue
		case txUnknown:
			e.state, e.waiter = txVerifying, q
			f.queues[class].push(tx)
		default:
			f.others[tx] = append(f.others[tx], q)
		}
		q.left++
	}
	if q.left == 0 {
		done()
		return
	}
	f.pump()
}

// pump gives waiting signatures to idle workers, in equal shares.
func (f *front) pump() {
	s := f.m.s
	each := s.cfg.Load.SignaturesPerTx
	for f.workers < f.m.processor.cores {
		q := &f.queues[urgent]
		if q.len() == 0 {
			q = &f.queues[bulk]
		}
		if q.len() == 0 {
			return
		}
		share := (q.len() + f.m.processor.cores - f.workers - 1) / (f.m.processor.cores - f.workers)
		share = min(q.len(), max(share, signatureShareMin/each, 1), max(1, signatureBatchMax/each))
		txs := make([]int32, share)
		for i := range txs {
			txs[i] = q.pop()
		}
		f.workers++
		s.work(f.m, s.batchNs(share*each)+int64(share*each)*s.cfg.Costs.KeyNs, &f.m.used.VerifyNs, func() {
			f.workers--
			f.settle(txs)
			f.pump()
		})
	}
}

func (f *front) settle(txs []int32) {
	for _, tx := range txs {
		e := f.of(tx)
		first := e.waiter
		*e = txEntry{state: txVerified}
		first.settled()
		if len(f.others) == 0 {
			continue
		}
		others := f.others[tx]
		delete(f.others, tx)
		for _, q := range others {
			q.settled()
		}
	}
}

// settled notes that one transaction less is open.
func (q *inquiry) settled() {
	if q.left--; q.left == 0 {
		q.done()
	}
}

// checkPayload answers a payload check of the engine: each transaction is looked
// up, and checked if nobody brought it before.
func (m *member) checkPayload(k *pbft.PayloadCheck) {
	digest, view := k.Digest, k.Block.Header.View
	b := m.s.batches[k.Block.Header.PayloadRoot]
	answer := func() {
		m.checked = append(m.checked, verdict{digest, true})
		m.wake()
	}
	if b == nil { // the empty payload
		m.s.after(0, m.unlessCrashed(answer))
		return
	}
	m.s.work(m, int64(len(b.txs))*m.s.cfg.Costs.PayloadNsPerTx, &m.used.VerifyNs, func() {
		m.front.check(urgent, b.txs, func() {
			m.pool.heldBy(view, b.txs)
			answer()
		})
	})
}

// unlessCrashed wraps do so that it is not called for a later incarnation.
func (m *member) unlessCrashed(do func()) func() {
	incarnation := m.incarnation
	return func() {
		if m.incarnation == incarnation {
			do()
		}
	}
}
