package node

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/scrip-network/scrip/store"
)

// Limits of subscriptions.
const (
	// SubscribersMax bounds the subscriptions of a node at once.
	SubscribersMax    = 1024
	subscriptionBatch = 256 // events of one Next
)

// ErrSubscribers says that as many subscribe as may.
var ErrSubscribers = errors.New("node: too many subscriptions")

// CommittedEvent is an event of an executed block. Its ID is the same on every
// node, so a subscriber can go on at another one.
type CommittedEvent struct {
	ID   store.EventID
	Data []byte
}

// Subscription reads events in the order of the chain. It holds no buffer: a
// slow subscriber costs the node nothing and misses nothing. It is not safe for
// concurrent use.
type Subscription struct {
	feed   Feed
	next   store.EventID
	closed atomic.Bool
}

// Feed is what a Subscription reads from. Its functions are safe for concurrent
// use.
type Feed struct {
	// View sees the newest events.
	View *store.View
	// Tip returns the height of the last executed block, and a channel that is
	// closed with the next one or when there will be none.
	Tip func() (height uint64, advanced <-chan struct{})
	// Stopped reports whether there will be no further block.
	Stopped func() bool
	// Closed is called once for a Subscription that is closed.
	Closed func()
}

// NewSubscription returns a subscription to the events of a feed from the given
// place on. The caller closes it.
func NewSubscription(f Feed, from store.EventID) *Subscription {
	return &Subscription{feed: f, next: from}
}

// Subscribe returns a subscription to the events from the given place on: the
// place itself, if it exists, is included. The caller closes it. Safe for
// concurrent use.
func (n *Node) Subscribe(from store.EventID) (*Subscription, error) {
	if err := n.mayAnswer(); err != nil {
		return nil, err
	}
	if n.subscribers.Add(1) > SubscribersMax {
		n.subscribers.Add(-1)
		return nil, ErrSubscribers
	}
	return NewSubscription(Feed{View: n.cfg.Ledger.Latest(), Stopped: n.stopped,
		Tip: func() (uint64, <-chan struct{}) {
			height, _, advanced := n.hub.tip()
			return height, advanced
		},
		Closed: func() { n.subscribers.Add(-1) },
	}, from), nil
}

// Close ends the subscription.
func (s *Subscription) Close() {
	if !s.closed.Swap(true) {
		s.feed.Closed()
	}
}

// Next returns the next events, at least one and at most a few hundred, and
// waits for them if need be. Errors: ErrStopped, ctx's, or the store's.
func (s *Subscription) Next(ctx context.Context) ([]CommittedEvent, error) {
	for {
		height, advanced := s.feed.Tip()
		if s.next.Height <= height {
			events, err := s.read(height)
			if err != nil || len(events) > 0 {
				return events, err
			}
			continue
		}
		if s.feed.Stopped() {
			return nil, ErrStopped
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for events: %w", ctx.Err())
		}
	}
}

// read returns events from s.next on, up to a height, and moves s.next behind
// them; with none left it moves behind the height.
func (s *Subscription) read(height uint64) ([]CommittedEvent, error) {
	var events []CommittedEvent
	end := store.EventID{Height: height + 1}
	err := s.feed.View.Events(s.next, func(id store.EventID, data []byte) bool {
		if id.Height > height {
			return false
		}
		if len(events) == subscriptionBatch {
			end = id
			return false
		}
		events = append(events, CommittedEvent{ID: id, Data: append([]byte(nil), data...)})
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read events from height %d: %w", s.next.Height, err)
	}
	s.next = end
	return events, nil
}
