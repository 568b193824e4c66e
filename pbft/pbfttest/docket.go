package pbfttest

import (
	"slices"

	"github.com/scrip-network/scrip/pbft"
)

// docket keeps every message that an honest member handed to the network, over all of its
// incarnations, and tries to convict the member of them (theorem T14: it never can).
// Evidence only becomes more as messages and headers do, so one look at the end of a run
// finds whatever looks in between would have found.
type docket struct {
	c       *cluster
	members []file
}

// file is what one member signed, each once, in the order in which it was sent.
type file struct {
	headers     []pbft.SignedHeader
	newViews    []*pbft.NewView
	prepares    []pbft.Vote
	commits     []pbft.Vote
	viewChanges []*pbft.ViewChange
	seen        map[string]bool // by what is signed, and how
}

func newDocket(c *cluster) *docket {
	d := &docket{c: c, members: make([]file, c.committee.Size())}
	for i := range d.members {
		d.members[i].seen = make(map[string]bool)
	}
	return d
}

// first reports whether something signed comes for the first time.
func (f *file) first(message []byte, s pbft.Signature) bool {
	key := string(message) + string(s[:])
	old := f.seen[key]
	f.seen[key] = true
	return !old
}

// sent keeps what member id signed of a message that it sends.
func (d *docket) sent(id pbft.ReplicaID, m pbft.Message) {
	f, com := &d.members[id], d.c.committee
	switch m := m.(type) {
	case *pbft.PrePrepare:
		if m.Header.Proposer == id && f.first(com.HeaderBytesToSign(&m.Header), m.Signature) {
			f.headers = append(f.headers, m.SignedHeader)
		}
		if m.Entry != nil {
			d.sent(id, m.Entry)
		}
	case *pbft.Prepare:
		if m.Replica == id && f.first(com.PrepareBytes(m.Block), m.Signature) {
			f.prepares = append(f.prepares, m.Vote)
		}
	case *pbft.Commit:
		if m.Replica == id && f.first(com.CommitBytes(m.Block), m.Signature) {
			f.commits = append(f.commits, m.Vote)
		}
	case *pbft.ViewChange:
		if m.Replica == id && f.first(com.ViewChangeBytes(m), m.Signature) {
			f.viewChanges = append(f.viewChanges, m)
		}
	case *pbft.NewView:
		if com.Primary(m.View) == id && f.first(com.NewViewBytes(m), m.Signature) {
			f.newViews = append(f.newViews, m)
		}
	}
}

// Bounds of the search, which has to be made for every run. What is left out differs from
// what is tried in its numbers alone: votes of one view that each descend from the one
// below all do from each other.
const (
	docketNext    = 12 // each PREPARE is held against so many next above it
	docketVotes   = 8  // so many votes of the highest rank are held against each report
	docketRegular = 16 // and so many others, at regular distances
)

// judge tries all that was kept.
func (d *docket) judge() {
	if d.c.committee.Protocol() != pbft.DualPath {
		return
	}
	for id := range d.members {
		f := &d.members[id]
		for i := range f.headers {
			for j := range f.headers[:i] {
				a, b := &f.headers[j], &f.headers[i]
				if a.Header.View == b.Header.View && a.Header.Seq == b.Header.Seq {
					d.try(pbft.TwoHeadersOf(a, b))
				}
			}
		}
		for i, a := range f.newViews {
			for _, b := range f.newViews[:i] {
				d.try(pbft.TwoNewViewsOf(a, b))
			}
		}
		for i, a := range f.viewChanges {
			for _, b := range f.viewChanges[:i] {
				d.try(pbft.TwoViewChangesOf(a, b))
			}
			d.report(a, f)
		}
		d.prepares(f)
	}
}

// prepares holds the PREPAREs of a view against each other.
func (d *docket) prepares(f *file) {
	slices.SortStableFunc(f.prepares, byRank)
	for i := range f.prepares {
		low := &f.prepares[i]
		for j := i + 1; j < min(len(f.prepares), i+1+docketNext); j++ {
			high := &f.prepares[j]
			if chain, ok := d.chain(high.Block, low.Block.Seq); ok && high.Block.View == low.Block.View {
				d.try(pbft.TwoPreparesOf(low, high, chain))
			}
		}
	}
}

// report holds what a member voted against a VIEW-CHANGE of it.
func (d *docket) report(v *pbft.ViewChange, f *file) {
	for _, vote := range d.votes(f.commits, v.View) {
		d.try(pbft.CommitAboveHighOf(v, &vote))
	}
	for _, vote := range d.votes(f.prepares, v.View) {
		if h := d.c.oracle.header(vote.Block.Digest); h != nil {
			d.try(pbft.ArmedPrepareHiddenOf(v, &vote, h))
		}
		if !v.HasTip() || vote.Block.Seq > v.Tip.Seq {
			d.try(pbft.PrepareHiddenOf(v, &vote, nil))
		} else if chain, ok := d.chain(v.Tip, vote.Block.Seq); ok {
			d.try(pbft.PrepareHiddenOf(v, &vote, chain))
		}
	}
}

// votes returns those below a view that are held against a report for it.
func (d *docket) votes(all []pbft.Vote, below pbft.View) (some []pbft.Vote) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, byRank)
	n := 0
	for n < len(all) && all[n].Block.View < below {
		n++
	}
	rest := max(n-docketVotes, 0)
	for i := 0; i < rest; i += max(rest/docketRegular, 1) {
		some = append(some, all[i])
	}
	return append(some, all[rest:n]...)
}

func byRank(a, b pbft.Vote) int {
	switch x, y := a.Block.Rank(), b.Block.Rank(); {
	case x.Less(y):
		return -1
	case y.Less(x):
		return 1
	}
	return 0
}

// chain returns the headers from a block down to just above a sequence number, if they
// are known and as few as evidence may have.
func (d *docket) chain(from pbft.BlockRef, above pbft.Seq) (hs []pbft.Header, ok bool) {
	at := from.Digest
	for s := from.Seq; s > above; s-- {
		h := d.c.oracle.header(at)
		if h == nil || len(hs) == pbft.MisbehaviourChainMax {
			return nil, false
		}
		hs, at = append(hs, *h), h.Parent
	}
	return hs, true
}

// try puts evidence before the judge of all.
func (d *docket) try(m *pbft.Misbehaviour) {
	b := m.Encode()
	if only := d.c.opt.Convicts; len(b) > pbft.MisbehaviourBytesMax || only != 0 && only != m.Kind {
		return
	}
	d.c.counts.Accused[m.Kind]++
	if x, err := pbft.VerifyMisbehaviour(d.c.committee, d.c.scheme, b); err == nil {
		d.c.fail("convicted", "honest r%d is convicted of %v in view %d", x.Replica, x.Kind, x.View)
	}
}

// docketed judges what a replica hands out as evidence: it holds, and against no honest member.
func (c *cluster) docketed(x *node, m *pbft.Misbehaviour) {
	got, err := pbft.VerifyMisbehaviour(c.committee, c.scheme, m.Encode())
	c.counts.Convicted++
	if err != nil || !c.plan.byzantine[got.Replica] {
		c.fail("evidence", "r%d hands out evidence against r%d: %v", x.id, got.Replica, err)
	}
}
