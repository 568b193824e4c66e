package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Reason says why a connection was refused or ended.
type Reason uint8

// The reasons. Those up to ReasonHello refuse a connection before it is a link;
// the others end a link.
const (
	ReasonDial      Reason = iota // no TCP connection to the peer
	ReasonLimit                   // too many connections that are not authenticated
	ReasonHandshake               // no TLS 1.3, no certificate, or a broken handshake
	ReasonTimeout                 // handshake or hello took too long
	ReasonChain                   // another chain or protocol version
	ReasonKey                     // not the expected key, or not a member's
	ReasonSelf                    // our own key
	ReasonRole                    // a peer dialed though the other's connection is in use
	ReasonHello                   // hello malformed, or naming other members than the keys do
	ReasonOversized               // frame beyond the lane's limit
	ReasonTruncated               // stream ended within a frame
	ReasonMalformed               // frame of no bytes, or an unknown control frame
	ReasonIdle                    // nothing received for too long
	ReasonStalled                 // the peer does not take what we write
	ReasonReplaced                // the peer connected anew
	ReasonClosed                  // the peer closed, or the network did
	ReasonShutdown                // we are stopping

	reasonCount
)

var reasonNames = [reasonCount]string{
	"dial", "limit", "handshake", "timeout", "chain", "key", "self", "role", "hello",
	"oversized", "truncated", "malformed", "idle", "stalled", "replaced", "closed", "shutdown",
}

// String returns the reason's name, as used in logs and metrics.
func (r Reason) String() string {
	if r < reasonCount {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// level separates what a sound network does every day from what it should not.
func (r Reason) level() slog.Level {
	switch r {
	case ReasonDial, ReasonRole, ReasonReplaced, ReasonClosed, ReasonShutdown:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// refusal is an error that knows its reason.
type refusal struct {
	reason Reason
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(reason Reason, format string, args ...any) error {
	return &refusal{reason: reason, text: fmt.Sprintf(format, args...)}
}

// reasonOf returns the reason that err carries, or fallback.
func reasonOf(err error, fallback Reason) Reason {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r.reason
	case errors.Is(err, errOversized):
		return ReasonOversized
	case errors.Is(err, errTruncated):
		return ReasonTruncated
	case errors.Is(err, errMalformed):
		return ReasonMalformed
	}
	return fallback
}

// isTimeout reports whether err is a deadline that passed.
func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// logInterval is the least time between two log lines of one reason. What falls
// between is counted and the count is logged with the next line.
const logInterval = time.Second

// reasonCounters counts reasons and limits the log lines about them.
type reasonCounters struct {
	mu       sync.Mutex // guards all below
	counts   [reasonCount]uint64
	silent   [reasonCount]uint64 // not logged since the last line
	nextLine [reasonCount]time.Time
}

// count adds one to a reason and says whether to log it, and how many were not
// logged before.
func (c *reasonCounters) count(r Reason, now time.Time) (silent uint64, log bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[r]++
	if now.Before(c.nextLine[r]) {
		c.silent[r]++
		return 0, false
	}
	silent, c.silent[r] = c.silent[r], 0
	c.nextLine[r] = now.Add(logInterval)
	return silent, true
}

func (c *reasonCounters) snapshot() [reasonCount]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

// report counts the end of a connection and logs it.
func (t *Transport) report(reason Reason, remote string, l *link, err error) {
	silent, log := t.reasons.count(reason, time.Now())
	if !log {
		return
	}
	attrs := make([]slog.Attr, 0, 6)
	attrs = append(attrs, slog.String("reason", reason.String()), slog.String("remote", remote))
	if l != nil {
		attrs = append(attrs, slog.Int("peer", int(l.peer.ID)), slog.String("lane", l.lane.String()))
	}
	if err != nil {
		attrs = append(attrs, slog.Any("err", err))
	}
	if silent > 0 {
		attrs = append(attrs, slog.Uint64("not_logged", silent))
	}
	t.log.LogAttrs(context.Background(), reason.level(), "connection ended", attrs...)
}
