package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// snapshot is the state at one height, pinned. Those who use it share it: it is
// closed when the last one releases it.
type snapshot struct {
	*store.View
	height, timeMs uint64
	header         []byte // canonical, without the primary's signature
	// checkpoint attests the state by a quorum; nil if that is not known.
	checkpoint *pbft.CheckpointCertificate
	users      atomic.Int32
}

// pin pins the newest state for one user.
func (s *Server) pin() (*snapshot, error) {
	v, err := s.node.View()
	if err != nil {
		return nil, fmt.Errorf("pin the state: %w", err)
	}
	p := &snapshot{View: v}
	p.users.Store(1)
	p.height, _ = v.Height()
	if p.header, p.timeMs, err = readHeader(v, p.height); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

// nextMs is the time that the next block may have, by this machine's clock.
func (p *snapshot) nextMs(now time.Time) uint64 { return max(uint64(now.UnixMilli()), p.timeMs+1) }

func readHeader(v *store.View, height uint64) (header []byte, timeMs uint64, err error) {
	b, err := v.Header(height)
	if err != nil {
		return nil, 0, err
	}
	if len(b) < pbft.HeaderBytes {
		return nil, 0, fmt.Errorf("stored header of height %d has %d bytes", height, len(b))
	}
	h, err := pbft.DecodeHeader(b[:pbft.HeaderBytes])
	if err != nil {
		return nil, 0, fmt.Errorf("stored header of height %d: %w", height, err)
	}
	return b[:pbft.HeaderBytes], h.TimeMs, nil
}

// retain adds a user, unless the last one has gone.
func (p *snapshot) retain() bool {
	for {
		n := p.users.Load()
		if n == 0 {
			return false
		}
		if p.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release takes a user away. An error of closing a view leaves nothing to do.
func (p *snapshot) release() {
	if p.users.Add(-1) == 0 {
		_ = p.Close()
	}
}

// statePages are the pages of the state tree of a snapshot.
type statePages struct{ *snapshot }

// Page implements chain.Pages.
func (p statePages) Page(id chain.PageID) ([]byte, bool) {
	var name [chain.PageIDBytesMax]byte
	return p.View.Page(id.Append(name[:0]))
}

// rules reads a snapshot for a dry run.
type rules struct{ *snapshot }

// Get implements coupon.Reader.
func (r rules) Get(key []byte) ([]byte, bool) { return r.Row(key) }

// Seen implements coupon.Reader.
func (r rules) Seen(id [32]byte, bucket uint64) (coupon.SeenEntry, bool) {
	e, ok := r.View.Seen(id, bucket)
	return coupon.SeenEntry{ID: id, Height: e.Height, Index: e.Index, Code: coupon.Code(e.Code)}, ok
}

// SeenBuckets implements coupon.Reader. A dry run drops nothing.
func (r rules) SeenBuckets(uint64) []uint64 { return nil }

// Keys implements coupon.Reader. A failure reads as absent: a dry run promises nothing.
func (r rules) Keys(prefix []byte, limit int) (keys [][]byte) {
	if limit <= 0 {
		return nil
	}
	_ = r.Rows(prefix, nil, func(key, _ []byte) bool {
		keys = append(keys, bytes.Clone(key))
		return len(keys) < limit
	})
	return keys
}

// Limits of the watch.
const (
	watchPeriod = 10 * time.Millisecond
	// pinPause is how long no newer state is pinned that nobody has asked for, and
	// pinAsked how long one who has asked for a provable state counts as asking.
	pinPause   = 250 * time.Millisecond
	pinAsked   = 2 * time.Second
	pendingMax = 4  // pinned heights that wait for their certificate
	pinsMax    = 32 // pinned heights that lists go on at
	pinLife    = time.Minute
)

// watch follows the node: which height it has executed, and the newest one whose
// state a quorum attests, which it keeps pinned. It also keeps the states at
// which unfinished lists go on. Safe for concurrent use.
type watch struct {
	s      *Server
	paces  *paces
	pinned time.Time // when run pinned a state last

	mu        sync.Mutex // guards all below
	height    uint64
	asked     time.Time // when somebody wanted a provable state last
	certified *snapshot
	changed   chan struct{} // closed when height or certified change
	pins      []pin         // oldest first
}

type pin struct {
	*snapshot
	until time.Time
}

func newWatch(s *Server) *watch { return &watch{s: s, paces: newPaces(), changed: make(chan struct{})} }

// run follows the node until ctx ends.
func (w *watch) run(ctx context.Context) {
	ticks := time.NewTicker(watchPeriod)
	defer ticks.Stop()
	var pending []*snapshot
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, p := range pending {
			p.release()
		}
		for _, p := range w.pins {
			p.release()
		}
		w.pins = nil
		if w.certified != nil {
			w.certified.release()
			w.certified = nil
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		var err error
		if pending, err = w.look(pending); err != nil {
			w.s.log.Warn("could not follow the node", "err", err)
		}
		w.expire(time.Now())
	}
}

// wants reports whether a newer state is worth pinning: somebody asks for provable ones,
// or none was pinned for a while. A pinned state keeps what later ones replace.
func (w *watch) wants() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.pinned) >= pinPause || time.Since(w.asked) < pinAsked
}

// look pins the newest height if it is new and wanted, and adopts the newest pinned one
// that has its certificate.
func (w *watch) look(pending []*snapshot) ([]*snapshot, error) {
	x := w.s.node.Status()
	height := x.Height
	if w.advance(height) {
		w.paces.note(x.TimeMs, time.Now())
	}
	newer := len(pending) == 0 || pending[len(pending)-1].height < height
	if height > 0 && newer && len(pending) < pendingMax && w.certifiedHeight() < height && w.wants() {
		p, err := w.s.pin()
		if silence(err) != nil {
			return pending, nil
		}
		if err != nil {
			return pending, err
		}
		pending, w.pinned = append(pending, p), time.Now()
	}
	if len(pending) == 0 {
		return pending, nil
	}
	now, err := w.s.node.View() // certificates come after the states that they attest
	if silence(err) != nil {
		return pending, nil
	}
	if err != nil {
		return pending, fmt.Errorf("read certificates: %w", err)
	}
	defer func() { _ = now.Close() }()
	for i := len(pending) - 1; i >= 0; i-- {
		x, err := checkpoint(now, pending[i].height, w.s.committee.Quorum())
		if err != nil {
			return pending, err
		}
		if x == nil {
			continue
		}
		pending[i].checkpoint = x
		w.adopt(pending[i])
		for _, old := range pending[:i] {
			old.release()
		}
		return append([]*snapshot(nil), pending[i+1:]...), nil
	}
	// A height may never get its certificate here; the next one does.
	if len(pending) == pendingMax {
		pending[0].release()
		pending = append([]*snapshot(nil), pending[1:]...)
	}
	return pending, nil
}

// checkpoint returns the stored certificate of a height if it has as many
// signatures, or nil.
func checkpoint(v *store.View, height uint64, need int) (*pbft.CheckpointCertificate, error) {
	b, err := v.Checkpoint(height)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificate of height %d: %w", height, err)
	}
	x, err := pbft.DecodeCheckpointCertificate(b)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of height %d: %w", height, err)
	}
	if x.Signers.Count() < need {
		return nil, nil
	}
	return x, nil
}

