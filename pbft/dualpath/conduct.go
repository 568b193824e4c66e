package dualpath

import (
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/conduct"
)

// demotion is this replica's opinion of the present primary (R11(c), R11(d)).
type demotion struct {
	monitor *conduct.Monitor // nil if it is switched off
	waiting pbft.Waiting     // what the driver said last
	found   pbft.Judgement
	view    pbft.View // that is called slow, 0 if none
	until   uint64    // the tick at which that lapses
}

// Waits implements pbft.Engine.
func (r *Replica) Waits(w pbft.Waiting) { r.demotion.waiting = w }

// startConduct begins to measure, in the view of the log.
func (r *Replica) startConduct() {
	if r.cfg.Monitor {
		r.demotion.monitor = conduct.New(r.com)
		r.measureView()
	}
}

// measureView begins to measure the view that was entered.
func (r *Replica) measureView() {
	if d := &r.demotion; d.monitor != nil {
		primary := r.com.Primary(r.view)
		d.monitor.Enter(r.now, primary, primary == r.self, max(r.entry.base.Seq, r.chain.committed.Seq), r.timeout())
	}
}

// leaveView ends what is measured of the present view. SUSPECT(slow) is of that view alone.
func (r *Replica) leaveView() {
	d := &r.demotion
	if d.monitor == nil {
		return
	}
	d.monitor.Leave(r.now, r.calledSlow())
	d.view, d.found = 0, pbft.Fair
}

// calledSlow is how many members, this one included, call the present view slow.
func (r *Replica) calledSlow() (members int) {
	for id := range r.peers {
		if p := &r.peers[id]; p.suspected && !p.suspectJoin && p.suspect >= r.view &&
			r.rules.SuspectCounts(r.now, p.suspectAt, uint64(r.tm.SuspectTicks)) {
			members++
		}
	}
	if r.slow() {
		members++
	}
	return members
}

// slow reports whether this replica calls the present view slow (R11(e)). Commits do not end
// that, as they end its timer's suspicion: a slow primary commits.
func (r *Replica) slow() bool {
	d := &r.demotion
	return d.view != 0 && r.now <= d.until
}

// tickConduct judges the present primary (R11(c)). What is slow while this replica does not
// take part, or is behind, may be its own fault.
func (r *Replica) tickConduct() {
	d := &r.demotion
	if d.monitor == nil {
		return
	}
	if !r.voting() || r.catchUp.target > r.chain.committed.Seq+pbft.Seq(r.par.Window) {
		d.monitor.Disturb(r.now)
	}
	d.monitor.Tick(r.now, d.waiting)
	d.found = d.monitor.Judge(r.now)
	if d.found == pbft.Fair || !r.voting() || !r.inView() {
		return
	}
	fresh := !r.slow()
	d.view, d.until = r.view, r.now+uint64(r.tm.SuspectTicks)
	if fresh {
		r.event(pbft.EventSuspect, pbft.BlockRef{View: r.view}, uint64(pbft.SuspectSlow))
		r.sendSuspicion()
		r.evaluate()
	}
}

// measureBlock notes that a block is whole, once its header is verified.
func (r *Replica) measureBlock(b *block) {
	if d := &r.demotion; d.monitor != nil && b.signed && b.hasBody && b.ref.View == r.view {
		x := &b.recipes
		fair := x.at == 0 || r.now <= x.at
		d.monitor.Block(r.now, b.header(), r.chain.executed, b.ref.Seq < r.horizon()+pbft.Seq(r.par.Window), fair)
	}
}

// measureCertificate notes that a block was certified.
func (r *Replica) measureCertificate(b *block) {
	if d := &r.demotion; d.monitor != nil && b.preparedAt != 0 && b.ref.View == r.view {
		d.monitor.Certified(r.now, r.now+1-b.preparedAt)
	}
}

// measureCommit notes that a block was committed.
func (r *Replica) measureCommit(b *block) {
	if d := &r.demotion; d.monitor != nil {
		d.monitor.Committed(uint64(b.header().PayloadBytes))
	}
}

// measureLink notes that the link to a member came back.
func (r *Replica) measureLink(peer pbft.ReplicaID) {
	if d := &r.demotion; d.monitor != nil && peer == r.com.Primary(r.view) {
		d.monitor.Disturb(r.now)
	}
}
