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
	if d, lost := shape(0, Bulk, 3*packetSize); lost || d != 10*time.Millisecond+3*2*20*time.Millisecond {
		t.Errorf("delayed by %v, lost: %v", d, lost)
	}
}

// The line carries one frame after the other, to whomever they go.
func TestEmulationBoundsBandwidth(t *testing.T) {
	shape := Emulation{BytesPerSecond: 1_000_000}.Shape()
	var last time.Duration
	for i := range uint16(10) {
		last, _ = shape(i, Bulk, 100_000)
	}
	if last < 900*time.Millisecond || last > 1001*time.Millisecond {
		t.Errorf("a megabyte took %v at a megabyte a second", last)
	}
}
