package pbft

import (
	"bytes"
	"errors"
	"fmt"
)

// VerifyMisbehaviour judges encoded evidence by the committee of its epoch: what it is
// given alone decides, so all who are given the same agree. Evidence has one form: parts
// of one kind stand in ascending order of their bytes, the PREPARE of the higher number
// first, and a chain has no header more than its kind needs. Body is not judged. The
// original protocol has no evidence. Errors wrap ErrMisbehaviour and say what fails.
func VerifyMisbehaviour(c *Committee, s Scheme, b []byte) (Conviction, error) {
	m, err := DecodeMisbehaviour(b)
	if err != nil {
		return Conviction{}, fmt.Errorf("%w: %w", ErrMisbehaviour, err)
	}
	x, err := c.judge(m)
	if err != nil {
		return Conviction{}, fmt.Errorf("%w: %v: %w", ErrMisbehaviour, m.Kind, err)
	}
	if !x.signed.All(s) {
		return Conviction{}, fmt.Errorf("%w: %v: a signature is not that of member %d", ErrMisbehaviour, m.Kind, x.replica)
	}
	return Conviction{Epoch: m.Epoch, Replica: x.replica, Kind: m.Kind, View: x.view}, nil
}

// accusation is what evidence says, with the signatures on which it rests.
type accusation struct {
	replica ReplicaID
	view    View
	signed  Batch
}

// judge applies every rule but the signatures.
func (c *Committee) judge(m *Misbehaviour) (accusation, error) {
	switch {
	case c.params.Protocol != DualPath:
		return accusation{}, fmt.Errorf("protocol %v has no evidence", c.params.Protocol)
	case m.Epoch != c.epoch:
		return accusation{}, fmt.Errorf("epoch %d, this committee is of %d", m.Epoch, c.epoch)
	}
	switch m.Kind {
	case TwoHeaders:
		return c.judgeHeaders(&m.Headers[0], &m.Headers[1])
	case TwoNewViews:
		return c.judgeNewViews(&m.NewViews[0], &m.NewViews[1])
	case TwoPrepares:
		return c.judgePrepares(&m.Votes[0], &m.Votes[1], m.Chain)
	case TwoViewChanges:
		return c.judgeViewChanges(&m.ViewChanges[0], &m.ViewChanges[1])
	}
	return c.judgeReport(m, &m.ViewChanges[0], &m.Votes[0])
}

// judgeHeaders: two headers of one view and number by its primary.
func (c *Committee) judgeHeaders(a, b *SignedHeader) (x accusation, err error) {
	x.view, x.replica = a.Header.View, c.Primary(a.Header.View)
	switch {
	case a.Header.Epoch != c.epoch || b.Header.Epoch != c.epoch:
		return x, fmt.Errorf("headers of epochs %d and %d", a.Header.Epoch, b.Header.Epoch)
	case x.view == 0 || b.Header.View != x.view || a.Header.Seq != b.Header.Seq:
		return x, fmt.Errorf("headers of two positions")
	case a.Header.Proposer != x.replica || b.Header.Proposer != x.replica:
		return x, fmt.Errorf("a proposer does not lead view %d", x.view)
	case a.Header == b.Header:
		return x, fmt.Errorf("one header twice")
	case !ascending(appendSignedHeader(nil, a), appendSignedHeader(nil, b)):
		return x, errOrder
	}
	for _, h := range []*SignedHeader{a, b} {
		x.signed.Add(c.keys[x.replica], c.HeaderBytesToSign(&h.Header), h.Signature)
	}
	return x, nil
}

// judgeNewViews: two NEW-VIEWs of one view by its primary.
func (c *Committee) judgeNewViews(a, b *NewView) (x accusation, err error) {
	x.view, x.replica = a.View, c.Primary(a.View)
	first, second := c.NewViewBytes(a), c.NewViewBytes(b)
	switch {
	case x.view == 0 || b.View != x.view:
		return x, fmt.Errorf("NEW-VIEWs of views %d and %d", a.View, b.View)
	case bytes.Equal(first, second):
		return x, fmt.Errorf("one NEW-VIEW twice")
	case !ascending(a.appendSignedPart(nil), b.appendSignedPart(nil)):
		return x, errOrder
	}
	x.signed.Add(c.keys[x.replica], first, a.Signature)
	x.signed.Add(c.keys[x.replica], second, b.Signature)
	return x, nil
}

// judgePrepares: PREPAREs of one view, for two blocks of one number, or for one that does
// not descend from the other.
func (c *Committee) judgePrepares(a, b *Vote, chain []Header) (x accusation, err error) {
	x.view, x.replica = a.Block.View, a.Replica
	switch {
	case !c.Has(x.replica) || b.Replica != x.replica:
		return x, fmt.Errorf("votes of members %d and %d", a.Replica, b.Replica)
	case x.view == 0 || b.Block.View != x.view:
		return x, fmt.Errorf("votes in views %d and %d", a.Block.View, b.Block.View)
	case a.Block.Seq < b.Block.Seq:
		return x, errOrder
	case a.Block.Seq == b.Block.Seq && a.Block.Digest == b.Block.Digest:
		return x, fmt.Errorf("one vote twice")
	case a.Block.Seq == b.Block.Seq && !ascending(a.appendEvidence(nil), b.appendEvidence(nil)):
		return x, errOrder
	}
	if err := c.leadsElsewhere(chain, a.Block, b.Block); err != nil {
		return x, err
	}
	x.signed.Add(c.keys[x.replica], c.PrepareBytes(a.Block), a.Signature)
	x.signed.Add(c.keys[x.replica], c.PrepareBytes(b.Block), b.Signature)
	return x, nil
}

