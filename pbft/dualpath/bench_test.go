package dualpath

import "testing"

// A block's way through four replicas that vote at once, with signatures that cost next to nothing.
func BenchmarkBlock(b *testing.B) {
	c := newClusterOf(&testing.T{}, 4, 1, 1, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if !c.propose("x") {
			b.Fatal("no proposal")
		}
	}
}
