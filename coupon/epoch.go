package coupon

import (
	"cmp"
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// Events of epochs (rules 3.35).
const (
	EventEpochStaged EventType = 35
	EventEpochBegun  EventType = 36
)

// Limits of epochs (rules R13).
const (
	// EpochGap is the least number of blocks between the beginning of an epoch and the
	// staging of the next; twice the window if that is more.
	EpochGap = 64
	// RestageMs is how old a set gets before a change of its list of skips alone is staged.
	RestageMs = 7 * dayMs
	// ConvictedMs is how long evidence keeps a member from leading.
	ConvictedMs = 7 * dayMs

	stagedPerBlock   = 8  // entries of the queue that a block looks at
	tenuresPerBlock  = 64 // views whose failure a block counts
	failedMin        = 3  // tenures before a member is skipped
	convictionEpochs = 512
)

// promote lets the staged set begin if the block is the first of its epoch. What the
// members were about to decide is counted anew by the new ones.
func (x *exec) promote() {
	set := *x.set()
	if x.block.Epoch == uint32(set.Body.Epoch) {
		return
	}
	next := x.nextSets.get(x, struct{}{})
	if x.block.Epoch != uint32(set.Body.Epoch)+1 || next == nil || next.Body.Epoch != set.Body.Epoch+1 {
		x.damaged("block %d of epoch %d, the state is of epoch %d", x.height, x.block.Epoch, set.Body.Epoch)
		return
	}
	old := x.epochs.get(x, uint32(set.Body.Epoch))
	if old == nil {
		x.damaged("epoch %d has no row", set.Body.Epoch)
		return
	}
	ended, epoch := *old, x.block.Epoch
	ended.Last = x.height - 1
	x.epochs.put(x, uint32(set.Body.Epoch), ended)
	x.formerSets.put(x, struct{}{}, set.Body)
	x.sets.put(x, struct{}{}, ValidatorSet{First: x.height, SinceMs: x.now, Body: next.Body})
	x.epochs.put(x, epoch, EpochRow{First: x.height, Digest: next.Body.Digest(x.m.founding.Chain), SinceMs: x.now})
	x.nextSets.remove(x, struct{}{})
	x.seatsNow = nil
	x.happens(EventEpochBegun, EpochKey(epoch))
	x.halveTenures()
	x.recountAll()
}

// halveTenures lets what primaries have done count less with each epoch.
func (x *exec) halveTenures() {
	for _, member := range x.tenures.scan(x, []byte{PrefixTenures}, MembersMax) {
		t := *x.tenures.get(x, member)
		t.Failed, t.Done = t.Failed/2, t.Done/2
		if t == (Tenures{}) {
			x.tenures.remove(x, member)
			continue
		}
		x.tenures.put(x, member, t)
	}
}

// recountAll counts all undecided proposals anew, ascending. They are found where they
// wait: there are more of those that are decided.
func (x *exec) recountAll() {
	var numbers []uint32
	for _, member := range x.open.scan(x, []byte{PrefixOpenProposals}, MembersMax) {
		numbers = append(numbers, x.openOf(member)...)
	}
	for _, id := range x.due.scan(x, []byte{PrefixDue}, 1<<30) {
		if id.kind == dueProposal {
			numbers = append(numbers, id.number)
		}
	}
	for _, n := range x.queued() {
		if q := x.queue.get(x, n); q.Kind == queueProposal {
			numbers = append(numbers, q.Ref)
		}
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		p := x.proposals.get(x, number)
		switch {
		case p == nil || p.State.decided():
			// An earlier one has decided it.
		case p.State == ProposalOpen && x.lapsed(p):
			x.tell(number, x.fail(number, *p, VoteState))
		default:
			x.tell(number, x.recount(number, *p))
		}
	}
}

// countTenures counts which primaries have failed and which have served their time, from
// the header of the block and the one below (rules 1.8 of epochs).
func (x *exec) countTenures() {
	set, b := x.set(), &x.block
	if set.Body.Parameters.Protocol != pbft.DualPath {
		return
	}
	first := uint64(1)
	if x.height != set.First {
		if b.View <= b.ParentView {
			return
		}
		served := x.height-1 == b.ParentBase+set.Body.Parameters.Tenure
		x.tenure(b.ParentView, served)
		first = b.ParentView + 1
	}
	if b.View > tenuresPerBlock {
		first = max(first, b.View-tenuresPerBlock)
	}
	for v := first; v < b.View; v++ {
		x.tenure(v, false)
	}
}

// tenure counts the tenure of a view for the member that led it.
func (x *exec) tenure(view uint64, served bool) {
	body := &x.set().Body
	if len(body.Seats) == 0 {
		return // the state is damaged
	}
	member := body.Seats[x.committee().Primary(pbft.View(view))].Member
	var t Tenures
	if p := x.tenures.get(x, member); p != nil {
		t = *p
	}
	n := &t.Failed
	if served {
		n = &t.Done
	}
	*n = max(*n, *n+1) // stays at its largest
	x.tenures.put(x, member, t)
}

// skips returns the replicas of a body that should lead no view: those against whom there is
// new evidence, then those whose tenures fail, the worst first; at most f.
func (x *exec) skips(body *pbft.SetBody) []pbft.ReplicaID {
	type candidate struct {
		id        pbft.ReplicaID
		convicted bool
		failed    uint32
	}
	convicted := x.convicted()
	var list []candidate
	for i, s := range body.Seats {
		c := candidate{id: pbft.ReplicaID(i), convicted: convicted[s.Member]}
		if t := x.tenures.get(x, s.Member); t != nil && t.Failed >= failedMin && t.Failed > t.Done {
			c.failed = t.Failed
		}
		if c.convicted || c.failed > 0 {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		switch {
		case a.convicted && b.convicted:
			return 0
		case a.convicted:
			return -1
		case b.convicted:
			return 1
		}
		return cmp.Compare(b.failed, a.failed)
	})
	var ids []pbft.ReplicaID
	for _, c := range list[:min(len(list), body.Parameters.Faults)] {
		ids = append(ids, c.id)
	}
	slices.Sort(ids)
	return ids
}

// convicted returns the members against whom evidence was recorded in the last ConvictedMs.
// Evidence of an epoch counts as long as its set is the former one, and EvidenceMs after its
// end: older epochs need not be looked at.
func (x *exec) convicted() map[uint16]bool {
	members := make(map[uint16]bool)
	epoch, later := uint32(x.set().Body.Epoch), x.now
	for range convictionEpochs {
		for _, id := range x.misbehaved.scan(x, be32([]byte{PrefixMisbehaviour}, epoch), 7*pbft.ReplicasMax) {
			if x.now < x.misbehaved.get(x, id).AtMs+ConvictedMs {
				members[id.member] = true
			}
		}
		row := x.epochs.get(x, epoch)
		if epoch == 0 || row == nil || x.now >= later+ConvictedMs && x.now >= row.SinceMs+ConvictedMs+EvidenceMs {
			break
		}
		epoch, later = epoch-1, row.SinceMs
	}
	return members
}

// stage lets the first change of the queue that can be made wait for the end of the epoch,
// or one of the list of skips alone (rules R13).
func (x *exec) stage() {
	set := x.set()
	gap := max(EpochGap, 2*set.Body.Parameters.Window)
	if x.hasEpochs() != OK || x.nextSets.get(x, struct{}{}) != nil || x.height < set.First+gap {
		return
	}
	list := x.queued()
	for _, n := range list[:min(len(list), stagedPerBlock)] {
		q := *x.queue.get(x, n)
		if next, ok := x.tryStage(q); ok {
			x.stageBody(next)
			x.queue.remove(x, n)
			if q.Kind == queueProposal {
				x.tell(q.Ref, x.executed(q.Ref, *x.proposals.get(x, q.Ref)))
			}
			return
		}
		x.queue.remove(x, n)
	}
	if x.now < set.SinceMs+RestageMs {
		return
	}
	if next, code := x.nextBody(nil); code == OK && !slices.Equal(next.Skips, set.Body.Skips) {
		x.stageBody(next)
	}
}

// tryStage makes the next body by an entry of the queue. A proposal that cannot be staged
// has failed; a new key is dropped, to be announced ready again.
func (x *exec) tryStage(q Queued) (pbft.SetBody, bool) {
	if q.Kind == queueRekey {
		member := uint16(q.Ref)
		var key [32]byte
		if p := x.seats.get(x, member); p != nil {
			key = p.Key
		}
		next, code := x.nextBody(rekey{member, key})
		return next, code == OK
	}
	p := x.proposals.get(x, q.Ref)
	c, ok := x.actionOf(p).(setChange)
	if !ok {
		x.damaged("proposal %d waits to change the set and does not", q.Ref)
		return pbft.SetBody{}, false
	}
	next, code := pbft.SetBody{}, VoteState
	if x.carried(p, c.(Action)) {
		next, code = x.nextBody(c)
	}
	if code != OK {
		x.tell(q.Ref, x.fail(q.Ref, *p, code))
	}
	return next, code == OK
}

func (x *exec) stageBody(body pbft.SetBody) {
	x.nextSets.put(x, struct{}{}, pbft.NextSet{At: pbft.Seq(x.height), Body: body})
	x.happens(EventEpochStaged, NextSetKey())
}
