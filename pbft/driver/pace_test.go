package driver

import (
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

const msNs = int64(1_000_000)

// The distance is that of the nearest quorum, by the least round trips of the last
// seconds: what is slow for a while does not count, and what is old does not either.
func TestTheDistanceIsOfTheNearestQuorum(t *testing.T) {
	d := newDistances(4)
	want := func(when string, nowNs, ns int64) {
		t.Helper()
		if got := d.quorumNs(3, nowNs); got != ns {
			t.Errorf("%s: %d ns, want %d", when, got, ns)
		}
	}
	d.add(9, msNs, 0)
	d.add(1, 0, 0)
	d.add(1, 7*msNs, 0)
	want("one is known", 0, 0)
	d.add(3, 30*msNs, 0)
	want("two are", 0, 30*msNs)
	d.add(2, 9*msNs, 0)
	want("all are", 0, 9*msNs)
	d.add(2, 500*msNs, 4000*msNs)
	d.add(2, 8*msNs, 4000*msNs)
	want("a slow round trip and a quicker one", 4000*msNs, 8*msNs)
	d.add(1, 7*msNs, 6000*msNs)
	want("one window later", 6000*msNs, 8*msNs)
	want("two windows later, one is known", 11_000*msNs, 0)
	d.add(1, 70*msNs, 60_000*msNs)
	d.add(2, 80*msNs, 60_000*msNs)
	want("after a long silence", 60_000*msNs, 80*msNs)
}

// Own proposals are followed to their certificates and commits, those of older views
// forgotten, and what is sent again counted once.
func TestOwnProposalsAreFollowed(t *testing.T) {
	var f flight
	propose := func(v pbft.View, s pbft.Seq, atMs int64) {
		f.sent(&pbft.Header{View: v, Seq: s, PayloadBytes: 100}, atMs*msNs)
	}
	propose(1, 1, 2)
	propose(1, 2, 10)
	propose(1, 1, 11)
	if f.bytes != 200 || len(f.of) != 2 {
		t.Fatalf("%d bytes of %d", f.bytes, len(f.of))
	}
	f.reached(pbft.Rank{View: 1, Seq: 1}, 0, 10*msNs)
	if f.quorumNs != 8*msNs || f.bytes != 200 {
		t.Fatalf("a quorum after %d ns, %d bytes", f.quorumNs, f.bytes)
	}
	f.reached(pbft.Rank{View: 1, Seq: 2}, 1, 34*msNs) // 24 ms: an eighth of the rise
	f.reached(pbft.Rank{View: 1, Seq: 2}, 1, 90*msNs)
	if f.quorumNs != 10*msNs || f.bytes != 100 {
		t.Fatalf("a quorum after %d ns, %d bytes", f.quorumNs, f.bytes)
	}
	propose(5, 2, 100)
	propose(1, 3, 101)
	f.reached(pbft.Rank{View: 1, Seq: 9}, 1, 102*msNs)
	if f.view != 5 || f.bytes != 100 || f.quorumNs != 10*msNs {
		t.Fatalf("view %d, %d bytes, a quorum after %d ns", f.view, f.bytes, f.quorumNs)
	}
	if f.reached(pbft.Rank{View: 5, Seq: 2}, 2, 103*msNs); f.bytes != 0 || len(f.of) != 0 {
		t.Errorf("%d bytes of %d in flight after all committed", f.bytes, len(f.of))
	}
}
