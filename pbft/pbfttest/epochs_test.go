package pbfttest

import (
	"flag"
	"testing"

	"github.com/scrip-network/scrip/internal/broken"
)

var epochSeeds = flag.Int("epochs", 6, "how many seeds of chains with changing members are played")

// A chain goes over four changes of its members, whatever is lost and whoever crashes, and
// some of its epochs end by a closing block. Seed 37 found that blocks of an epoch may be
// logged behind its end, which the next epoch took for its own; 1043 that nobody gave blocks to
// who was behind by more than one epoch.
func TestEpochs(t *testing.T) {
	seeds := []uint64{7, 18, 37, 1043}
	for seed := range uint64(*epochSeeds) {
		seeds = append(seeds, 1000+seed)
	}
	closings, crashes := 0, 0
	for _, seed := range seeds {
		r := RunEpochs(EpochOptions{Seed: seed})
		if r.Violation != "" {
			t.Error(r.Violation)
		}
		closings, crashes = closings+r.Closings, crashes+r.Crashes
	}
	if closings == 0 || crashes == 0 {
		t.Errorf("%d ends by closing blocks, %d crashes", closings, crashes)
	}
}

// A machine that crashes at any point between the staging of a set and the first blocks of
// the next epoch, before a frame is synced or between two messages, goes on from its disk.
func TestCrashAtEveryPointOfABorder(t *testing.T) {
	const seed = 3
	points := RunEpochs(EpochOptions{Seed: seed, CrashAt: 1 << 30}).Points
	if points < 50 {
		t.Fatalf("%d points only", points)
	}
	step := 1
	if testing.Short() || !*everyPoint {
		step = points / 20
	}
	for at := 1; at <= points; at += step {
		if r := RunEpochs(EpochOptions{Seed: seed, CrashAt: at}); r.Violation != "" || r.Crashes == 0 {
			t.Errorf("at point %d of %d, %d crashes: %s", at, points, r.Crashes, r.Violation)
		}
	}
}

var everyPoint = flag.Bool("epochpoints", false, "crash at every point of a border, not at some")

// Members with one rule of the border broken, and a seed that shows each: two histories, a
// key that says two things, a member that does not start, or a chain that stands still. What
// only a liar can use is found by the tests of the clauses in pbft/dualpath: an end by a
// prepared certificate or an unarmed boundary, inherited blocks of a false form, and a
// justification of the epoch before.
func TestBrokenBordersAreFound(t *testing.T) {
	seeds := map[string]uint64{"open-above": 0, "stands-on-closing": 1, "signs-on": 0, "votes-lost": 0, "own-view": 0,
		"next-quorum": 0}
	for _, b := range broken.Borders() {
		r := RunEpochs(EpochOptions{Seed: seeds[b.Name], New: b.New, Member: b.Member})
		if r.Violation == "" {
			t.Errorf("%s (%s): nothing is found with seed %d", b.Name, b.What, seeds[b.Name])
		}
		t.Logf("%s: %.120s", b.Name, r.Violation)
	}
}
