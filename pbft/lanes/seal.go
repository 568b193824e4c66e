package lanes

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// How own transactions are sealed (L2).
const (
	// sealNsMin and sealMemberNs give the least time between two batches: the larger of the
	// first and so much for each member.
	sealNsMin    = millisecondNs
	sealMemberNs = 50_000
	// SealQueueMax bounds the own transactions that wait to be sealed; more wait to be
	// handed in again.
	SealQueueMax = 16384
	// copyNs is T_dup: a transaction of which a valid copy came by another lane so lately is
	// not pushed too.
	copyNs = 250 * millisecondNs
	// passedNs is how long after a later batch of the own lane an own transaction that
	// came into no block is pushed again, passedMax how many at most each time.
	passedNs  = 250 * millisecondNs
	passedMax = 512
	// inlineBytesMax and inlineAllBytesMax bound what a primary puts into a recipe itself:
	// for one member, and for all together.
	inlineBytesMax    = 16 << 10
	inlineAllBytesMax = 64 << 10
	// firstBytesMax is up to which size, for all members together, a batch goes to the
	// primary before the others. A larger one goes there last: it should not be proposed
	// while others wait for it.
	firstBytesMax = 64 << 10
)

// Own is a verified transaction of an own client.
type Own struct {
	Tx      Tx
	ID      pbft.Digest
	Sender  pbft.Digest // whose turn it takes
	Checked any         // what the caller has made of it
}

// unsealed are own transactions that wait for a batch: oldest first within a sender, and in
// turn between senders.
type unsealed struct {
	of     map[pbft.Digest][]Own // by sender
	turns  []pbft.Digest         // senders with transactions; the first is next
	ids    map[pbft.Digest]struct{}
	bytes  int
	copies []waitingCopy // that another lane brought lately, in the order of their times
}

type waitingCopy struct {
	own  Own
	atNs int64 // when it is looked at again
}

func newUnsealed() unsealed {
	return unsealed{of: make(map[pbft.Digest][]Own), ids: make(map[pbft.Digest]struct{})}
}

func (u *unsealed) push(o Own) {
	q := u.of[o.Sender]
	if len(q) == 0 {
		u.turns = append(u.turns, o.Sender)
	}
	u.of[o.Sender] = append(q, o)
	u.bytes += txOverheadBytes + len(o.Tx.Bytes)
}

// first returns the next transaction without taking it.
func (u *unsealed) first() *Own {
	if len(u.turns) == 0 {
		return nil
	}
	return &u.of[u.turns[0]][0]
}

func (u *unsealed) pop() Own {
	s := u.turns[0]
	q := u.of[s]
	o := q[0]
	u.turns = u.turns[1:]
	if len(q) > 1 {
		u.of[s] = q[1:]
		u.turns = append(u.turns, s)
	} else {
		delete(u.of, s)
	}
	u.bytes -= txOverheadBytes + len(o.Tx.Bytes)
	return o
}

// peek returns transactions in the order in which pop would take them, until they have so
// many bytes.
func (u *unsealed) peek(bytes int) (of []Own) {
	for round := 0; bytes > 0; round++ {
		any := false
		for _, s := range u.turns {
			if q := u.of[s]; round < len(q) && bytes > 0 {
				of, any = append(of, q[round]), true
				bytes -= txOverheadBytes + len(q[round].Tx.Bytes)
			}
		}
		if !any {
			break
		}
	}
	return of
}

// remove takes transactions out that peek has returned.
func (u *unsealed) remove(of []Own) {
	for i := range of {
		s := of[i].Sender
		q := u.of[s]
		at := slices.IndexFunc(q, func(o Own) bool { return o.ID == of[i].ID })
		if at < 0 {
			continue
		}
		u.bytes -= txOverheadBytes + len(q[at].Tx.Bytes)
		delete(u.ids, of[i].ID)
		if q = slices.Delete(slices.Clone(q), at, at+1); len(q) > 0 {
			u.of[s] = q
			continue
		}
		delete(u.of, s)
		if k := slices.Index(u.turns, s); k >= 0 {
			u.turns = slices.Delete(u.turns, k, k+1)
		}
	}
}

// Own takes a transaction to push: one that is new, or one that has waited for long. It
// reports false if too many wait or it is larger than a batch.
func (l *Lanes) Own(o Own, nowNs int64) bool {
	u := &l.unsealed
	if _, waits := u.ids[o.ID]; waits {
		return true
	}
	if len(u.ids) >= SealQueueMax || txOverheadBytes+len(o.Tx.Bytes) > BatchBytesMax {
		return false
	}
	u.ids[o.ID] = struct{}{}
	if at := l.copyNs(o.ID); at > 0 && nowNs < at+copyNs {
		u.copies = append(u.copies, waitingCopy{own: o, atNs: at + copyNs})
		return true
	}
	u.push(o)
	l.news++
	return true
}

// copyNs returns when the last copy of a transaction came by another lane, 0 if none is
// here.
func (l *Lanes) copyNs(id pbft.Digest) (atNs int64) {
	for p := l.places[id]; p != nil; p = p.next {
		if p.h.lane.id != l.cfg.Self {
			atNs = max(atNs, p.h.atNs, 1)
		}
	}
	return atNs
}

// Rest pushes what a primary has not proposed inline: it has nothing to propose now, and the
// others can check signatures until it has. It returns what goes out, and when more may.
func (l *Lanes) Rest(nowNs int64) (sends []Send, dueNs int64) {
	dueNs = l.seal(true, nowNs)
	sends, l.out.Send = l.out.Send, nil
	return sends, dueNs
}

