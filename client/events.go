package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
)

// Limits of an event stream.
const (
	eventBytesMax = 256 << 10
	// silenceMax is three heartbeats: a stream that is silent for longer is dead.
	silenceMax = 45 * time.Second
)

// Event is an accepted transaction, proven by its receipt.
type Event struct {
	// ID names the event. Its height is proven; that it stands at this place of the
	// block is the node's word. The id of the transaction is that of Outcome: whoever
	// goes on later drops one that it has had at this height.
	ID      EventID
	Type    coupon.EventType
	Outcome coupon.Outcome
	TimeMs  uint64
	Receipt *Receipt
	// Till is the till of a redemption or its void, in the node's word; else zero.
	Till [32]byte
}

// EventFilter says which events are wanted; empty fields stand for all.
type EventFilter struct {
	Types    []coupon.EventType
	Campaign uint32
	Coupon   coupon.CouponID
	// Till selects what concerns a till key: its registration and revocation, and
	// redemptions at it. Of the latter the receipt does not name the till, so that
	// the selection is the node's.
	Till [32]byte
}

func (f *EventFilter) query(from EventID) url.Values {
	q := url.Values{"from": {from.String()}, "proof": {"true"}}
	names := make([]string, len(f.Types))
	for i, t := range f.Types {
		names[i] = t.String()
	}
	if len(names) > 0 {
		q.Set("type", strings.Join(names, ","))
	}
	if f.Campaign != 0 {
		q.Set("campaign", strconv.FormatUint(uint64(f.Campaign), 10))
	}
	if f.Coupon != 0 {
		q.Set("coupon", strconv.FormatUint(uint64(f.Coupon), 10))
	}
	if f.Till != [32]byte{} {
		q.Set("till", keys.Encode(keys.Till, f.Till))
	}
	return q
}

// Matches reports whether the filter wants the event of an outcome, at a till if
// it is that of a redemption.
func (f *EventFilter) Matches(o *coupon.Outcome, till [32]byte) bool {
	wanted := len(f.Types) == 0
	for _, t := range f.Types {
		wanted = wanted || t == o.Event()
	}
	campaign := o.Campaign
	if o.Coupon != 0 {
		campaign = o.Coupon.Campaign()
	}
	if o.TillKey != [32]byte{} {
		till = o.TillKey
	}
	return wanted && (f.Campaign == 0 || f.Campaign == campaign || o.Other != 0 && f.Campaign == o.Other.Campaign()) &&
		(f.Coupon == 0 || f.Coupon == o.Coupon || f.Coupon == o.Other) &&
		(f.Till == [32]byte{} || f.Till == till)
}

// Next returns the first place behind the event, from where a stream goes on.
func (e EventID) Next() EventID { return EventID{e.Height, e.Tx, e.Index + 1} }

// Events returns the events from a place on, included, in the order of the chain
// and each once. The sequence has no end: it waits for what is to come, and goes
// on at another node when one fails. It ends with ctx, whose error it yields
// last, or when the caller stops. To go on later, begin at Next of the last ID.
//
// Every event is proven, and no transaction is yielded twice at its height. That none
// was left out, and the order within a height, are the node's word: who must know
// reads every height with Block.
func (c *Client) Events(ctx context.Context, from EventID, filter EventFilter) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		pause := pauseMin
		var had yielded
		for at := int(c.first.Load()); ; at++ {
			n := c.nodes[at%len(c.nodes)]
			next, stopped := c.stream(ctx, n, from, &filter, &had, yield)
			if stopped {
				return
			}
			if next != from {
				from, pause = next, pauseMin
			}
			if err := sleep(ctx, pause/2+rand.N(pause)); err != nil {
				yield(Event{}, err)
				return
			}
			pause = min(2*pause, pauseMax)
		}
	}
}

// yielded are the transactions that had their event at a height. A proof shows that a
// receipt is in a block, and not where, so that one receipt could be many events.
type yielded struct {
	height uint64
	ids    map[occurrence]struct{}
}

