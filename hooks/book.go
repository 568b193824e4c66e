package hooks

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/store"
)

// Limits of what is kept.
const (
	// WindowMax bounds the deliveries of an endpoint that have begun and not ended.
	WindowMax = 1024
	// DeadMax bounds the dead letters of an endpoint: with so many it is disabled, and
	// keeps its place on the chain.
	DeadMax = 10_000
	// AttemptsKept is how many attempts of a delivery are kept, the last ones.
	AttemptsKept = 12
)

// Errors of a Book.
var (
	// ErrForeign says that a folder is of another chain.
	ErrForeign = errors.New("the folder is of another chain")
	// ErrNoEndpoint says that there is no such endpoint.
	ErrNoEndpoint = errors.New("there is no such endpoint")
	// ErrNoDelivery says that there is no such delivery, or that it is under way.
	ErrNoDelivery = errors.New("there is no such delivery")
)

// The tables of a Book. A place is the height as u64 and the transaction's index as u32,
// both big-endian, so that rows lie in the order of the chain.
const (
	tableMeta     = 'm' // "chain": the digest; "token": what its users show
	tableEndpoint = 'e' // endpoint id: stored
	tableTaken    = 't' // endpoint id: place from which events are still to be taken
	tablePending  = 'p' // endpoint id, place: Delivery that is not taken and not given up
	tableDead     = 'd' // endpoint id, place: Delivery that was given up
)

// Attempt is one attempt to deliver a message.
type Attempt struct {
	At     client.Time `json:"at"`
	Millis int64       `json:"ms"`
	Status int         `json:"status,omitempty"` // of HTTP; 0 = there was no answer
	Answer string      `json:"answer,omitempty"` // its first bytes
	Error  string      `json:"error,omitempty"`
}

// Delivery is a message on its way to an endpoint. Chain and event say which message.
type Delivery struct {
	Event    string       `json:"event"`
	Message  string       `json:"message"`
	Endpoint string       `json:"endpoint"`
	Type     string       `json:"type"`
	State    string       `json:"state"` // waiting, delivered, dead
	Subject  string       `json:"subject,omitempty"`
	Count    int          `json:"attempts"`
	First    client.Time  `json:"first"`          // when it was first due
	Next     *client.Time `json:"next,omitempty"` // when the next attempt is due
	Resent   bool         `json:"resent,omitempty"`
	Attempts []Attempt    `json:"last_attempts,omitempty"`
}

// The states of a delivery.
const (
	StateWaiting   = "waiting"
	StateDelivered = "delivered"
	StateDead      = "dead"
)

// Book is the state of all endpoints. It is safe for concurrent use, by one process.
type Book struct {
	table *store.Table
	token string

	mu        sync.RWMutex // guards all below
	endpoints map[string]*stored
	changed   chan struct{} // closed when endpoints change
}

// OpenBook opens the book in a folder, or begins one, for the chain of a digest. Errors:
// ErrForeign; those of store.OpenTable.
func OpenBook(dir string, chain [32]byte) (*Book, error) {
	t, err := store.OpenTable(dir)
	if err != nil {
		return nil, err
	}
	b := &Book{table: t, endpoints: make(map[string]*stored), changed: make(chan struct{})}
	if err := b.load(chain); err != nil {
		return nil, errors.Join(fmt.Errorf("open the book of webhooks in %s: %w", dir, err), t.Close())
	}
	return b, nil
}

// Close ends the book.
func (b *Book) Close() error { return b.table.Close() }

func meta(name string) []byte { return append([]byte{tableMeta}, name...) }

func (b *Book) load(chain [32]byte) error {
	have, err := b.table.Get(meta("chain"))
	if err != nil {
		return err
	}
	if have == nil {
		b.token = newID("") + newID("")
		return b.table.Write(true, store.Change{Key: meta("chain"), Value: chain[:]},
			store.Change{Key: meta("token"), Value: []byte(b.token)})
	}
	if !bytes.Equal(have, chain[:]) {
		return ErrForeign
	}
	token, err := b.table.Get(meta("token"))
	if err != nil {
		return err
	}
	b.token = string(token)
	var bad error
	err = b.table.Scan([]byte{tableEndpoint}, func(key, value []byte) bool {
		s := new(stored)
		if bad = json.Unmarshal(value, s); bad != nil {
			bad = fmt.Errorf("%w: row %q: %w", store.ErrDamaged, key, bad)
		}
		b.endpoints[s.ID] = s
		return bad == nil
	})
	return errors.Join(err, bad)
}

// Token is what users of this book show to the process that has it open.
func (b *Book) Token() string { return b.token }

// row returns a key: the table, the endpoint, and the place if there is one.
func row(table byte, endpoint string, place ...byte) []byte {
	return append(append([]byte{table}, endpoint...), place...)
}

// placeBytes is the size of a place.
const placeBytes = 8 + 4

// place returns the bytes of an event's place.
func place(e client.EventID) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, e.Height), e.Tx)
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("hooks: " + err.Error()) // texts and numbers alone
	}
	return b
}

// Changed returns a channel that is closed when endpoints change next.
func (b *Book) Changed() <-chan struct{} {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.changed
}

// all returns copies of the endpoints, by age and id.
func (b *Book) all() []stored {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]stored, 0, len(b.endpoints))
	for _, s := range b.endpoints {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(x, y stored) int {
		if x.Created.Ms != y.Created.Ms {
			return int(int64(x.Created.Ms) - int64(y.Created.Ms))
		}
		return strings.Compare(x.ID, y.ID)
	})
	return list
}

