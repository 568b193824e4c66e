package transport

import (
	"context"
	"sync"
	"testing"
	"time"
)

func TestMemoryKeepsTheContractOfNetwork(t *testing.T) {
	m, err := NewMemory([]uint16{0, 1}, Limits{Votes: LaneLimits{QueueFramesMax: 2, FrameBytesMax: 10}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	frames, blocked := make(chan received, 100), make(chan struct{})
	join := func(id uint16, handler Handler) (*Endpoint, func()) {
		e, err := m.Join(id, handler)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		eventually(t, "running", func() bool { return m.members[id].Load() == e })
		return e, sync.OnceFunc(func() {
			cancel()
			if err := receive(t, ended, "the end of Run"); err != nil {
				t.Error(err)
			}
		})
	}
	a, stopA := join(0, func(uint16, Lane, []byte) {})
	defer stopA()
	if a.Send(1, Votes, []byte("early")) {
		t.Error("a frame for a member that does not run was taken")
	}
	b, stopB := join(1, func(from uint16, lane Lane, frame []byte) {
		frames <- received{from, lane, frame}
		if lane == Bulk {
			<-blocked
		}
	})
	defer stopB()
	frame := []byte("kept")
	a.Send(1, Bulk, frame)
	if f := receive(t, frames, "bulk"); string(f.frame) != "kept" || &f.frame[0] == &frame[0] {
		t.Errorf("got %q, or the sender's own slice", f.frame)
	}
	for i := range byte(20) { // while the bulk handler is blocked
		if !a.Send(1, Votes, []byte{i}) {
			t.Fatal("dropped")
		}
		if f := receive(t, frames, "a vote"); f.frame[0] != i || f.lane != Votes || f.from != 0 {
			t.Fatalf("got %+v, want vote %d", f, i)
		}
	}
	if p := b.Progress(0, Votes); p.ReceivedBytes != 20 {
		t.Errorf("%d bytes have come, want 20", p.ReceivedBytes)
	}
	if a.Send(1, Votes, make([]byte, 11)) || a.Send(1, Votes, nil) || a.Send(7, Votes, frame) || a.Send(0, Votes, frame) {
		t.Error("a frame that cannot be delivered was taken")
	}
	close(blocked)
	stopB()
	if a.Send(1, Votes, frame) || a.Dropped()[DropSize] != 2 || a.Dropped()[DropDown] != 4 {
		t.Errorf("drops %v", a.Dropped())
	}
	_, stopB = join(1, func(from uint16, lane Lane, frame []byte) { frames <- received{from, lane, frame} })
	defer stopB()
	if !a.Send(1, Votes, []byte("again")) {
		t.Fatal("dropped after the restart")
	}
	receive(t, frames, "a frame after the restart")
}

func TestMemoryQueuesAreBoundedAndShaped(t *testing.T) {
	lost := false
	m, err := NewMemory([]uint16{0, 1}, Limits{Votes: LaneLimits{QueueFramesMax: 2}},
		func(uint16, Lane, int) (time.Duration, bool) { return time.Hour, lost })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var g sync.WaitGroup
	ends := make([]*Endpoint, 2)
	for id := range ends {
		if ends[id], err = m.Join(uint16(id), func(uint16, Lane, []byte) { t.Error("arrived") }); err != nil {
			t.Fatal(err)
		}
		g.Go(func() {
			if err := ends[id].Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "running", func() bool { return m.members[0].Load() != nil && m.members[1].Load() != nil })
	frame := []byte("slow")
	if !ends[0].Send(1, Votes, frame) || !ends[0].Send(1, Votes, frame) || ends[0].Send(1, Votes, frame) {
		t.Error("the limit of two frames is not kept")
	}
	if p := ends[1].Progress(0, Votes); p.RoundTrip != 2*time.Hour || ends[0].Progress(1, Votes).RoundTrip != 0 {
		t.Errorf("round trips of %v and %v", p.RoundTrip, ends[0].Progress(1, Votes).RoundTrip)
	}
	lost = true
	if ends[0].Send(1, Votes, frame) || ends[0].Dropped()[DropShaped] != 1 || ends[0].Dropped()[DropFull] != 1 {
		t.Errorf("drops %v", ends[0].Dropped())
	}
	cancel() // ends the hour's wait
	g.Wait()
	if ends[1].Dropped()[DropLost] != 2 {
		t.Errorf("lost %v", ends[1].Dropped())
	}
	if _, err := m.Join(5, func(uint16, Lane, []byte) {}); err == nil {
		t.Error("a stranger joined")
	}
	if _, err := m.Join(0, nil); err == nil {
		t.Error("joined without a handler")
	}
	if err := ends[0].Run(ctx); err == nil {
		t.Error("a second Run is allowed")
	}
}
