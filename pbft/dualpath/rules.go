package dualpath

import (
	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
)

// written are the decisions of docs/protocol.md, which every engine that New makes asks.
func written() rules.Dualpath {
	return rules.Dualpath{
		Orders:         func(payload []byte, root pbft.Digest) ([]byte, pbft.Digest) { return payload, root },
		RootAgrees:     func(own, named pbft.Digest) bool { return own == named },
		Expanded:       func(held bool) bool { return held },
		Justified:      func(held bool) bool { return held },
		Durable:        func(pbft.RecordKind) bool { return true },
		Remembers:      func(*pbft.Certificate) bool { return true },
		MayCommit:      func(view, changed pbft.View) bool { return changed <= view },
		CommitHelps:    func(seen bool) bool { return seen },
		CommitsAgain:   func() bool { return true },
		FastPath:       (*pbft.Header).Armed,
		Commits:        (*pbft.Committee).Commits,
		VoteCounts:     func(good bool) bool { return good },
		Diverged:       func(others, weak int) bool { return others >= weak },
		SuspectCounts:  func(now, came, ticks uint64) bool { return now <= came+ticks },
		ReportsTip:     func(view, _, high pbft.View) bool { return view == high },
		TipFits:        func(tip, high pbft.View) bool { return tip == high },
		Reports:        (*pbft.Committee).ViewChangeQuorum,
		Supports:       supports,
		Strict:         (*pbft.Committee).Strict,
		Excluded:       func(member, primary pbft.ReplicaID) bool { return member == primary },
		Support:        support,
		EndsTenure:     func(h *pbft.Header, tenure uint64) bool { return h.Seq == h.BaseSeq+pbft.Seq(tenure) },
		NotTooOld:      func(late bool) bool { return !late },
		NotTooNew:      func(timeMs, latestMs uint64) bool { return timeMs <= latestMs },
		GenesisRef:     (*pbft.Committee).GenesisRef,
		Justifies:      func(ofEpoch bool) bool { return ofEpoch },
		OnlyCloses:     (*pbft.Header).Ending,
		Formed:         func(_, right bool) bool { return right },
		Silent:         func() bool { return true },
		EndProven:      endProven,
		Convicts:       checkEvidence,
		EvidenceHolds:  evidenceHolds,
		BlocksProven:   (*pbft.Committee).VerifyCertificate,
		ProofHolds:     (*pbft.Committee).VerifyCertificate,
		LostViewChange: func(shown, sent pbft.View) bool { return shown > sent },
		LostCommit:     func(known bool) bool { return !known },
		RecallEnds:     recallEnds,
	}
}

// supports: a report of c's view whose tip is above c.
func supports(v *pbft.ViewChange, c pbft.BlockRef) bool {
	return v.High.View == c.View && v.HasTip() && v.Tip.Seq > c.Seq
}

// support is the threshold T of R9(b).
func support(com *pbft.Committee, evidence bool) int {
	if evidence {
		return com.SupportWithEvidence()
	}
	return com.Support()
}

// endProven: a whole proof that verifies with the committee of the epoch that it ends.
func endProven(p *pbft.EpochProof, com *pbft.Committee, s pbft.Scheme) bool {
	_, err := p.Verify(com, s)
	return err == nil
}

// checkEvidence reports whether two signed headers convict the primary of a
// view: different headers of one position (R14). Signatures are checked apart.
func checkEvidence(com *pbft.Committee, view pbft.View, e []pbft.SignedHeader) bool {
	if len(e) != 2 {
		return false
	}
	a, b := &e[0].Header, &e[1].Header
	return a.View == view && b.View == view && a.Epoch == com.Epoch() && b.Epoch == com.Epoch() && a.Seq == b.Seq &&
		com.HeaderDigest(a) != com.HeaderDigest(b)
}

// evidenceHolds reports whether the primary of a view signed both headers (R14).
func evidenceHolds(com *pbft.Committee, view pbft.View, e []pbft.SignedHeader, s pbft.Scheme) bool {
	key := com.Key(com.Primary(view))
	for i := range e {
		if !s.Verify(key, com.HeaderBytesToSign(&e[i].Header), e[i].Signature) {
			return false
		}
	}
	return true
}

// recallEnds: no time alone ends a recall, and the rest has its time.
func recallEnds(answered, least int, all, over bool) bool {
	return answered >= least && (all || over)
}

// NewWithRules is New with some decisions replaced, for tests that must notice. What
// replace is given has a type that only this project can name: who uses the library
// gets the rules as they are written, with a replace of nil too.
func NewWithRules(cfg pbft.Config, log []pbft.Record, replace func(*rules.Dualpath)) (*Replica, error) {
	by := written()
	if replace != nil {
		replace(&by)
	}
	return newReplica(cfg, log, by)
}