// judgeViewChanges: two VIEW-CHANGEs for one view.
func (c *Committee) judgeViewChanges(a, b *ViewChange) (x accusation, err error) {
	x.view, x.replica = a.View, a.Replica
	first, second := c.ViewChangeBytes(a), c.ViewChangeBytes(b)
	switch {
	case a.Epoch != c.epoch || b.Epoch != c.epoch:
		return x, fmt.Errorf("VIEW-CHANGEs of epochs %d and %d", a.Epoch, b.Epoch)
	case !c.Has(x.replica) || b.Replica != x.replica:
		return x, fmt.Errorf("VIEW-CHANGEs of members %d and %d", a.Replica, b.Replica)
	case b.View != x.view:
		return x, fmt.Errorf("VIEW-CHANGEs for views %d and %d", a.View, b.View)
	case bytes.Equal(first, second):
		return x, fmt.Errorf("one VIEW-CHANGE twice")
	case !ascending(a.appendSignedCore(nil), b.appendSignedCore(nil)):
		return x, errOrder
	}
	x.signed.Add(c.keys[x.replica], first, a.Signature)
	x.signed.Add(c.keys[x.replica], second, b.Signature)
	return x, nil
}

// judgeReport: a vote that the VIEW-CHANGE v hides.
func (c *Committee) judgeReport(m *Misbehaviour, v *ViewChange, vote *Vote) (x accusation, err error) {
	x.view, x.replica = v.View, v.Replica
	switch {
	case v.Epoch != c.epoch:
		return x, fmt.Errorf("VIEW-CHANGE of epoch %d", v.Epoch)
	case !c.Has(x.replica) || vote.Replica != x.replica:
		return x, fmt.Errorf("VIEW-CHANGE and vote of members %d and %d", v.Replica, vote.Replica)
	case vote.Block.View == 0 || vote.Block.View >= v.View:
		return x, fmt.Errorf("a vote in view %d binds no VIEW-CHANGE for %d", vote.Block.View, v.View)
	}
	message := c.PrepareBytes(vote.Block)
	switch m.Kind {
	case CommitAboveHigh:
		if message = c.CommitBytes(vote.Block); !v.High.Rank().Less(vote.Block.Rank()) {
			err = fmt.Errorf("the vote is not above High")
		}
	case PrepareHidden:
		err = c.hidden(v, vote, m.Chain)
	case ArmedPrepareHidden:
		err = c.hiddenArmed(v, vote, &m.Chain[0])
	}
	x.signed.Add(c.keys[x.replica], c.ViewChangeBytes(v), v.Signature)
	x.signed.Add(c.keys[x.replica], message, vote.Signature)
	return x, err
}

// hidden returns nil if a PREPARE in the view of High is for neither Tip nor a block below it.
func (c *Committee) hidden(v *ViewChange, vote *Vote, chain []Header) error {
	switch {
	case vote.Block.View != v.High.View:
		return fmt.Errorf("a vote in view %d, High is of %d", vote.Block.View, v.High.View)
	case v.HasTip() && vote.Block.Seq <= v.Tip.Seq:
		return c.leadsElsewhere(chain, v.Tip, vote.Block)
	case len(chain) != 0:
		return errHeaders
	}
	return nil
}

// hiddenArmed returns nil if a PREPARE is for an armed block of a view above High's.
func (c *Committee) hiddenArmed(v *ViewChange, vote *Vote, h *Header) error {
	switch {
	case vote.Block.View <= v.High.View:
		return fmt.Errorf("a vote in view %d, High is of %d", vote.Block.View, v.High.View)
	case c.Ref(h) != vote.Block:
		return errHeaders
	case !h.Armed():
		return fmt.Errorf("the block is not armed")
	}
	return nil
}

// leadsElsewhere returns nil if the chain of headers leads from block down to just above
// the number of another block, which it misses.
func (c *Committee) leadsElsewhere(chain []Header, block, other BlockRef) error {
	if uint64(len(chain)) != uint64(block.Seq-other.Seq) {
		return errHeaders
	}
	at := block.Digest
	for i := range chain {
		h := &chain[i]
		ref := c.Ref(h)
		if ref.Digest != at || ref.Seq != block.Seq-Seq(i) || i == 0 && ref != block {
			return errHeaders
		}
		at = h.Parent
	}
	if at == other.Digest {
		return fmt.Errorf("one block is, or descends from, the other")
	}
	return nil
}

var (
	errOrder   = errors.New("parts are not in their order")
	errHeaders = errors.New("the headers are not those that this kind needs")
)

// ascending reports whether two parts stand in the one order that evidence has.
func ascending(a, b []byte) bool { return bytes.Compare(a, b) < 0 }
