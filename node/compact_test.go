package node

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// A compaction that cannot begin, because no descriptor is left, ends no node: the
// log goes on, and is compacted later.
func TestACompactionThatCannotBeginIsTriedLater(t *testing.T) {
	c := makeCluster(t, options{size: 4, crashable: true})
	m := c.members[0]
	m.start()
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	disk, l := m.fs.(*store.Mem), m.node.loop
	disk.FailAt(disk.Ops(), syscall.EMFILE) // to remove what a crash has left
	l.driver.Synced(0)
	if err := l.turn(); err != nil {
		t.Fatalf("a compaction that did not begin ends the node: %v", err)
	}
	if n := counterOf(m.node.metrics.compactions); n != 0 {
		t.Errorf("%v compactions", n)
	}
	before := m.log.LastFrame()
	l.driver.Synced(0)
	if err := l.turn(); err != nil || m.log.LastFrame() != before+1 || counterOf(m.node.metrics.compactions) != 1 {
		t.Errorf("compacted later: %v", err)
	}
}

// fatEngine has more to keep than a frame of the log can hold.
type fatEngine struct {
	pbft.Engine
	durable []pbft.Record
}

func (e *fatEngine) Durable() []pbft.Record { return e.durable }

// A replica whose durable state is beyond one frame compacts its log all the same:
// every record is there afterwards.
func TestAStateBeyondOneFrameIsCompacted(t *testing.T) {
	e := &fatEngine{}
	c := makeCluster(t, options{size: 4, configure: func(cfg *Config) {
		build := cfg.NewEngine
		cfg.NewEngine = func(cfg pbft.Config, log []pbft.Record) (pbft.Engine, error) {
			real, err := build(cfg, log)
			e.Engine = real
			return e, err
		}
	}})
	m := c.members[0]
	m.start()
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		e.durable = append(e.durable, pbft.Record{Kind: pbft.RecordBlock, Block: &pbft.Block{
			SignedHeader: pbft.SignedHeader{Header: pbft.Header{PayloadBytes: 8 << 20}},
			Payload:      bytes.Repeat([]byte{byte(i)}, 8<<20)}})
	}
	m.node.loop.driver.Synced(0)
	if err := m.node.loop.turn(); err != nil {
		t.Fatal(err)
	}
	records, err := m.node.records()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) == 0 || records[0].Kind != pbft.RecordBoot {
		t.Fatalf("the log does not begin with its start: %d records", len(records))
	}
	var got []string
	for _, r := range records[1:] {
		got = append(got, fmt.Sprint(r.Kind, r.Block.Payload[0], len(r.Block.Payload)))
	}
	var want []string
	for i := range 9 {
		want = append(want, fmt.Sprint(pbft.RecordBlock, i, 8<<20))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the log holds %v, want %v", got, want)
	}
}
