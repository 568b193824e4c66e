package pbfttest

import (
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// turn does what the member of a machine asks for, until that is nothing or it crashes.
func (x *machine) turn() {
	r := x.run
	for i := 0; x.member != nil && r.report.Violation == ""; i++ {
		t, err := x.member.Next(r.time())
		if err != nil {
			r.fail("machine %d: %v", x.index, err)
			return
		}
		if t.Idle() && !t.Work.Again {
			return
		}
		if i > 5000 {
			r.fail("machine %d never comes to rest", x.index)
			return
		}
		if !x.act(&t) {
			r.crash(x)
			return
		}
		if t.Driver != nil {
			t.Driver.Done(r.time())
		}
	}
}

// act carries a turn out in its order; false if the machine crashes on the way.
func (x *machine) act(t *driver.Turn) bool {
	r, w := x.run, &t.Work
	steps := x.steps(t)
	at := r.crashPoint(x, len(steps))
	for i, do := range steps {
		if i == at {
			return false
		}
		do()
	}
	for _, d := range t.Direct {
		r.deliver(x, d.To, d.Message)
	}
	for i := range w.Execute {
		x.queued = append(x.queued, w.Execute[i])
		if len(x.queued) == 1 {
			x.executeLater()
		}
	}
	if p := w.Boundary; p != nil {
		x.end(p)
	}
	for _, k := range w.Check {
		life, d := x.life, t.Driver
		r.schedule(int64(r.rng.IntN(2000)), func() {
			if x.life == life && x.member != nil {
				d.Checked(k.Digest, payloadValid(k.Block))
				x.turn()
			}
		})
	}
	for _, s := range w.Serve {
		c := t.Driver.Committee()
		if m, n, err := driver.ReadAnswer(c, s, &x.store); err == nil && n > 0 && c.Has(s.To) {
			r.deliver(x, c.Key(s.To), m)
		}
	}
	return true
}

// steps are what a crash may part: the frame that is synced, and each message.
func (x *machine) steps(t *driver.Turn) (steps []func()) {
	r, w := x.run, &t.Work
	if len(w.Records) > 0 || w.Replace {
		steps = append(steps, func() {
			if w.Replace {
				x.log = nil
			}
			records, err := pbft.DecodeRecords(pbft.EncodeRecords(w.Records))
			if err != nil {
				r.fail("records do not decode: %v", err)
			}
			x.log = append(x.log, records...)
			x.frames++
			t.Driver.Logged(1, x.frames)
		})
	}
	for _, o := range w.Send {
		c := t.Driver.Committee()
		for id := range pbft.ReplicaID(c.Size()) {
			if key := c.Key(id); key != x.key && (o.To == pbft.Everyone || o.To == id) {
				steps = append(steps, func() {
					r.sees.sent(x, o.Message)
					r.deliver(x, key, o.Message)
				})
			}
		}
	}
	return steps
}

// crashPoint says before which step of a turn a machine crashes, -1: before none.
func (r *epochRun) crashPoint(x *machine, steps int) int {
	s := &x.store
	if r.opt.CrashAt == 0 {
		if r.now < epochCalmUs && steps > 0 && r.rng.IntN(150) == 0 {
			return r.rng.IntN(steps)
		}
		return -1
	}
	// From the staging to a few blocks of the next epoch.
	if x.index != 1 || s.epoch > 1 || s.epoch == 0 && s.next == nil || s.epoch == 1 && s.Height() > s.from+3 {
		return -1
	}
	before := r.report.Points
	r.report.Points += steps
	if at := r.opt.CrashAt; at > before && at <= before+steps {
		return at - before - 1
	}
	return -1
}

// deliver brings a message to a key, later or never.
func (r *epochRun) deliver(x *machine, to pbft.PublicKey, m pbft.Message) {
	if r.opt.CrashAt == 0 && r.now < epochCalmUs && r.rng.IntN(epochLossPer) == 0 {
		return
	}
	delay := int64(300 + r.rng.IntN(3000))
	if r.now < epochCalmUs && r.rng.IntN(20) == 0 {
		delay += int64(r.rng.IntN(200_000))
	}
	b := pbft.EncodeMessage(m)
	for _, y := range r.machines {
		if y.key != to {
			continue
		}
		r.schedule(delay, func() {
			if y.member == nil {
				return
			}
			got, err := pbft.DecodeMessage(b)
			if err != nil {
				r.fail("%v does not decode: %v", m.Kind(), err)
				return
			}
			if reason := y.member.Receive(x.key, got, r.time()); reason.Malicious() && reason != pbft.IgnoredSender {
				r.fail("machine %d calls %v of machine %d %v", y.index, got.Kind(), x.index, reason)
			}
			y.turn()
		})
	}
}

func (x *machine) executeLater() {
	r, life := x.run, x.life
	r.schedule(int64(500+r.rng.IntN(4000)), func() {
		if x.life != life || x.member == nil || len(x.queued) == 0 {
			return
		}
		b := x.queued[0]
		x.queued = x.queued[1:]
		x.execute(&b)
		if len(x.queued) > 0 {
			x.executeLater()
		}
		x.turn()
	})
}

// execute executes and stores the next block, and tells the driver of its epoch.
func (x *machine) execute(b *pbft.CommittedBlock) {
	r, h := x.run, &b.Block.Header
	if h.Seq != x.store.Height()+1 {
		r.fail("machine %d is to execute %d above %d", x.index, h.Seq, x.store.Height())
		return
	}
	r.sees.executed(x, b)
	x.store.apply(driver.Stored{Block: *b.Block, Certificate: b.Certificate})
	last := x.store.blocks[len(x.store.blocks)-1]
	if m := x.member; m.Running() != nil {
		m.Running().Executed(h.Seq, last.StateRoot, last.ReceiptRoot, x.store.Next())
	}
}

// end stores how an epoch ended.
func (x *machine) end(p *pbft.EpochProof) {
	s := &x.store
	if int(p.Epoch) == len(s.ends) {
		s.ends = append(s.ends, p)
		if p.Closing != nil {
			x.run.report.Closings++
		}
	}
	x.run.sees.ended(x, p)
}

// epochWatch are the oracles of a run: one history, one end of each epoch, and no key that
// says two things.
type epochWatch struct{ r *epochRun }

// executed checks that nobody executed another block of the height, and that no closing
// block is executed.
func (w *epochWatch) executed(x *machine, b *pbft.CommittedBlock) {
	seq := b.Block.Header.Seq
	if d, ok := w.r.blocks[seq]; ok && d != b.Digest {
		w.r.fail("machine %d executes another block of height %d", x.index, seq)
	}
	if b.Block.Header.Closing() {
		w.r.fail("machine %d executes a closing block", x.index)
	}
	w.r.blocks[seq] = b.Digest
}

// ended checks that an epoch has one end, on the one history.
func (w *epochWatch) ended(x *machine, p *pbft.EpochProof) {
	d := w.r.first.HeaderDigest(&p.Boundary)
	if had, ok := w.r.proofs[p.Epoch]; ok && had != d {
		w.r.fail("epoch %d has two ends", p.Epoch)
	}
	if had, ok := w.r.blocks[p.Boundary.Seq]; ok && had != d {
		w.r.fail("epoch %d ends with another block than that of height %d", p.Epoch, p.Boundary.Seq)
	}
	if p.Boundary.Next != w.r.bodies[p.Epoch+1].Digest(w.r.chain) {
		w.r.fail("epoch %d ends with a set that nobody staged", p.Epoch)
	}
	w.r.proofs[p.Epoch] = d
}

// sent checks that a key says one thing of each position, whatever it has forgotten.
func (w *epochWatch) sent(x *machine, m pbft.Message) {
	say := func(v epochVote, d pbft.Digest) {
		v.key, v.kind = x.key, m.Kind()
		if had, ok := w.r.votes[v]; ok && had != d {
			w.r.fail("machine %d signs two things: %v of epoch %d, view %d, height %d", x.index, v.kind, v.epoch, v.view, v.seq)
		}
		w.r.votes[v] = d
	}
	switch k := m.(type) {
	case *pbft.Prepare:
		say(epochVote{epoch: k.Epoch, view: k.Block.View, seq: k.Block.Seq}, k.Block.Digest)
	case *pbft.Commit:
		say(epochVote{epoch: k.Epoch, view: k.Block.View, seq: k.Block.Seq}, k.Block.Digest)
	case *pbft.PrePrepare:
		if h := &k.Header; x.run.proposes(x, h) {
			say(epochVote{epoch: h.Epoch, view: h.View, seq: h.Seq}, w.r.first.HeaderDigest(h))
		}
	}
}

// proposes reports whether a header is a machine's own proposal.
func (r *epochRun) proposes(x *machine, h *pbft.Header) bool {
	seats := r.bodies[h.Epoch].Seats
	return int(h.Proposer) < len(seats) && seats[h.Proposer].Key == x.key
}
