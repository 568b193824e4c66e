package node

import (
	"context"
	"testing"
)

// A peer's messages wait within a number and within bytes, whichever is full first.
// What finds no room holds up that peer's link until the loop has taken some.
func TestAQueueOfAPeerIsBoundedInBytes(t *testing.T) {
	q := newInQueue(4, 100)
	ended, end := context.WithCancel(t.Context())
	end()
	fits := func(bytes int64) bool { return q.put(ended, inbound{bytes: bytes}) }

	if !q.put(t.Context(), inbound{from: 1, bytes: 60}) || !q.put(t.Context(), inbound{from: 2, bytes: 40}) {
		t.Fatal("no room in an empty queue")
	}
	if fits(1) {
		t.Fatal("101 of 100 bytes wait")
	}
	room := make(chan bool)
	go func() { room <- q.put(t.Context(), inbound{from: 3, bytes: 60}) }()
	if in, ok := q.take(); !ok || in.from != 1 {
		t.Fatalf("took %v, %v", in, ok)
	}
	if !<-room {
		t.Fatal("no room after one was taken")
	}
	for _, want := range []uint16{2, 3} {
		if in, ok := q.take(); !ok || uint16(in.from) != want {
			t.Fatalf("took %v, %v, want %d", in, ok, want)
		}
	}
	if _, ok := q.take(); ok {
		t.Fatal("took from an empty queue")
	}
	if !q.put(t.Context(), inbound{bytes: 1000}) {
		t.Fatal("a message larger than the queue never fits")
	}
	if fits(1) {
		t.Fatal("there is room beside a message that takes all of it")
	}
}
