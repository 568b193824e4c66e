package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Members that differ in their phase write pages with different blocks, and each of
// them as often as the others.
func TestMembersWritePagesInTurn(t *testing.T) {
	written := func(phase int) (heights []uint64) {
		l := openTestLedger(t, vfs.NewMem(), func(c *LedgerConfig) { c.PageBlocks, c.Phase = 8, phase })
		for h := range uint64(40) {
			page := []Write{{Key: []byte{0}, Value: fmt.Append(nil, h)}}
			mustCommit(t, l, BlockBatch{Height: h, StateRoot: [32]byte{byte(h)}, Pages: page}, false)
			if at, err := readTip(l.db, metaPages); err != nil || at == nil {
				t.Fatalf("height %d: %v, %v", h, at, err)
			} else if at.height == h {
				heights = append(heights, h)
			}
		}
		return heights
	}
	for phase, want := range [][]uint64{{0, 8, 16, 24, 32}, {0, 6, 14, 22, 30, 38}, {0, 4, 12, 20, 28, 36},
		{0, 2, 10, 18, 26, 34}, {0, 8, 16, 24, 32}} {
		if got := written(phase); !slices.Equal(got, want) {
			t.Errorf("phase %d writes pages with the blocks %d, not %d", phase, got, want)
		}
	}
}

// Tables of the same content are full at different times, and none is much smaller.
func TestMembersFillTablesInTurn(t *testing.T) {
	seen := map[uint64]bool{}
	for phase := range phases {
		size := (&LedgerConfig{Phase: phase}).memTableBytes()
		if seen[size] || size > MemTableBytesDefault || size < MemTableBytesDefault*3/4 {
			t.Errorf("phase %d has tables of %d bytes", phase, size)
		}
		seen[size] = true
	}
}
