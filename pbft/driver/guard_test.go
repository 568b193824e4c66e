package driver_test

import (
	"bytes"
	"crypto/sha256"
	"reflect"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// hashing signs by a hash of key and message: enough where nobody forges.
type hashing struct{}

func hashSign(key pbft.PublicKey, message []byte) (s pbft.Signature) {
	h := sha256.Sum256(append(key[:], message...))
	copy(s[:], h[:])
	return s
}

func (hashing) Verify(k pbft.PublicKey, m []byte, s pbft.Signature) bool { return hashSign(k, m) == s }

func (hashing) VerifyBatch([]pbft.PublicKey, [][]byte, []pbft.Signature) bool { return false }

// guarded is member 1 of four over a log.
type guarded struct {
	t *testing.T
	*driver.Driver
	e   *engine
	com *pbft.Committee
	ns  int64
}

const second = int64(1_000_000_000)

var myNonce, otherNonce = pbft.MarkNonce{7, 1}, pbft.MarkNonce{8}

// startOver makes the member from a log whose last frame has a number.
func startOver(t *testing.T, frames uint64, log ...pbft.Record) *guarded {
	t.Helper()
	g := &guarded{t: t, e: &engine{}, com: committee(t, pbft.DualPath)}
	cfg := config(t, g.e, &kept{height: 3}, &waiting{})
	cfg.Start = &driver.Start{Nonce: myNonce, Frames: frames}
	cfg.Engine.Scheme = hashing{}
	cfg.Engine.Sign = func(m []byte) pbft.Signature { return hashSign(g.com.Key(1), m) }
	var err error
	if g.Driver, err = driver.NewWithRules(cfg, log, func(*rules.Guard) {}); err != nil {
		t.Fatal(err)
	}
	return g
}

// turn is one Work, done.
func (g *guarded) turn() driver.Work {
	g.t.Helper()
	w := next(g.t, g.Driver, g.ns)
	g.Done(driver.Time{Ns: g.ns})
	return w
}

// running is a member that has written the record of its start as frame 11 and votes.
func running(t *testing.T) *guarded {
	g := startOver(t, 10, boot(4, pbft.MarkNonce{4}))
	g.turn()
	g.Logged(0, 11)
	return g
}

// boot is the record of a start that votes.
func boot(number uint32, nonce pbft.MarkNonce) pbft.Record {
	return pbft.Record{Kind: pbft.RecordBoot, Boot: pbft.Boot{Number: number, Nonce: nonce, Votes: true}}
}

// after is boot with the greatest mark of earlier starts.
func after(x pbft.Record, number uint32, nonce pbft.MarkNonce, frames uint64) pbft.Record {
	x.Boot.Before = pbft.Mark{Boot: number, Nonce: nonce, Frames: frames}
	return x
}

// silent is boot of a start that does not vote.
func silent(x pbft.Record) pbft.Record {
	x.Boot.Votes = false
	return x
}

func (g *guarded) mark(id pbft.ReplicaID, number uint32, nonce pbft.MarkNonce, frames uint64) pbft.SignedMark {
	x := pbft.SignedMark{Key: g.com.Key(id), Mark: pbft.Mark{Boot: number, Nonce: nonce, Frames: frames}}
	x.Signature = hashSign(x.Key, g.com.MarkBytes(x.Mark))
	return x
}

// said are messages from members on the lane of votes, and what became of them.
type said struct {
	from    pbft.ReplicaID
	waiting []pbft.Message
	reasons []pbft.Reason
}

func (s *said) Take(from pbft.ReplicaID, lane pbft.Lane) (m pbft.Message, ok bool) {
	if from != s.from || lane != pbft.LaneVotes || len(s.waiting) == 0 {
		return nil, false
	}
	m, s.waiting = s.waiting[0], s.waiting[1:]
	return m, true
}

func (s *said) Judge(_ pbft.ReplicaID, _ pbft.Message, r pbft.Reason) {
	s.reasons = append(s.reasons, r)
}
func (s *said) Drop(pbft.ReplicaID, pbft.Message) {}

func (g *guarded) hear(from pbft.ReplicaID, ms ...pbft.Message) []pbft.Reason {
	s := &said{from: from, waiting: ms}
	g.Drain(s, driver.Time{Ns: g.ns})
	return s.reasons
}

func (g *guarded) hearMarks(from pbft.ReplicaID, marks ...pbft.SignedMark) pbft.Reason {
	return g.hear(from, &pbft.Marks{Marks: marks})[0]
}

// marks are those in a Work, by addressee.
func marksIn(w driver.Work) map[pbft.ReplicaID][]pbft.SignedMark {
	all := make(map[pbft.ReplicaID][]pbft.SignedMark)
	for _, o := range w.Send {
		if m, ok := o.Message.(*pbft.Marks); ok {
			all[o.To] = append(all[o.To], m.Marks...)
		}
	}
	return all
}

// The first record of every start says which one it is, before anything else, and the
// engine learns of none of it.
func TestEachStartIsNumbered(t *testing.T) {
	for _, x := range []struct {
		name   string
		frames uint64
		log    []pbft.Record
		want   pbft.Record
	}{
		{"a new log", 0, nil, boot(0, myNonce)},
		{"a log of a program that knew no starts", 5, []pbft.Record{{Kind: pbft.RecordProposal}}, boot(0, myNonce)},
		{"the third start", 5, []pbft.Record{boot(0, myNonce), {Kind: pbft.RecordProposal}, boot(1, otherNonce)},
			after(boot(2, myNonce), 1, otherNonce, 5)},
		{"after one that did not vote", 7,
			[]pbft.Record{boot(0, myNonce), after(silent(boot(1, otherNonce)), 0, otherNonce, 5)},
			after(boot(2, myNonce), 0, otherNonce, 5)},
		{"after one that voted in the end", 7, []pbft.Record{silent(boot(1, otherNonce)), boot(1, otherNonce)},
			after(boot(2, myNonce), 1, otherNonce, 7)},
	} {
		g := startOver(t, x.frames, x.log...)
		g.e.ready = []pbft.Ready{{Records: []pbft.Record{{Kind: pbft.RecordPrepare}}}}
		w := g.turn()
		if len(w.Records) != 2 || !reflect.DeepEqual(w.Records[0], x.want) {
			t.Errorf("%s: %+v", x.name, w.Records)
		}
		if w := g.turn(); len(w.Records) != 0 {
			t.Errorf("%s: a second turn writes %+v", x.name, w.Records)
		}
		if g.e.cfg.RecallNonce != 0x0107 {
			t.Errorf("%s: the recall is tied to %x", x.name, g.e.cfg.RecallNonce)
		}
	}
}

// That a start votes is written before its first vote, and once.
func TestThatAStartVotesIsWritten(t *testing.T) {
	g := startOver(t, 10, boot(4, otherNonce))
	g.e.status.Condition = pbft.Recalling
	want := after(boot(5, myNonce), 4, otherNonce, 10)
	if got := g.turn().Records; len(got) != 1 || !reflect.DeepEqual(got[0], silent(want)) {
		t.Errorf("while it recalls: %+v", got)
	}
	g.Logged(0, 11)
	g.e.status.Condition = pbft.Voting
	g.e.ready = []pbft.Ready{{Records: []pbft.Record{{Kind: pbft.RecordPrepare}}}}
	if got := g.turn().Records; len(got) != 2 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("with its first vote: %+v", got)
	}
	g.Logged(0, 12)
	g.e.ready = []pbft.Ready{{Records: []pbft.Record{{Kind: pbft.RecordPrepare}}}}
	if got := g.turn().Records; len(got) != 1 {
		t.Errorf("with the next: %+v", got)
	}
}

