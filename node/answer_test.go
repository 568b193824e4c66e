package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// wrongMachine executes otherwise than the others from a height on.
type wrongMachine struct {
	StateMachine
	from uint64
}

func (m wrongMachine) Execute(b Batch) (Result, error) {
	r, err := m.StateMachine.Execute(b)
	if b.Height >= m.from {
		r.StateRoot[0] ^= 1
	}
	return r, err
}

// silent checks that a node answers nothing, for one reason.
func silent(t *testing.T, n *Node, reason error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, view := n.View()
	_, block := n.Block(0)
	_, _, lookup := n.Lookup([32]byte{1})
	_, wait := n.Wait(ctx, [32]byte{1}, Executed)
	_, submit := n.Submit(ctx, newHashTx(clientKey, nowMs()+60_000, "silent"), nil)
	outcomes := make(chan Submitted, 1)
	n.SubmitAll(ctx, [][]byte{newHashTx(clientKey, nowMs()+60_000, "silent")}, nil, outcomes)
	_, subscribe := n.Subscribe(store.EventID{})
	for what, err := range map[string]error{"View": view, "Block": block, "Lookup": lookup, "Wait": wait, "Submit": submit,
		"SubmitAll": (<-outcomes).Err, "Subscribe": subscribe} {
		if !errors.Is(err, reason) && !errors.Is(err, ErrStopped) {
			t.Errorf("%s: %v, want %v", what, err, reason)
		}
	}
	if !errors.Is(view, reason) {
		t.Errorf("it answers rows: %v", view)
	}
}

// A member whose execution differs from that of f+1 others ends and answers nothing
// more, and the others go on.
func TestADivergedNodeAnswersNothing(t *testing.T) {
	c := newCluster(t, func(cfg *Config) {
		if cfg.Self == 2 {
			cfg.Machine = wrongMachine{cfg.Machine, 3}
		}
	})
	c.startAll()
	c.members[0].mustSubmit("before", 10)
	wrong := c.members[2]
	if err := wrong.end(); !errors.Is(err, ErrDiverged) {
		t.Fatalf("it ended with %v", err)
	}
	if s := wrong.node.Status(); s.Condition != pbft.Diverged.String() || s.Live || s.Ready || s.Reason == "" {
		t.Errorf("its status is %+v", s)
	}
	silent(t, wrong.node, ErrDiverged)
	last := c.members[1].mustSubmit("after", 3)
	c.agree(last.Height, 0, 1, 3)
	// Made anew from the others' blocks, by a machine that is right.
	if err := os.RemoveAll(wrong.path("ledger")); err != nil {
		t.Fatal(err)
	}
	c.configure = nil
	wrong.start()
	c.agree(last.Height, 0, 1, 2, 3)
	c.wait("it votes again", func() bool { return wrong.node.Status().Ready })
}

// A node below a height that it had executed answers nothing.
func TestANodeBelowItsFloorAnswersNothing(t *testing.T) {
	n := &Node{floor: 5, hub: newHub(4, 1), stages: &stages{}}
	n.engine.Store(&pbft.EngineStatus{})
	silent(t, n, ErrRestoring)
	n.hub = newHub(5, 1)
	if err := n.mayAnswer(); err != nil {
		t.Errorf("at its floor: %v", err)
	}
}

// A member whose ledger is gone answers at no height below that at which its own log
// says that it stood, from the first moment on.
func TestALostLedgerIsMadeAgainBeforeItIsAnswered(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	last := c.members[0].mustSubmit("before", 10)
	c.agree(last.Height, 0, 1, 2, 3)
	c.stopAll()
	m := c.members[1]
	if err := os.RemoveAll(m.path("ledger")); err != nil {
		t.Fatal(err)
	}
	c.startAll()
	c.wait("it answers", func() bool {
		v, err := m.node.View()
		if err != nil {
			return false
		}
		defer func() { _ = v.Close() }()
		if height, _ := v.Height(); height < last.Height {
			t.Errorf("it answers at height %d, it had executed %d", height, last.Height)
		}
		return true
	})
	m.mustSubmit("after", 2)
}

