package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-network/scrip/sig"
)

func TestMembersExchangeFramesInOrderOnBothLanes(t *testing.T) {
	const n, rounds = 3, 40
	w := newNetwork(t, n)
	for id := range uint16(n) {
		w.start(id, nil)
	}
	r := newRand(t, 1)
	sizes := []int{1, 7, firstPiece - 1, firstPiece, firstPiece + 1, 3*firstPiece + 5, 300_000}
	for _, m := range w.members {
		eventually(t, "all links up", m.linked)
	}
	type route struct {
		from, to uint16
		lane     Lane
	}
	sent := make(map[route][][]byte)
	for range rounds {
		from, to, lane := uint16(r.IntN(n)), uint16(r.IntN(n)), Lane(r.IntN(Lanes))
		if from == to {
			continue
		}
		frame := make([]byte, sizes[r.IntN(len(sizes))])
		for i := range frame {
			frame[i] = byte(r.Uint32())
		}
		if !w.members[from].Send(to, lane, frame) {
			t.Fatalf("frame of %d bytes from %d to %d dropped", len(frame), from, to)
		}
		sent[route{from, to, lane}] = append(sent[route{from, to, lane}], frame)
	}
	total := 0
	for _, frames := range sent {
		total += len(frames)
	}
	got := make(map[route][][]byte)
	for to, m := range w.members {
		expect := 0
		for r, frames := range sent {
			if r.to == uint16(to) {
				expect += len(frames)
			}
		}
		for range expect {
			f := receive(t, m.frames, "a frame")
			got[route{f.from, uint16(to), f.lane}] = append(got[route{f.from, uint16(to), f.lane}], f.frame)
			if cap(f.frame) != len(f.frame) {
				t.Errorf("frame of %d bytes has capacity %d", len(f.frame), cap(f.frame))
			}
		}
	}
	for r, frames := range sent {
		if !slices.EqualFunc(frames, got[r], bytes.Equal) {
			t.Errorf("route %+v: %d frames sent, %d received, or in another order", r, len(frames), len(got[r]))
		}
	}
	if total < rounds/2 {
		t.Fatalf("only %d frames tried", total)
	}
	eventually(t, "round trips measured", func() bool {
		return w.members[0].linkStats(1, Votes).RoundTrip > 0 && w.members[1].linkStats(0, Bulk).RoundTrip > 0
	})
}

func TestStatsCountWhatWasSentAndReceived(t *testing.T) {
	w := newNetwork(t, 2)
	a, b := w.start(0, nil), w.start(1, nil)
	eventually(t, "links up", func() bool { return a.linked() && b.linked() })
	for _, frame := range []string{"one", "three"} {
		a.Send(1, Votes, []byte(frame))
		receive(t, b.frames, frame)
	}
	eventually(t, "the sender counts", func() bool { return a.linkStats(1, Votes).SentFrames == 2 })
	sent, got := a.linkStats(1, Votes), b.linkStats(0, Votes)
	if sent.SentBytes != 8 || got.ReceivedFrames != 2 || got.ReceivedBytes != 8 || sent.Connects != 1 {
		t.Fatalf("sender %+v, receiver %+v", sent, got)
	}
	if sent.QueuedFrames != 0 || sent.QueuedBytes != 0 {
		t.Fatalf("still queued: %+v", sent)
	}
	if other := b.linkStats(0, Bulk); other.ReceivedFrames != 0 || !other.Up {
		t.Fatalf("the other lane: %+v", other)
	}
}

func TestSendRefusesWhatItCannotDeliver(t *testing.T) {
	w := newNetwork(t, 2)
	a := w.start(0, func(c *Config) { c.Limits.Votes.FrameBytesMax = 10 })
	if a.Send(1, Votes, []byte("early")) {
		t.Error("a frame for a link that is down was taken")
	}
	for _, frame := range [][]byte{nil, make([]byte, 11)} {
		if a.Send(1, Votes, frame) {
			t.Errorf("a frame of %d bytes was taken", len(frame))
		}
	}
	if a.Send(0, Votes, []byte("self")) || a.Send(9, Votes, []byte("nobody")) || a.Send(1, Lanes, []byte("no lane")) {
		t.Error("a frame for nobody was taken")
	}
	s := a.linkStats(1, Votes)
	if s.Dropped[DropDown] != 1 || s.Dropped[DropSize] != 2 || a.Stats().Misfired != 3 {
		t.Fatalf("stats %+v, misfired %d", s, a.Stats().Misfired)
	}
}

