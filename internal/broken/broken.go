// Package broken has the engines with one rule broken. Model checking or simulation found
// that each leads to a divergence, a standstill or a censored transaction; the tests of the
// engines must find each too.
package broken

import (
	"fmt"
	"slices"

	"github.com/scrip-network/scrip/internal/rules"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/dualpath"
	"github.com/scrip-network/scrip/pbft/original"
)

// Factory makes an engine.
type Factory = func(pbft.Config, []pbft.Record) (pbft.Engine, error)

// Engine is an engine with one rule broken.
type Engine struct {
	// Name is what scrip sim --mutant calls it.
	Name string `json:"name"`
	// What says what is broken.
	What string `json:"what"`
	// New makes it.
	New Factory `json:"-"`
}

// Of returns the broken engines of a protocol.
func Of(p pbft.Protocol) []Engine {
	if p == pbft.Original {
		return originals()
	}
	return dualpaths()
}

// Dualpath returns what makes a broken engine of pbft/dualpath; it panics for a name that
// there is not.
func Dualpath(name string) Factory { return find(dualpaths(), name) }

// Original returns what makes a broken engine of pbft/original; it panics for a name that
// there is not.
func Original(name string) Factory { return find(originals(), name) }

func find(all []Engine, name string) Factory {
	for _, e := range all {
		if e.Name == name {
			return e.New
		}
	}
	panic(fmt.Sprintf("broken: no engine %q", name))
}

// SlowPathOnly makes a dual-path engine that never commits by PREPAREs alone. It is safe,
// and exists to measure what the fast path is worth.
func SlowPathOnly(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
	return dualpath.NewWithRules(cfg, log, func(r *rules.Dualpath) {
		r.FastPath = func(*pbft.Header) bool { return false }
	})
}

// Driver makes a driver whose guard of the log has one rule broken; it panics for a name
// that there is not.
func Driver(name string) func(driver.Config, []pbft.Record) (*driver.Driver, error) {
	replace, ok := guards[name]
	if !ok {
		panic(fmt.Sprintf("broken: no driver %q", name))
	}
	return func(cfg driver.Config, log []pbft.Record) (*driver.Driver, error) {
		return driver.NewWithRules(cfg, log, replace)
	}
}

// guards are what is broken in the drivers.
var guards = map[string]func(*rules.Guard){
	"no-marks":          func(r *rules.Guard) { r.Marks = func() bool { return false } },
	"frames-after-boot": func(r *rules.Guard) { r.Held = func(found uint64) uint64 { return found + 1 } },
	"silent-frames":     func(r *rules.Guard) { r.Earlier = func() bool { return true } },
}

type list []Engine

func (l *list) dualpath(name, what string, replace func(r *rules.Dualpath)) {
	*l = append(*l, Engine{name, what, func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
		return dualpath.NewWithRules(cfg, log, replace)
	}})
}

func (l *list) original(name, what string, replace func(r *rules.Original)) {
	*l = append(*l, Engine{name, what, func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
		return original.NewWithRules(cfg, log, replace)
	}})
}

