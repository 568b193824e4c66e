package transport

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// words keeps what is logged.
type words struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(b)
}

func (w *words) count(s string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.b.String(), s)
}

// contested reports whether a member holds another's key for used twice.
func (m *member) contested(peer uint16) bool {
	return m.linkStats(peer, Votes).Contested || m.linkStats(peer, Bulk).Contested
}

// Two processes run with the key of one member, the lowest, the highest or another. The
// others say so, once, and so does each process whose calls are cut short; nobody else
// is suspected.
func TestTwoProcessesWithOneKeyAreNoticed(t *testing.T) {
	for _, twin := range []uint16{0, 1, 3} {
		w := newNetwork(t, 4)
		says := make([]words, 5)
		at := func(i int) func(c *Config) {
			return func(c *Config) {
				c.Limits.CallBackPause = time.Millisecond
				c.Log = slog.New(slog.NewTextHandler(&says[i], nil))
			}
		}
		for id := range uint16(4) {
			w.start(id, at(int(id)))
		}
		for _, m := range w.members {
			eventually(t, "links up", m.linked)
		}
		first := w.members[twin]
		t.Cleanup(first.stop)
		second := w.start(twin, func(c *Config) {
			at(4)(c)
			c.Listener, c.Listen = nil, "127.0.0.1:0"
		})
		for id := range uint16(4) {
			if id == twin {
				continue
			}
			eventually(t, "the others notice", func() bool { return w.members[id].contested(twin) })
			if n := says[id].count("another process seems to use this member's key"); n < 1 || n > Lanes {
				t.Errorf("of %d: member %d says so %d times", twin, id, n)
			}
			for other := range uint16(4) {
				if other != twin && other != id && w.members[id].contested(other) || w.members[id].Stats().Contested {
					t.Errorf("of %d: member %d suspects %d or itself", twin, id, other)
				}
			}
		}
		eventually(t, "the second process notices", func() bool { return second.Stats().Contested })
		if says[4].count("Stop one of the two at once") != 1 {
			t.Errorf("of %d: the second process says so %d times", twin, says[4].count("Stop one of the two at once"))
		}
		second.stop()
		first.stop()
	}
}

// A contest is many changes in a short time, and ends when there is peace.
func TestAContestBeginsAndEnds(t *testing.T) {
	var c contest
	now := time.Now()
	for i := range 2 * contestMax { // one in ten seconds: links that break
		if now = now.Add(contestPeriod / 6); c.note(now) || c.lasts(now) {
			t.Fatalf("change %d is a contest", i)
		}
	}
	now = now.Add(2 * contestPeriod)
	news := 0
	for range 3 * contestMax {
		if now = now.Add(time.Millisecond); c.note(now) {
			news++
		}
	}
	if news != 1 || !c.lasts(now) || !c.lasts(now.Add(contestPeriod-1)) || c.lasts(now.Add(contestPeriod)) {
		t.Errorf("news %d times, lasts %t", news, c.lasts(now))
	}
}
