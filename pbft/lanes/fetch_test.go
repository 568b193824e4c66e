package lanes

import (
	"bytes"
	"slices"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// scene is a member that lacks a batch of lane 2, which the proposer, member 0, named.
type scene struct {
	*member
	c      *pbft.Committee
	lane   *pushed
	header pbft.Header
	recipe Recipe
}

// stage makes a scene with n members; the lane has pushed one batch already, unless it is
// silent, and bytes come from it now and then, unless it is still.
func stage(t *testing.T, n int) *scene {
	c := committee(t, n)
	m := newMember(t, c, 1)
	for id := pbft.ReplicaID(0); int(id) < n; id++ {
		m.Measured(id, 10*millisecondNs)
	}
	s := &scene{member: m, c: c, lane: m.open1(2, 7)}
	m.must(2, s.lane.batch(c, tx(1, 50)), pbft.Accepted)
	s.lane.batch(c, tx(2, 50), tx(3, 50))
	s.header = headerOf([][]byte{tx(1, 50), tx(3, 50)}, 0)
	s.recipe = Recipe{{Range: s.lane.rangeOf(c, 1, 2), Mask: []byte{2}}}
	return s
}

// flow lets bytes of a lane come while time passes.
func (s *scene) flow(ms int64, from ...pbft.ReplicaID) {
	for range ms {
		for _, id := range from {
			s.Arrived(id, s.now)
		}
		s.after(1)
	}
}

// brings lets other content of a number come.
func (s *scene) brings(seq uint32) {
	s.must(2, NewBatch(s.c, 2, 7, seq, s.lane.batches[0].Txs), pbft.Accepted)
}

func (s *scene) asked(what string, want ...pbft.ReplicaID) {
	s.t.Helper()
	var to []pbft.ReplicaID
	for _, x := range s.messages(KindFetch) {
		to = append(to, x.To...)
	}
	if !slices.Equal(to, want) {
		s.t.Errorf("%s: %v were asked, want %v", what, to, want)
	}
}

// A recipe expands as soon as what it names is here, whoever comes last (L7).
func TestARecipeExpandsWhenAllIsHere(t *testing.T) {
	s := stage(t, 4)
	s.assemble(s.header, 0, s.recipe)
	s.is("before the batch", 0, 0)
	s.must(2, s.lane.batches[1], pbft.Accepted)
	s.is("with it", 1, 0)
	if !bytes.Equal(s.out.Filled[0].Payload, payloadOf([][]byte{tx(1, 50), tx(3, 50)})) {
		t.Error("another payload")
	}
	other := s.header
	other.TimeMs++
	s.assemble(other, 0, s.recipe)
	s.is("the batch before the header", 2, 0)
}

// Attacks 6 and 7: what cannot be filled, or fits no header, ends in the body; a spoiled
// recipe takes nobody's place, and the proposer's is kept.
func TestSpoiledRecipes(t *testing.T) {
	s := stage(t, 4)
	wrong := Recipe{{Range: s.lane.rangeOf(s.c, 1, 1)}}
	s.assemble(s.header, 3, wrong)
	s.is("another payload", 0, 1)
	s.out.Bodies = nil
	s.Assemble(Assembly{Block: pbft.Digest{9}, Header: s.header, From: 3, Recipe: []byte{1}}, s.now)
	s.act()
	s.is("no recipe at all", 0, 1)
	s.out.Bodies = nil
	s.assemble(s.header, 3, Recipe{{Range: Range{Lane: 99, First: 1, Count: 1}}})
	s.is("a lane of nobody", 0, 1)
	s.out.Bodies = nil
	missing := func(first uint32) Recipe { return Recipe{{Range: Range{Lane: 3, Instance: 1, First: first, Count: 1}}} }
	block := s.assemble(s.header, 2, missing(1))
	s.assemble(s.header, 3, missing(2))
	s.assemble(s.header, 3, missing(3))
	if w := s.want(block); len(w.recipes) != 2 {
		t.Fatalf("%d recipes are kept beside the proposer's place", len(w.recipes))
	}
	s.must(2, s.lane.batches[1], pbft.Accepted)
	s.assemble(s.header, 0, s.recipe)
	s.is("the proposer's", 1, 0)
	if len(s.wants.of) != 0 || s.wants.bytes != 0 {
		t.Errorf("%d wait, %d bytes", len(s.wants.of), s.wants.bytes)
	}
}

// What is on its way is waited for; the proposer is told at once (L8; attack 15).
func TestWhatFlowsIsWaitedFor(t *testing.T) {
	s := stage(t, 4)
	s.Arrived(2, s.now)
	block := s.assemble(s.header, 0, s.recipe)
	s.flow(4, 2)
	if len(s.messages(KindLack)) != 0 {
		t.Error("told too early")
	}
	s.flow(1, 2)
	lacks := s.messages(KindLack)
	want := Lack{Block: block, Seq: 1, Lanes: pbft.Signers{4}}
	if len(lacks) != 1 || lacks[0].To[0] != 0 || *lacks[0].Message.(*Lack) != want {
		t.Fatalf("%+v", lacks)
	}
	s.flow(244, 2)
	s.asked("before 250 ms")
	s.flow(1, 2)
	s.asked("after", 0)
}

// On an own line that is slow the answers would queue behind what is coming.
func TestASlowOwnLineIsGivenASecond(t *testing.T) {
	s := stage(t, 4)
	q := s.open1(3, 7)
	s.recipe = append(s.recipe, Part{Range: RangeOf(s.c, 3, []*Batch{q.batch(s.c, tx(9, 50))})})
	s.Arrived(2, s.now)
	s.Arrived(3, s.now)
	s.assemble(s.header, 0, s.recipe)
	s.flow(999, 2, 3)
	s.asked("before a second")
	s.flow(1, 2, 3)
	s.asked("after", 0, 0)
}

// Attacks 1, 2, 4 and 5: what will not come by itself is asked for soon.
func TestWhatWillNotComeIsAskedFor(t *testing.T) {
	for what, x := range map[string]struct {
		make func(s *scene)
		ms   int64 // by then, and not two before
	}{
		"nothing comes any more": {func(s *scene) { s.after(100) }, 20},
		"a later number came":    {func(s *scene) { s.brings(3) }, 2},
		"other content came":     {func(s *scene) { s.brings(2) }, 2},
		"a new instance began":   {func(s *scene) { s.after(1000).must(2, &Open{Instance: 8, Next: 1}, pbft.Accepted) }, 2},
		"the channel is down":    {func(s *scene) { s.Linked(2, false) }, 2},
	} {
		t.Run(what, func(t *testing.T) {
			s := stage(t, 4)
			s.Arrived(2, s.now)
			x.make(s)
			s.messages(KindFetch)
			s.assemble(s.header, 0, s.recipe)
			if s.after(x.ms); len(s.messages(KindFetch)) != 1 {
				t.Errorf("not asked for within %d ms", x.ms)
			}
		})
	}
}

// One member after the other is asked, each once, of those that must hold it, never the
// author; then the body is fetched.
func TestOneAfterTheOtherIsAsked(t *testing.T) {
	s := stage(t, 7)
	s.Linked(2, false)
	for _, id := range []pbft.ReplicaID{2, 3, 4} {
		s.Prepared(id, pbft.BlockRef{View: 1, Seq: 2})
	}
	s.Prepared(5, pbft.BlockRef{View: 2, Seq: 1}) // of another view
	s.assemble(s.header, 0, s.recipe)
	s.after(2)
	var asked []pbft.ReplicaID
	for range 3 {
		sent := s.messages(KindFetch)
		if len(sent) != 1 {
			t.Fatalf("%d questions at once", len(sent))
		}
		to := sent[0].To[0]
		asked = append(asked, to)
		s.must(to, &Data{Range: s.recipe[0].Range}, pbft.Accepted) // not here
		s.must(to, &Data{Range: s.recipe[0].Range}, pbft.IgnoredUnwanted)
	}
	if slices.Sort(asked); !slices.Equal(asked, []pbft.ReplicaID{0, 3, 4}) {
		t.Errorf("asked %v", asked)
	}
	s.is("when all were asked", 0, 1)
}

// Two questions without an answer end in the body.
func TestSilenceEndsInTheBody(t *testing.T) {
	s := stage(t, 7)
	s.Linked(2, false)
	for _, id := range []pbft.ReplicaID{3, 4, 5} {
		s.Prepared(id, pbft.BlockRef{View: 1, Seq: 1})
	}
	s.assemble(s.header, 0, s.recipe)
	s.after(2)
	if n := len(s.messages(KindFetch)); n != 1 {
		t.Fatalf("%d questions at once", n)
	}
	if s.after(49); len(s.messages(KindFetch)) != 0 {
		t.Fatal("no time for an answer")
	}
	if s.after(1); len(s.messages(KindFetch)) != 1 {
		t.Fatal("no second question")
	}
	s.is("after one silence", 0, 0)
	s.after(50)
	s.is("after two", 0, 1)
}

// An answer is checked against the digest of the range, whoever sends it; what nobody asked
// for is not taken.
func TestAnAnswerIsChecked(t *testing.T) {
	s := stage(t, 4)
	s.Linked(2, false)
	r := s.recipe[0].Range
	right := &Data{Range: r, Batches: s.lane.batches}
	wrong := &Data{Range: r, Batches: []*Batch{s.lane.batches[0], NewBatch(s.c, 2, 7, 2, txsOf(tx(4, 50)))}}
	s.must(3, right, pbft.IgnoredUnwanted)
	s.assemble(s.header, 0, s.recipe)
	s.must(3, right, pbft.IgnoredUnwanted)
	s.after(2)
	s.asked("soon", 0)
	s.must(0, wrong, pbft.InvalidContent)
	s.is("wrong data", 0, 0)
	s.must(0, right, pbft.Accepted)
	s.is("right data", 1, 0)
	if len(s.fetched.of) != 1 {
		t.Error("it is not kept for others")
	}
	s.must(3, &Fetch{Range: r}, pbft.Accepted)
	if got := s.messages(KindData); len(got) != 1 || len(got[0].Message.(*Data).Batches) != 2 {
		t.Error("it is not given on")
	}
}

// A range is given to a member once a second, within what it may have; what is not here is
// said.
func TestRangesAreGivenOnce(t *testing.T) {
	s := stage(t, 4)
	give := func(r Range, want pbft.Reason, batches int) {
		t.Helper()
		s.must(3, &Fetch{Range: r}, want)
		sent := s.messages(KindData)
		if want == pbft.Accepted && (len(sent) != 1 || len(sent[0].Message.(*Data).Batches) != batches) {
			t.Errorf("%d answers", len(sent))
		}
	}
	r := s.lane.rangeOf(s.c, 1, 1)
	give(r, pbft.Accepted, 1)
	give(r, pbft.IgnoredDuplicate, 0)
	s.after(1000)
	give(r, pbft.Accepted, 1)
	give(s.lane.rangeOf(s.c, 2, 1), pbft.Accepted, 0)
	give(Range{Lane: 9, First: 1, Count: 1}, pbft.InvalidContent, 0)
	given := 0
	for k := range uint64(60) {
		b := NewBatch(s.c, 2, 7, uint32(k+2), txsOf(numbers(1000*k, 1000*k+1000, 200)...))
		s.must(2, b, pbft.Accepted)
		s.must(3, &Fetch{Range: RangeOf(s.c, 2, []*Batch{b})}, pbft.Accepted)
		for _, x := range s.messages(KindData) {
			for _, y := range x.Message.(*Data).Batches {
				given += y.bytes
			}
		}
	}
	if most := int(s.lineBytes() / 20); given > most || given < most-BatchBytesMax {
		t.Errorf("%d bytes at once", given)
	}
}

// What a primary brings unasked is taken, before its header or behind it (L9), and its lane
// is then given the time to come so.
func TestWhatIsCarriedIsTaken(t *testing.T) {
	s := stage(t, 4)
	s.Linked(2, false)
	right := &Data{Range: s.recipe[0].Range, Batches: s.lane.batches}
	s.must(3, right, pbft.IgnoredUnwanted)
	s.must(0, right, pbft.Accepted)
	s.assemble(s.header, 0, s.recipe)
	s.is("carried before", 1, 0)
	next := NewBatch(s.c, 2, 7, 9, txsOf(tx(7, 50)))
	h := headerOf([][]byte{tx(7, 50)}, 0)
	s.assemble(h, 0, Recipe{{Range: RangeOf(s.c, 2, []*Batch{next})}})
	s.after(19)
	s.asked("while it may come")
	s.must(0, &Data{Range: RangeOf(s.c, 2, []*Batch{next}), Batches: []*Batch{next}}, pbft.Accepted)
	s.is("carried behind", 2, 0)
}

// Who is asked for much is asked for no more at a time, and what is committed, or came as a
// body, is not asked for.
func TestQuestionsAreBounded(t *testing.T) {
	s := stage(t, 7)
	s.Linked(2, false)
	for k := range 40 {
		h := s.header
		h.Seq, h.TimeMs = pbft.Seq(k+1), uint64(k)
		s.assemble(h, 0, Recipe{{Range: Range{Lane: 2, Instance: 7, First: uint32(k + 5), Count: 1}}})
	}
	s.after(2)
	if n := len(s.messages(KindFetch)); n != openMax {
		t.Errorf("%d questions to one member", n)
	}
	s.Committed(39)
	s.after(1)
	s.asked("the last", 0)
	s.Forget(s.wants.of[0].block)
	if len(s.wants.of) != 0 || s.wants.bytes != 0 || s.wants.got != 0 {
		t.Errorf("%d wait, %d bytes", len(s.wants.of), s.wants.bytes)
	}
	for k := range wantsMax + 1 {
		h := s.header
		h.Seq, h.TimeMs = 50, uint64(k)
		s.assemble(h, 0, s.recipe)
	}
	s.is("too many blocks", 0, 1)
}

// What a proposer brings unasked for many blocks is not kept beyond a limit (attack 6): the
// bodies of the others are fetched.
func TestWhatIsBroughtIsBounded(t *testing.T) {
	s := stage(t, 4)
	s.Linked(2, false)
	kept := 0
	for k := range uint32(60) {
		b := NewBatch(s.c, 2, 7, 10*k+10, txsOf(numbers(0, 1000, 200)...))
		other := Range{Lane: 2, Instance: 7, First: 10*k + 11, Count: 1} // so that the block waits on
		h := s.header
		h.Seq, h.TimeMs, h.PayloadBytes = pbft.Seq(k+1), uint64(k), 1<<20
		r := RangeOf(s.c, 2, []*Batch{b})
		s.assemble(h, 0, Recipe{{Range: r}, {Range: other}})
		s.Receive(0, &Data{Range: r, Batches: []*Batch{b}}, s.now)
		kept += rangeCost([]*Batch{b})
	}
	if s.wants.got > AnsweredBytesMax || s.wants.got < AnsweredBytesMax/2 || kept < 2*AnsweredBytesMax*2/3 {
		t.Errorf("%d bytes are kept of %d", s.wants.got, kept)
	}
	s.Committed(100)
	if s.wants.got != 0 {
		t.Errorf("%d bytes are left", s.wants.got)
	}
}