// What a log proves to have been executed is the highest commit or stable checkpoint,
// and of a certificate what lies a window below.
func TestTheFloorIsWhatTheLogProves(t *testing.T) {
	certificate := func(seq pbft.Seq) *pbft.Certificate {
		return &pbft.Certificate{Block: pbft.BlockRef{Seq: seq}}
	}
	for _, x := range []struct {
		records []pbft.Record
		want    uint64
	}{
		{nil, 0},
		{[]pbft.Record{{Kind: pbft.RecordCommit, Certificate: certificate(7)}}, 7},
		{[]pbft.Record{{Kind: pbft.RecordCertificate, Certificate: certificate(40)}}, 8},
		{[]pbft.Record{{Kind: pbft.RecordCertificate, Certificate: certificate(7)}}, 0},
		{[]pbft.Record{{Kind: pbft.RecordStable, Checkpoint: &pbft.CheckpointCertificate{Seq: 9}}}, 9},
		{[]pbft.Record{{Kind: pbft.RecordCommit, Certificate: certificate(9)},
			{Kind: pbft.RecordCertificate, Certificate: certificate(12)}}, 9},
	} {
		if got := floorOf(x.records, 32); got != x.want {
			t.Errorf("the floor of %+v is %d, want %d", x.records, got, x.want)
		}
	}
}

// A ledger that fails in the background ends the node with its reason.
func TestADamagedLedgerEndsTheNode(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	c.members[0].mustSubmit("before", 3)
	m := c.members[2]
	if err := m.ledger.Close(); err != nil { // fails whoever uses it
		t.Fatal(err)
	}
	if err := m.end(); !errors.Is(err, store.ErrPoisoned) {
		t.Errorf("it ended with %v", err)
	}
	if s := m.node.Status(); s.Ready || s.Condition != "stopped" {
		t.Errorf("its status is %+v", s)
	}
}

// rotten is a disk that gives a table with another byte when it is read from its
// beginning, and right blocks to whoever wants some.
type rotten struct{ vfs.FS }

func (r rotten) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := r.FS.Open(name, o...)
	if err != nil || !strings.HasSuffix(name, ".sst") {
		return f, err
	}
	return rottenFile{f}, nil
}

type rottenFile struct{ vfs.File }

func (f rottenFile) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	if n > 0 {
		b[0] ^= 1
	}
	return n, err
}

// tables returns the tables of the member's ledger.
func (m *member) tables() []string {
	m.c.t.Helper()
	all, err := filepath.Glob(filepath.Join(m.path("ledger"), "*.sst"))
	if err != nil {
		m.c.t.Fatal(err)
	}
	return all
}

// A table of a large ledger that is not what it was is found while the node runs,
// though nobody asks for what it holds, and ends it with the reason.
func TestADamagedOldTableEndsTheNode(t *testing.T) {
	c := newCluster(t, nil)
	c.startAll()
	m := c.members[2]
	c.agree(m.mustSubmit("before", 3).Height, 0, 1, 2, 3)
	m.openBytes = 1
	// Each start adds a table. Once they are merged into one, the next start leaves that.
	for merged := false; !merged; {
		c.agree(m.mustSubmit("as before", 1).Height, 0, 1, 2, 3)
		if err := m.stop(); err != nil {
			t.Fatal(err)
		}
		before := m.tables()
		m.start()
		if merged = len(before) > 1; !merged {
			continue
		}
		c.wait("one table is left", func() bool { return len(m.tables()) == 1 })
	}
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	m.ledgerFS = rotten{vfs.Default}
	m.start()
	c.wait("the node ends", func() bool { return m.node.Status().Condition == "damaged" })
	if err := m.end(); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), ".sst is not what it was") {
		t.Errorf("it ended with %v", err)
	}
}
