package original

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// restore rebuilds what is durable from the log's records, in their order.
func (r *Replica) restore(log []pbft.Record) error {
	r.lead.next = 1
	r.restoring = true
	for i := range log {
		if err := r.restoreRecord(&log[i]); err != nil {
			return fmt.Errorf("original: restore: record %d: %w", i, err)
		}
	}
	for s := r.stable + 1; s <= min(r.executed, r.stable+r.span) && r.cfg.History != nil; s++ { // they are in the store
		if h, ok := r.cfg.History(s); ok {
			x := r.slot(s)
			x.done, x.blocks = r.com.HeaderDigest(&h.Header), nil
		}
	}
	r.forget()
	r.lead.next = max(r.lead.next, r.executed+1) // what is executed was proposed
	for _, x := range r.above(r.stable) {
		r.restoreVote(x)
	}
	r.out = pbft.Ready{}
	r.tryDecide()
	r.out.Records = nil // they are there already
	r.restoring = false
	return nil
}

// restoreVote counts the own PREPARE of the present view again: it is durable.
// COMMITs are cast anew from the certificates, with the same bytes.
func (r *Replica) restoreVote(x *slot) {
	if x.prepareView == r.view && x.assigned.View == r.view {
		r.store(prepares, &r.ownPrepare(x).Vote, true)
	}
}

// ownPrepare signs the PREPARE of the present view for an assigned slot.
func (r *Replica) ownPrepare(x *slot) *pbft.Prepare {
	v := pbft.Vote{Epoch: r.com.Epoch(), Block: x.assigned, Replica: r.self}
	v.Signature = r.cfg.Sign(r.com.PrepareBytes(v.Block))
	return &pbft.Prepare{Vote: v}
}

func (r *Replica) restoreRecord(x *pbft.Record) error {
	switch x.Kind {
	case pbft.RecordStable:
		r.setStable(x.Checkpoint)
	case pbft.RecordSlotEntry:
		m := x.SlotNewView
		o, _ := r.choose(m.ViewChanges, m.View, m.TimeMs)
		o.slots = m.Slots
		r.enter(m, o)
		r.entryLogged = true
	case pbft.RecordSlotViewChange:
		r.changed, r.ownChange = x.SlotViewChange.View, x.SlotViewChange
		r.peers[r.self].change, r.peers[r.self].proved = x.SlotViewChange, true
	case pbft.RecordBlock:
		if h := &x.Block.Header; h.Seq > r.executed {
			b := r.keepBlock(r.slot(h.Seq), r.com.HeaderDigest(h), x.Block)
			b.logged, b.payload = true, valid
			r.restoreOwn(x.Block)
		}
	case pbft.RecordProposal:
		r.restoreProposal(x)
	case pbft.RecordPrepare:
		r.peers[r.self].lastPrepare = x.Prepare
		if b := x.Prepare.Block; b.View == r.view && b.Seq > r.low {
			s := r.slot(b.Seq)
			s.assigned, s.prepareView = b, b.View
		}
	case pbft.RecordCertificate:
		if c := x.Certificate; c.Block.Seq > r.low {
			s := r.slot(c.Block.Seq)
			if s.prepared == nil || s.prepared.Block.View < c.Block.View {
				s.prepared = c
			}
		}
	case pbft.RecordCommit:
		if c := x.Certificate; c.Block.Seq > r.low {
			r.slot(c.Block.Seq).commit = c
		}
	case pbft.RecordAmnesia:
		r.amnesia, r.condition = x.Shown, pbft.Amnesic
	default:
		return fmt.Errorf("unknown kind %d", x.Kind)
	}
	return nil
}

// restoreOwn takes an own block for a proposal: a crash between the frames of a turn may
// leave it without its record. What is signed may be passed on, so nothing else may be
// signed in its place.
func (r *Replica) restoreOwn(b *pbft.Block) {
	h := &b.Header
	if h.Proposer == r.self && h.View == r.view &&
		r.cfg.Scheme.Verify(r.com.Key(r.self), r.com.HeaderBytesToSign(h), b.Signature) {
		r.restoreProposal(&pbft.Record{View: h.View, Base: r.com.Ref(h)})
	}
}

func (r *Replica) restoreProposal(x *pbft.Record) {
	if x.View != r.view {
		return
	}
	r.lead.next = max(r.lead.next, x.Base.Seq+1)
	if x.Base.Seq <= r.low {
		return
	}
	s := r.slot(x.Base.Seq)
	s.assigned = x.Base
	if b := s.find(x.Base.Digest); b != nil { // else it was executed
		r.lead.timeMs = b.block.Header.TimeMs
	}
}

// Durable implements pbft.Engine: what restore needs, without executed blocks,
// which the driver's store holds by then.
func (r *Replica) Durable() (rs []pbft.Record) {
	if r.stableProof != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordStable, Checkpoint: r.stableProof})
	}
	if r.entry != nil { // logged yet or not: what was promised below it is left out
		rs = append(rs, pbft.Record{Kind: pbft.RecordSlotEntry, SlotNewView: r.entry})
	}
	for _, x := range r.order {
		rs = r.durableSlot(rs, x)
	}
	if r.ownChange != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordSlotViewChange, SlotViewChange: r.ownChange})
	}
	if r.amnesia != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordAmnesia, Shown: r.amnesia})
	}
	return rs
}

func (r *Replica) durableSlot(rs []pbft.Record, x *slot) []pbft.Record {
	for _, b := range x.blocks {
		if !b.logged || x.seq <= r.executed {
			continue
		}
		rs = append(rs, pbft.Record{Kind: pbft.RecordBlock, Block: b.block})
		if b.digest == x.assigned.Digest && b.block.Header.View == r.view && b.block.Header.Proposer == r.self {
			rs = append(rs, pbft.Record{Kind: pbft.RecordProposal, View: r.view, Base: x.assigned})
		}
	}
	if x.prepareView == r.view && x.assigned.View == r.view {
		rs = append(rs, pbft.Record{Kind: pbft.RecordPrepare, Prepare: r.ownPrepare(x)})
	}
	if x.prepared != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordCertificate, Certificate: x.prepared})
	}
	if x.commit != nil && x.seq > r.executed && x.seq <= r.committed.Seq {
		rs = append(rs, pbft.Record{Kind: pbft.RecordCommit, Certificate: x.commit})
	}
	return rs
}
