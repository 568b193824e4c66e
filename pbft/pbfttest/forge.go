package pbfttest

import (
	"bytes"
	"sort"

	"github.com/scrip-network/scrip/pbft"
)

// forger signs whatever it is told to as one member.
type forger struct {
	committee *pbft.Committee
	sign      signer
	id        pbft.ReplicaID
}

func (f forger) header(h pbft.Header) pbft.SignedHeader {
	return pbft.SignedHeader{Header: h, Signature: f.sign(f.committee.HeaderBytesToSign(&h))}
}

func (f forger) prepare(b pbft.BlockRef) *pbft.Prepare {
	return &pbft.Prepare{Vote: pbft.Vote{Epoch: f.committee.Epoch(), Block: b, Replica: f.id,
		Signature: f.sign(f.committee.PrepareBytes(b))}}
}

func (f forger) commit(b pbft.BlockRef) *pbft.Commit {
	return &pbft.Commit{Vote: pbft.Vote{Epoch: f.committee.Epoch(), Block: b, Replica: f.id,
		Signature: f.sign(f.committee.CommitBytes(b))}}
}

func (f forger) suspect(v pbft.View, reason pbft.SuspectReason, evidence []pbft.SignedHeader) *pbft.Suspect {
	s := &pbft.Suspect{Epoch: f.committee.Epoch(), View: v, Reason: reason, Replica: f.id, Evidence: evidence}
	s.Signature = f.sign(f.committee.SuspectBytes(s))
	return s
}

func (f forger) viewChange(v pbft.ViewChange) *pbft.ViewChange {
	v.Epoch, v.Replica = f.committee.Epoch(), f.id
	v.Signature = f.sign(f.committee.ViewChangeBytes(&v))
	return &v
}

// newView builds a NEW-VIEW from exactly m view-changes with their attachments,
// by the reference Select. evidence is used only if the tips are in conflict, and
// then nothing of the excluded primary may be among the view-changes.
func (f forger) newView(view pbft.View, q []*pbft.ViewChange, evidence []pbft.SignedHeader,
	header headerByDigest) (*pbft.NewView, bool) {
	q = append([]*pbft.ViewChange(nil), q...)
	sort.Slice(q, func(i, j int) bool { return q[i].Replica < q[j].Replica })
	nv := &pbft.NewView{Epoch: f.committee.Epoch(), View: view}
	high := q[0]
	for _, v := range q {
		core := *v
		core.Certificate, core.Walk = nil, nil
		nv.ViewChanges = append(nv.ViewChanges, core)
		if high.High.Rank().Less(v.High.Rank()) {
			high = v
		}
	}
	nv.Certificate = high.Certificate
	base, ok := referenceSelect(f.committee, nv.ViewChanges, false, header)
	if !ok {
		if len(evidence) != 2 {
			return nil, false
		}
		nv.Evidence = evidence
		base, ok = referenceSelect(f.committee, nv.ViewChanges, true, header)
	}
	nv.Base = base
	nv.Headers = f.sharedHeaders(q, high.High)
	nv.Signature = f.sign(f.committee.NewViewBytes(nv))
	return nv, ok
}

// sharedHeaders merges the walks that a NEW-VIEW must show.
func (f forger) sharedHeaders(q []*pbft.ViewChange, high pbft.BlockRef) []pbft.SignedHeader {
	type entry struct {
		h pbft.SignedHeader
		d pbft.Digest
	}
	var all []entry
	seen := make(map[pbft.Digest]bool)
	for _, v := range q {
		if v.High.View != high.View || v.Tip.Seq <= high.Seq {
			continue
		}
		for _, h := range v.Walk {
			d := f.committee.HeaderDigest(&h.Header)
			if !seen[d] && h.Header.Seq > high.Seq {
				seen[d] = true
				all = append(all, entry{h, d})
			}
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].h.Header.Seq != all[j].h.Header.Seq {
			return all[i].h.Header.Seq < all[j].h.Header.Seq
		}
		return bytes.Compare(all[i].d[:], all[j].d[:]) < 0
	})
	var out []pbft.SignedHeader
	for _, e := range all {
		out = append(out, e.h)
	}
	return out
}

// ballot collects the votes for one block.
type ballot struct {
	ref  pbft.BlockRef
	by   pbft.Signers
	sigs [pbft.ReplicasMax]pbft.Signature
}

func (b *ballot) add(v *pbft.Vote) bool {
	if b.by.Has(v.Replica) {
		return false
	}
	b.by.Add(v.Replica)
	b.sigs[v.Replica] = v.Signature
	return true
}

// certificate makes a certificate of all votes collected.
func (b *ballot) certificate(c *pbft.Committee, kind pbft.CertificateKind) *pbft.Certificate {
	x := &pbft.Certificate{Kind: kind, Epoch: c.Epoch(), Block: b.ref, Signers: b.by}
	for i := range c.Size() {
		if b.by.Has(pbft.ReplicaID(i)) {
			x.Signatures = append(x.Signatures, b.sigs[i])
		}
	}
	return x
}
