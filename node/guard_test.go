package node

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// durableRecords are what the log of a member would hold after a power cut.
func (m *member) durableRecords() (all []pbft.Record, frames uint64) {
	m.c.t.Helper()
	id := store.LogID{Chain: testChain, Key: m.c.keys[m.id].Public()}
	log, err := store.OpenLog(m.fs.(*store.Mem).Crash(store.CrashClean, 1), m.path("log"), id)
	if err != nil {
		m.c.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	err = log.Frames(func(frame []byte) error {
		rs, err := pbft.DecodeRecords(frame)
		all = append(all, rs...)
		return err
	})
	if err != nil {
		m.c.t.Fatal(err)
	}
	return all, log.LastFrame()
}

// marked returns the frames of the greatest mark of a key in the log of a member.
func (m *member) marked(key pbft.PublicKey) (frames uint64) {
	records, _ := m.durableRecords()
	for i := range records {
		if x := records[i].Mark; x != nil && x.Key == key {
			frames = max(frames, x.Mark.Frames)
		}
	}
	return frames
}

// A log is put back from a copy, and everybody starts anew at once. Its member is amnesic,
// says so, and is so at the next start too; the others go on without it.
func TestARestoredLogNeverVotes(t *testing.T) {
	c := makeCluster(t, options{size: 4, crashable: true})
	c.startAll()
	if _, err := c.members[0].submit("before", Executed); err != nil {
		t.Fatal(err)
	}
	victim := c.members[3]
	c.wait("the first mark", func() bool { return c.members[0].marked(c.keys[3].Public()) > 0 })
	file := filepath.Join(victim.path("log"), "consensus.log")
	copied, err := victim.fs.(*store.Mem).ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, frames := victim.durableRecords()
	others := func(condition func(m *member) bool) bool {
		for _, m := range c.members[:3] {
			if !condition(m) {
				return false
			}
		}
		return true
	}
	texts := 0
	c.wait("marks beyond the copy", func() bool {
		texts++
		if _, err := c.members[0].submit(fmt.Sprint("meanwhile ", texts), Executed); err != nil {
			t.Fatal(err)
		}
		return others(func(m *member) bool { return m.marked(c.keys[3].Public()) > frames+1 })
	})
	c.stopAll()
	victim.fs.(*store.Mem).WriteFile(file, copied)
	is := func(m *member, want pbft.Condition) bool { return m.node.Status().Engine.Condition == want }
	for _, m := range c.members {
		m.start()
	}
	c.wait("amnesia", func() bool { return is(victim, pbft.Amnesic) })
	c.wait("votes of the others", func() bool { return others(func(m *member) bool { return is(m, pbft.Voting) }) })
	if _, err := c.members[0].submit("after", Executed); err != nil {
		t.Fatal(err)
	}
	if err := victim.stop(); err != nil {
		t.Fatal(err)
	}
	if victim.start(); !is(victim, pbft.Amnesic) || victim.node.Status().Ready {
		t.Errorf("at its next start it is %v", victim.node.Status().Engine.Condition)
	}
}