// A log from before starts were numbered is replaced once, however small.
func TestALogIsTakenOver(t *testing.T) {
	for _, old := range []bool{false, true} {
		var log []pbft.Record
		if log = append(log, pbft.Record{Kind: pbft.RecordProposal}); !old {
			log = append(log, boot(0, otherNonce))
		}
		g := startOver(t, 5, log...)
		g.e.durable = []pbft.Record{{Kind: pbft.RecordProposal}}
		g.turn()
		g.Logged(1, 6)
		if w := g.turn(); w.Sync != old {
			t.Fatalf("old %t: %+v", old, w)
		}
		if !old {
			continue
		}
		g.Synced(3)
		w := g.turn()
		if !w.Replace || len(w.Records) != 2 || !reflect.DeepEqual(w.Records[0], boot(0, myNonce)) {
			t.Errorf("it is replaced by %+v", w.Records)
		}
		g.Logged(1, 7)
		if w := g.turn(); !w.Idle() {
			t.Errorf("again: %+v", w)
		}
	}
}

// Nothing of the own log is signed before the record of the start is durable, nor by who
// may not vote; then each second, and with each VIEW-CHANGE, to those who can read it.
func TestWhenTheOwnMarkIsSigned(t *testing.T) {
	for _, c := range []pbft.Condition{pbft.Voting, pbft.Recalling, pbft.Amnesic, pbft.Diverged} {
		g := startOver(t, 10, boot(4, pbft.MarkNonce{4}))
		g.e.status.Condition = c
		g.hear(2, &pbft.Recall{Nonce: pbft.RecallMarks})
		g.hear(3, &pbft.Recall{})
		if got := marksIn(g.turn()); len(got[2]) != 0 {
			t.Errorf("%v: before its start is durable it signs %+v", c, got)
		}
		g.Logged(0, 11)
		g.ns += second
		want := map[pbft.ReplicaID][]pbft.SignedMark{2: {g.mark(1, 5, myNonce, 11)}}
		if c != pbft.Voting {
			want = map[pbft.ReplicaID][]pbft.SignedMark{}
		}
		if got := marksIn(g.turn()); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: after a second %+v", c, got)
		}
		if got := marksIn(g.turn()); len(got) != 0 {
			t.Errorf("%v: at once again %+v", c, got)
		}
		g.Logged(0, 12)
		g.e.ready = []pbft.Ready{{Messages: []pbft.Outgoing{{To: pbft.Everyone, Message: &pbft.ViewChange{}}}}}
		if got := marksIn(g.turn())[2]; len(got) != len(want[2]) || len(got) == 1 && got[0].Mark.Frames != 12 {
			t.Errorf("%v: with a VIEW-CHANGE %+v", c, got)
		}
	}
}

