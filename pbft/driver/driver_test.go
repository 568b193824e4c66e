package driver_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// engine is one that does what a test says, and notes what it is told.
type engine struct {
	pbft.Engine
	cfg      pbft.Config
	ready    []pbft.Ready // one after the other
	hint     pbft.ProposeHint
	status   pbft.EngineStatus
	refuses  bool // proposals
	durable  []pbft.Record
	advanced int
	received []pbft.Message
	lacks    []*pbft.Recollection
	pending  bool
	proposed [][]byte
	nowUs    uint64
	wakeUs   uint64
	recipe   []byte
	trips    [4]uint64
	arrived  map[pbft.Digest]string // "" = missing
}

func (e *engine) Ready() (r pbft.Ready) {
	if len(e.ready) > 0 {
		r, e.ready = e.ready[0], e.ready[1:]
	}
	return r
}

func (e *engine) Receive(_ pbft.ReplicaID, m pbft.Message) pbft.Reason {
	e.received = append(e.received, m)
	return pbft.IgnoredStale
}

func (e *engine) Propose(payload []byte, _ pbft.Digest, recipe []byte, _ uint64) bool {
	e.recipe = recipe
	if !e.refuses {
		e.proposed, e.hint = append(e.proposed, payload), pbft.ProposeNever
	}
	return !e.refuses
}

func (e *engine) Tick(_ uint64, pending bool)                         { e.pending = pending }
func (e *engine) LogLacks(shown *pbft.Recollection)                   { e.lacks = append(e.lacks, shown) }
func (e *engine) Advance()                                            { e.advanced++ }
func (e *engine) Connected(pbft.ReplicaID)                            {}
func (e *engine) Now(nowUs uint64)                                    { e.nowUs = nowUs }
func (e *engine) WakeUs() uint64                                      { return e.wakeUs }
func (e *engine) ProposeHint() pbft.ProposeHint                       { return e.hint }
func (e *engine) Status() pbft.EngineStatus                           { return e.status }
func (e *engine) Durable() []pbft.Record                              { return e.durable }
func (e *engine) Executed(pbft.Seq, pbft.Digest, pbft.Digest, []byte) {}

func (e *engine) Measured(peer pbft.ReplicaID, us uint64) { e.trips[peer] = us }

func (e *engine) PayloadArrived(d pbft.Digest, payload []byte) pbft.Reason {
	e.arrived[d] = string(payload)
	return pbft.IgnoredQuota
}

func (e *engine) PayloadMissing(d pbft.Digest) { e.arrived[d] = "" }

// kept is a store of so many blocks; every third has a certificate.
type kept struct {
	height pbft.Seq
	err    error
}

func (k *kept) Height() pbft.Seq { return k.height }

func (k *kept) Header(seq pbft.Seq) (driver.Stored, bool, error) { return k.Block(seq) }

func (k *kept) Block(seq pbft.Seq) (x driver.Stored, ok bool, err error) {
	if k.err != nil || seq == 0 || seq > k.height {
		return x, false, k.err
	}
	x.Block.Header.Seq, x.StateRoot = seq, pbft.Digest{byte(seq)}
	if seq%3 == 0 {
		x.Certificate = &pbft.Certificate{Block: pbft.BlockRef{Seq: seq}}
	}
	return x, true, nil
}

// waiting is a pool of transactions of 100 bytes that are in no block.
type waiting struct {
	free, held int
	closed     bool // nothing may be proposed now
	gone       bool // what was free is held by somebody's block
	settled    []bool
	recipe     []byte
}

func (w *waiting) Size() (txs, free, freeBytes int) { return w.free + w.held, w.free, 100 * w.free }

func (w *waiting) Payload(_ pbft.View, _, txsMax int) (p driver.Payload, ok bool) {
	k := min(w.free, txsMax)
	if w.gone {
		k = 0
	}
	return driver.Payload{Bytes: make([]byte, k), Root: pbft.Digest{byte(k)}, Txs: k, Recipe: w.recipe}, !w.closed
}

func (w *waiting) Proposed(is bool) { w.settled = append(w.settled, is) }

const logBytesMax = 1000

