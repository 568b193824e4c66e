package desim

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// tally is what a run counts.
type tally struct {
	fast, slow, ancestor     int
	committed, blocks, empty int
	diverged                 string
	kinds                    []KindCount // of the whole run, ascending
	viewChangeMessages       int64
	viewChangeBytes          int64
	lastCommit, gapNs, gapAt int64
	from, until              marks
}

// marks are counters at one moment.
type marks struct {
	kinds   []KindCount
	members []Member
}

func (t *tally) gap(now int64) {
	if t.lastCommit > 0 && now-t.lastCommit > t.gapNs {
		t.gapNs, t.gapAt = now-t.lastCommit, t.lastCommit
	}
	t.lastCommit = now
}

func (s *simulation) mark(k *marks) {
	k.kinds = append([]KindCount(nil), s.tally.kinds...)
	for _, m := range s.members {
		k.members = append(k.members, m.used)
	}
}

// between returns the counts of the measured interval.
func (t *tally) between() []KindCount {
	var out []KindCount
	for _, k := range t.until.kinds {
		for _, b := range t.from.kinds {
			if b.Kind == k.Kind {
				k.Count -= b.Count
				k.Bytes -= b.Bytes
			}
		}
		if k.Count > 0 {
			out = append(out, k)
		}
	}
	return out
}

func (m *Member) minus(o *Member) Member {
	return Member{LoopNs: m.LoopNs - o.LoopNs, ExecuteNs: m.ExecuteNs - o.ExecuteNs, VerifyNs: m.VerifyNs - o.VerifyNs,
		LinkNs: m.LinkNs - o.LinkNs, DoorNs: m.DoorNs - o.DoorNs, DiskNs: m.DiskNs - o.DiskNs, Syncs: m.Syncs - o.Syncs,
		LogBytes: m.LogBytes - o.LogBytes, EgressBytes: m.EgressBytes - o.EgressBytes,
		IngressBytes: m.IngressBytes - o.IngressBytes, Signed: m.Signed - o.Signed, Verified: m.Verified - o.Verified}
}

// result collects what the run has shown.
func (s *simulation) result() Result {
	t := &s.tally
	r := Result{Engine: s.cfg.Engine, N: s.cfg.N, F: s.cfg.F, P: s.cfg.P, Window: s.cfg.Window,
		Quorum: s.committee.Quorum(), Links: s.cfg.Links.Name, FromNs: s.fromNs, UntilNs: s.endNs,
		Offered: len(s.samples), Refused: s.refused, Committed: t.committed, Blocks: t.blocks, EmptyBlocks: t.empty,
		CommittedPerSecond: int64(t.committed) * 1000 / (s.cfg.DurationMs - s.cfg.WarmupMs),
		Fast:               t.fast, Slow: t.slow, Ancestor: t.ancestor, LargestGapNs: t.gapNs, GapAtNs: t.gapAt,
		ViewChanges: int64(s.topView) - 1, ViewChangeMessages: t.viewChangeMessages, ViewChangeBytes: t.viewChangeBytes,
		Messages: t.between(), Diverged: t.diverged, Events: s.events, TxSamples: s.samples}
	for i := range t.until.members {
		r.Members = append(r.Members, t.until.members[i].minus(&t.from.members[i]))
	}
	for i := range s.samples {
		r.Answered += count(s.samples[i].AnsweredNs != 0)
	}
	for _, x := range s.rows {
		if x.executed > 0 {
			r.BlockRows = append(r.BlockRows, x.row)
		}
	}
	if s.failed != nil {
		r.Diverged = fmt.Sprintf("the run broke off: %v", s.failed)
	}
	r.Digest = r.digest()
	return r
}

// primary returns the member that leads the highest view that one is in.
func (s *simulation) primary() *member {
	var top pbft.View
	leader := pbft.ReplicaID(0)
	for _, m := range s.members {
		if m.engine == nil {
			continue
		}
		if st := m.engine.Status(); st.View > top {
			top, leader = st.View, st.Primary
		}
	}
	return s.members[leader]
}
