package node_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/scrip-network/scrip/coupon/coupontest"
	"github.com/scrip-network/scrip/node"
)

// kept is what a ledger keeps on its disk: tables and segments. Opening makes tables of the
// write-ahead log, and closing waits until they are whole.
func (s *scribe) kept() (bytes int64) {
	s.t.Helper()
	for range 2 {
		if err := s.ledger.Close(); err != nil {
			s.t.Fatal(err)
		}
		s.ledger, s.machine = openFor(s.t, s.world, s.disk, node.NewPacker(s.committee))
	}
	names, err := s.disk.List("ledger")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".seg") {
			info, err := s.disk.Stat("ledger/" + name)
			if err != nil {
				s.t.Fatal(err)
			}
			bytes += info.Size()
		}
	}
	return bytes
}

// A day on which nobody buys, a block each second, adds less than 20 MB to the ledger of
// one of four members, and each of its blocks can still be proved and executed again.
func TestAnIdleDayIsSmall(t *testing.T) {
	const before, blocks, dayBlocks, dayBytes = 300, 2_000, 86_400, 20_000_000
	s := newScribe(t, coupontest.RandomHistory(1, 1, false).World)
	idle := func(n int) {
		for range n {
			s.block(s.parent.Header.TimeMs+1000, nil, forgery{})
		}
	}
	idle(before)
	first := s.kept()
	idle(blocks)
	each := float64(s.kept()-first) / blocks
	t.Logf("%.0f bytes for each block, %.1f MB a day", each, each*dayBlocks/1e6)
	if each*dayBlocks > dayBytes {
		t.Errorf("%.0f bytes for each block", each)
	}
	found, err := s.replay()
	if err = errors.Join(err, s.ledger.Err()); err != nil {
		t.Fatal(err)
	}
	if found.Checkpoints != before+blocks || found.Height != before+blocks || found.Certified != found.Height {
		t.Errorf("%+v", found)
	}
}