func TestLinkComesBackAfterAPeerRestarts(t *testing.T) {
	for _, restarted := range []uint16{0, 1} { // the side that dials, and the one that accepts
		w := newNetwork(t, 2)
		var mu sync.Mutex
		var changes []bool
		stays := w.start(1-restarted, func(c *Config) {
			c.LinkChanged = func(_ uint16, lane Lane, up bool) {
				if lane == Votes {
					mu.Lock()
					changes = append(changes, up)
					mu.Unlock()
				}
			}
		})
		first := w.start(restarted, nil)
		eventually(t, "links up", func() bool { return stays.linked() && first.linked() })
		first.stop()
		eventually(t, "link down", func() bool { return !stays.linkStats(restarted, Votes).Up })
		w.listeners[restarted] = listen(t, first.addr)
		second := w.start(restarted, nil)
		eventually(t, "links up again", func() bool { return stays.linked() && second.linked() })
		stays.Send(restarted, Votes, []byte("back"))
		if f := receive(t, second.frames, "a frame after the restart"); string(f.frame) != "back" {
			t.Fatalf("got %q", f.frame)
		}
		second.Send(1-restarted, Bulk, []byte("again"))
		if f := receive(t, stays.frames, "a frame from the restarted peer"); string(f.frame) != "again" {
			t.Fatalf("got %q", f.frame)
		}
		mu.Lock()
		if !slices.Equal(changes, []bool{true, false, true}) {
			t.Errorf("link changes %v", changes)
		}
		mu.Unlock()
		if c := stays.linkStats(restarted, Votes).Connects; c != 2 {
			t.Errorf("%d connects, want 2", c)
		}
	}
}

func TestSaturatedBulkLaneDoesNotHoldUpVotes(t *testing.T) {
	w := newNetwork(t, 2)
	a := w.start(0, func(c *Config) { c.Limits.Bulk.QueueFramesMax = 8 })
	blocked, votes := make(chan struct{}), make(chan []byte, 100)
	release := sync.OnceFunc(func() { close(blocked) })
	defer release()
	var bulkFrames atomic.Int64
	b := w.start(1, func(c *Config) {
		c.Handler = func(_ uint16, lane Lane, frame []byte) {
			if lane == Bulk {
				bulkFrames.Add(1)
				<-blocked
				return
			}
			votes <- frame
		}
	})
	eventually(t, "links up", func() bool { return a.linked() && b.linked() })
	large, taken := make([]byte, 1<<20), int64(0)
	pump := func() { // fills the queue again after what the network's buffers took
		for a.Send(1, Bulk, large) {
			taken++
		}
	}
	pump()
	eventually(t, "the receiver's bulk lane blocked", func() bool { return bulkFrames.Load() == 1 })
	for i := range byte(100) {
		pump()
		if !a.Send(1, Votes, []byte{i}) {
			t.Fatalf("vote %d dropped", i)
		}
		if got := receive(t, votes, "a vote"); got[0] != i {
			t.Fatalf("vote %d arrived as %d", i, got[0])
		}
	}
	if full := a.linkStats(1, Bulk).Dropped[DropFull]; full != 101 || bulkFrames.Load() != 1 {
		t.Fatalf("the bulk lane was not saturated: queue full %d times, %d frames handled", full, bulkFrames.Load())
	}
	release()
	eventually(t, "all bulk frames", func() bool { return bulkFrames.Load() == taken })
}

func TestQueueIsBoundedByBytesToo(t *testing.T) {
	q := newSendQueue(LaneLimits{FrameBytesMax: 100, QueueFramesMax: 3, QueueBytesMax: 250})
	put := func(size int) bool {
		_, ok := q.put(outgoing{frame: make([]byte, size)})
		return ok
	}
	if !put(100) || !put(100) || put(51) || !put(50) || put(1) {
		t.Fatal("limits of bytes or frames not kept")
	}
	if taken := q.take(nil); len(taken) != 3 || put(1) {
		t.Fatal("frames being written must count")
	}
	q.release(1, 100)
	if !put(100) {
		t.Fatal("released room is not available")
	}
	if frames, bytes := q.load(); frames != 3 || bytes != 250 {
		t.Fatalf("load %d, %d", frames, bytes)
	}
	if lost := q.close(); lost != 3 {
		t.Fatalf("%d lost, want 3", lost)
	}
	if cause, ok := q.put(outgoing{frame: make([]byte, 1)}); ok || cause != DropDown {
		t.Fatal("a closed queue takes frames")
	}
}