// endpoint returns a copy of an endpoint.
func (b *Book) endpoint(id string) (stored, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	s, ok := b.endpoints[id]
	if !ok {
		return stored{}, fmt.Errorf("%w: %.40q", ErrNoEndpoint, id)
	}
	return *s, nil
}

// put makes an endpoint as given, durably.
func (b *Book) put(s *stored) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.endpoints[s.ID] == nil && len(b.endpoints) >= EndpointsMax {
		return fmt.Errorf("%w: there are as many as may be, %d", ErrEndpoint, EndpointsMax)
	}
	if err := b.table.Write(true, store.Change{Key: row(tableEndpoint, s.ID), Value: encode(s)}); err != nil {
		return err
	}
	b.endpoints[s.ID] = s
	b.tell()
	return nil
}

// change changes an endpoint, durably.
func (b *Book) change(id string, change func(s *stored)) (stored, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.endpoints[id]
	if old == nil {
		return stored{}, fmt.Errorf("%w: %.40q", ErrNoEndpoint, id)
	}
	s := *old
	change(&s)
	if err := b.table.Write(true, store.Change{Key: row(tableEndpoint, id), Value: encode(&s)}); err != nil {
		return stored{}, err
	}
	b.endpoints[id] = &s
	b.tell()
	return s, nil
}

// tell wakes those who wait for changes. The caller holds mu.
func (b *Book) tell() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// remove ends an endpoint with all that is kept of it.
func (b *Book) remove(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.endpoints[id] == nil {
		return fmt.Errorf("%w: %.40q", ErrNoEndpoint, id)
	}
	changes := []store.Change{{Key: row(tableTaken, id)}, {Key: row(tableEndpoint, id)}}
	for _, table := range []byte{tablePending, tableDead} {
		if err := b.table.Scan(row(table, id), func(key, _ []byte) bool {
			changes = append(changes, store.Change{Key: key})
			return true
		}); err != nil {
			return err
		}
	}
	if err := b.table.Write(true, changes...); err != nil {
		return err
	}
	delete(b.endpoints, id)
	b.tell()
	return nil
}

// disable stops an endpoint, and says why; an empty reason enables it.
func (b *Book) disable(id, reason string) error {
	_, err := b.change(id, func(s *stored) { s.Disabled = reason })
	return err
}

// progress is what has changed of an endpoint's deliveries since it was written last.
type progress struct {
	taken   client.EventID
	waiting []*Delivery // that are new or have had an attempt
	ended   []client.EventID
	dead    []*Delivery // that have ended, too
}

// note writes progress, all of it or nothing. Only dead letters are synced: what else a
// power cut takes is delivered again.
func (b *Book) note(id string, p *progress) error {
	changes := []store.Change{{Key: row(tableTaken, id), Value: place(p.taken)}}
	for _, d := range p.waiting {
		e, _ := client.ParseEventID(d.Event)
		changes = append(changes, store.Change{Key: row(tablePending, id, place(e)...), Value: encode(d)})
	}
	for _, e := range p.ended {
		changes = append(changes, store.Change{Key: row(tablePending, id, place(e)...)})
	}
	for _, d := range p.dead {
		e, _ := client.ParseEventID(d.Event)
		changes = append(changes, store.Change{Key: row(tablePending, id, place(e)...)},
			store.Change{Key: row(tableDead, id, place(e)...), Value: encode(d)})
	}
	return b.write(id, len(p.dead) > 0, changes...)
}

// taken returns from where events of an endpoint are to be taken from the chain.
func (b *Book) taken(s *stored) (client.EventID, error) {
	v, err := b.table.Get(row(tableTaken, s.ID))
	if err != nil || v == nil {
		from, _ := client.ParseEventID(s.From)
		return from, err
	}
	if len(v) != placeBytes {
		return client.EventID{}, fmt.Errorf("%w: the place of endpoint %s", store.ErrDamaged, s.ID)
	}
	return client.EventID{Height: binary.BigEndian.Uint64(v), Tx: binary.BigEndian.Uint32(v[8:])}, nil
}

// deliveries returns the deliveries of an endpoint in a table, at most limit of them, in
// the order of the chain. An empty id stands for all endpoints.
func (b *Book) deliveries(table byte, id string, limit int) (list []*Delivery, err error) {
	var bad error
	err = b.table.Scan(row(table, id), func(key, value []byte) bool {
		d := new(Delivery)
		if bad = json.Unmarshal(value, d); bad != nil {
			bad = fmt.Errorf("%w: row %q: %w", store.ErrDamaged, key, bad)
			return false
		}
		list = append(list, d)
		return len(list) < limit
	})
	return list, errors.Join(err, bad)
}

// again notes that a message is to be delivered once more, and takes it from the dead
// letters if it is one.
func (b *Book) again(id string, m *Message) (d *Delivery, wasDead bool, err error) {
	now := client.TimeOf(uint64(time.Now().UnixMilli()))
	d = &Delivery{Event: m.Event.String(), Message: m.ID, Endpoint: id, Type: m.Type, Subject: m.subject,
		State: StateWaiting, First: now, Next: &now, Resent: true}
	dead, err := b.table.Get(row(tableDead, id, place(m.Event)...))
	if err != nil {
		return nil, false, err
	}
	return d, dead != nil, b.write(id, true, store.Change{Key: row(tableDead, id, place(m.Event)...)},
		store.Change{Key: row(tablePending, id, place(m.Event)...), Value: encode(d)})
}

// write makes changes to what is kept of an endpoint, unless it was removed.
func (b *Book) write(id string, sync bool, changes ...store.Change) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.endpoints[id] == nil {
		return nil
	}
	return b.table.Write(sync, changes...)
}
