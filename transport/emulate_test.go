package transport

import (
	"testing"
	"time"
)

func TestEmulationDelaysByMember(t *testing.T) {
	shape := Emulation{Delay: []time.Duration{0, 15 * time.Millisecond}, Jitter: time.Millisecond, Seed: 1}.Shape()
	different := false
	first, _ := shape(1, Votes, 100)
	for range 100 {
		d, lost := shape(1, Votes, 100)
		if d < 15*time.Millisecond || d > 16*time.Millisecond || lost {
			t.Fatalf("delayed by %v, lost: %v", d, lost)
		}
		different = different || d != first
	}
	if !different {
		t.Error("there is no jitter")
	}
	if d, _ := shape(7, Votes, 100); d > time.Millisecond {
		t.Errorf("a member without a delay is %v away", d)
	}
}

// A lost packet costs two round trips, and every packet of a frame can be lost.
func TestEmulationChargesLoss(t *testing.T) {
	shape := Emulation{Delay: []time.Duration{10 * time.Millisecond}, LossPerMillion: 999_999, Seed: 1}.Shape()
	if d, lost := shape(0, Bulk, 3*packetSize-recordOverhead); lost || d != 10*time.Millisecond+3*2*20*time.Millisecond {
		t.Errorf("delayed by %v, lost: %v", d, lost)
	}
}

// The line carries one frame of bulk after the other, to whomever they go, with the
// headers of their packets.
func TestEmulationBoundsBandwidth(t *testing.T) {
	shape := Emulation{BytesPerSecond: 1_000_000}.Shape()
	var last time.Duration
	for i := range uint16(10) {
		last, _ = shape(i, Bulk, 100_000)
	}
	if last < 1050*time.Millisecond || last > 1065*time.Millisecond {
		t.Errorf("a megabyte took %v at a megabyte a second", last)
	}
}

// A vote waits for no more of bulk than the packet that is leaving, votes wait for
// each other, and bulk waits for them.
func TestEmulatedVotesOvertakeBulk(t *testing.T) {
	l := emulatedLine{bytesPerSecond: 1_000_000}
	begin := time.Unix(1000, 0)
	after := func(lane Lane, size int) time.Duration {
		return l.pass(begin, lane, size).Sub(begin).Round(time.Microsecond)
	}
	const (
		packet = (packetSize + packetOverhead) * time.Microsecond
		vote   = (100 + recordOverhead + packetOverhead) * time.Microsecond
	)
	full := func(packets int) int { return packets*packetSize - recordOverhead }
	for _, c := range []struct {
		lane Lane
		size int
		want time.Duration
	}{
		{Votes, 100, vote},
		{Bulk, full(10), vote + 10*packet},
		{Votes, 100, 2 * vote},
		{Bulk, full(1), 2*vote + 11*packet},
	} {
		if got := after(c.lane, c.size); got != c.want {
			t.Errorf("%d bytes of %v are through after %v, wanted %v", c.size, c.lane, got, c.want)
		}
	}
	begin = begin.Add(time.Millisecond) // the votes are gone, and bulk is leaving
	if got, want := after(Votes, 100), packet+vote; got != want {
		t.Errorf("a vote behind bulk is through after %v, wanted %v", got, want)
	}
	if got, want := after(Bulk, full(1)), 3*vote+12*packet-time.Millisecond; got != want {
		t.Errorf("bulk behind a vote is through after %v, wanted %v", got, want)
	}
}
