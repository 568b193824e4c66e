package original_test

import (
	"testing"

	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

// stage opens a cluster of four in which nothing happens by itself. Checkpoints are
// of every fourth height.
func stage(t *testing.T, byzantine ...pbft.ReplicaID) *pbfttest.Stage {
	t.Helper()
	return stageOf(t, newEngine, byzantine...)
}

func stageOf(t *testing.T, engine pbfttest.Factory, byzantine ...pbft.ReplicaID) *pbfttest.Stage {
	t.Helper()
	s, err := pbfttest.NewStage(pbfttest.StageOptions{New: engine, Shape: pbfttest.Shape{Members: 4, Faults: 1},
		Byzantine: byzantine, Rules: []string{"agreement"}, Recall: true,
		Parameters: pbft.Parameters{Protocol: pbft.Original, Window: 4, CheckpointInterval: 4}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deliver delivers what is there of some kinds, one kind after the other.
func deliver(s *pbfttest.Stage, kinds ...pbft.Kind) {
	for _, k := range kinds {
		s.Deliver(pbfttest.OfKind(k))
	}
}

// order lets r0 propose blocks that all members hear of up to a kind of message.
func order(s *pbfttest.Stage, blocks int, kinds ...pbft.Kind) {
	for range blocks {
		s.Propose(0, "x")
		deliver(s, kinds...)
	}
}

// loseFrom crashes a replica and cuts its log off before a record.
func loseFrom(t *testing.T, s *pbfttest.Stage, id pbft.ReplicaID, is func(*pbft.Record) bool) {
	t.Helper()
	s.Crash(id)
	log := s.Log(id)
	for i := len(log) - 1; i >= 0; i-- {
		if is(&log[i]) {
			s.SetLog(id, log[:i:i])
			return
		}
	}
	t.Fatalf("no such record among %d of r%d", len(log), id)
}

func ofKind(k pbft.RecordKind) func(*pbft.Record) bool {
	return func(x *pbft.Record) bool { return x.Kind == k }
}

// recall restarts a replica and lets everybody answer.
func recall(s *pbfttest.Stage, id pbft.ReplicaID) pbft.Condition {
	s.Drop(pbfttest.All)
	s.Restart(id)
	deliver(s, pbft.KindRecall, pbft.KindRecollection)
	return s.Engine(id).Status().Condition
}

// Whatever the last frame held that others have heard of, a log without it makes
// the replica amnesic: of any sequence number, for each is voted on by itself.
// What promises nothing may be lost.
func TestEveryLostLastFrameIsNoticed(t *testing.T) {
	all := []pbft.Kind{pbft.KindPrePrepare, pbft.KindPrepare, pbft.KindCommit, pbft.KindCheckpoint}
	for _, x := range []struct {
		name string
		by   pbft.ReplicaID
		lost func(*pbft.Record) bool
		play func(s *pbfttest.Stage)
		// restarted members have only their logs to answer from.
		restarted []pbft.ReplicaID
		want      pbft.Condition
	}{
		{name: "nothing", by: 3, play: func(s *pbfttest.Stage) { order(s, 6, all...) }},
		{name: "PREPARE", by: 3, lost: ofKind(pbft.RecordPrepare), want: pbft.Amnesic,
			play: func(s *pbfttest.Stage) { order(s, 1, all[:2]...) }},
		{name: "PREPARE of a lower number", by: 3, want: pbft.Amnesic,
			lost: func(x *pbft.Record) bool { return x.Kind == pbft.RecordPrepare && x.Prepare.Block.Seq == 1 },
			play: func(s *pbfttest.Stage) {
				s.Propose(0, "one")
				first := held(s, pbfttest.To(3))
				s.Drop(pbfttest.To(3))
				s.Propose(0, "two")
				deliver(s, all[:2]...)
				s.Send(0, first, 3)
				deliver(s, all[:2]...)
			}},
		{name: "certificate", by: 3, lost: ofKind(pbft.RecordCertificate), want: pbft.Amnesic,
			play: func(s *pbfttest.Stage) { order(s, 1, all[:3]...) }},
		{name: "certificate, in commit certificates only", by: 3, lost: ofKind(pbft.RecordCertificate),
			want: pbft.Amnesic, restarted: []pbft.ReplicaID{0, 1, 2},
			play: func(s *pbfttest.Stage) {
				s.Propose(0, "one")
				deliver(s, all[:2]...)
				s.Drop(pbfttest.Both(pbfttest.From(0), pbfttest.To(1)))
				deliver(s, pbft.KindCommit)
			}},
		{name: "certificate, COMMIT not heard", by: 3, lost: ofKind(pbft.RecordCertificate),
			play: func(s *pbfttest.Stage) { order(s, 1, all[:2]...) }},
		{name: "proposal with its block", by: 0, lost: ofKind(pbft.RecordBlock), want: pbft.Amnesic,
			play: func(s *pbfttest.Stage) { order(s, 1, all[0]) }},
		{name: "proposal, not its block", by: 0, lost: ofKind(pbft.RecordProposal),
			play: func(s *pbfttest.Stage) { order(s, 1, all[0]) }},
		{name: "VIEW-CHANGE", by: 3, lost: ofKind(pbft.RecordSlotViewChange), want: pbft.Amnesic,
			play: leaveView1},
		{name: "stable checkpoint", by: 3, lost: ofKind(pbft.RecordStable),
			play: func(s *pbfttest.Stage) { order(s, 4, all...) }},
	} {
		s := stage(t)
		x.play(s)
		if x.lost == nil {
			s.Crash(x.by)
		} else {
			loseFrom(t, s, x.by, x.lost)
		}
		for _, id := range x.restarted {
			s.Crash(id)
			recall(s, id)
		}
		if c := recall(s, x.by); c != x.want {
			t.Errorf("lost %s: r%d is %v, want %v", x.name, x.by, c, x.want)
		}
		for _, v := range s.Violations() {
			t.Errorf("lost %s: %v", x.name, v)
		}
	}
}

// held returns the first message on its way that matches.
func held(s *pbfttest.Stage, match pbfttest.Match) pbft.Message {
	for _, l := range s.Letters() {
		if match(&l) && l.Message.Kind() == pbft.KindPrePrepare {
			return l.Message
		}
	}
	return nil
}

// x commits at r3 with the COMMITs of r1 and of the liar. r1's log then loses the
// frame with its certificate, and r2, which has nothing but r1's COMMIT, says so:
// else view 2 would order something else.
func TestALostCertificateDoesNotDivide(t *testing.T) {
	s := stage(t, 0)
	m := s.Block(1, s.Genesis(), s.Genesis(), "x", nil)
	b := s.Committee().Ref(&m.Header)
	s.Send(0, m, 1, 3)
	deliver(s, pbft.KindPrePrepare)
	s.Send(0, s.Prepare(0, b), 1, 3)
	s.Deliver(pbfttest.Both(pbfttest.OfKind(pbft.KindPrepare), pbfttest.To(1, 3)))
	s.Send(0, s.Commit(0, b), 3)
	deliver(s, pbft.KindCommit)
	if s.BlockAt(3, 1) != b {
		t.Fatalf("r3 has %v, want %v", s.BlockAt(3, 1), b)
	}
	s.Crash(3)
	loseFrom(t, s, 1, ofKind(pbft.RecordCertificate))
	s.Drop(pbfttest.All)
	s.Restart(1)
	for _, l := range s.Letters() {
		if q, ok := l.Message.(*pbft.Recall); ok {
			s.Send(0, &pbft.Recollection{Nonce: q.Nonce}, 1)
			break
		}
	}
	deliver(s, pbft.KindRecollection, pbft.KindRecall, pbft.KindRecollection)
	if c := s.Engine(1).Status().Condition; c != pbft.Amnesic {
		t.Errorf("r1 lost what its COMMIT rests on and is %v", c)
	}
	for range 300 {
		s.Tick(1, 1, 2)
		for _, l := range s.Letters() {
			if v, ok := l.Message.(*pbft.SlotViewChange); ok && l.From == 1 && v.View == 2 {
				s.Send(0, s.SlotViewChange(0, 2), 1, 2)
			}
		}
		s.Settle(pbfttest.Among(0, 1, 2))
		s.Propose(1, "y")
		for _, l := range s.Letters() {
			if p, ok := l.Message.(*pbft.Prepare); ok && l.From == 1 && p.Block.View == 2 {
				s.Send(0, s.Prepare(0, p.Block), 1, 2)
				s.Send(0, s.Commit(0, p.Block), 1, 2)
			}
		}
		s.Settle(pbfttest.Among(0, 1, 2))
	}
	for _, v := range s.Violations() {
		t.Error(v)
	}
}

// Random faults seldom make others hear what a log then loses. Without the rule about
// COMMITs or VIEW-CHANGEs, a replica that lost one votes on.
func TestPlaysCatchMutants(t *testing.T) {
	for _, x := range []struct {
		name   string
		lost   pbft.RecordKind
		mutant string
		play   func(s *pbfttest.Stage)
	}{
		{"COMMIT", pbft.RecordCertificate, "recall-no-commit", func(s *pbfttest.Stage) {
			order(s, 1, pbft.KindPrePrepare, pbft.KindPrepare, pbft.KindCommit)
		}},
		{"VIEW-CHANGE", pbft.RecordSlotViewChange, "recall-no-view-change", leaveView1},
	} {
		for _, e := range []struct {
			engine pbfttest.Factory
			want   pbft.Condition
		}{{newEngine, pbft.Amnesic}, {broken.Original(x.mutant), pbft.Voting}} {
			s := stageOf(t, e.engine)
			x.play(s)
			loseFrom(t, s, 3, ofKind(x.lost))
			if got := recall(s, 3); got != e.want {
				t.Errorf("%s lost: r3 is %v, want %v", x.name, got, e.want)
			}
		}
	}
}

// leaveView1 lets r1 to r3 go to view 2.
func leaveView1(s *pbfttest.Stage) {
	for range 400 {
		if s.Tick(1, 1, 2, 3); s.Engine(3).Status().View == 2 {
			return
		}
		s.Settle(pbfttest.Among(1, 2, 3))
	}
}