// What a mark of the own key shows of the own log, which had ten frames before its fifth
// start wrote the eleventh. Its fourth start had voted.
func TestWhatShowsThatTheLogIsOld(t *testing.T) {
	for _, x := range []struct {
		name   string
		number uint32
		nonce  pbft.MarkNonce
		frames uint64
		lacks  bool
	}{
		{"an earlier start", 4, pbft.MarkNonce{4}, 10, false},
		{"a frame more than was found", 4, pbft.MarkNonce{4}, 11, true},
		{"far more frames", 2, otherNonce, 900, true},
		{"a start before that", 3, otherNonce, 9, false},
		{"the last start, with another nonce", 4, otherNonce, 5, true},
		{"this start", 5, myNonce, 30, false},
		{"another start of this number", 5, otherNonce, 3, true},
		{"a later start", 6, otherNonce, 3, true},
	} {
		for _, answer := range []bool{false, true} {
			g := running(t)
			m := g.mark(1, x.number, x.nonce, x.frames)
			var message pbft.Message = &pbft.Marks{Marks: []pbft.SignedMark{m}}
			if answer {
				message = &pbft.Recollection{Mark: &m}
			}
			false1 := m
			false1.Signature[3]++
			if x.lacks && g.hearMarks(2, false1) != pbft.InvalidSignature || len(g.e.lacks) != 0 {
				t.Errorf("%s: a false one counts", x.name)
			}
			g.hear(2, message, message)
			want := []*pbft.Recollection{{Mark: &m}}
			if !x.lacks {
				want = nil
			}
			if !reflect.DeepEqual(g.e.lacks, want) {
				t.Errorf("%s, in an answer %t: the log lacks %+v", x.name, answer, g.e.lacks)
			}
			if answer && len(g.e.received) != 2 || !answer && len(g.e.received) != 0 {
				t.Errorf("%s: the engine got %+v", x.name, g.e.received)
			}
		}
	}
}

