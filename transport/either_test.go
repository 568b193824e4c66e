package transport

import (
	"fmt"
	"testing"
	"time"
)

// nobodyAt is an address where nobody listens.
func nobodyAt(t *testing.T) string {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// It is enough if one of two members can be reached, whichever it is: behind a router
// or a firewall one calls, and is never called.
func TestItIsEnoughIfOneOfTwoMembersCanBeReached(t *testing.T) {
	for _, hidden := range []uint16{0, 1} {
		for _, address := range []string{"", nobodyAt(t)} {
			t.Run(fmt.Sprintf("%d at %q", hidden, address), func(t *testing.T) {
				w := newNetwork(t, 2)
				seeks := w.start(1-hidden, func(c *Config) {
					c.Peers = append([]Peer(nil), c.Peers...)
					c.Peers[hidden].Addr = address
					c.Limits.CallBackPause = time.Millisecond
				})
				calls := w.start(hidden, func(c *Config) { c.Limits.CallBackPause = time.Millisecond })
				eventually(t, "links up", func() bool { return seeks.linked() && calls.linked() })
				seeks.Send(hidden, Votes, []byte("there"))
				if f := receive(t, calls.frames, "a frame for the hidden one"); string(f.frame) != "there" {
					t.Fatalf("got %q", f.frame)
				}
				calls.Send(1-hidden, Bulk, []byte("back"))
				if f := receive(t, seeks.frames, "a frame of the hidden one"); string(f.frame) != "back" {
					t.Fatalf("got %q", f.frame)
				}
			})
		}
	}
}

// Where both call at the same moment they keep the same one of two connections, and
// then leave it alone.
func TestMembersThatCallEachOtherKeepOneConnection(t *testing.T) {
	for range 20 {
		w := newNetwork(t, 2)
		at := func(c *Config) { c.Limits.CallBackPause = time.Nanosecond }
		a, b := w.start(0, at), w.start(1, at)
		connects := func() (sum uint64) {
			for _, m := range []*member{a, b} {
				for _, l := range m.Stats().Links {
					sum += l.Connects
				}
			}
			return sum
		}
		still, last := 0, uint64(0)
		eventually(t, "one connection that stays", func() bool {
			now := connects()
			if now != last || !a.linked() || !b.linked() {
				still, last = 0, now
				return false
			}
			still++
			return still > 30
		})
		a.Send(1, Votes, []byte("x"))
		b.Send(0, Votes, []byte("y"))
		receive(t, b.frames, "a frame of the lower number")
		receive(t, a.frames, "a frame of the higher number")
		a.stop()
		b.stop()
	}
}

// The connection that the lower number has made is the one that stays; of two of the
// higher number the newer one does.
func TestTheConnectionOfTheLowerNumberStays(t *testing.T) {
	w := newNetwork(t, 3)
	m := w.start(1, nil)
	fromHigher := hello{chain: testChain, from: 2, to: 1, lane: Bulk}
	up := func() bool { return m.linkStats(2, Bulk).Up }
	old, _ := as(2).link(t, m.addr, fromHigher)
	eventually(t, "a link that the higher number has made", up)
	as(2).link(t, m.addr, fromHigher)
	closed(t, old.NetConn())
	eventually(t, "the newer one", func() bool { return up() && m.ended(ReasonReplaced) == 1 })

	fromLower := hello{chain: testChain, from: 0, to: 1, lane: Bulk}
	as(0).link(t, m.addr, fromLower)
	eventually(t, "a link that the lower number has made", func() bool { return m.linkStats(0, Bulk).Up })
	connects := m.linkStats(0, Bulk).Connects
	l := m.links[0][Bulk]
	if err := l.acquire(t.Context(), false); reasonOf(err, ReasonClosed) != ReasonRole {
		t.Errorf("one that is not preferred takes the place of one that is: %v", err)
	}
	if s := m.linkStats(0, Bulk); !s.Up || s.Connects != connects {
		t.Errorf("the link was disturbed: %+v", s)
	}
}

// The lower number refuses a call of the higher one while its own connection is up.
func TestACallIsRefusedWhileTheOwnConnectionIsUp(t *testing.T) {
	w := newNetwork(t, 2)
	low, high := w.start(0, nil), w.start(1, nil)
	eventually(t, "links up", func() bool { return low.linked() && high.linked() })
	conn, err := as(1).dial(t, low.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeHello(conn, hello{chain: testChain, from: 1, to: 0, lane: Votes}); err != nil {
		t.Fatal(err)
	}
	closed(t, conn.NetConn())
	eventually(t, "counted", func() bool { return low.ended(ReasonRole) == 1 })
	if c := low.linkStats(1, Votes); !c.Up || c.Connects != 1 {
		t.Errorf("the link was disturbed: %+v", c)
	}
}
