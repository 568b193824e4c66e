package pbft

import "testing"

// A proposal by recipe goes with the votes if it holds none of them up: neither the copy
// for one member nor all of them together. Payload never does.
func TestLanes(t *testing.T) {
	recipe := func(bytes int) Message { return &PrePrepare{Recipe: make([]byte, bytes)} }
	bare := EncodedBytes(recipe(1)) - 1
	for _, x := range []struct {
		name    string
		m       Message
		members int
		want    Lane
	}{
		{"a vote", &Prepare{}, 4, LaneVotes},
		{"a proposal", &PrePrepare{}, 4, LaneBulk},
		{"blocks", &Blocks{}, 4, LaneBulk},
		{"a recipe", recipe(100), 4, LaneVotes},
		{"the largest recipe of a vote's lane", recipe(recipeVotesBytesMax - bare), 4, LaneVotes},
		{"a larger one", recipe(recipeVotesBytesMax - bare + 1), 4, LaneBulk},
		{"one that all copies of are small", recipe(recipeTotalBytesMax/100 - bare), 101, LaneVotes},
		{"one that all copies of are large", recipe(recipeTotalBytesMax/100 - bare + 1), 101, LaneBulk},
		{"what asks for a certificate", &Pull{}, 4, LaneVotes},
	} {
		if got := LaneOf(x.m, x.members); got != x.want {
			t.Errorf("%s of %d bytes goes over lane %d, want %d", x.name, EncodedBytes(x.m), got, x.want)
		}
	}
}
