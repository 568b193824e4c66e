package driver_test

import (
	"errors"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
)

// What this member has proposed fills its line until it is committed; what it passes on
// of others does not count.
func TestOwnProposalsFillTheLine(t *testing.T) {
	for proposer, held := range map[pbft.ReplicaID]bool{1: true, 0: false} {
		m := &pbft.PrePrepare{}
		m.Header = pbft.Header{View: 1, Seq: 1, Proposer: proposer, PayloadBytes: 8000}
		e := &engine{status: pbft.EngineStatus{View: 1, InFlight: 1},
			ready: []pbft.Ready{{Messages: []pbft.Outgoing{{To: pbft.Everyone, Message: m}}}}}
		cfg := config(t, e, &kept{}, &waiting{free: 20})
		cfg.Batching.LineMbit = 1 // 8,333 bytes to each of three in flight
		d, err := driver.New(cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		next(t, d, 0)
		d.Done(driver.Time{})
		e.hint = pbft.ProposeIfPending
		if next(t, d, 100*ms); (len(e.proposed) == 0) != held {
			t.Errorf("beside a block of %d on the line: %d proposed", proposer, len(e.proposed))
		}
		e.status.Committed.Seq = 1
		next(t, d, 101*ms)
		if next(t, d, 102*ms); len(e.proposed) == 0 {
			t.Errorf("after the block of %d is committed nothing is proposed", proposer)
		}
	}
}

// A log that cannot be replaced, since a block of the store cannot be read, stops the member.
func TestALogThatCannotBeReplacedStopsTheMember(t *testing.T) {
	s := &kept{height: 8}
	d := drive(t, &engine{}, s, &waiting{})
	d.Logged(logBytesMax, 0)
	if w := next(t, d, 0); !w.Sync {
		t.Fatalf("%+v", w)
	}
	s.err = errors.New("broken")
	d.Synced(5)
	if _, err := d.Next(driver.Time{}); !errors.Is(err, s.err) {
		t.Errorf("the error is %v", err)
	}
}

// Who has nothing to propose though one is due waits for an event, not for a clock.
func TestWhatCannotBeProposedWakesNobody(t *testing.T) {
	for _, p := range []*waiting{{free: 1, closed: true}, {free: 1, gone: true}, {}} {
		d := drive(t, &engine{hint: pbft.ProposeIfPending}, &kept{}, p)
		if w := next(t, d, ms); !w.Idle() || w.WakeNs != 0 {
			t.Errorf("%+v: %+v", p, w)
		}
	}
}

// A Work is done once: the engine does not go on twice for it.
func TestAWorkIsDoneOnce(t *testing.T) {
	e := &engine{ready: []pbft.Ready{{Messages: make([]pbft.Outgoing, 1)}}}
	d := drive(t, e, &kept{}, &waiting{})
	next(t, d, 0)
	d.Done(driver.Time{})
	if d.Done(driver.Time{}); e.advanced != 1 {
		t.Errorf("the engine went on %d times", e.advanced)
	}
}

// However long a chain is, a member that has executed all of it proposes.
func TestOnlyWhatIsNotExecutedIsABacklog(t *testing.T) {
	e := &engine{hint: pbft.ProposeIfPending}
	d := drive(t, e, &kept{height: 10 * driver.BacklogStop}, &waiting{free: 1})
	if next(t, d, ms); len(e.proposed) != 1 {
		t.Errorf("%d proposed", len(e.proposed))
	}
}