// seal makes batches of what waits if one is due, and says when the next may be. A primary
// keeps what a recipe has room for, unless it is to seal the rest too.
func (l *Lanes) seal(rest bool, nowNs int64) (dueNs int64) {
	u := &l.unsealed
	for len(u.copies) > 0 && u.copies[0].atNs <= nowNs {
		u.push(u.copies[0].own)
		u.copies = u.copies[1:]
	}
	for len(u.turns) > 0 && (rest || !l.leads || u.bytes > l.inlineMax()) {
		if due := l.sealedNs + l.sealPauseNs(); due > nowNs && l.sealedNs > 0 {
			return due
		}
		txs, entries := l.collect()
		if len(txs) == 0 {
			break
		}
		l.sealedNs = nowNs
		l.push(txs, entries, nowNs)
	}
	return 0
}

func (l *Lanes) sealPauseNs() int64 {
	return max(sealNsMin, sealMemberNs*int64(l.cfg.Committee.Size()))
}

// collect takes what one batch holds. What is executed, or in a block, is left out.
func (l *Lanes) collect() (txs []Tx, entries []entry) {
	u := &l.unsealed
	size := 0
	for len(u.turns) > 0 && len(txs) < BatchTxsMax {
		o := u.first()
		if size += txOverheadBytes + len(o.Tx.Bytes); size > BatchBytesMax && len(txs) > 0 {
			break
		}
		o2 := u.pop()
		delete(u.ids, o2.ID)
		if l.cfg.Pool.Standing(o2.ID) != Free {
			size -= txOverheadBytes + len(o2.Tx.Bytes)
			continue
		}
		txs = append(txs, o2.Tx)
		entries = append(entries, entry{standing: valid, id: o2.ID, checked: o2.Checked})
	}
	return txs, entries
}

// push puts a batch into the own lane and sends it to everybody (L3).
func (l *Lanes) push(txs []Tx, entries []entry, nowNs int64) {
	x := l.lanes[l.cfg.Self]
	b := NewBatch(l.cfg.Committee, l.cfg.Self, x.now.instance, x.now.last+1, txs)
	x.now.last = b.Seq
	h := l.hold(x, b, nowNs)
	h.entries, h.next = entries, len(entries)
	for i := range entries {
		l.enter(h, i)
	}
	l.makeRoom(x)
	l.writes.push(b.Seq, BatchSize(b))
	l.out.Send = append(l.out.Send, Send{To: l.pushOrder(b), Message: b})
}

// pushOrder returns the members in the order in which a batch goes to them.
func (l *Lanes) pushOrder(b *Batch) []pbft.ReplicaID {
	n := l.cfg.Committee.Size()
	order := make([]pbft.ReplicaID, 0, n)
	early := (n-1)*BatchSize(b) <= firstBytesMax
	if early && l.primary != l.cfg.Self {
		order = append(order, l.primary)
	}
	for i := range n {
		if id := pbft.ReplicaID((int(b.Seq) + i) % n); id != l.cfg.Self && id != l.primary {
			order = append(order, id)
		}
	}
	if !early && l.primary != l.cfg.Self {
		order = append(order, l.primary)
	}
	return order
}

// inlineMax bounds the own transactions that a primary puts into a recipe themselves.
func (l *Lanes) inlineMax() int {
	return min(inlineBytesMax, inlineAllBytesMax/max(1, l.cfg.Committee.Size()-1))
}

// passedOver pushes own transactions again that are in no block though a later batch of the
// own lane is: its batch was not everywhere (L2).
func (l *Lanes) passedOver(nowNs int64) {
	x := l.lanes[l.cfg.Self]
	again := 0
	for _, h := range x.queue {
		if again >= passedMax || h.Seq >= l.ownDone {
			break
		}
		if h.freed || h.atNs+passedNs > nowNs || h.run != x.now {
			continue
		}
		for i := range h.entries {
			e := &h.entries[i]
			if again == passedMax || e.standing != valid || l.cfg.Pool.Standing(e.id) != Free {
				continue
			}
			l.Own(Own{Tx: h.Txs[i], ID: e.id, Checked: e.checked}, nowNs)
			again++
			l.leave(h, i)
			l.settle(h, i)
		}
	}
}

// writes follows how much of the own lane is on its way to whom: a batch was written out to
// a member once what waits for it is no more than what was pushed after the batch.
type writes struct {
	pushed int64   // bytes so far
	queued []int64 // that wait for each other member; below 0 if it is not connected
	ends   []end   // of the batches that are not done, ascending
	done   uint32  // the last number that was written out to enough members
}

type end struct {
	seq   uint32
	bytes int64 // pushed with it
}

// endsMax bounds the batches of which it is known; older ones count as written out.
const endsMax = 4096

func (w *writes) push(seq uint32, bytes int) {
	w.pushed += int64(bytes)
	w.ends = append(w.ends, end{seq, w.pushed})
	if len(w.ends) > endsMax {
		w.done, w.ends = w.ends[0].seq, w.ends[1:]
	}
}

// written returns up to which number the own batches were written out to so many other
// members.
func (w *writes) written(members int) uint32 {
	levels := make([]int64, 0, len(w.queued))
	for _, q := range w.queued {
		if q >= 0 {
			levels = append(levels, w.pushed-q)
		}
	}
	if len(levels) < members || members < 1 {
		return w.done
	}
	slices.Sort(levels)
	level := levels[len(levels)-members]
	for len(w.ends) > 0 && w.ends[0].bytes <= level {
		w.done, w.ends = w.ends[0].seq, w.ends[1:]
	}
	return w.done
}
