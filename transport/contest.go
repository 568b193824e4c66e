package transport

import (
	"errors"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// Two processes with one key take its links from each other, at once and for ever: each
// calls as soon as it has lost its connection. One process does so now and then, when
// it has noticed sooner than its peer that a connection was broken.
const (
	// contestMax is how many times in contestPeriod a link changes hands before its key
	// counts as used twice. It counts so until there was peace for contestPeriod.
	contestMax    = 10
	contestPeriod = time.Minute
	// shortLife is for how long a connection at most was up that counts as taken away.
	shortLife = 10 * time.Second
	// contestedLinksMin is how many members must end this one's connections before it
	// holds its own key for used twice, since one of them may be out of order itself.
	contestedLinksMin = 2
)

// contest counts how often a link changes hands. Safe for concurrent use.
type contest struct {
	mu    sync.Mutex // guards all below
	began time.Time  // of the period in which count is counted
	count int
	until time.Time
}

// note counts once more, and reports whether there is news: once in a period.
func (c *contest) note(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.began) > contestPeriod {
		c.began, c.count = now, 0
	}
	c.count++
	if c.count >= contestMax {
		c.until = now.Add(contestPeriod)
	}
	return c.count == contestMax
}

// once reports whether this is the first time in a period.
func (c *contest) once(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.until) {
		return false
	}
	c.until = now.Add(contestPeriod)
	return true
}

// lasts reports whether the contest goes on.
func (c *contest) lasts(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Before(c.until)
}

// noteRival notes that a member calls though its link is up.
func (t *Transport) noteRival(l *link, remote string) {
	if l.theirs.note(time.Now()) {
		t.log.Warn("another process seems to use this member's key too: they take its links from each other. "+
			"Its operator must stop one of the two at once",
			slog.Int("peer", int(l.peer.ID)), slog.String("remote", remote))
	}
}

// noteLoss notes that a connection that this member has made was ended by the peer at
// once.
func (t *Transport) noteLoss(l *link) {
	if now := time.Now(); l.ours.note(now) && t.ownContested(now) && t.said.once(now) {
		t.log.Warn("another process seems to use this validator's key: the other members end its links again and " +
			"again. Stop one of the two at once: what two processes sign with one key may break its promises")
	}
}

// ownContested reports whether links of this member are ended at enough members.
func (t *Transport) ownContested(now time.Time) bool {
	members := make(map[uint16]bool)
	for _, l := range t.order {
		if l.ours.lasts(now) {
			members[l.peer.ID] = true
		}
	}
	return len(members) > 0 && len(members) >= min(contestedLinksMin, len(t.links))
}

// hungUp reports whether a peer has ended a connection without a word, as it does with
// one for a link that is up.
func hungUp(err error) bool { return isEnd(err) || errors.Is(err, syscall.ECONNRESET) }
