package validator

import "testing"

// What the API may open leaves the node descriptors for its files, however few there
// are.
func TestConnectionsLeaveDescriptorsForFiles(t *testing.T) {
	for _, x := range []struct {
		set     int
		limit   uint64
		want    int
		isShort bool
	}{
		{0, 0, 2048, false}, {0, 4096, 2048, false}, {0, 65536, 2048, false}, {10000, 65536, 10000, false},
		{10000, 4096, 4096 - 768 - 16, true}, {0, 1024, 256, true}, {0, 256, 64, true}, {100, 1024, 100, false},
		{0, 2048 + 768 + 16, 2048, false}, {0, 2048 + 768 + 15, 2047, true},
	} {
		got := connectionsOf(x.set, 4, x.limit)
		if got.Max != x.want || (got.Few() != "") != x.isShort {
			t.Errorf("%d set, %d descriptors: %+v %q", x.set, x.limit, got, got.Few())
		}
	}
	if c := defaults().Connections(4); c.Max < 1 {
		t.Errorf("here: %+v", c)
	}
}