// advance notes the height that the node has executed and reports whether it is new.
func (w *watch) advance(height uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if height <= w.height {
		return false
	}
	w.height = height
	w.signal()
	return true
}

func (w *watch) adopt(p *snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.certified != nil {
		w.certified.release()
	}
	w.certified = p
	w.signal()
}

func (w *watch) signal() {
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watch) certifiedHeight() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.certified == nil {
		return 0
	}
	return w.certified.height
}

// provable returns the newest pinned state that is certified and at least minHeight,
// and waits for it. The caller releases it.
func (w *watch) provable(ctx context.Context, minHeight uint64) (*snapshot, error) {
	w.mu.Lock()
	w.asked = time.Now()
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, minHeightWaitMax)
	defer cancel()
	for {
		w.mu.Lock()
		if p := w.certified; p != nil && p.height >= minHeight && p.retain() {
			w.mu.Unlock()
			return p, nil
		}
		changed, none := w.changed, w.certified == nil
		w.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			if none {
				return nil, problem(client.ProblemNoProof, "")
			}
			return nil, problem(client.ProblemBehind, "")
		}
	}
}

// latest pins the newest executed state that is at least minHeight, and waits for
// it. The caller releases it.
func (w *watch) latest(ctx context.Context, minHeight uint64) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, minHeightWaitMax)
	defer cancel()
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		p, err := w.s.pin()
		if err != nil || p.height >= minHeight {
			return p, err
		}
		p.release()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, problem(client.ProblemBehind, "")
		}
	}
}

// keep pins a state for a list that goes on.
func (w *watch) keep(p *snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	until := time.Now().Add(pinLife)
	for i := range w.pins {
		if w.pins[i].height == p.height {
			w.pins[i].until = until
			return
		}
	}
	if !p.retain() {
		return
	}
	w.pins = append(w.pins, pin{p, until})
	if len(w.pins) > pinsMax {
		w.pins[0].release()
		w.pins = append([]pin(nil), w.pins[1:]...)
	}
}

// kept returns the state of a height that a list began with. The caller releases
// it.
func (w *watch) kept(height uint64) (*snapshot, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.pins {
		if p.height == height && p.retain() {
			return p.snapshot, nil
		}
	}
	return nil, problem(client.ProblemCursorExpired, "")
}

// expire drops pins whose time is over.
func (w *watch) expire(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.pins[:0]
	for _, p := range w.pins {
		if now.Before(p.until) {
			kept = append(kept, p)
		} else {
			p.release()
		}
	}
	clear(w.pins[len(kept):])
	w.pins = kept
}

// row reads and decodes a row of a state; ok is false if there is none.
func row[T any](p *snapshot, key []byte, decode func([]byte) (T, error)) (v T, ok bool, err error) {
	b, ok := p.Row(key)
	if err := p.Err(); err != nil {
		return v, false, fmt.Errorf("read the state: %w", err)
	}
	if !ok {
		return v, false, nil
	}
	if v, err = decode(b); err != nil {
		return v, false, fmt.Errorf("read the state: %w", err)
	}
	return v, true, nil
}

// headerTime returns the time in an encoded header, Unix milliseconds.
func headerTime(header []byte) (uint64, error) {
	h, err := pbft.DecodeHeader(header)
	if err != nil {
		return 0, fmt.Errorf("stored header: %w", err)
	}
	return h.TimeMs, nil
}
