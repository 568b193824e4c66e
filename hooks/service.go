package hooks

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/hooks/signature"
)

// Service delivers to all endpoints of a book. It is safe for concurrent use.
type Service struct {
	book    *Book
	feed    *feed
	sender  *sender
	metrics *metrics
	log     *slog.Logger
	// patience is that of pauses and LifeMax, but in tests.
	patience patience

	mu    sync.Mutex // guards lanes
	lanes map[string]*lane
}

// New returns the service of a book, for a chain that begins with the genesis of a digest.
// from is the height at which to begin where no endpoint says another one: it begins with
// the endpoint that is furthest, and those behind it read older blocks for themselves.
// Nothing is delivered before Run.
func New(book *Book, chain Chain, digest [32]byte, from uint64, version string, log *slog.Logger) (*Service, error) {
	first := uint64(0)
	for _, e := range book.all() {
		taken, err := book.taken(&e)
		if err != nil {
			return nil, fmt.Errorf("open the webhooks: %w", err)
		}
		if e.Disabled == "" {
			first = max(first, taken.Height)
		}
	}
	if first == 0 {
		first = from
	}
	s := &Service{book: book, feed: newFeed(chain, digest, max(first, 1), log), sender: newSender(version), log: log,
		lanes: make(map[string]*lane), patience: patience{pauses, LifeMax, recoverWithin}}
	s.metrics = newMetrics(s.feed.height)
	return s, nil
}

// Run follows the chain and delivers until ctx ends. The error is of the disk.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.feed.follow(ctx) })
	g.Go(func() error { return s.manage(ctx) })
	if err := g.Wait(); err != nil {
		return fmt.Errorf("deliver webhooks: %w", err)
	}
	return nil
}

// manage keeps a lane for each endpoint.
func (s *Service) manage(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for {
		changed := s.book.Changed()
		active, all := 0, s.book.all()
		for i := range all {
			if all[i].Disabled == "" {
				active++
			}
			s.begin(ctx, g, all[i].ID)
		}
		s.metrics.active.Set(float64(active))
		s.metrics.stopped.Set(float64(len(all) - active))
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-changed:
		}
	}
}

// begin begins the lane of an endpoint that has none.
func (s *Service) begin(ctx context.Context, g *errgroup.Group, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lanes[id] != nil {
		return
	}
	l := newLane(s, id)
	s.lanes[id] = l
	g.Go(func() error {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.lanes, id)
		}()
		return l.run(ctx)
	})
}

func (s *Service) lane(id string) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lanes[id]
}

// Endpoints returns all endpoints, the oldest first.
func (s *Service) Endpoints() []Endpoint {
	list := []Endpoint{}
	for _, e := range s.book.all() {
		list = append(list, e.Endpoint)
	}
	return list
}

// Add adds an endpoint that gets events from its From on, with a secret, or a new one if
// it is nil. With dry it only says what would be. Errors wrap ErrEndpoint, or are of the
// disk.
func (s *Service) Add(e Endpoint, secret signature.Secret, dry bool) (Endpoint, signature.Secret, error) {
	if e.From == "" {
		tip, _, _ := s.feed.height()
		e.From = client.EventID{Height: tip + 1}.String()
	}
	if err := e.check(); err != nil {
		return e, nil, err
	}
	if secret == nil {
		secret = signature.NewSecret()
	}
	e.ID, e.Created, e.Disabled = newID("ep_"), client.TimeOf(uint64(time.Now().UnixMilli())), ""
	if dry {
		return e, secret, nil
	}
	return e, secret, s.book.put(&stored{Endpoint: e, Credentials: []credential{{Secret: secret.Text()}}})
}

// Remove ends an endpoint with all that waits for it. With dry it only says which one it
// is. Errors wrap ErrNoEndpoint, or are of the disk.
func (s *Service) Remove(id string, dry bool) (Endpoint, error) {
	e, err := s.book.endpoint(id)
	if err == nil && !dry {
		err = s.book.remove(id)
	}
	return e.Endpoint, err
}

// Rotate gives an endpoint a new secret; messages are signed with the old one, too, for
// overlap longer. Errors are those of Add and Remove.
func (s *Service) Rotate(id string, secret signature.Secret, overlap time.Duration, dry bool) (
	signature.Secret, error,
) {
	if overlap < 0 || overlap > OverlapMax {
		return nil, fmt.Errorf("%w: an overlap of %v, at most %v", ErrEndpoint, overlap, OverlapMax)
	}
	if _, err := s.book.endpoint(id); err != nil {
		return nil, err
	}
	if secret == nil {
		secret = signature.NewSecret()
	}
	if dry {
		return secret, nil
	}
	_, err := s.book.change(id, func(x *stored) { x.rotate(secret, overlap, uint64(time.Now().UnixMilli())) })
	return secret, err
}

// Enable lets an endpoint go on where it was, or stops it for a reason that is not empty.
// With dry it only says whether there is such an endpoint.
func (s *Service) Enable(id, reason string, dry bool) error {
	if dry {
		_, err := s.book.endpoint(id)
		return err
	}
	return s.book.disable(id, reason)
}

// ListMax bounds the deliveries that are listed of an endpoint.
const ListMax = 1000

// Deliveries lists deliveries of an endpoint: those that wait, and the last that were
// delivered by this process.
func (s *Service) Deliveries(id string) ([]*Delivery, error) {
	if _, err := s.book.endpoint(id); err != nil {
		return nil, err
	}
	list, err := s.book.deliveries(tablePending, id, ListMax)
	if l := s.lane(id); l != nil {
		recent := l.shown()
		for i := range recent {
			list = append(list, &recent[i])
		}
	}
	return list, err
}

// Dead lists the dead letters of an endpoint, or with an empty id of all.
func (s *Service) Dead(id string) ([]*Delivery, error) {
	if id != "" {
		if _, err := s.book.endpoint(id); err != nil {
			return nil, err
		}
	}
	return s.book.deliveries(tableDead, id, ListMax)
}

// Resend delivers an event again to an endpoint, or with an empty id to all that want it.
// It returns to whom. With dry it only says so. Errors wrap ErrNoEndpoint, ErrNoDelivery,
// ErrBusy, or are of nodes or the disk.
func (s *Service) Resend(ctx context.Context, event client.EventID, id string, dry bool) (to []string, err error) {
	m, err := s.feed.message(ctx, event)
	if err != nil {
		return nil, err
	}
	for _, e := range s.book.all() {
		if (id == "" && (!e.wants(m) || e.Disabled != "")) || (id != "" && e.ID != id) {
			continue
		}
		if !dry {
			if err := s.again(ctx, e.ID, m); err != nil {
				return to, err
			}
		}
		to = append(to, e.ID)
	}
	if id != "" && len(to) == 0 {
		return nil, fmt.Errorf("%w: %.40q", ErrNoEndpoint, id)
	}
	return to, nil
}

// again lets the lane of an endpoint deliver a message again, or notes it for later.
func (s *Service) again(ctx context.Context, id string, m *Message) error {
	l := s.lane(id)
	if l == nil {
		_, _, err := s.book.again(id, m)
		return err
	}
	c := command{m, make(chan error, 1)}
	select {
	case l.commands <- c:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
