package desim

import (
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
)

// author is how a faulty member behaves in what it says about lanes.
type author struct {
	withholds   bool // its batches go to the primary alone
	dripNs      int64
	equivocates bool // members with an even number get other content
	lacksAll    bool // it lacks what every proposal names
	mute        bool // it answers nobody
}

// dripPauseNs is how often a dripping author lets something else come.
const dripPauseNs = 20_000_000

// corrupt returns what a faulty member sends in place of a message of lanes.
func (a *author) corrupt(m *member, s lanes.Send) []lanes.Send {
	b, batch := s.Message.(*lanes.Batch)
	kind := s.Message.Kind()
	switch {
	case a.mute && (kind == lanes.KindData || kind == lanes.KindAck):
		return nil
	case !batch || !a.withholds && a.dripNs == 0 && !a.equivocates:
		return []lanes.Send{s}
	}
	primary := m.engine.Status().Primary
	var first, rest []pbft.ReplicaID
	for _, to := range s.To {
		if to == primary || a.equivocates && to%2 == 1 {
			first = append(first, to)
		} else {
			rest = append(rest, to)
		}
	}
	out := []lanes.Send{{To: first, Message: b}}
	switch {
	case a.withholds:
	case a.equivocates:
		txs := append([]lanes.Tx(nil), b.Txs...)
		for i, j := 0, len(txs)-1; i < j; i, j = i+1, j-1 {
			txs[i], txs[j] = txs[j], txs[i]
		}
		other := lanes.NewBatch(m.s.committee, m.id, b.Instance, b.Seq, append(txs, txs[0]))
		out = append(out, lanes.Send{To: rest, Message: other})
	default:
		a.drip(m, lanes.Send{To: rest, Message: b})
	}
	return out
}

// drip sends something later, and lets a little come meanwhile.
func (a *author) drip(m *member, s lanes.Send) {
	for at := int64(dripPauseNs); at < a.dripNs; at += dripPauseNs {
		m.s.after(at, m.unlessCrashed(func() { m.emit(lanes.Send{To: s.To, Message: &lanes.Open{Next: 1}}) }))
	}
	m.s.after(a.dripNs, m.unlessCrashed(func() { m.emit(s) }))
}

// accuse lets a member that lacks everything say so to a proposer.
func (a *author) accuse(m *member, p *pbft.PrePrepare) {
	if !a.lacksAll || len(p.Recipe) == 0 {
		return
	}
	recipe, err := lanes.DecodeRecipe(p.Recipe)
	if err != nil {
		return
	}
	lack := &lanes.Lack{Block: m.s.committee.HeaderDigest(&p.Header), Seq: p.Header.Seq}
	for i := range recipe {
		if recipe[i].Inline == nil {
			lack.Lanes.Add(recipe[i].Range.Lane)
		}
	}
	m.sendLanes([]lanes.Send{{To: []pbft.ReplicaID{p.Header.Proposer}, Message: lack}})
}