func dualpaths() []Engine {
	var all list
	add := all.dualpath
	add("fast-unarmed", "commits unarmed blocks on the fast path", func(r *rules.Dualpath) {
		r.FastPath = func(*pbft.Header) bool { return true }
		commits := r.Commits
		r.Commits = func(com *pbft.Committee, c *pbft.Certificate, h *pbft.Header) bool {
			return c.Kind == pbft.CommittedFast || commits(com, c, h)
		}
	})
	add("highest-only", "a new view forgets bare votes", func(r *rules.Dualpath) {
		r.Supports = func(*pbft.ViewChange, pbft.BlockRef) bool { return false }
	})
	add("support-plus-one", "a new view asks for one report more than there may be", func(r *rules.Dualpath) {
		support := r.Support
		r.Support = func(com *pbft.Committee, evidence bool) int { return support(com, evidence) + 1 }
	})
	add("support-minus-one", "a new view is content with one report too few", func(r *rules.Dualpath) {
		support := r.Support
		r.Support = func(com *pbft.Committee, evidence bool) int { return max(support(com, evidence)-1, 1) }
	})
	add("commit-after-view-change", "votes to commit in a view that it gave up", func(r *rules.Dualpath) {
		r.MayCommit = func(_, _ pbft.View) bool { return true }
	})
	add("forget-certificate", "votes to commit without remembering the certificate", func(r *rules.Dualpath) {
		r.Remembers = func(*pbft.Certificate) bool { return false }
		r.Durable = func(kind pbft.RecordKind) bool { return kind != pbft.RecordCertificate }
	})
	add("vote-not-durable", "does not log its votes", func(r *rules.Dualpath) {
		r.Durable = func(kind pbft.RecordKind) bool { return kind != pbft.RecordPrepare }
	})
	unlogged := func(kinds ...pbft.RecordKind) func(*rules.Dualpath) {
		return func(r *rules.Dualpath) {
			r.Durable = func(kind pbft.RecordKind) bool { return !slices.Contains(kinds, kind) }
		}
	}
	add("proposal-not-durable", "does not log what it proposes", unlogged(pbft.RecordProposal, pbft.RecordBlock))
	add("block-not-durable", "logs neither its votes nor what they are for",
		unlogged(pbft.RecordPrepare, pbft.RecordBlock))
	all = append(all, Engine{"two-new-views", "sends a second NEW-VIEW, on another base", newTwice})
	add("view-change-not-durable", "does not log its view changes", unlogged(pbft.RecordViewChange))
	add("certificate-not-durable", "does not log the certificates that its votes rest on",
		unlogged(pbft.RecordCertificate))
	add("no-evidence-clause", "a new view ignores the evidence of an equivocation", func(r *rules.Dualpath) {
		r.Strict = func(*pbft.Committee) bool { return true }
	})
	add("few-reports", "starts a view on one report too few", func(r *rules.Dualpath) {
		reports := r.Reports
		r.Reports = func(com *pbft.Committee) int { return reports(com) - 1 }
	})
	add("tip-of-last-view", "reports the tip of the last view voted in", func(r *rules.Dualpath) {
		r.ReportsTip = func(view, newest, high pbft.View) bool { return view == newest && view == high }
	})
	add("handover-any-slot", "takes any certificate of a view for its end", func(r *rules.Dualpath) {
		r.EndsTenure = func(*pbft.Header, uint64) bool { return true }
	})
	add("strict-rule", "uses the rule for larger committees where there are fewer members", func(r *rules.Dualpath) {
		r.Strict = func(*pbft.Committee) bool { return true }
	})
	return append(all, moreDualpaths()...)
}

// moreDualpaths break what is checked of others, of clocks, and of restarts.
func moreDualpaths() []Engine {
	var all list
	add := all.dualpath
	trust := func(*pbft.Committee, *pbft.Certificate, pbft.Scheme) bool { return true }
	add("trust-blocks", "does not verify the certificates of blocks that it fetches",
		func(r *rules.Dualpath) { r.BlocksProven = trust })
	add("trust-proof", "does not verify the certificates that peers show it",
		func(r *rules.Dualpath) { r.ProofHolds = trust })
	add("trust-evidence", "does not verify the signatures of evidence", func(r *rules.Dualpath) {
		r.EvidenceHolds = func(*pbft.Committee, pbft.View, []pbft.SignedHeader, pbft.Scheme) bool { return true }
	})
	add("excluded-report", "counts the report of a primary that evidence excludes", func(r *rules.Dualpath) {
		r.Excluded = func(_, _ pbft.ReplicaID) bool { return false }
	})
	add("false-votes", "counts votes with false signatures",
		func(r *rules.Dualpath) { r.VoteCounts = func(bool) bool { return true } })
	add("tip-of-another-view", "takes reports of votes of another view",
		func(r *rules.Dualpath) { r.TipFits = func(_, _ pbft.View) bool { return true } })
	add("recall-no-view-change", "goes on where a peer remembers a lost view change",
		func(r *rules.Dualpath) { r.LostViewChange = func(_, _ pbft.View) bool { return false } })
	add("any-root", "votes for blocks whatever state they name",
		func(r *rules.Dualpath) { r.RootAgrees = func(_, _ pbft.Digest) bool { return true } })
	add("no-lower-bound", "votes for blocks of long ago",
		func(r *rules.Dualpath) { r.NotTooOld = func(bool) bool { return true } })
	add("no-upper-bound", "votes for blocks of the future",
		func(r *rules.Dualpath) { r.NotTooNew = func(_, _ uint64) bool { return true } })
	add("suspect-forever", "counts suspicions however old they are",
		func(r *rules.Dualpath) { r.SuspectCounts = func(_, _, _ uint64) bool { return true } })
	add("divergence-unnoticed", "votes on where f+1 others have other results",
		func(r *rules.Dualpath) { r.Diverged = func(_, _ int) bool { return false } })
	add("equivocation-unpunished", "does not convict a primary of two proposals", func(r *rules.Dualpath) {
		r.Convicts = func(*pbft.Committee, pbft.View, []pbft.SignedHeader) bool { return false }
	})
	add("no-commit-once-committed", "keeps back a vote to commit that others need",
		func(r *rules.Dualpath) { r.CommitHelps = func(bool) bool { return false } })
	add("no-commit-after-recall", "does not vote to commit again after a restart",
		func(r *rules.Dualpath) { r.CommitsAgain = func() bool { return false } })
	add("recall-by-time", "votes after a restart when nobody has answered for long", func(r *rules.Dualpath) {
		ends := r.RecallEnds
		r.RecallEnds = func(answered, least int, all, over bool) bool { return over || ends(answered, least, all, over) }
	})
	add("recall-no-commit", "goes on where a peer remembers a lost vote to commit",
		func(r *rules.Dualpath) { r.LostCommit = func(bool) bool { return false } })
	add("censor", "leads without ordering what clients hand in",
		func(r *rules.Dualpath) { r.Orders = orderNothing })
	add("prepare-unexpanded", "votes for a block of whose body it has the recipe alone",
		func(r *rules.Dualpath) { r.Expanded = func(bool) bool { return true } })
	add("prepare-unproven", "votes for a block whose justification it has seen no certificate of",
		func(r *rules.Dualpath) { r.Justified = func(bool) bool { return true } })
	return all
}

