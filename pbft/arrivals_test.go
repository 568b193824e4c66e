package pbft

import "testing"

// What came speaks for arrivalTicks, counts from ArrivingBytes on, and is of its
// member alone.
func TestArrivals(t *testing.T) {
	a := NewArrivals(4)
	if a.Flowing(1, 0) || a.Flowing(9, 0) {
		t.Fatal("something came of nobody")
	}
	a.Add(9, 3, 1)
	a.Add(1, 3, 0)
	if a.Flowing(1, 3) {
		t.Fatal("nothing counts as something")
	}
	a.Add(1, 3, ArrivingBytes-1)
	if !a.Flowing(1, 3) || a.Arriving(1, 3) || a.Flowing(2, 3) {
		t.Fatal("one byte below the mark")
	}
	a.Add(1, 5, 1)
	if !a.Arriving(1, 5) || !a.Arriving(1, 7) {
		t.Error("bytes of two ticks do not add up")
	}
	if a.Arriving(1, 8) || !a.Flowing(1, 9) || a.Flowing(1, 10) {
		t.Error("bytes speak for another time than arrivalTicks")
	}
	a.Add(1, 1_000_000, 1<<40)
	a.Add(1, 1_000_000, 1<<62)
	if !a.Arriving(1, 1_000_004) || a.Flowing(1, 1_000_005) {
		t.Error("after a long pause")
	}
}
