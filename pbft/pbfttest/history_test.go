package pbfttest_test

import (
	"flag"
	"testing"

	"github.com/scrip-network/scrip/internal/broken"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/pbfttest"
)

var historySeeds = flag.Uint64("sim.histories", 40, "how many random histories of logs are played")

func history(fast int) pbfttest.StageOptions {
	return pbfttest.StageOptions{New: newEngine, Shape: pbfttest.Shape{Members: 4, Faults: 1, FastFaults: fast},
		Parameters: pbft.Parameters{Window: 2, Tenure: 12}}
}

// Whatever becomes of power, messages and logs, and whatever others forget: an older log
// never votes, and nobody else is ever silenced or stuck.
func TestAnOlderLogNeverVotes(t *testing.T) {
	if testing.Short() {
		*historySeeds = min(*historySeeds, 8)
	}
	restored := 0
	for seed := uint64(1); seed <= *historySeeds; seed++ {
		wrong, back, err := pbfttest.PlayHistory(seed, historySteps, history(int(seed%2)))
		if err != nil {
			t.Fatal(err)
		}
		if back {
			restored++
		}
		for _, w := range wrong {
			t.Errorf("seed %d: %s", seed, w)
		}
	}
	if t.Logf("%d of %d histories with an older log", restored, *historySeeds); restored < int(*historySeeds/4) {
		t.Errorf("only %d", restored)
	}
}

const historySteps = 120

// Each broken guard is found by random histories, and the guard that ships passes the one
// that finds it.
func TestHistoriesCatchBrokenGuards(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(o *pbfttest.StageOptions)
		within uint64
	}{
		{"recall-by-time", func(o *pbfttest.StageOptions) { o.New = broken.Dualpath("recall-by-time") }, 200},
		{"no-marks", func(o *pbfttest.StageOptions) { o.Driver = broken.Driver("no-marks") }, 200},
		{"frames-after-boot", func(o *pbfttest.StageOptions) { o.Driver = broken.Driver("frames-after-boot") }, 200},
		{"rename-counts", func(o *pbfttest.StageOptions) { o.RenameCounts = true }, 200},
	} {
		found := uint64(0)
		for seed := uint64(1); found == 0 && seed <= x.within; seed++ {
			o := history(0)
			x.change(&o)
			wrong, _, err := pbfttest.PlayHistory(seed, historySteps, o)
			if err != nil {
				t.Fatal(err)
			}
			if len(wrong) > 0 {
				found = seed
				t.Logf("%s: seed %d: %s", x.name, seed, wrong[0])
			}
		}
		if found == 0 {
			t.Errorf("%s goes unnoticed in %d histories", x.name, x.within)
			continue
		}
		if wrong, _, err := pbfttest.PlayHistory(found, historySteps, history(0)); err != nil || len(wrong) > 0 {
			t.Errorf("%s: the guard that ships fails too: %v, %v", x.name, wrong, err)
		}
	}
}

// A log that lacks a frame is found out, also if starts without a vote have added as many.
// A guard that counts those takes it for whole in some of these plays.
func TestSilentStartsDoNotHideALoss(t *testing.T) {
	fooled := 0
	for blocks := range 8 {
		if got, err := pbfttest.PlaySilentStarts(blocks, history(0)); err != nil || got != pbft.Amnesic {
			t.Errorf("%d blocks: %v, %v", blocks, got, err)
		}
		o := history(0)
		o.Driver = broken.Driver("silent-frames")
		if got, err := pbfttest.PlaySilentStarts(blocks, o); err == nil && got == pbft.Voting {
			fooled++
		}
	}
	if t.Logf("%d of 8", fooled); fooled == 0 {
		t.Error("a guard that counts silent starts goes unnoticed")
	}
}