func TestShapeDelaysWithoutReorderingAndDrops(t *testing.T) {
	w := newNetwork(t, 2)
	r := newRand(t, 2)
	var mu sync.Mutex
	delays := make([]time.Duration, 50)
	for i := range delays {
		delays[i] = time.Duration(r.IntN(3000)) * time.Microsecond
	}
	next := 0
	a := w.start(0, func(c *Config) {
		c.Shape = func(_ uint16, lane Lane, size int) (time.Duration, bool) {
			mu.Lock()
			defer mu.Unlock()
			if lane == Bulk {
				return 0, true
			}
			if size == controlSize {
				return 0, false
			}
			next++
			return delays[next-1], false
		}
	})
	b := w.start(1, nil)
	eventually(t, "links up", func() bool { return a.linked() && b.linked() })
	sentAt := make([]time.Time, len(delays))
	for i := range delays {
		sentAt[i] = time.Now()
		if !a.Send(1, Votes, binary.LittleEndian.AppendUint64(nil, uint64(i))) {
			t.Fatal("dropped")
		}
	}
	if a.Send(1, Bulk, []byte("lost")) || a.linkStats(1, Bulk).Dropped[DropShaped] != 1 {
		t.Error("a lost frame was sent, or not counted")
	}
	for i := range delays {
		f := receive(t, b.frames, "a delayed frame")
		if got := binary.LittleEndian.Uint64(f.frame); got != uint64(i) {
			t.Fatalf("frame %d overtook frame %d", got, i)
		}
		if passed := time.Since(sentAt[i]); passed < delays[i] {
			t.Fatalf("frame %d took %v, less than its delay of %v", i, passed, delays[i])
		}
	}
}

func TestRunEndsAtOnceWithItsContext(t *testing.T) {
	w := newNetwork(t, 2)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tr, err := New(Config{
		Self: 0, Key: keyOf(0), Peers: w.peers, Listen: "127.0.0.1:0",
		Handler: func(uint16, Lane, []byte) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(ctx); err == nil {
		t.Fatal("a second Run is allowed")
	}
}

func TestRunReturnsWhatKeepsItFromListening(t *testing.T) {
	w := newNetwork(t, 1)
	cfg := Config{
		Key: keyOf(0), Peers: w.peers, Listen: w.peers[0].Addr, // in use
		Handler: func(uint16, Lane, []byte) {},
	}
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(context.Background()); err == nil {
		t.Fatal("no error for an address in use")
	}
	cfg.Listener = w.listeners[0]
	_ = w.listeners[0].Close()
	if tr, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(context.Background()); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("got %v for a listener that is closed", err)
	}
}

func TestNewRefusesAConfigurationThatCannotWork(t *testing.T) {
	good := func() Config {
		return Config{
			Self: 1, Key: keyOf(1), Listen: "127.0.0.1:0", Handler: func(uint16, Lane, []byte) {},
			Peers: []Peer{
				{ID: 0, Key: keyOf(0).Public()},
				{ID: 1, Key: keyOf(1).Public()},
				{ID: 2, Key: keyOf(2).Public(), Addr: "127.0.0.1:1"},
			},
		}
	}
	if _, err := New(good()); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config){
		"no private key":    func(c *Config) { c.Key = sig.PrivateKey{} },
		"no handler":        func(c *Config) { c.Handler = nil },
		"nothing to listen": func(c *Config) { c.Listen = "" },
		"own ID":            func(c *Config) { c.Peers[1].Key = keyOf(7).Public() },
		"own key":           func(c *Config) { c.Peers[0].Key = keyOf(1).Public() },
		"not valid":         func(c *Config) { c.Peers[0].Key = [32]byte{1} },
		"key":               func(c *Config) { c.Peers[0].Key = keyOf(2).Public() },
		"listed twice":      func(c *Config) { c.Peers[0].ID = 2; c.Peers[0].Addr = "127.0.0.1:1" },
		"negative:":         func(c *Config) { c.Limits.CallBackPause = -1 },
		"idle timeout":      func(c *Config) { c.Limits.IdleTimeout = 1 },
		"negative":          func(c *Config) { c.Limits.WriteTimeout = -1 },
		"connections":       func(c *Config) { c.Limits.HandshakesMax = -1 },
		"longest pause":     func(c *Config) { c.Limits.BackoffMax = 1 },
		"votes lane":        func(c *Config) { c.Limits.Votes.QueueBytesMax = 1 },
		"bulk lane":         func(c *Config) { c.Limits.Bulk.FrameBytesMax = -1 },
	} {
		cfg := good()
		spoil(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}
