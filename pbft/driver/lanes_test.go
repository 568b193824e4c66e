package driver_test

import (
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// laneEngine notes what it is told of payloads.
type laneEngine struct {
	engine
	recipes  [][]byte
	arrived  []string
	missing  []pbft.Digest
	onRecipe pbft.Ready // what a payload that arrives leads to
}

func (e *laneEngine) Propose(payload []byte, root pbft.Digest, recipe []byte, _ uint64) bool {
	if e.refuses {
		return false
	}
	e.proposed, e.recipes, e.hint = append(e.proposed, payload), append(e.recipes, recipe), pbft.ProposeNever
	m := &pbft.PrePrepare{Recipe: recipe}
	m.Header.Proposer, m.Header.Seq, m.Header.PayloadRoot = 1, 1, root
	e.ready = append(e.ready, pbft.Ready{Records: []pbft.Record{{Kind: pbft.RecordStable}},
		Messages: []pbft.Outgoing{{To: pbft.Everyone, Message: m, First: true}}})
	return true
}

func (e *laneEngine) PayloadArrived(_ pbft.Digest, payload []byte) pbft.Reason {
	e.arrived = append(e.arrived, string(payload))
	e.ready = append(e.ready, e.onRecipe)
	return pbft.Accepted
}

func (e *laneEngine) PayloadMissing(block pbft.Digest) { e.missing = append(e.missing, block) }

func (e *laneEngine) Arrived(pbft.ReplicaID, int)                      {}
func (e *laneEngine) Measured(pbft.ReplicaID, uint64)                  {}
func (e *laneEngine) Receive(pbft.ReplicaID, pbft.Message) pbft.Reason { return pbft.Accepted }

// lanePool has everything free that was not drafted.
type lanePool struct {
	waiting
	held   map[pbft.Digest]bool
	drafts []*lanes.Draft
}

func (p *lanePool) Standing(id pbft.Digest) lanes.Standing {
	if p.held[id] {
		return lanes.Held
	}
	return lanes.Free
}

func (p *lanePool) Draft(_ pbft.View, d *lanes.Draft) bool {
	if p.closed {
		return false
	}
	for _, id := range d.IDs {
		p.held[id] = true
	}
	p.drafts = append(p.drafts, d)
	return true
}

// laneQueue is a LaneInbox of messages from one member.
type laneQueue struct {
	from     pbft.ReplicaID
	messages []lanes.Message
	judged   []pbft.Reason
}

func (q *laneQueue) TakeLane(from pbft.ReplicaID, channel pbft.Lane) (lanes.Message, bool) {
	if from != q.from || len(q.messages) == 0 || lanes.ChannelOf(q.messages[0].Kind()) != channel {
		return nil, false
	}
	m := q.messages[0]
	q.messages = q.messages[1:]
	return m, true
}

func (q *laneQueue) JudgeLane(_ pbft.ReplicaID, _ lanes.Message, r pbft.Reason) {
	q.judged = append(q.judged, r)
}

func rootOf(leaves []pbft.Digest) pbft.Digest {
	var b []byte
	for _, l := range leaves {
		b = append(b, l[:]...)
	}
	return sha256.Sum256(b)
}

func payloadOf(txs [][]byte) []byte {
	return slices.Concat(append([][]byte{make([]byte, 4+4*len(txs))}, txs...)...)
}

func laneDriver(t *testing.T, e *laneEngine, pool *lanePool) *driver.Driver {
	t.Helper()
	pool.held = make(map[pbft.Digest]bool)
	cfg := config(t, &e.engine, &kept{}, nil)
	cfg.Pool, cfg.Lanes = pool, &lanes.Config{Seed: 1, Root: rootOf, Payload: payloadOf}
	cfg.New = func(cfg pbft.Config, _ []pbft.Record) (pbft.Engine, error) {
		e.cfg = cfg
		return e, nil
	}
	d, err := driver.New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []pbft.ReplicaID{0, 2, 3} {
		d.Lanes().Linked(id, true)
	}
	return d
}

func ownTx(n byte) lanes.Own {
	raw := []byte{n}
	return lanes.Own{Tx: lanes.Tx{Bytes: raw, Leaf: lanes.LeafOf(raw)}, ID: pbft.Digest{n}}
}

// A primary proposes a payload with the recipe that others make it from, and what lanes say
// goes out beside it; engines are told that there are recipes.
func TestAPrimaryProposesARecipe(t *testing.T) {
	e, pool := &laneEngine{}, &lanePool{waiting: waiting{free: 1}}
	d := laneDriver(t, e, pool)
	if !e.cfg.Recipes || e.cfg.Timers.BodyTicks != 100 {
		t.Errorf("the engine is told of recipes: %v, bodies after %d ticks", e.cfg.Recipes, e.cfg.Timers.BodyTicks)
	}
	e.status = pbft.EngineStatus{View: 5, Primary: 1}
	if w := next(t, d, 1e9); len(w.Push) != 3 || w.Push[0].Message.Kind() != lanes.KindOpen || w.Idle() {
		t.Fatalf("%+v", w)
	}
	d.Lanes().Own(ownTx(7), 1e9)
	e.hint = pbft.ProposeIfPending
	w := next(t, d, 1e9)
	if len(w.Send) != 1 || len(e.recipes) != 1 || string(e.proposed[0]) != string(payloadOf([][]byte{{7}})) {
		t.Fatalf("%+v", w)
	}
	x, err := lanes.DecodeRecipe(e.recipes[0])
	if err != nil || len(x) != 1 || x[0].Inline == nil || !slices.Equal(pool.settled, []bool{true}) {
		t.Errorf("recipe %+v, %v, settled %v", x, err, pool.settled)
	}
	e.hint, pool.held = pbft.ProposeIfPending, map[pbft.Digest]bool{}
	d.Done(driver.Time{Ns: 1e9})
	if w := next(t, d, 2e9); len(w.Send) != 0 || len(pool.drafts) != 1 || w.WakeNs != 1_000_000 {
		t.Errorf("proposed again: %+v", w)
	}
	e.hint = pbft.ProposeNow // a block is wanted even if it is empty
	if next(t, d, 2e9+2e6); len(e.proposed) != 2 || len(e.recipes[1]) != 0 {
		t.Errorf("%d proposals", len(e.proposed))
	}
}

// A draft that is not proposed is proposed later.
func TestARefusedDraftWaits(t *testing.T) {
	e, pool := &laneEngine{}, &lanePool{waiting: waiting{free: 1}}
	e.refuses, e.status.View, e.status.Primary = true, 1, 1
	d := laneDriver(t, e, pool)
	d.Lanes().Own(ownTx(7), 1e9)
	next(t, d, 1e9)
	e.hint = pbft.ProposeIfPending
	next(t, d, 2e9)
	clear(pool.held)
	e.refuses = false
	if next(t, d, 3e9); len(e.proposed) != 1 || !slices.Equal(pool.settled, []bool{false, true}) {
		t.Errorf("%d proposals, settled %v", len(e.proposed), pool.settled)
	}
}

// What a primary does not propose at once its batches bring to the others, who check it before
// a block names it; what it proposes it does not push.
func TestAPrimaryPushesWhatItDoesNotPropose(t *testing.T) {
	e, pool := &laneEngine{}, &lanePool{waiting: waiting{free: 1}}
	e.status.View, e.status.Primary = 1, 1
	d := laneDriver(t, e, pool)
	next(t, d, 1e9)
	d.Lanes().Own(ownTx(7), 1e9)
	w := next(t, d, 1e9) // the engine wants no block now
	if len(w.Push) != 1 || w.Push[0].Message.Kind() != lanes.KindBatch {
		t.Fatalf("%+v", w.Push)
	}
	d.Lanes().Own(ownTx(8), 1e9)
	if w := next(t, d, 1e9+1); len(w.Push) != 0 || w.WakeNs == 0 || w.WakeNs > 1e6 {
		t.Errorf("a batch a moment after the last: %+v, again in %d ns", w.Push, w.WakeNs)
	}
	e.hint = pbft.ProposeIfPending
	if w := next(t, d, 1e9+2); len(w.Push) != 0 || len(e.recipes) != 1 {
		t.Fatalf("%d blocks, pushed %+v", len(e.recipes), w.Push)
	}
	x, err := lanes.DecodeRecipe(e.recipes[0])
	if err != nil || len(x) != 2 || x[0].Inline != nil || x[0].Range.Count != 1 || len(x[1].Inline) != 1 {
		t.Errorf("recipe %+v, %v", x, err)
	}
}

// While records are being written lanes go on: what they push and check is there at once, what
// is of the engine waits until it is asked again.
func TestLanesGoOnWhileTheLogIsWritten(t *testing.T) {
	e, pool := &laneEngine{}, &lanePool{}
	e.status.View, e.status.Primary = 1, 0
	d := laneDriver(t, e, pool)
	next(t, d, 1e9)
	c := committee(t, pbft.DualPath)
	raw := []byte{3}
	b := lanes.NewBatch(c, 2, 77, 1, []lanes.Tx{{Bytes: raw, Leaf: lanes.LeafOf(raw)}})
	h := pbft.Header{Seq: 1, View: 1, PayloadBytes: 9, PayloadRoot: rootOf([]pbft.Digest{lanes.LeafOf(raw)})}
	recipe := lanes.Recipe{{Range: lanes.RangeOf(c, 2, []*lanes.Batch{b})}}
	e.ready = append(e.ready, pbft.Ready{Records: []pbft.Record{{Kind: pbft.RecordStable, View: 1}},
		Assemble: []pbft.Assemble{{Digest: pbft.Digest{2}, Header: h, From: 0, Recipe: recipe.Append(nil)}}})
	if w := next(t, d, 1e9); len(w.Records) != 1 {
		t.Fatalf("%+v", w)
	}
	d.Lanes().Own(ownTx(7), 1e9)
	q := &laneQueue{from: 2, messages: []lanes.Message{&lanes.Open{Instance: 77, Next: 1}, b}}
	d.DrainLanes(q, driver.Time{Ns: 1e9})
	w := d.Meanwhile(driver.Time{Ns: 1e9})
	if len(w.Push) != 1 || len(w.Verify) != 1 || w.Verify[0].From != 2 || len(w.Records)+len(w.Send)+len(w.Check) != 0 {
		t.Errorf("%+v", w)
	}
	if len(e.arrived) != 0 {
		t.Error("the engine was told within its own turn")
	}
	d.Done(driver.Time{Ns: 1e9})
	if w := next(t, d, 1e9); len(e.arrived) != 1 || len(w.Push)+len(w.Verify) != 0 {
		t.Errorf("arrived %q, %+v", e.arrived, w)
	}
}

// A primary that found nothing to propose looks again after a millisecond, and at once when
// something was checked.
func TestNewsAreProposedAtOnce(t *testing.T) {
	e, pool := &laneEngine{}, &lanePool{waiting: waiting{free: 1}}
	e.status.View, e.status.Primary = 1, 1
	d := laneDriver(t, e, pool)
	next(t, d, 1e9)
	c := committee(t, pbft.DualPath)
	raw := []byte{3}
	b := lanes.NewBatch(c, 2, 77, 1, []lanes.Tx{{Bytes: raw, Leaf: lanes.LeafOf(raw)}})
	q := &laneQueue{from: 2, messages: []lanes.Message{&lanes.Open{Instance: 77, Next: 1}, b}}
	d.DrainLanes(q, driver.Time{Ns: 1e9})
	e.hint = pbft.ProposeIfPending
	w := next(t, d, 1e9)
	if len(w.Verify) != 1 || len(e.proposed) != 0 {
		t.Fatalf("%+v", w)
	}
	if w := next(t, d, 1e9+1); len(e.proposed) != 0 || w.WakeNs < 1 || w.WakeNs > 1e6 {
		t.Errorf("%d proposed, again in %d ns", len(e.proposed), w.WakeNs)
	}
	d.Lanes().Checked(w.Verify[0], []lanes.Verdict{{Valid: true, ID: pbft.Digest{3}}}, 1e9+2)
	if next(t, d, 1e9+2); len(e.proposed) != 1 {
		t.Error("what was checked waits")
	}
}

// What can be put together at once makes one Work with header and vote; what cannot ends in
// a body, and a batch that comes later brings the payload.
func TestAPayloadIsPutTogether(t *testing.T) {
	e, pool := &laneEngine{}, &lanePool{}
	e.onRecipe = pbft.Ready{Records: []pbft.Record{{Kind: pbft.RecordStable, View: 2}},
		Messages: []pbft.Outgoing{{To: 0, Message: &pbft.Prepare{}}}, Checks: []pbft.PayloadCheck{{Digest: pbft.Digest{9}}}}
	d := laneDriver(t, e, pool)
	next(t, d, 1e9)
	c := committee(t, pbft.DualPath)
	raw := []byte{3}
	b := lanes.NewBatch(c, 2, 77, 1, []lanes.Tx{{Bytes: raw, Leaf: lanes.LeafOf(raw)}})
	h := pbft.Header{Seq: 1, View: 1, PayloadBytes: 9, PayloadRoot: rootOf([]pbft.Digest{lanes.LeafOf(raw)})}
	recipe := lanes.Recipe{{Range: lanes.RangeOf(c, 2, []*lanes.Batch{b})}}
	ask := func(digest byte, recipe []byte) {
		e.ready = append(e.ready, pbft.Ready{Records: []pbft.Record{{Kind: pbft.RecordStable, View: 1}},
			Assemble: []pbft.Assemble{{Digest: pbft.Digest{digest}, Header: h, From: 0, Recipe: recipe}}})
	}
	ask(1, []byte{1})
	if w := next(t, d, 1e9); !slices.Equal(e.missing, []pbft.Digest{{1}}) || len(w.Assemble) != 0 {
		t.Errorf("missing %v, %+v", e.missing, w)
	}
	ask(2, recipe.Append(nil))
	if next(t, d, 1e9); len(e.arrived) != 0 {
		t.Fatal("it came from nowhere")
	}
	q := &laneQueue{from: 2, messages: []lanes.Message{&lanes.Open{Instance: 77, Next: 1}, b}}
	if n := d.DrainLanes(q, driver.Time{Ns: 1e9}); n != 2 || !slices.Equal(q.judged, make([]pbft.Reason, 2)) {
		t.Fatalf("%d taken: %v", n, q.judged)
	}
	w := next(t, d, 1e9)
	if len(e.arrived) != 1 || len(w.Send) != 1 || len(w.Verify) != 1 || w.Verify[0].From != 2 {
		t.Fatalf("arrived %q, %+v", e.arrived, w)
	}
	ask(3, recipe.Append(nil))
	w = next(t, d, 1e9)
	if len(e.arrived) != 2 || len(w.Records) != 2 || w.Records[0].View != 1 || w.Records[1].View != 2 || len(w.Send) != 1 {
		t.Errorf("arrived %q, %+v", e.arrived, w)
	}
}

// Lanes are taken at their pace, and the loop looks at its inputs again (L4).
func TestBatchesAreTakenAtTheirPace(t *testing.T) {
	e, pool := &laneEngine{}, &lanePool{}
	d := laneDriver(t, e, pool)
	c := committee(t, pbft.DualPath)
	q := &laneQueue{from: 2, messages: []lanes.Message{&lanes.Open{Instance: 77, Next: 1}}}
	for k := range uint32(100) {
		q.messages = append(q.messages, lanes.NewBatch(c, 2, 77, k+1, []lanes.Tx{{Bytes: []byte{1}}}))
	}
	if n := d.DrainLanes(q, driver.Time{Ns: 1e9}); n != 65 {
		t.Errorf("%d at once", n)
	}
	if n := d.DrainLanes(q, driver.Time{Ns: 1e9 + 10e6}); n != 10 {
		t.Errorf("%d after 10 ms", n)
	}
}
