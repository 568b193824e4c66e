package driver

import (
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// laneBodyTicks is how long an engine waits for a payload that is put together before it
// asks for the body by itself, where there are lanes: they say when it is missing, and have
// waits up to a second.
const laneBodyTicks = 100

// LanePool is the Pool of a member that disseminates by lanes.
type LanePool interface {
	Pool
	lanes.Pool
	// Draft is told, in the place of Payload, what is about to be proposed: its
	// transactions are in a block of the view unless Proposed says otherwise. It reports
	// false if nothing may be proposed now.
	Draft(view pbft.View, d *lanes.Draft) bool
}

// LaneInbox is where messages of lanes wait for this member's turn.
type LaneInbox interface {
	// TakeLane takes the next one that came from a member over a channel, false if there is
	// none.
	TakeLane(from pbft.ReplicaID, channel pbft.Lane) (lanes.Message, bool)
	// JudgeLane is told what became of one that was taken.
	JudgeLane(from pbft.ReplicaID, m lanes.Message, r pbft.Reason)
}

// dissemination is what a driver keeps about lanes.
type dissemination struct {
	*lanes.Lanes // nil where payload is inside
	pool         LanePool
	draft        *lanes.Draft // of the last proposal, until it is sent
	out          lanes.Out    // what was not handed out yet
	dueNs        int64        // when there may be more to do
	retryNs      int64        // nothing could be proposed: not tried before, unless
	retryAt      uint64       // Lanes.News shows another number
}

// laneRetryNs is how long a primary waits that found nothing to propose.
const laneRetryNs = 1_000_000

// newDissemination prepares a configuration for lanes, if it has them.
func newDissemination(cfg *Config) (x dissemination) {
	if cfg.Lanes == nil {
		return x
	}
	c := *cfg.Lanes
	x.pool = cfg.Pool.(LanePool)
	c.Committee, c.Self, c.Pool, c.LineMbit = cfg.Engine.Committee, cfg.Engine.Self, x.pool, max(1, cfg.Batching.LineMbit)
	x.Lanes = lanes.New(c)
	cfg.Batching.LineMbit = -1 // a block is a recipe: the line bounds the lanes
	cfg.Engine.Recipes = true
	if cfg.Engine.Timers.BodyTicks == 0 {
		cfg.Engine.Timers.BodyTicks = laneBodyTicks
	}
	return x
}

// Lanes returns this member's part in dissemination, nil where payload is inside. The caller
// tells it of own transactions (Own), verdicts (Checked), outcomes (Settled), channels
// (Linked) and what waits to be sent (Queued), and asks it whether clients are to be refused
// (Admits).
func (d *Driver) Lanes() *lanes.Lanes { return d.lanes.Lanes }

// DrainLanes feeds lanes what waits in an inbox: no more than DrainMax of each member and
// channel, and of batches as many as their lane may bring. It returns how many it took.
func (d *Driver) DrainLanes(in LaneInbox, now Time) (taken int) {
	c := d.cfg.Engine.Committee
	for _, channel := range [...]pbft.Lane{pbft.LaneVotes, pbft.LaneBulk} {
		for id := range pbft.ReplicaID(c.Size()) {
			if id == d.cfg.Engine.Self {
				continue
			}
			for range DrainMax {
				if channel == pbft.LaneBulk && !d.lanes.Ready(id, now.Ns) {
					break
				}
				m, ok := in.TakeLane(id, channel)
				if !ok {
					break
				}
				in.JudgeLane(id, m, d.lanes.Receive(id, m, now.Ns))
				taken++
			}
		}
	}
	return taken
}

// disseminate lets lanes do what is due, and tells the engine what payloads they have.
func (d *Driver) disseminate(now Time) {
	x := &d.lanes
	if x.Lanes == nil {
		return
	}
	s := d.engine.Status()
	x.Leads(s.View, s.Primary, now.Ns)
	d.actLanes(now)
	d.tellPayloads()
}

// Meanwhile lets lanes act while the records of the last Work are being written. Nothing that
// they say rests on a record, so a batch waits for no disk on its way: not at its author, and
// not at who checks it. The Work has Push, Verify and Dropped alone, and no Done follows it;
// what concerns the engine waits for the next call of Next. A caller looks no more often than
// MeanwhileMax times during one write.
func (d *Driver) Meanwhile(now Time) (w Work) {
	if d.lanes.Lanes != nil {
		d.actLanes(now)
		d.pushRest(now)
		d.laneWork(&w)
	}
	return w
}

// pushRest lets a primary push what it has not proposed.
func (d *Driver) pushRest(now Time) {
	x := &d.lanes
	if x.Lanes == nil {
		return
	}
	sends, dueNs := x.Rest(now.Ns)
	x.out.Send = append(x.out.Send, sends...)
	if dueNs > 0 && (x.dueNs == 0 || dueNs < x.dueNs) {
		x.dueNs = dueNs
	}
}

// tellPayloads tells the engine what lanes have found, or have not.
func (d *Driver) tellPayloads() {
	x := &d.lanes
	for _, f := range x.out.Filled {
		d.engine.PayloadArrived(f.Block, f.Payload)
	}
	for _, block := range x.out.Bodies {
		d.engine.PayloadMissing(block)
	}
	x.out.Filled, x.out.Bodies = nil, nil
}

func (d *Driver) actLanes(now Time) {
	x := &d.lanes
	var out lanes.Out
	out, x.dueNs = x.Act(now.Ns)
	x.out.Filled = append(x.out.Filled, out.Filled...)
	x.out.Bodies = append(x.out.Bodies, out.Bodies...)
	x.out.Send = append(x.out.Send, out.Send...)
	x.out.Checks = append(x.out.Checks, out.Checks...)
	x.out.Dropped = append(x.out.Dropped, out.Dropped...)
}

// ready returns what the engine asks for. Payloads that can be put together at once are, so
// that header, body and vote make one write to the log.
func (d *Driver) ready(now Time) pbft.Ready {
	r := d.engine.Ready()
	if d.lanes.Lanes == nil {
		return r
	}
	for _, k := range r.Checks {
		d.lanes.Forget(k.Digest) // the payload is there
	}
	if len(r.Assemble) == 0 {
		return r
	}
	for _, a := range r.Assemble {
		d.lanes.Assemble(lanes.Assembly{Block: a.Digest, Header: a.Header, From: a.From, Recipe: a.Recipe}, now.Ns)
	}
	r.Assemble = nil
	d.actLanes(now)
	d.tellPayloads()
	more := d.engine.Ready()
	r.Records = append(r.Records, more.Records...)
	r.Messages = append(r.Messages, more.Messages...)
	r.Committed = append(r.Committed, more.Committed...)
	r.Checkpoints = append(r.Checkpoints, more.Checkpoints...)
	r.Checks = append(r.Checks, more.Checks...)
	r.Serves = append(r.Serves, more.Serves...)
	r.Events = append(r.Events, more.Events...)
	return r
}

// payload returns what the next block is proposed with. Lanes may have nothing though
// transactions wait: batches that are not written out, or of watched lanes.
func (d *Driver) payload(view pbft.View, now Time) (p Payload, ok bool) {
	b := &d.cfg.Batching
	if d.lanes.Lanes == nil {
		return d.cfg.Pool.Payload(view, b.BlockBytesMax(d.cfg.Engine.Committee.Size()-1), b.TxsMax)
	}
	x := &d.lanes
	if x.draft = x.Propose(b.BytesMax, b.TxsMax, now.Ns); x.draft == nil {
		x.retryNs, x.retryAt = now.Ns+laneRetryNs, x.News()
		return Payload{}, true
	}
	if !x.pool.Draft(view, x.draft) {
		x.draft = nil
		return Payload{}, false
	}
	return Payload{Bytes: x.draft.Payload, Root: x.draft.Root, Txs: len(x.draft.Txs), Recipe: x.draft.Recipe}, true
}

// settleDraft says what became of a draft.
func (d *Driver) settleDraft(proposed bool) {
	x := &d.lanes
	if x.Lanes == nil || x.draft == nil {
		return
	}
	if proposed {
		x.Proposed(x.draft)
	} else {
		x.draft = nil
	}
}

// sentFirst tells lanes that an own block goes out.
func (d *Driver) sentFirst(h *pbft.Header, now Time) {
	x := &d.lanes
	if x.draft != nil && x.draft.Root == h.PayloadRoot {
		x.Sent(x.draft, d.cfg.Engine.Committee.HeaderDigest(h), h.Seq, now.Ns)
		x.draft = nil
	}
}

// laneWork moves what lanes ask for into a Work.
func (d *Driver) laneWork(w *Work) {
	x := &d.lanes
	w.Push, w.Verify, w.Dropped = x.out.Send, x.out.Checks, x.out.Dropped
	x.out.Send, x.out.Checks, x.out.Dropped = nil, nil, nil
}

// retryInNs returns how long nothing is tried that could not be proposed; 0 = it is.
func (d *Driver) retryInNs(now Time) int64 {
	x := &d.lanes
	if x.Lanes == nil || x.News() != x.retryAt {
		return 0
	}
	return max(0, x.retryNs-now.Ns)
}

// sooner returns the shorter of a wait, 0 = none, and the time up to an instant, 0 = none.
func sooner(waitNs, atNs, nowNs int64) int64 {
	if atNs == 0 {
		return waitNs
	}
	if left := max(atNs-nowNs, 1); waitNs == 0 || left < waitNs {
		return left
	}
	return waitNs
}
