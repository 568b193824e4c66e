package node

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/scrip-network/scrip/sig"
)

// SubmittedMax bounds the transactions of one call of SubmitAll.
const SubmittedMax = 1024

// Submitted is what became of one transaction of SubmitAll.
type Submitted struct {
	// Tx is the transaction's place in what was submitted.
	Tx      int
	Outcome Outcome
	// Err is an error of Submit or of Wait; the Outcome is empty then.
	Err error

	stages *stages
	at     time.Duration // when its block was executed; 0 = nobody waited for that
}

// Told counts how long it took until the clients of these outcomes have them, which
// is now.
func Told(all []Submitted) {
	for i := 0; i < len(all); {
		k := i + 1
		for k < len(all) && all[k].at == all[i].at && all[k].stages == all[i].stages {
			k++
		}
		if s := all[i].stages; s != nil {
			s.took(stageNotify, all[i].at, k-i)
		}
		i = k
	}
}

// SubmitAll is Submit and Wait for Executed of many transactions, at the cost of
// few: their signatures are checked together and one goroutine waits for all. by
// is as for Submit. It sends each transaction's outcome, in any order, to
// outcomes, which must have room for all of them, and returns when the last is
// there. When ctx ends, those without an outcome get its error. Safe for
// concurrent use.
func (n *Node) SubmitAll(ctx context.Context, raws [][]byte, by *[32]byte, outcomes chan<- Submitted) {
	s := &submission{n: n, out: outcomes, began: n.stages.now(), answers: make(chan answer, len(raws)),
		waiting: make([]*waiter, len(raws))}
	var refused error
	switch {
	case n.stopped():
		refused = ErrStopped
	case n.mayAnswer() != nil:
		refused = n.mayAnswer()
	case len(raws) > SubmittedMax:
		refused = ErrTooMany
	}
	if refused != nil {
		for i := range raws {
			s.done(i, Outcome{}, refused)
		}
		return
	}
	kept := n.mempool.expect(len(raws))
	for i := kept; i < len(raws); i++ {
		if tx := n.front.known(raws[i]); tx != nil {
			s.admit(i, tx, by)
		} else {
			s.done(i, Outcome{}, refusalFull)
		}
	}
	s.check(ctx, raws[:kept], by)
	s.wait(ctx)
}

// submission is one call of SubmitAll.
type submission struct {
	n       *Node
	out     chan<- Submitted
	answers chan answer
	waiting []*waiter // by place; nil = has its outcome
	open    int       // waiters
	began   time.Duration
}

func (s *submission) done(i int, o Outcome, err error) {
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		s.n.metrics.refused.WithLabelValues("E" + strconv.Itoa(int(refusal.Code))).Inc()
	}
	s.out <- Submitted{Tx: i, Outcome: o, Err: err}
}

// check admits the first transactions, for which the mempool keeps room, after their
// signatures were checked together.
func (s *submission) check(ctx context.Context, raws [][]byte, by *[32]byte) {
	if len(raws) == 0 {
		return
	}
	settled := make(chan []*verdict, 1)
	s.n.front.check(sig.Bulk, raws, func(vs []*verdict) { settled <- vs })
	select {
	case verdicts := <-settled:
		for i, v := range verdicts {
			s.n.mempool.came(1)
			if v.err != nil {
				s.done(i, Outcome{}, v.err)
			} else {
				s.admit(i, v.tx, by)
			}
		}
	case <-ctx.Done():
		s.n.mempool.came(len(raws))
		for i := range raws {
			s.done(i, Outcome{}, fmt.Errorf("submit: %w", ctx.Err()))
		}
	}
}

// admit hands a transaction on and waits for it, in the other order, so that its
// execution cannot be missed.
func (s *submission) admit(i int, tx *Tx, by *[32]byte) {
	w := &waiter{id: tx.ID, outcome: s.answers, place: i}
	if err := s.n.hub.wait(w); err != nil {
		s.done(i, Outcome{}, err)
		return
	}
	s.waiting[i] = w
	s.open++
	p, err := s.n.admit(tx, by, s.began)
	if err != nil {
		s.leave(w)
		s.done(i, Outcome{}, err)
	} else if p.Known {
		s.look(w)
	}
}

// leave takes a waiter back whose answer is not wanted any more, though it may
// be on its way.
func (s *submission) leave(w *waiter) {
	s.n.hub.forget(w)
	s.waiting[w.place] = nil
	s.open--
}

// look answers a waiter from the ledger, if the transaction was executed.
func (s *submission) look(w *waiter) {
	o, done, err := s.n.settled(w, Executed)
	if done || err != nil {
		s.leave(w)
		s.done(w.place, o, err)
	}
}

// wait passes outcomes on until none is missing or ctx ends.
func (s *submission) wait(ctx context.Context) {
	recheck := time.NewTicker(waitRecheck)
	defer recheck.Stop()
	for s.open > 0 {
		select {
		case a := <-s.answers:
			w := a.waiter
			switch {
			case s.waiting[w.place] == nil: // answered from the ledger meanwhile
			case errors.Is(a.err, errReadBack):
				s.look(w)
			default:
				s.waiting[w.place] = nil
				s.open--
				if a.err != nil {
					s.done(w.place, a.outcome, a.err)
				} else {
					s.out <- Submitted{w.place, a.outcome, nil, s.n.stages, a.at}
				}
			}
		case <-recheck.C:
			s.each(func(w *waiter) {
				if !s.n.mempool.has(w.id) { // what waits there has no outcome yet
					s.look(w)
				}
			})
		case <-ctx.Done():
			err := fmt.Errorf("wait for transaction: %w", ctx.Err())
			s.each(func(w *waiter) {
				s.leave(w)
				s.done(w.place, Outcome{ID: w.id}, err)
			})
		}
	}
}

func (s *submission) each(f func(*waiter)) {
	for _, w := range s.waiting {
		if w != nil {
			f(w)
		}
	}
}
