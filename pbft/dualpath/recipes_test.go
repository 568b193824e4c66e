package dualpath

import (
	"bytes"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// recipe returns the proposal of a block by a recipe.
func recipe(b pbft.Block, with string) *pbft.PrePrepare {
	b.Payload = nil
	return &pbft.PrePrepare{Block: b, Recipe: []byte(with)}
}

// fetches returns the FETCHes that a replica is about to send.
func fetches(r *Replica) (all []*pbft.Fetch) {
	for _, o := range drain(r).Messages {
		if m, ok := o.Message.(*pbft.Fetch); ok {
			all = append(all, m)
		}
	}
	return all
}

// R2(d) by way of a recipe: only a payload that hashes to the header's root has the block
// prepared, and then header and whole body are in the log.
func TestARecipeIsPreparedOnceItIsExpanded(t *testing.T) {
	c, r := settled(t)
	b := c.next(r, "y", nil)
	d := c.com.HeaderDigest(&b.Header)
	if got := r.PayloadArrived(d, []byte("y")); got != pbft.IgnoredUnwanted {
		t.Errorf("a payload of an unknown block: %v", got)
	}
	r.addHeader(&b.SignedHeader)
	if got := r.PayloadArrived(d, []byte("y")); got != pbft.IgnoredUnwanted {
		t.Errorf("a payload of a block without a recipe: %v", got)
	}
	r.wants = nil
	if got := r.Receive(0, recipe(b, "how")); got != pbft.Accepted {
		t.Fatalf("the recipe is %v", got)
	}
	rd := drain(r)
	if len(rd.Assemble) != 1 || len(rd.Checks)+len(rd.Records) != 0 || rd.Assemble[0].Digest != d ||
		rd.Assemble[0].Header != b.Header || rd.Assemble[0].From != 0 || string(rd.Assemble[0].Recipe) != "how" {
		t.Fatalf("asked for: %+v", rd)
	}
	for _, wrong := range []string{"", "z", "yy"} {
		if got := r.PayloadArrived(d, []byte(wrong)); got != pbft.InvalidContent {
			t.Errorf("%q for %q: %v", wrong, "y", got)
		}
	}
	if sent := act(r); sent[pbft.KindPrepare] != 0 || r.own != 0 {
		t.Fatal("a wrong payload has effects")
	}
	if got := r.PayloadArrived(d, []byte("y")); got != pbft.Accepted {
		t.Fatalf("the payload is %v", got)
	}
	if got := r.PayloadArrived(d, []byte("y")); got != pbft.IgnoredDuplicate {
		t.Errorf("the payload again: %v", got)
	}
	r.PayloadChecked(drain(r).Checks[0].Digest, true)
	rd = drain(r)
	logged := false
	for _, x := range rd.Records {
		logged = logged || x.Kind == pbft.RecordBlock && bytes.Equal(x.Block.Payload, []byte("y")) &&
			x.Block.SignedHeader == b.SignedHeader
	}
	if !logged || rd.Messages[len(rd.Messages)-1].Message.Kind() != pbft.KindPrepare {
		t.Errorf("prepared with %d records, logged is %t", len(rd.Records), logged)
	}
	r.PayloadMissing(d)
	if r.Receive(2, recipe(b, "late")); len(fetches(r)) != 0 {
		t.Error("what is held is asked for")
	}
}

// A body that is known by its recipe is neither a duplicate nor in the way of another's.
func TestTheBodyIsTakenBesideARecipe(t *testing.T) {
	c, r := settled(t)
	b := c.next(r, "y", nil)
	r.Receive(0, recipe(b, "how"))
	if got := r.Receive(2, &pbft.PrePrepare{Block: b}); got != pbft.Accepted || act(r)[pbft.KindPrepare] != 1 {
		t.Errorf("the body is %v", got)
	}
	b.Signature[0]++
	other := c.next(r, "z", nil)
	other.Signature[0]++
	if got := r.Receive(2, recipe(other, "how")); got != pbft.InvalidSignature {
		t.Errorf("a recipe under a false signature: %v", got)
	}
}

// One recipe of each member, three in all; the last place is the proposer's.
func TestRecipesOfABlockAreFew(t *testing.T) {
	c := newCluster(t, 7, 2, 1)
	r := c.replicas[1]
	b := c.header(1, c.genesis(), c.genesis(), "y", nil)
	for _, x := range []struct {
		from pbft.ReplicaID
		want pbft.Reason
	}{{2, pbft.Accepted}, {2, pbft.IgnoredDuplicate}, {3, pbft.Accepted}, {4, pbft.IgnoredQuota}, {0, pbft.Accepted},
		{0, pbft.IgnoredDuplicate}, {5, pbft.IgnoredQuota}} {
		if got := r.Receive(x.from, recipe(b, "how")); got != x.want {
			t.Errorf("a recipe from %d: %v, want %v", x.from, got, x.want)
		}
	}
	if n := len(drain(r).Assemble); n != pbft.RecipesMax {
		t.Errorf("the driver gets %d", n)
	}
	before := r.SizeBytes()
	r.chain.byDigest[c.com.HeaderDigest(&b.Header)].recipes.own = nil
	if before-r.SizeBytes() != len("how") {
		t.Error("a recipe is not counted")
	}
}

// The body is asked for BodyTicks after the first recipe, at once if the driver gives up,
// and with the next tick while the view is being changed.
func TestABodyIsAskedForAfterItsRecipe(t *testing.T) {
	for _, x := range []struct {
		name string
		do   func(r *Replica, d pbft.Digest)
		want int
	}{
		{"it is waited for", func(*Replica, pbft.Digest) {}, int(pbft.Timers{}.WithDefaults().BodyTicks)},
		{"the driver gives up", func(r *Replica, d pbft.Digest) { r.PayloadMissing(d) }, 0},
		{"the driver gives up one that is voted for", func(r *Replica, d pbft.Digest) {
			r.want(r.chain.byDigest[d].ref, 2, 2, 100)
			r.PayloadMissing(d)
			r.PayloadMissing(d)
			r.PayloadMissing(pbft.Digest{8})
		}, 0},
		{"the view is given up", func(r *Replica, _ pbft.Digest) {
			r.vcSent, r.ownVC = 2, &pbft.ViewChange{View: 2}
		}, 1},
	} {
		c, r := settled(t)
		r.tm.TimeoutTicksMin = 1000
		b := c.next(r, "y", nil)
		r.Receive(0, recipe(b, "how"))
		x.do(r, c.com.HeaderDigest(&b.Header))
		got, m := 0, fetches(r)
		for ; len(m) == 0 && got < 100; got++ {
			r.arrivals.Add(0, r.now, 1)
			r.Tick(r.clockMs, true)
			m = fetches(r)
		}
		if got != x.want || len(m) != 1 || m[0].RecipeFirst {
			t.Errorf("%s: asked after %d ticks, want %d: %+v", x.name, got, x.want, m)
		}
		for range 2 * r.tm.FetchTicks {
			r.Tick(r.clockMs, true)
		}
		if m := fetches(r); len(m) != 1 || m[0].RecipeFirst {
			t.Errorf("%s: then asked %d times", x.name, len(m))
		}
	}
}

// Where members describe payloads, a block that only votes name is asked for by recipe
// first, and who holds one answers with it.
func TestAnUnknownBlockIsAskedForByRecipeFirst(t *testing.T) {
	for _, recipes := range []bool{false, true} {
		c, r := settled(t)
		r.cfg.Recipes = recipes
		p := c.replicas[0]
		p.Propose([]byte("y"), payloadRoot([]byte("y")), []byte("how"), c.clock)
		own := p.proposal.last
		drain(p)
		r.Receive(0, c.vote(0, votePrepare, own.ref))
		for range r.tm.FetchTicks {
			r.Tick(r.clockMs, false)
		}
		m := fetches(r)
		if len(m) != 1 || m[0].RecipeFirst != recipes {
			t.Fatalf("recipes %t: asked %+v", recipes, m)
		}
		if got := p.Receive(1, m[0]); got != pbft.Accepted {
			t.Fatal(got)
		}
		answer := drain(p).Messages[0].Message
		kind := map[bool]pbft.Kind{false: pbft.KindBlocks, true: pbft.KindRecipe}[recipes]
		if answer.Kind() != kind {
			t.Fatalf("recipes %t: answered by %v", recipes, answer.Kind())
		}
		if got := r.Receive(0, answer); got != pbft.Accepted {
			t.Fatal(got)
		}
		if w := r.wanted(own.ref.Digest); recipes && (w == nil || w.asked != r.self || len(r.out.Assemble) != 1) ||
			!recipes && w != nil {
			t.Errorf("recipes %t: the wish after the answer is %+v", recipes, w)
		}
	}
}

// With the recipe of a block that was asked for, the block below becomes wanted.
func TestTheParentOfARecipeIsWanted(t *testing.T) {
	c, r := settled(t)
	r.cfg.Recipes = true
	below := c.next(r, "y", nil)
	b := c.header(1, c.com.Ref(&below.Header), r.chain.committed, "z", func(h *pbft.Header) { h.BaseSeq = 0 })
	r.want(c.com.Ref(&b.Header), 2, 2, 0)
	if got := r.Receive(2, recipe(b, "how")); got != pbft.Accepted {
		t.Fatal(got)
	}
	if w := r.wanted(c.com.HeaderDigest(&below.Header)); w == nil || w.owner != 2 {
		t.Errorf("the block below is wanted as %+v", w)
	}
}

// A proposal goes by its recipe for as long as that is in memory: not without payload, not
// beyond the limit, and not after a restart.
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
		c, _ := settled(t)
		p := c.replicas[0]
		before := append([]pbft.Record(nil), c.logs[0]...)
		var with []byte
		if x.recipe > 0 {
			with = make([]byte, x.recipe)
		}
		p.Propose([]byte(x.payload), payloadRoot([]byte(x.payload)), with, c.clock)
		rd := drain(p)
		var first, again pbft.Outgoing
		for _, o := range rd.Messages {
			if m, ok := o.Message.(*pbft.PrePrepare); ok {
				first = o
				if len(m.Recipe) > 0 != (m.Payload == nil) && x.payload != "" {
					t.Errorf("%s: it has both or neither of recipe and payload", x.name)
				}
			}
		}
		if !first.First || first.To != pbft.Everyone || first.Message.Kind() != x.want {
			t.Errorf("%s: proposed by %v, first %t", x.name, first.Message.Kind(), first.First)
		}
		resent := func(p *Replica) {
			p.resend(pbft.Everyone)
			for _, o := range drain(p).Messages {
				if o.Message.Kind() == pbft.KindPrePrepare || o.Message.Kind() == pbft.KindRecipe {
					again = o
				}
			}
		}
		if resent(p); again.First || again.Message.Kind() != x.want || again.Message.(*pbft.PrePrepare).Certificate == nil {
			t.Errorf("%s: repeated as %v, first %t", x.name, again.Message.Kind(), again.First)
		}
		if resent(c.start(0, append(before, rd.Records...))); again.Message.Kind() != pbft.KindPrePrepare {
			t.Errorf("%s: after a restart repeated as %v", x.name, again.Message.Kind())
		}
	}
}
