package hooks

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
)

// Limits of a feed.
const (
	// FeedBytesMax bounds the bodies of recent blocks that are kept in memory, for all
	// endpoints together. Who needs an older one asks the nodes.
	FeedBytesMax = 64 << 20
	// refetchMax bounds the older blocks that are asked for at once.
	refetchMax = 4
	// sayEvery is how often at most it is logged that nodes do not answer.
	sayEvery = 10 * time.Second
	// feedPause is after what time a failed question to nodes is repeated.
	feedPause = time.Second
)

// Chain is what a feed follows: *client.Client is one.
type Chain interface {
	// Blocks returns proven blocks from a height on, in order and none left out.
	Blocks(ctx context.Context, from uint64) iter.Seq2[*client.Block, error]
	// Block returns a proven block.
	Block(ctx context.Context, height uint64) (*client.Block, error)
	// Redemption returns a proven redemption.
	Redemption(ctx context.Context, id coupon.CouponID, seq uint32) (coupon.Redemption, *client.State, error)
}

// feed gives the messages of each block to all endpoints. It is safe for concurrent use.
type feed struct {
	chain   Chain
	digest  [32]byte
	log     *slog.Logger
	refetch *semaphore.Weighted
	asking  singleflight.Group

	mu      sync.Mutex // guards all below
	tip     uint64     // the last height that was followed
	timeMs  uint64     // of it
	next    chan struct{}
	heights map[uint64]*list.Element // of *kept
	recent  *list.List               // the oldest first
	bytes   int
}

// kept is the messages of a height.
type kept struct {
	height   uint64
	messages []Message
	bytes    int
}

func newFeed(chain Chain, digest [32]byte, from uint64, log *slog.Logger) *feed {
	return &feed{chain: chain, digest: digest, log: log, refetch: semaphore.NewWeighted(refetchMax), tip: from - 1,
		next: make(chan struct{}), heights: make(map[uint64]*list.Element), recent: list.New()}
}

// follow follows the chain until ctx ends.
func (f *feed) follow(ctx context.Context) error {
	said := time.Time{}
	for b, err := range f.chain.Blocks(ctx, f.tip+1) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if now := time.Now(); now.Sub(said) > sayEvery {
				f.log.Warn("nodes do not give the next block", "height", f.tip+1, "err", err)
				said = now
			}
			continue
		}
		messages, err := f.read(ctx, b)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		f.mu.Lock()
		f.tip, f.timeMs = b.Height, b.Header.TimeMs
		f.keep(b.Height, messages)
		close(f.next)
		f.next = make(chan struct{})
		f.mu.Unlock()
	}
	return nil
}

// read makes the messages of a block. It asks for the till of a void until nodes answer.
func (f *feed) read(ctx context.Context, b *client.Block) ([]Message, error) {
	var messages []Message
	for _, e := range b.Events() {
		for e.Outcome.Kind == coupon.KindVoid && e.Till == [32]byte{} {
			r, _, err := f.chain.Redemption(ctx, e.Outcome.Coupon, e.Outcome.Seq)
			if errors.Is(err, client.ErrNotFound) {
				break // it was pruned with its campaign
			}
			if err == nil {
				e.Till = r.TillKey
				continue
			}
			f.log.Warn("nodes do not tell of a redemption", "event", e.ID.String(), "err", err)
			if err := wait(ctx, feedPause); err != nil {
				return nil, err
			}
		}
		m, err := newMessage(f.digest, &e)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// wait waits for a time, or returns the error of ctx.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// keep keeps the messages of a height, and forgets the oldest. The caller holds mu.
func (f *feed) keep(height uint64, messages []Message) {
	if f.heights[height] != nil {
		return
	}
	k := &kept{height: height, messages: messages, bytes: heightBytes}
	for i := range messages {
		k.bytes += len(messages[i].Body) + messageBytes
	}
	f.heights[height] = f.recent.PushBack(k)
	for f.bytes += k.bytes; f.bytes > FeedBytesMax && f.recent.Len() > 1; {
		oldest := f.recent.Remove(f.recent.Front()).(*kept)
		delete(f.heights, oldest.height)
		f.bytes -= oldest.bytes
	}
}

// What a height and a message take beside the bodies, about.
const (
	heightBytes  = 256
	messageBytes = 256
)

// height returns how far the chain was followed, the time of that block in Unix
// milliseconds, and a channel that is closed when it goes on.
func (f *feed) height() (tip, timeMs uint64, next <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tip, f.timeMs, f.next
}

// inMemory returns the messages of a height if they are in memory.
func (f *feed) inMemory(height uint64) ([]Message, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.heights[height]
	if e == nil {
		return nil, false
	}
	return e.Value.(*kept).messages, true
}

// messages returns the messages of a height that is not above the tip: from memory, or
// from the chain.
func (f *feed) messages(ctx context.Context, height uint64) ([]Message, error) {
	if messages, ok := f.inMemory(height); ok {
		return messages, nil
	}
	// Whoever asks first asks for all.
	all, err, _ := f.asking.Do(strconv.FormatUint(height, 10), func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, client.DefaultTimeout)
		defer cancel()
		if err := f.refetch.Acquire(ctx, 1); err != nil {
			return nil, err
		}
		defer f.refetch.Release(1)
		b, err := f.chain.Block(ctx, height)
		if err != nil {
			return nil, err
		}
		messages, err := f.read(ctx, b)
		if err != nil {
			return nil, err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.keep(height, messages)
		return messages, nil
	})
	if err != nil {
		return nil, err
	}
	return all.([]Message), nil
}

// message returns the message of an event.
func (f *feed) message(ctx context.Context, e client.EventID) (*Message, error) {
	all, err := f.messages(ctx, e.Height)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Event == e {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("%w: block %d has no event %s", ErrNoDelivery, e.Height, e)
}
