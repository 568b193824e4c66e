package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/hooks/signature"
	"github.com/scrip-network/scrip/pbft"
)

// testChain is a chain of blocks that nobody has to agree on. Its proofs prove nothing.
type testChain struct {
	mu     sync.Mutex
	blocks []*client.Block // from height 1 on
	grown  chan struct{}
	down   bool // nodes do not answer questions for older blocks
	asked  int  // for older blocks
}

func newTestChain() *testChain { return &testChain{grown: make(chan struct{})} }

var testDigest = [32]byte{1, 2, 3, 4}

// claimed is the outcome of a claim, the n-th of all.
func claimed(campaign, serial uint32, n int) coupon.Outcome {
	return coupon.Outcome{ID: [32]byte{byte(n), byte(n >> 8), byte(n >> 16), 1}, Kind: coupon.KindClaim,
		Coupon: coupon.NewCouponID(campaign, serial), Owner: [32]byte{7}, Until: 9}
}

// add appends a block in which a coupon for each of the serials is claimed.
func (c *testChain) add(campaign uint32, serials ...uint32) *client.Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	height := uint64(len(c.blocks) + 1)
	b := &client.Block{Height: height, Header: pbft.Header{Seq: pbft.Seq(height), TimeMs: uint64(time.Now().UnixMilli())},
		Checkpoint: &pbft.CheckpointCertificate{Seq: pbft.Seq(height)}}
	for i, serial := range serials {
		o := claimed(campaign, serial, int(height)<<12+i)
		b.Outcomes = append(b.Outcomes, o)
		b.Receipts = append(b.Receipts, o.AppendTo(nil))
		b.Txs = append(b.Txs, nil)
	}
	b.Checkpoint.ReceiptRoot = chain.RootOf(b.Receipts)
	c.blocks = append(c.blocks, b)
	close(c.grown)
	c.grown = make(chan struct{})
	return b
}

func (c *testChain) at(height uint64) (*client.Block, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if height <= uint64(len(c.blocks)) {
		return c.blocks[height-1], nil
	}
	return nil, c.grown
}

func (c *testChain) Blocks(ctx context.Context, from uint64) iter.Seq2[*client.Block, error] {
	return func(yield func(*client.Block, error) bool) {
		for {
			b, grown := c.at(from)
			if b != nil {
				if !yield(b, nil) {
					return
				}
				from++
				continue
			}
			select {
			case <-grown:
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

func (c *testChain) Block(_ context.Context, height uint64) (*client.Block, error) {
	b, _ := c.at(height)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if b == nil || c.down {
		return nil, client.ErrUnreachable
	}
	return b, nil
}

func (c *testChain) Redemption(context.Context, coupon.CouponID, uint32) (
	r coupon.Redemption, _ *client.State, err error,
) {
	return r, nil, client.ErrNotFound
}

// receiver is an endpoint of a test.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	secret signature.Secret
	got    []string          // ids of the messages that were taken
	times  map[string]int    // how often each was
	bodies map[string]string // of each
	events []client.EventID  // of those taken
	tries  int
	t      testing.TB
	// answer returns the status for a message, 200 if it is nil.
	answer func(r *http.Request, e client.EventID) int
}

func newReceiver(t testing.TB, answer func(*http.Request, client.EventID) int) *receiver {
	x := &receiver{times: make(map[string]int), bodies: make(map[string]string), t: t, answer: answer,
		secret: signature.NewSecret()}
	x.Server = httptest.NewServer(x)
	t.Cleanup(x.Close)
	return x
}

func (x *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if err := signature.Verify(r.Header, []signature.Secret{x.secret}, time.Now(), b); err != nil {
		x.t.Error(err)
	}
	id := r.Header.Get(signature.HeaderID)
	e, err := ParseID(testDigest, id)
	if err != nil {
		x.t.Error(err)
	}
	status := http.StatusOK
	if x.answer != nil {
		status = x.answer(r, e)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tries++
	if before, ok := x.bodies[id]; ok && before != string(b) {
		x.t.Errorf("message %s has another body than before", id)
	}
	x.bodies[id] = string(b)
	if status/100 == 2 {
		x.times[id]++
		if x.times[id] == 1 {
			x.got, x.events = append(x.got, id), append(x.events, e)
		}
	}
	w.WriteHeader(status)
}

func (x *receiver) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.got)
}

// await waits until something is so.
func await(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// running is a service that runs.
type running struct {
	*Service
	stop func()
}

// hurried is a patience for tests.
var hurried = patience{pauses: []time.Duration{10 * time.Millisecond, 20 * time.Millisecond}, life: time.Hour,
	within: 50 * time.Millisecond}

// run runs a service on a folder until stop, or the test ends.
func run(t testing.TB, c Chain, dir string, p patience) *running {
	t.Helper()
	book, err := OpenBook(dir, testDigest)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(book, c, testDigest, 1, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.patience = p
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	x := &running{Service: s}
	x.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, book.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(x.stop)
	return x
}

// add adds the endpoint of a receiver from the first block on.
func (s *running) add(t testing.TB, x *receiver, f Filter) string {
	t.Helper()
	e, _, err := s.Add(Endpoint{URL: x.URL + "/hook", AllowPrivate: true, From: "1.0.0", Filter: f}, x.secret, false)
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

func decode(t testing.TB, text string) (b body) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	return b
}
