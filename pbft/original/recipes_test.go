package original

import (
	"bytes"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// recipe returns the proposal of a block by a recipe.
func recipe(b pbft.Block, with string) *pbft.PrePrepare {
	b.Payload = nil
	return &pbft.PrePrepare{Block: b, Recipe: []byte(with)}
}

// Only a payload that hashes to the header's root has the block prepared, and then header
// and whole body are in the log.
func TestARecipeIsPreparedOnceItIsExpanded(t *testing.T) {
	s := newSolo(t, 4, 1)
	b := s.block(1, 1, "y", nil)
	d := s.com.HeaderDigest(&b.Header)
	if got := s.r.PayloadArrived(d, []byte("y")); got != pbft.IgnoredUnwanted {
		t.Errorf("a payload of an unknown block: %v", got)
	}
	forged := recipe(b, "how")
	forged.Signature[0]++
	if got := s.get(0, forged); got != pbft.InvalidSignature {
		t.Errorf("a recipe under a false signature: %v", got)
	}
	if got := s.get(0, recipe(b, "how")); got != pbft.Accepted {
		t.Fatalf("the recipe is %v", got)
	}
	a := s.r.Ready().Assemble
	if len(a) != 1 || a[0].Digest != d || a[0].Header != b.Header || a[0].From != 0 || string(a[0].Recipe) != "how" {
		t.Fatalf("asked for: %+v", a)
	}
	for _, wrong := range []string{"", "z", "yy"} {
		if got := s.r.PayloadArrived(d, []byte(wrong)); got != pbft.InvalidContent {
			t.Errorf("%q for %q: %v", wrong, "y", got)
		}
	}
	if kinds(s.turn(), pbft.KindPrepare) != 0 {
		t.Fatal("prepared without the body")
	}
	if got := s.r.PayloadArrived(d, []byte("y")); got != pbft.Accepted {
		t.Fatalf("the payload is %v", got)
	}
	if got := s.r.PayloadArrived(d, []byte("y")); got != pbft.IgnoredUnwanted {
		t.Errorf("the payload again: %v", got)
	}
	s.log = nil
	if kinds(s.turn(), pbft.KindPrepare) != 1 {
		t.Error("not prepared with the body")
	}
	logged := false
	for _, x := range s.log {
		logged = logged || x.Kind == pbft.RecordBlock && bytes.Equal(x.Block.Payload, []byte("y"))
	}
	if !logged {
		t.Error("the log lacks the body")
	}
	if got := s.get(2, recipe(b, "late")); got != pbft.IgnoredDuplicate {
		t.Errorf("a recipe of what is held: %v", got)
	}
}

// A second header of the position is equivocation, in whatever form.
func TestTheFirstRecipeOfAPositionStands(t *testing.T) {
	s := newSolo(t, 4, 1)
	b, other := s.block(1, 1, "y", nil), s.block(1, 1, "z", nil)
	s.get(0, recipe(b, "how"))
	if got := s.get(0, recipe(other, "how")); got != pbft.IgnoredQuota {
		t.Errorf("another block of the position: %v", got)
	}
	if got := s.get(2, &pbft.PrePrepare{Block: b}); got != pbft.Accepted || kinds(s.turn(), pbft.KindPrepare) != 1 {
		t.Errorf("the body of the first: %v", got)
	}
}

// One recipe of each member, three in all; the last place is the proposer's.
func TestRecipesOfABlockAreFew(t *testing.T) {
	s := newSolo(t, 7, 1)
	b := s.block(1, 1, "y", nil)
	for _, x := range []struct {
		from pbft.ReplicaID
		want pbft.Reason
	}{{2, pbft.Accepted}, {2, pbft.IgnoredDuplicate}, {3, pbft.Accepted}, {4, pbft.IgnoredQuota}, {0, pbft.Accepted},
		{0, pbft.IgnoredDuplicate}, {5, pbft.IgnoredQuota}} {
		if got := s.get(x.from, recipe(b, "how")); got != x.want {
			t.Errorf("a recipe from %d: %v, want %v", x.from, got, x.want)
		}
	}
	if n := len(s.r.Ready().Assemble); n != pbft.RecipesMax {
		t.Errorf("the driver gets %d", n)
	}
	size, bytes := s.r.Size(), s.r.SizeBytes()
	s.r.slots[1].sketches = nil
	if size-s.r.Size() != 1 || bytes-s.r.SizeBytes() != pbft.HeaderBytes+len("how") {
		t.Error("a recipe is not counted")
	}
}

// fetches returns the FETCHes among messages.
func fetches(sent []pbft.Outgoing) (all []*pbft.Fetch) {
	for _, o := range sent {
		if m, ok := o.Message.(*pbft.Fetch); ok {
			all = append(all, m)
		}
	}
	return all
}

// The body is asked for BodyTicks after the first recipe, at once if the driver gives up,
// and soon while the view is being changed.
func TestABodyIsAskedForAfterItsRecipe(t *testing.T) {
	body, fetch := int(pbft.Timers{}.WithDefaults().BodyTicks), int(pbft.Timers{}.WithDefaults().FetchTicks)
	for _, x := range []struct {
		name string
		do   func(s *solo, d pbft.Digest)
		want int
	}{
		{"it is waited for", func(*solo, pbft.Digest) {}, body},
		{"the driver gives up", func(s *solo, d pbft.Digest) {
			s.r.PayloadMissing(d)
			s.r.PayloadMissing(d)
			s.r.PayloadMissing(pbft.Digest{8})
		}, 0},
		{"the view is given up", func(s *solo, _ pbft.Digest) {
			s.r.changed, s.r.ownChange = 2, &pbft.SlotViewChange{View: 2}
		}, fetch + 1},
	} {
		s := newSolo(t, 4, 1)
		s.r.tm.TimeoutTicksMin = 5000
		b := s.block(1, 1, "y", nil)
		s.get(0, recipe(b, "how"))
		x.do(s, s.com.HeaderDigest(&b.Header))
		got, m := 0, fetches(s.turn())
		for ; len(m) == 0 && got < 100; got++ {
			s.r.Arrived(0, 1)
			m = fetches(s.tick(1))
		}
		if got != x.want || len(m) != 1 || m[0].RecipeFirst {
			t.Errorf("%s: asked after %d ticks, want %d: %+v", x.name, got, x.want, m)
		}
		if m := fetches(s.tick(fetch)); len(m) != 1 || m[0].RecipeFirst {
			t.Errorf("%s: then asked %d times", x.name, len(m))
		}
	}
}

// Where members describe payloads, a block that is missing is asked for by recipe first, and
// who holds one answers with it; a recipe of a block of an older view is taken if that block
// is the one that its slot misses.
func TestAMissingBlockIsAskedForByRecipeFirst(t *testing.T) {
	for _, recipes := range []bool{false, true} {
		s := newSolo(t, 4, 1)
		s.r.cfg.Recipes = recipes
		b := s.block(1, 1, "y", nil)
		ref := s.com.Ref(&b.Header)
		x := s.r.slot(1)
		x.assigned = pbft.BlockRef{View: 3, Seq: 1, Digest: ref.Digest}
		s.r.view, s.r.entryLogged = 3, true
		s.r.tm.TimeoutTicksMin = 5000
		m := fetches(s.tick(int(s.r.tm.FetchTicks) + 1))
		if len(m) != 1 || m[0].RecipeFirst != recipes {
			t.Fatalf("recipes %t: asked %+v", recipes, m)
		}
		forged := recipe(b, "how")
		forged.Signature[0]++
		if got := s.get(0, forged); got != pbft.InvalidSignature {
			t.Errorf("a recipe under a false signature: %v", got)
		}
		other := s.block(1, 1, "z", nil)
		if got := s.get(0, recipe(other, "how")); got != pbft.IgnoredStale {
			t.Errorf("the recipe of another block: %v", got)
		}
		if got := s.get(0, recipe(s.block(1, 2, "y", nil), "how")); got != pbft.IgnoredStale {
			t.Errorf("the recipe of a block of a slot that is not there: %v", got)
		}
		if got := s.get(0, recipe(b, "how")); got != pbft.Accepted || x.asked != 1 {
			t.Fatalf("the recipe that was asked for: %v", got)
		}
		if got := s.r.PayloadArrived(ref.Digest, []byte("y")); got != pbft.Accepted || !x.holds(ref.Digest) {
			t.Errorf("its payload: %v", got)
		}
		for want, first := range map[pbft.Kind]bool{pbft.KindBlocks: false, pbft.KindRecipe: true} {
			if got := s.r.supply(x.find(ref.Digest), first); got.Kind() != want {
				t.Errorf("answered by %v, want %v", got.Kind(), want)
			}
		}
	}
}

// Headers whose bodies recipes describe are two for a slot, and go with their view.
func TestSketchesAreFew(t *testing.T) {
	s := newSolo(t, 4, 1)
	x := s.r.slot(1)
	for _, payload := range []string{"a", "b", "c"} {
		b := s.block(1, 1, payload, nil)
		s.r.takeRecipe(x, 0, recipe(b, "how"), s.com.Ref(&b.Header))
	}
	first := s.block(1, 1, "a", nil)
	if len(x.sketches) != sketchesMax || x.sketch(s.com.HeaderDigest(&first.Header)) != nil {
		t.Errorf("%d are there, or the oldest", len(x.sketches))
	}
	if s.r.enter(&pbft.SlotNewView{View: 2}, order{}); len(x.sketches) != 0 {
		t.Error("they are still there in the next view")
	}
}

// A recipe that overtakes the NEW-VIEW of its view waits for it, if it came from its primary.
func TestARecipeWaitsForItsNewView(t *testing.T) {
	for _, x := range []struct {
		name  string
		from  pbft.ReplicaID
		view  pbft.View
		body  bool
		takes bool
	}{
		{"of the next view", 1, 2, false, true}, {"from another member", 2, 2, false, false},
		{"of a view after it", 2, 3, false, false}, {"a body", 1, 2, true, false},
	} {
		s := newSolo(t, 4, 3)
		b := s.block(x.view, 1, "y", nil)
		m := recipe(b, "how")
		if x.body {
			m = &pbft.PrePrepare{Block: b}
		}
		if got := s.get(x.from, m); got != pbft.IgnoredFuture {
			t.Fatalf("%s: %v", x.name, got)
		}
		if got := s.get(1, s.newView(2, s.change(0, 2), s.change(1, 2), s.change(2, 2))); got != pbft.Accepted {
			t.Fatalf("%s: the NEW-VIEW: %v", x.name, got)
		}
		if got := s.r.slot(1).sketch(s.com.HeaderDigest(&b.Header)) != nil; got != x.takes {
			t.Errorf("%s: taken %v", x.name, got)
		}
		if len(s.r.peers[1].early.of) != 0 {
			t.Errorf("%s: it is still there", x.name)
		}
	}
}

// Until a quorum has voted in a view its primary's proposals go behind the NEW-VIEW.
func TestProposalsGoBehindTheNewView(t *testing.T) {
	s := newSolo(t, 4, 0)
	behind := func() bool {
		s.r.Propose([]byte("y"), pbft.Digest{1}, []byte("how"), s.clock)
		for _, o := range s.turn() {
			if o.Message.Kind() == pbft.KindRecipe {
				return o.Behind
			}
		}
		t.Fatal("nothing is proposed")
		return false
	}
	if !behind() {
		t.Error("the first of a view does not")
	}
	b := s.r.slot(1).assigned
	s.get(1, s.vote(1, prepares, b))
	if s.get(2, s.vote(2, prepares, b)); behind() {
		t.Error("one after a quorum's votes does")
	}
}

// What waits for a NEW-VIEW is bounded for each member, in number and bytes, and of one view.
func TestEarlyRecipesAreBounded(t *testing.T) {
	for size, want := range map[int]int{1: earlyMax, earlyBytesMax / 2: 2} {
		s := newSolo(t, 4, 3)
		for seq := range pbft.Seq(earlyMax + 3) {
			b := s.block(2, seq+1, "y", nil)
			s.get(1, recipe(b, strings.Repeat("h", size)))
		}
		e := &s.r.peers[1].early
		if len(e.of) != want || e.bytes != want*size || s.r.Size() < want || s.r.SizeBytes() < want*size {
			t.Errorf("%d of %d bytes each, wanted %d; %d bytes in all", len(e.of), size, want, e.bytes)
		}
		b := s.block(6, 1, "y", nil) // the next view that the same member leads
		if s.get(1, recipe(b, "how")); len(e.of) != 1 || e.of[0].Header.View != 6 {
			t.Errorf("%d of two views", len(e.of))
		}
	}
}

// R12's lower bound is that of the header's arrival, however late the body comes.
func TestTheHeaderOfARecipeComesWhenItComes(t *testing.T) {
	s := newSolo(t, 4, 1)
	b := s.block(1, 1, "y", nil)
	s.get(0, recipe(b, "how"))
	s.r.clockMs += s.r.par.PrecisionMs + s.r.par.DelayMs + 1000
	s.r.PayloadArrived(s.com.HeaderDigest(&b.Header), []byte("y"))
	if kinds(s.turn(), pbft.KindPrepare) != 1 {
		t.Error("a block whose header came in time is refused")
	}
}

// A proposal goes by its recipe for as long as that is in memory.
func TestAProposalGoesByItsRecipe(t *testing.T) {
	for _, x := range []struct {
		name, payload string
		recipe        int
		want          pbft.Kind
	}{
		{"none", "y", 0, pbft.KindPrePrepare}, {"small", "y", 1, pbft.KindRecipe}, {"no payload", "", 1, pbft.KindPrePrepare},
		{"as large as may be", "y", pbft.RecipeBytesMax, pbft.KindRecipe},
		{"too large", "y", pbft.RecipeBytesMax + 1, pbft.KindPrePrepare},
	} {
		s := newSolo(t, 4, 0)
		var with []byte
		if x.recipe > 0 {
			with = make([]byte, x.recipe)
		}
		s.r.Propose([]byte(x.payload), payloadRoot([]byte(x.payload)), with, s.clock)
		first := s.turn()
		if kinds(first, x.want) != 1 || !first[0].First {
			t.Errorf("%s: first sent %v", x.name, first[0].Message.Kind())
		}
		s.r.resend(pbft.Everyone)
		if again := s.turn(); kinds(again, x.want) != 1 || again[0].First {
			t.Errorf("%s: then sent %v", x.name, again[0].Message.Kind())
		}
		s.start(0, s.log, pbft.Config{})
		s.r.resend(pbft.Everyone)
		if again := s.turn(); kinds(again, pbft.KindPrePrepare) != 1 {
			t.Errorf("%s: after a restart not sent with its body", x.name)
		}
	}
}

// This protocol has no wait below a tick.
func TestNoWaitBelowATick(t *testing.T) {
	s := newSolo(t, 4, 1)
	s.r.Now(5)
	s.r.Measured(2, 7)
	if s.r.WakeUs() != 0 {
		t.Error("it wants to be woken")
	}
}