// Starts that never voted add frames to a log that lacks some. They do not count.
func TestFramesOfSilentStartsDoNotCount(t *testing.T) {
	old := boot(4, pbft.MarkNonce{4})
	tries := []pbft.Record{old, silent(after(boot(5, otherNonce), 4, pbft.MarkNonce{4}, 10)),
		silent(after(boot(6, otherNonce), 4, pbft.MarkNonce{4}, 10))}
	for frames, lacks := range map[uint64]bool{10: false, 11: true, 15: true, 99: true} {
		g := startOver(t, 40, tries...)
		g.turn()
		g.hearMarks(2, g.mark(1, 4, pbft.MarkNonce{4}, frames))
		if got := len(g.e.lacks) == 1; got != lacks {
			t.Errorf("a mark of %d frames: lacks %t", frames, got)
		}
	}
}

// An answer with a mark that is not the asker's, or not signed by it, is none.
func TestAnAnswerWithAFalseMarkIsRefused(t *testing.T) {
	g := running(t)
	foreign, false1 := g.mark(3, 9, otherNonce, 99), g.mark(1, 9, otherNonce, 99)
	false1.Signature[0]++
	got := g.hear(2, &pbft.Recollection{Mark: &foreign}, &pbft.Recollection{Mark: &false1})
	if !slices.Equal(got, []pbft.Reason{pbft.InvalidContent, pbft.InvalidSignature}) || len(g.e.received) != 0 {
		t.Errorf("%v, the engine got %d", got, len(g.e.received))
	}
}

// The greatest mark of each member is kept: it goes to who asks, to whoever comes, and to
// the log with the next records, once a second at most.
func TestMarksOfOthersAreKept(t *testing.T) {
	g := running(t)
	g.ns = second
	older, newest := g.mark(3, 2, otherNonce, 50), g.mark(3, 2, otherNonce, 60)
	false1 := g.mark(3, 9, otherNonce, 1)
	false1.Signature[5]++
	unknown := g.mark(3, 9, otherNonce, 1)
	unknown.Key[20]++
	for i, want := range []struct {
		m pbft.SignedMark
		r pbft.Reason
	}{{older, 0}, {newest, 0}, {older, 0}, {false1, pbft.InvalidSignature}, {unknown, 0}} {
		if got := g.hearMarks(2, want.m); got != want.r {
			t.Errorf("mark %d: %v", i, got)
		}
	}
	records := func(more ...pbft.Record) (marks []pbft.SignedMark) {
		g.e.ready = []pbft.Ready{{Records: more}}
		for _, x := range g.turn().Records {
			if x.Kind == pbft.RecordMark {
				marks = append(marks, *x.Mark)
			}
		}
		return marks
	}
	prepare := pbft.Record{Kind: pbft.RecordPrepare}
	if got := records(); len(got) != 0 {
		t.Errorf("a frame of its own: %+v", got)
	}
	if got := records(prepare); !slices.Equal(got, []pbft.SignedMark{newest}) {
		t.Errorf("the log gets %+v", got)
	}
	later := g.mark(3, 2, otherNonce, 70)
	g.hearMarks(2, later)
	if got := records(prepare); len(got) != 0 {
		t.Errorf("within the second the log gets %+v", got)
	}
	g.ns += second
	if got := records(prepare); !slices.Equal(got, []pbft.SignedMark{later}) {
		t.Errorf("after it the log gets %+v", got)
	}
	if got := records(prepare); len(got) != 0 {
		t.Errorf("again %+v", got)
	}
	for _, nonce := range []uint64{0, pbft.RecallMarks} {
		a := &pbft.Recollection{Nonce: nonce}
		g.e.ready = []pbft.Ready{{Messages: []pbft.Outgoing{{To: 3, Message: a}}}}
		if g.turn(); (a.Mark != nil) != (nonce != 0) || a.Mark != nil && *a.Mark != later {
			t.Errorf("who asks with %x is told %+v", nonce, a.Mark)
		}
	}
	// A restart reads it from the log, and a compaction keeps it.
	g = startOver(t, 20, boot(5, myNonce), pbft.Record{Kind: pbft.RecordMark, Mark: &newest},
		pbft.Record{Kind: pbft.RecordMark, Mark: &later})
	g.hear(0, &pbft.Recall{Nonce: pbft.RecallMarks})
	if got := marksIn(g.turn())[0]; !slices.Equal(got, []pbft.SignedMark{later}) {
		t.Errorf("after a restart: %+v", got)
	}
	g.Logged(logBytesMax, 21)
	g.turn()
	g.Synced(3)
	if w := g.turn(); !w.Replace || len(w.Records) != 2 || w.Records[1].Mark == nil || *w.Records[1].Mark != later {
		t.Errorf("a compaction keeps %+v", w.Records)
	}
}