// newTwice makes an engine that says two things of the view that it begins.
func newTwice(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
	r, err := dualpath.New(cfg, log)
	return &twice{r, cfg}, err
}

type twice struct {
	*dualpath.Replica
	cfg pbft.Config
}

// Ready implements pbft.Engine.
func (t *twice) Ready() pbft.Ready {
	out := t.Replica.Ready()
	for _, o := range out.Messages {
		m, ok := o.Message.(*pbft.NewView)
		if !ok || t.cfg.Committee.Primary(m.View) != t.cfg.Self {
			continue
		}
		other := *m
		other.Base = m.ViewChanges[0].High
		other.Base.Seq++
		other.Signature = t.cfg.Sign(t.cfg.Committee.NewViewBytes(&other))
		out.Messages = append(out.Messages, pbft.Outgoing{To: o.To, Message: &other})
	}
	return out
}

func orderNothing([]byte, pbft.Digest) ([]byte, pbft.Digest) { return nil, pbft.Digest{} }

func originals() []Engine {
	var all list
	add := all.original
	add("forget-prepared", "reports nothing prepared when it gives a view up",
		func(r *rules.Original) { r.ReportsPrepared = func(bool) bool { return false } })
	add("null-for-prepared", "a new view drops what few report to be prepared", func(r *rules.Original) {
		r.Null = func(best pbft.View, reports, weak int) bool { return best == 0 || reports < weak }
	})
	add("commit-unprepared", "votes to commit with its first vote",
		func(r *rules.Original) { r.CommitsAtOnce = func() bool { return true } })
	add("trust-new-view", "takes the primary's word for what a new view orders",
		func(r *rules.Original) { r.Recomputes = func() bool { return false } })
	add("vote-after-view-change", "votes in a view that it gave up",
		func(r *rules.Original) { r.Active = func(_, _ pbft.View) bool { return true } })
	add("vote-not-durable", "does not log its votes", func(r *rules.Original) {
		r.Durable = func(kind pbft.RecordKind) bool { return kind != pbft.RecordPrepare }
	})
	add("certificate-not-durable", "does not log what is prepared", func(r *rules.Original) {
		r.Durable = func(kind pbft.RecordKind) bool { return kind != pbft.RecordCertificate }
	})
	add("few-reports", "starts a view on one report too few", func(r *rules.Original) {
		reports := r.Reports
		r.Reports = func(com *pbft.Committee) int { return reports(com) - 1 }
	})
	add("lowest-view", "orders again what was prepared in the lowest view",
		func(r *rules.Original) { r.Wins = func(view, best pbft.View) bool { return best == 0 || view < best } })
	add("trust-decided", "does not verify the certificates of decided blocks", func(r *rules.Original) {
		r.DecisionProven = func(*pbft.Committee, *pbft.Certificate, pbft.Scheme) bool { return true }
	})
	add("false-votes", "counts votes with false signatures",
		func(r *rules.Original) { r.VoteCounts = func(bool) bool { return true } })
	add("recall-no-view-change", "goes on where a peer remembers a lost view change",
		func(r *rules.Original) { r.LostViewChange = func(_, _ pbft.View) bool { return false } })
	add("no-lower-bound", "votes for blocks of long ago",
		func(r *rules.Original) { r.NotTooOld = func(bool) bool { return true } })
	add("no-upper-bound", "votes for blocks of the future",
		func(r *rules.Original) { r.NotTooNew = func(_, _ uint64) bool { return true } })
	add("divergence-unnoticed", "votes on where f+1 others have other results",
		func(r *rules.Original) { r.Diverged = func(bool) bool { return false } })
	add("recall-by-time", "votes after a restart when nobody has answered for long", func(r *rules.Original) {
		ends := r.RecallEnds
		r.RecallEnds = func(answered, least int, all, over bool) bool { return over || ends(answered, least, all, over) }
	})
	add("recall-no-commit", "goes on where a peer remembers a lost vote to commit",
		func(r *rules.Original) { r.LostCommit = func(bool) bool { return false } })
	add("censor", "leads without ordering what clients hand in",
		func(r *rules.Original) { r.Orders = orderNothing })
	return all
}