// drive makes a driver over a stub of an engine.
func drive(t *testing.T, e *engine, store *kept, pool *waiting) *driver.Driver {
	t.Helper()
	d, err := driver.New(config(t, e, store, pool), nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func config(t *testing.T, e *engine, store *kept, pool *waiting) driver.Config {
	return driver.Config{Store: store, Pool: pool, LogBytesMax: logBytesMax,
		Batching: driver.Batching{}.WithDefaults(1 << 20),
		Engine:   pbft.Config{Committee: committee(t, pbft.DualPath), Self: 1},
		New: func(cfg pbft.Config, _ []pbft.Record) (pbft.Engine, error) {
			e.cfg = cfg
			return e, nil
		}}
}

func next(t *testing.T, d *driver.Driver, atNs int64) driver.Work {
	t.Helper()
	w, err := d.Next(driver.Time{Ns: atNs})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func blocks(from, to pbft.Seq) (all []pbft.CommittedBlock) {
	for seq := from; seq <= to; seq++ {
		b := &pbft.Block{}
		b.Header.Seq, b.Header.PayloadRoot = seq, pbft.Digest{byte(seq)}
		all = append(all, pbft.CommittedBlock{Block: b})
	}
	return all
}

// A Work is what the engine asks for, and the engine goes on when it is done, not before.
func TestAWorkIsWhatTheEngineAsksFor(t *testing.T) {
	e := &engine{ready: []pbft.Ready{{Records: []pbft.Record{{Kind: pbft.RecordStable}},
		Messages: make([]pbft.Outgoing, 2), Checkpoints: make([]*pbft.CheckpointCertificate, 1),
		Checks: make([]pbft.PayloadCheck, 3),
		Serves: make([]pbft.Serve, 4), Events: make([]pbft.Event, 5), Committed: blocks(1, 1)}}}
	d := drive(t, e, &kept{}, &waiting{})
	w := next(t, d, 0)
	if w.Idle() || len(w.Records) != 1 || w.Replace || len(w.Send) != 2 || len(w.Certify) != 1 || len(w.Check) != 3 ||
		len(w.Serve) != 4 || len(w.Events) != 5 || len(w.Execute) != 1 || w.Sync {
		t.Errorf("%+v", w)
	}
	if e.advanced != 0 {
		t.Error("the engine went on before its records were durable")
	}
	d.Done(driver.Time{})
	if w = next(t, d, 0); e.advanced != 1 || !w.Idle() || w.Again || w.WakeNs != 0 {
		t.Errorf("advanced %d times, then %+v", e.advanced, w)
	}
	if d.Done(driver.Time{}); e.advanced != 1 {
		t.Error("it went on without a reason")
	}
}

// An engine that always wants something does not keep the inputs waiting.
func TestATurnEnds(t *testing.T) {
	e := &engine{}
	for range 2 * driver.TurnsMax {
		e.ready = append(e.ready, pbft.Ready{Messages: make([]pbft.Outgoing, 1)})
	}
	d := drive(t, e, &kept{}, &waiting{})
	for turn := range 2 {
		for i := range driver.TurnsMax {
			if w := next(t, d, 0); w.Idle() {
				t.Fatalf("turn %d is idle after %d", turn, i)
			}
		}
		if w := next(t, d, 0); !w.Idle() || !w.Again {
			t.Errorf("turn %d: %+v", turn, w)
		}
	}
	if w := next(t, d, 0); !w.Idle() || w.Again {
		t.Errorf("at rest: %+v", w)
	}
}

// Blocks are handed out as they are executed, in order; the rest is the backlog.
func TestBlocksAreHandedOutAsTheyAreExecuted(t *testing.T) {
	const all = driver.HandedMax + 10
	e := &engine{ready: []pbft.Ready{{Committed: blocks(4, 3+all)}}}
	d := drive(t, e, &kept{height: 3}, &waiting{})
	var got []pbft.Seq
	note := func(w driver.Work) {
		for _, b := range w.Execute {
			got = append(got, b.Block.Header.Seq)
		}
	}
	note(next(t, d, 0))
	if len(got) != driver.HandedMax || d.Backlog() != 10 {
		t.Errorf("%d handed out, %d wait", len(got), d.Backlog())
	}
	for i := 0; i < len(got); i++ {
		d.Executed(got[i], pbft.Digest{}, pbft.Digest{}, nil)
		note(next(t, d, 0))
		if ahead := len(got) - i - 1; ahead > driver.HandedMax {
			t.Fatalf("%d without an answer", ahead)
		}
	}
	if len(got) != all || !slices.IsSorted(got) || got[0] != 4 || d.Backlog() != 0 {
		t.Errorf("handed out %v", got)
	}
}

// channels holds messages by member and lane.
type channels struct {
	waiting         map[pbft.ReplicaID][2][]pbft.Message
	taken           []pbft.ReplicaID
	judged, dropped int
}

func (l *channels) Take(from pbft.ReplicaID, lane pbft.Lane) (pbft.Message, bool) {
	q := l.waiting[from]
	if len(q[lane]) == 0 {
		return nil, false
	}
	m := q[lane][0]
	q[lane] = q[lane][1:]
	l.waiting[from] = q
	l.taken = append(l.taken, from)
	return m, true
}

func (l *channels) Judge(_ pbft.ReplicaID, _ pbft.Message, r pbft.Reason) {
	if r == pbft.IgnoredStale {
		l.judged++
	}
}

func (l *channels) Drop(pbft.ReplicaID, pbft.Message) { l.dropped++ }

func many(n int, m pbft.Message) []pbft.Message { return slices.Repeat([]pbft.Message{m}, n) }

// Votes come before payloads, nobody's messages keep another's waiting, and one's own
// channel is not asked.
func TestDrainingIsFair(t *testing.T) {
	e := &engine{}
	d := drive(t, e, &kept{}, &waiting{})
	vote, bulk := &pbft.Prepare{}, &pbft.PrePrepare{}
	in := &channels{waiting: map[pbft.ReplicaID][2][]pbft.Message{
		0: {many(driver.DrainMax+1, vote), many(2, bulk)}, 1: {many(1, vote)}, 2: {many(3, vote), many(1, bulk)}}}
	if n := d.Drain(in, driver.Time{}); n != driver.DrainMax+3+2+1 || in.judged != n || len(e.received) != n {
		t.Errorf("took %d, %d judged, %d received", n, in.judged, len(e.received))
	}
	if in.taken[driver.DrainMax] != 2 || e.received[driver.DrainMax+3].Kind() != pbft.KindPrePrepare {
		t.Error("one member's votes or all votes are not bounded by the turn")
	}
	if w := next(t, d, 0); !w.Again {
		t.Error("what is left waiting brings nobody back")
	}
	if n := d.Drain(in, driver.Time{}); n != 1 {
		t.Errorf("then %d", n)
	}
	if w := next(t, d, 0); w.Again {
		t.Error("nothing is left, and still")
	}
}

// While execution lags, first blocks of catch-up are dropped, then nothing is taken.
func TestABacklogStopsMessages(t *testing.T) {
	for _, x := range []struct{ backlog, taken, judged, dropped int }{
		{driver.BacklogMax, 3, 3, 0}, {driver.BacklogMax + 1, 3, 2, 1}, {driver.BacklogStop, 3, 2, 1},
		{driver.BacklogStop + 1, 0, 0, 0}} {
		e := &engine{ready: []pbft.Ready{{Committed: blocks(1, pbft.Seq(driver.HandedMax+x.backlog))}}}
		d := drive(t, e, &kept{}, &waiting{})
		next(t, d, 0)
		in := &channels{waiting: map[pbft.ReplicaID][2][]pbft.Message{
			0: {many(1, &pbft.Prepare{}), {&pbft.Blocks{}, &pbft.PrePrepare{}}}}}
		if n := d.Drain(in, driver.Time{}); n != x.taken || in.judged != x.judged || in.dropped != x.dropped {
			t.Errorf("%d wait: took %d, %d judged, %d dropped", x.backlog, n, in.judged, in.dropped)
		}
	}
}

// What is due is proposed, once; what is not says when it will be.
func TestWhatIsDueIsProposed(t *testing.T) {
	e, p := &engine{hint: pbft.ProposeIfPending}, &waiting{free: 20}
	d := drive(t, e, &kept{}, p)
	next(t, d, 5*ms)
	if len(e.proposed) != 1 || len(e.proposed[0]) != 20 || !slices.Equal(p.settled, []bool{true}) {
		t.Fatalf("proposed %d, settled %v", len(e.proposed), p.settled)
	}
	// It commits 3 ms later: the next waits for as long again after it.
	e.hint, e.ready = pbft.ProposeIfPending, []pbft.Ready{{Committed: []pbft.CommittedBlock{{Block: &pbft.Block{
		SignedHeader: pbft.SignedHeader{Header: pbft.Header{Seq: 1, PayloadRoot: pbft.Digest{20}}}}}}}}
	p.free = 0
	next(t, d, 7*ms)
	d.Done(driver.Time{Ns: 8 * ms})
	p.free = 1
	if w := next(t, d, 9*ms); !w.Idle() || w.WakeNs != 2*ms {
		t.Errorf("%+v", w)
	}
	if next(t, d, 11*ms); len(e.proposed) != 2 {
		t.Error("not proposed when it was due")
	}
}

func TestWhatIsNotProposedWaitsAgain(t *testing.T) {
	e, p := &engine{hint: pbft.ProposeIfPending, refuses: true}, &waiting{free: 1}
	d := drive(t, e, &kept{}, p)
	if next(t, d, ms); !slices.Equal(p.settled, []bool{false}) {
		t.Errorf("settled %v", p.settled)
	}
	e.refuses, p.closed = false, true
	if next(t, d, 2*ms); len(e.proposed) != 0 {
		t.Error("proposed, though the pool hands nothing out")
	}
	p.closed, p.gone = false, true
	if next(t, d, 2*ms); len(e.proposed) != 0 {
		t.Error("an empty block, where none is wanted")
	}
	p.gone, p.free, e.hint = false, 0, pbft.ProposeNow
	if next(t, d, 3*ms); len(e.proposed) != 1 || len(e.proposed[0]) != 0 {
		t.Error("no empty block where one is wanted")
	}
}

// Whatever waits to be executed shortens the engine's patience, also what is in a block.
func TestATickSaysWhetherSomethingWaits(t *testing.T) {
	for _, p := range []*waiting{{}, {free: 1}, {held: 1}} {
		e := &engine{}
		drive(t, e, &kept{}, p).Tick(driver.Time{})
		if e.pending != (p.free+p.held > 0) {
			t.Errorf("%+v: %v", p, e.pending)
		}
	}
}

// A log that has grown is replaced, once the store is synced, by the blocks that a crash
// may still take and what the engine keeps.
func TestALogIsReplacedByWhatACrashMayTake(t *testing.T) {
	e := &engine{durable: []pbft.Record{{Kind: pbft.RecordStable}}}
	s := &kept{height: 8}
	d := drive(t, e, s, &waiting{})
	if d.Logged(logBytesMax-1, 0); !idle(next(t, d, 0)) {
		t.Error("a small log is compacted")
	}
	d.Logged(logBytesMax, 0)
	if w := next(t, d, 0); !w.Sync {
		t.Fatalf("%+v", w)
	}
	if !idle(next(t, d, 0)) {
		t.Error("synced twice at once")
	}
	s.height = 10 // its last two are not known to be executed: the engine answers for them
	d.Synced(5)
	w := next(t, d, 0)
	var kinds []pbft.RecordKind
	var seqs []pbft.Seq
	for _, r := range w.Records {
		if kinds = append(kinds, r.Kind); r.Block != nil {
			seqs = append(seqs, r.Block.Header.Seq)
		}
	}
	if !w.Replace || !slices.Equal(seqs, []pbft.Seq{6, 7, 8}) || !slices.Equal(kinds, []pbft.RecordKind{pbft.RecordBlock,
		pbft.RecordCommit, pbft.RecordBlock, pbft.RecordBlock, pbft.RecordStable}) {
		t.Errorf("%v of %v, replaces %v", kinds, seqs, w.Replace)
	}
	d.Logged(900, 0) // what is live is large
	d.Done(driver.Time{})
	if d.Logged(4*900-1, 0); !idle(next(t, d, 0)) {
		t.Error("compacted over and over")
	}
	d.Logged(4*900, 0)
	if w := next(t, d, 0); !w.Sync {
		t.Error("not compacted after it has grown")
	}
}

func idle(w driver.Work) bool { return w.Idle() }

func TestAReplacementThatCannotBeginIsTriedLater(t *testing.T) {
	d := drive(t, &engine{}, &kept{height: 1}, &waiting{})
	d.Logged(logBytesMax, 0)
	next(t, d, 0)
	d.Synced(1)
	if w := next(t, d, 0); !w.Replace || len(w.Records) != 0 {
		t.Fatalf("%+v", w)
	}
	d.NotReplaced(driver.Time{})
	if !idle(next(t, d, driver.CompactPauseMs*ms-1)) {
		t.Error("tried again at once")
	}
	if w := next(t, d, driver.CompactPauseMs*ms); !w.Sync {
		t.Error("not tried again")
	}
}

// A member begins where its store ends, and what it cannot read there stops it.
func TestAMemberBeginsWhereItsStoreEnds(t *testing.T) {
	e := &engine{}
	drive(t, e, &kept{height: 6}, &waiting{})
	if a := e.cfg.Anchor; a.Header.Seq != 6 || a.Certificate == nil || a.StateRoot != (pbft.Digest{6}) {
		t.Errorf("anchor %+v", a)
	}
	if h, ok := e.cfg.History(5); !ok || h.Header.Seq != 5 || h.StateRoot != (pbft.Digest{5}) {
		t.Errorf("history %+v, %v", h, ok)
	}
	if _, ok := e.cfg.History(7); ok {
		t.Error("history of what is not there")
	}
	broken := errors.New("broken")
	if _, err := driver.New(config(t, e, &kept{height: 1, err: broken}, &waiting{}), nil); !errors.Is(err, broken) {
		t.Errorf("a store that cannot be read: %v", err)
	}
	s := &kept{height: 6}
	d := drive(t, e, s, &waiting{})
	s.err = broken
	if _, ok := e.cfg.History(5); ok {
		t.Error("history of a store that cannot be read")
	}
	if _, err := d.Next(driver.Time{}); !errors.Is(err, broken) {
		t.Errorf("and the member goes on: %v", err)
	}
}

// An answer read from a store is that of Answer.
func TestAnAnswerIsReadFromTheStore(t *testing.T) {
	c := committee(t, pbft.DualPath)
	m, n, err := driver.ReadAnswer(c, pbft.Serve{After: 1, Limit: 20, BytesMax: 1 << 20}, &kept{height: 8})
	if b, ok := m.(*pbft.Blocks); err != nil || !ok || n != 5 || b.Certificate.Block.Seq != 6 {
		t.Errorf("%d blocks: %+v, %v", n, m, err)
	}
	m, n, err = driver.ReadAnswer(c, pbft.Serve{After: 3, Limit: 5, BytesMax: 1 << 20}, &kept{height: 8})
	if l, ok := m.(*pbft.Linked); err != nil || !ok || n != 2 || len(l.Headers) != 1 {
		t.Errorf("%d blocks: %+v, %v", n, m, err)
	}
	broken := errors.New("broken")
	if _, _, err = driver.ReadAnswer(c, pbft.Serve{Limit: 5}, &kept{height: 8, err: broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// The engine knows the time before anything else comes to it, in microseconds, and is woken
// by when it asked to be, if the driver does not wake sooner itself.
func TestTheEngineKnowsTheTime(t *testing.T) {
	e := &engine{}
	d := drive(t, e, &kept{}, &waiting{})
	for name, look := range map[string]func(now driver.Time){
		"before messages": func(now driver.Time) { d.Drain(&channels{}, now) },
		"before a tick":   func(now driver.Time) { d.Tick(now) },
		"in a turn":       func(now driver.Time) { _, _ = d.Next(now) },
	} {
		now := driver.Time{Ns: int64(e.nowUs+5)*1000 + 999}
		if look(now); e.nowUs != uint64(now.Ns/1000) {
			t.Errorf("%s: the engine takes %d us for %d ns", name, e.nowUs, now.Ns)
		}
	}
	const nowNs = 7_000_500
	for _, x := range []struct {
		name   string
		wakeUs uint64
		want   int64
	}{
		{"nothing is due", 0, 0}, {"the engine waits", 9_000, 1_999_500}, {"its time has come", 7_000, 1},
	} {
		e.wakeUs = x.wakeUs
		if w, err := d.Next(driver.Time{Ns: nowNs}); err != nil || !w.Idle() || w.WakeNs != x.want {
			t.Errorf("%s: wakes after %d ns, want %d, %v", x.name, w.WakeNs, x.want, err)
		}
	}
}

// What recipes are about passes through: the pool's to the engine, the engine's questions
// out, and their answers back.
func TestRecipesPassThrough(t *testing.T) {
	e := &engine{hint: pbft.ProposeNow, arrived: make(map[pbft.Digest]string),
		ready: []pbft.Ready{{Assemble: []pbft.Assemble{{From: 3}}}}}
	d := drive(t, e, &kept{}, &waiting{free: 1, recipe: []byte("how")})
	w, err := d.Next(driver.Time{})
	if err != nil || w.Idle() || len(w.Assemble) != 1 || w.Assemble[0].From != 3 || string(e.recipe) != "how" {
		t.Errorf("%+v, %v; proposed by recipe %q", w, err, e.recipe)
	}
	if got := d.PayloadArrived(pbft.Digest{1}, []byte("x")); got != pbft.IgnoredQuota {
		t.Error(got)
	}
	if d.PayloadMissing(pbft.Digest{2}); e.arrived[pbft.Digest{1}] != "x" || len(e.arrived) != 2 {
		t.Errorf("the engine heard of %v", e.arrived)
	}
}

// The engine is told the least round trip of late, in microseconds.
func TestTheEngineKnowsHowFarMembersAre(t *testing.T) {
	e := &engine{}
	d := drive(t, e, &kept{}, &waiting{})
	for _, us := range []int64{900, 300, 500} {
		d.Measured(2, us*1000, driver.Time{Ns: us})
	}
	if e.trips != [4]uint64{2: 300} {
		t.Errorf("the engine knows %v", e.trips)
	}
}
