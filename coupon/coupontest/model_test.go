package coupontest

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"testing"
)

// histories is the number of seeds that TestRandomHistories runs, SCRIP_HISTORIES if that is set.
func histories(t *testing.T, usual int) int {
	if s := os.Getenv("SCRIP_HISTORIES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("SCRIP_HISTORIES: %v", err)
		}
		return n
	}
	if testing.Short() {
		return usual / 10
	}
	return usual
}

// firstSeed is SCRIP_SEED, or 1.
func firstSeed(t *testing.T) uint64 {
	if s := os.Getenv("SCRIP_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("SCRIP_SEED: %v", err)
		}
		return n
	}
	return 1
}

// TestRandomHistories runs model and machine over random chains. SCRIP_SEED sets the first seed and SCRIP_HISTORIES
// their number.
func TestRandomHistories(t *testing.T) {
	first := firstSeed(t)
	for seed := first; seed < first+uint64(histories(t, 60)); seed++ {
		h := RandomHistory(seed, 50, true)
		if err := replay(t, h); err != nil {
			small := shrink(t, h)
			t.Fatalf("seed %d: %v\nsmallest:\n%s%v", seed, err, describe(small), replay(t, small))
		}
	}
}

// TestSeedsReplay makes a history and a workload twice each: a seed is all that is needed to see a failure again.
func TestSeedsReplay(t *testing.T) {
	all := func() (list [][]byte) {
		for _, b := range RandomHistory(11, 30, true).Blocks {
			list = append(append(list, le64(nil, b.TimeMs)), b.Txs...)
		}
		g := NewGenerator(workWorld(true), DailyWorkload(), 3, start)
		list = append(list, g.Setup()...)
		for range 200 {
			list = append(list, g.Next(start))
		}
		return list
	}
	first, second := all(), all()
	if len(first) < 300 || !slices.EqualFunc(first, second, bytes.Equal) {
		t.Errorf("%d and %d pieces differ", len(first), len(second))
	}
}
