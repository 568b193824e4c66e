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
	for s := r.stable + 1; s <= r.executed && r.cfg.History != nil; s++ { // decided, and in the store
		if h, ok := r.cfg.History(s); ok {
			x := r.slot(s)
			x.done, x.blocks = r.com.HeaderDigest(&h.Header), nil
		}
	}
	r.forget()
	for s := r.low + 1; s <= r.top; s++ {
		if x := r.slots[s]; x != nil {
			r.restoreVotes(x)
		}
	}
	r.out = pbft.Ready{}
	r.tryDecide()
	r.out.Records = nil // they are there already
	r.restoring = false
	return nil
}

// restoreVotes counts the own votes of the present view again: they are durable.
// A certificate is logged only with the COMMIT that rests on it.
func (r *Replica) restoreVotes(x *slot) {
	v := pbft.Vote{Epoch: r.com.Epoch(), Block: x.assigned, Replica: r.self}
	if x.prepareView == r.view && x.assigned.View == r.view {
		v.Signature = r.cfg.Sign(r.com.PrepareBytes(v.Block))
		r.store(prepares, &v, true)
	}
	if x.commitView == r.view && x.prepared != nil {
		v.Block = x.prepared.Block
		v.Signature = r.cfg.Sign(r.com.CommitBytes(v.Block))
		r.store(commits, &v, true)
	}
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
				s.prepared, s.commitView = c, c.Block.View
			}
		}
	case pbft.RecordCommit:
		if c := x.Certificate; c.Block.Seq > r.low {
			r.slot(c.Block.Seq).commit = c
		}
	default:
		return fmt.Errorf("unknown kind %d", x.Kind)
	}
	return nil
}

func (r *Replica) restoreProposal(x *pbft.Record) {
	s := r.slots[x.Base.Seq]
	if s == nil {
		return
	}
	b := s.find(x.Base.Digest)
	if b == nil {
		return
	}
	r.noteProposal(&b.block.SignedHeader)
	if x.View == r.view {
		s.assigned = x.Base
		r.lead.next = max(r.lead.next, x.Base.Seq+1)
		r.lead.timeMs = b.block.Header.TimeMs
	}
}

// Durable implements pbft.Engine: what restore needs, without executed blocks,
// which the driver's store holds by then.
func (r *Replica) Durable() (rs []pbft.Record) {
	if r.stableProof != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordStable, Checkpoint: r.stableProof})
	}
	if r.entry != nil && r.entryLogged {
		rs = append(rs, pbft.Record{Kind: pbft.RecordSlotEntry, SlotNewView: r.entry})
	}
	for s := r.low + 1; s <= r.top; s++ {
		if x := r.slots[s]; x != nil {
			rs = r.durableSlot(rs, x)
		}
	}
	if r.ownChange != nil {
		rs = append(rs, pbft.Record{Kind: pbft.RecordSlotViewChange, SlotViewChange: r.ownChange})
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
		v := pbft.Vote{Epoch: r.com.Epoch(), Block: x.assigned, Replica: r.self}
		v.Signature = r.cfg.Sign(r.com.PrepareBytes(v.Block))
		rs = append(rs, pbft.Record{Kind: pbft.RecordPrepare, Prepare: &pbft.Prepare{Vote: v}})
	}
	if x.prepared != nil && x.commitView == x.prepared.Block.View {
		rs = append(rs, pbft.Record{Kind: pbft.RecordCertificate, Certificate: x.prepared})
	}
	if x.commit != nil && x.seq > r.executed && x.seq <= r.committed.Seq {
		rs = append(rs, pbft.Record{Kind: pbft.RecordCommit, Certificate: x.commit})
	}
	return rs
}