// occurrence is an event of a transaction, of which a swap has two.
type occurrence struct {
	id    [32]byte
	index uint32
}

// first reports whether the event of a transaction was not yielded at the height. Heights only
// rise.
func (y *yielded) first(height uint64, id [32]byte, index uint32) bool {
	if height != y.height || y.ids == nil {
		y.height, y.ids = height, make(map[occurrence]struct{})
	}
	at := occurrence{id, index}
	_, had := y.ids[at]
	y.ids[at] = struct{}{}
	return !had
}

// stream yields the events of one node until its stream fails. It returns where
// to go on, and whether the caller has stopped.
func (c *Client) stream(ctx context.Context, n *endpoint, from EventID, f *EventFilter, had *yielded,
	yield func(Event, error) bool,
) (next EventID, stopped bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(c.timeout, cancel)
	defer watchdog.Stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.base+"/v1/events?"+f.query(from).Encode(), nil)
	if err != nil {
		return from, false
	}
	r.Header.Set("Accept", "text/event-stream")
	response, err := c.http.Do(r)
	if err != nil {
		return from, false
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return from, false
	}
	lines := bufio.NewReaderSize(response.Body, 64<<10)
	for {
		watchdog.Reset(silenceMax)
		data, err := readEvent(lines, func() { watchdog.Reset(silenceMax) })
		if err != nil {
			return from, false
		}
		e, err := c.event(data)
		if err != nil || e.ID.Less(from) || !had.first(e.ID.Height, e.Outcome.ID, e.ID.Index) {
			return from, false // a node that lies or repeats itself
		}
		watchdog.Stop() // the caller may take its time
		if f.Matches(&e.Outcome, e.Till) && !yield(e, nil) {
			return from, true
		}
		from = e.ID.Next()
	}
}

// readEvent reads the data of the next event of a text/event-stream. alive is
// called for every line.
func readEvent(r *bufio.Reader, alive func()) ([]byte, error) {
	var data []byte
	for {
		line, err := readLine(r)
		if err != nil {
			return nil, err
		}
		alive()
		name, value, _ := strings.Cut(line, ":")
		switch {
		case line == "" && len(data) > 0:
			return data, nil
		case name == "data":
			data = append(data, strings.TrimPrefix(value, " ")...)
			if len(data) > eventBytesMax {
				return nil, fmt.Errorf("%w: an event of more than %d bytes", ErrFalse, eventBytesMax)
			}
		}
	}
}

// readLine reads a line of at most eventBytesMax bytes, without its end.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > eventBytesMax:
			return "", fmt.Errorf("%w: a line of more than %d bytes", ErrFalse, eventBytesMax)
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return "", err
		default:
			return strings.TrimRight(string(line), "\r\n"), nil
		}
		if errors.Is(err, io.EOF) {
			return "", io.ErrUnexpectedEOF
		}
	}
}

// event verifies an event.
func (c *Client) event(data []byte) (Event, error) {
	var a EventAnswer
	if err := json.Unmarshal(data, &a); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrFalse, err)
	}
	id, err := ParseEventID(a.ID)
	if err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrFalse, err)
	}
	r, err := c.Verifier.Receipt(a.Data.Tx, a.Data.Proof, a.Data.Header)
	if err != nil {
		return Event{}, err
	}
	if r.Height != id.Height || r.Proof.Index != id.Tx || int(id.Index) >= r.Outcome.Occurs() ||
		r.Outcome.Event().String() != a.Type {
		return Event{}, fmt.Errorf("%w: the event %s %q is not that of its receipt", ErrFalse, a.ID, a.Type)
	}
	e := Event{ID: id, Type: r.Outcome.Event(), Outcome: r.Outcome, TimeMs: r.TimeMs, Receipt: r}
	if a.Data.Till != "" {
		if e.Till, err = keys.Decode(keys.Till, a.Data.Till); err != nil {
			return Event{}, fmt.Errorf("%w: %w", ErrFalse, err)
		}
	}
	return e, nil
}
