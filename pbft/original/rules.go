package original

import (
	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
)

// written are the decisions of section 12, which every engine that New makes asks.
func written() rules.Original {
	return rules.Original{
		Orders:          func(payload []byte, root pbft.Digest) ([]byte, pbft.Digest) { return payload, root },
		NotTooOld:       func(late bool) bool { return !late },
		NotTooNew:       func(timeMs, latestMs uint64) bool { return timeMs <= latestMs },
		Durable:         func(pbft.RecordKind) bool { return true },
		CommitsAtOnce:   func() bool { return false },
		Active:          func(view, changed pbft.View) bool { return changed <= view },
		VoteCounts:      func(good bool) bool { return good },
		Diverged:        func(proven bool) bool { return proven },
		ReportsPrepared: func(inside bool) bool { return inside },
		Reports:         (*pbft.Committee).ViewChangeQuorum,
		Wins:            func(view, best pbft.View) bool { return view > best },
		Null:            func(best pbft.View, _, _ int) bool { return best == 0 },
		Recomputes:      func() bool { return true },
		DecisionProven:  (*pbft.Committee).VerifyCertificate,
		LostViewChange:  func(shown, sent pbft.View) bool { return shown > sent },
		LostCommit:      func(known bool) bool { return !known },
		RecallEnds:      recallEnds,
	}
}

// recallEnds: no time alone ends a recall, and the rest has its time.
func recallEnds(answered, least int, all, over bool) bool {
	return answered >= least && (all || over)
}

// NewWithRules is New with some decisions replaced, for tests that must notice. What
// replace is given has a type that only this project can name: who uses the library
// gets the protocol as it is written, with a replace of nil too.
func NewWithRules(cfg pbft.Config, log []pbft.Record, replace func(*rules.Original)) (*Replica, error) {
	by := written()
	if replace != nil {
		replace(&by)
	}
	return newReplica(cfg, log, by)
}