// All marks go to a member when it is known to read them, when its channel is made anew,
// when it asks, and each minute.
func TestMarksAreExchanged(t *testing.T) {
	g := running(t)
	g.ns = 2 * second
	g.turn()
	sent := func() []pbft.SignedMark { return marksIn(g.turn())[2] }
	g.hearMarks(2, g.mark(3, 1, otherNonce, 5))
	own := func() pbft.SignedMark { return g.mark(1, 5, myNonce, 11) }
	all := []pbft.SignedMark{own(), g.mark(3, 1, otherNonce, 5)}
	slices.SortFunc(all, func(a, b pbft.SignedMark) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	if got := sent(); !slices.Equal(got, all) {
		t.Errorf("to a new reader: %+v", got)
	}
	g.hear(2, &pbft.Recall{Nonce: pbft.RecallMarks})
	if got := sent(); len(got) != 0 {
		t.Errorf("to who asks at once again: %+v", got)
	}
	g.Connected(2)
	if got := sent(); !slices.Equal(got, all) {
		t.Errorf("on a new channel: %+v", got)
	}
	g.ns += 50 * second
	g.turn()
	g.ns += 9 * second
	if got := sent(); !slices.Equal(got, []pbft.SignedMark{own()}) {
		t.Errorf("after 59 s: %+v", got)
	}
	g.ns += second
	if got := sent(); len(got) != 1+len(all) {
		t.Errorf("after a minute: %+v", got)
	}
}

// A member cannot keep another busy with marks.
func TestMarksOfAMemberAreFew(t *testing.T) {
	g := running(t)
	for i := range driver.MarksPerSecondMax + 1 {
		want := pbft.Accepted
		if i == driver.MarksPerSecondMax {
			want = pbft.IgnoredQuota
		}
		if got := g.hearMarks(2, g.mark(2, 1, otherNonce, uint64(i))); got != want {
			t.Errorf("MARKS %d: %v", i, got)
		}
	}
	if got := g.hearMarks(3, g.mark(3, 1, otherNonce, 1)); got != pbft.Accepted {
		t.Errorf("another's: %v", got)
	}
	g.ns += second
	if got := g.hearMarks(2, g.mark(2, 1, otherNonce, 99)); got != pbft.Accepted {
		t.Errorf("in the next second: %v", got)
	}
}

// Two marks that no one log can have are told to the operator, once for each key.
func TestClonesAreTold(t *testing.T) {
	g := running(t)
	a, b := g.mark(3, 2, otherNonce, 50), g.mark(3, 2, myNonce, 51)
	g.hearMarks(2, a)
	if w := g.turn(); len(w.Clones) != 0 {
		t.Fatalf("one mark: %+v", w.Clones)
	}
	g.hearMarks(2, b)
	if w := g.turn(); !reflect.DeepEqual(w.Clones, []driver.Clone{{Member: 3, Marks: [2]pbft.SignedMark{a, b}}}) {
		t.Errorf("two: %+v", w.Clones)
	}
	g.hearMarks(2, g.mark(3, 2, otherNonce, 52))
	if w := g.turn(); len(w.Clones) != 0 {
		t.Errorf("three: %+v", w.Clones)
	}
}
