package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/store"
)

// Periods of an event stream.
const (
	heartbeat     = 15 * time.Second
	reconnectMs   = 2000
	streamWrite   = 20 * time.Second // for which one write may block; then the stream is cut
	proofWaitMax  = 5 * time.Second
	eventQueueMax = 4 // batches between the reader of the store and the writer to the client
)

// eventsRequest is what GET /v1/events is asked for.
type eventsRequest struct {
	from   client.EventID
	filter client.EventFilter
	proof  bool
}

// events is GET /v1/events: a stream of server-sent events. It is a plain handler
// because it lasts.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	in, problems := s.parseEvents(r)
	if len(problems) > 0 {
		p := problem(client.ProblemBadRequest, "")
		p.Errors = problems
		writeProblem(w, r, p)
		return
	}
	who := s.config.Proxies.Address(r)
	if !s.streams.enter(who) {
		writeProblem(w, r, problem(client.ProblemRateLimited, "As many event streams are open as may."))
		return
	}
	defer s.streams.leave(who)
	sub, err := s.node.Subscribe(store.EventID(in.from))
	if err != nil {
		writeProblem(w, r, problem(client.ProblemRateLimited, "As many event streams are open as may."))
		return
	}
	defer sub.Close()
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if err := s.stream(w, r, sub, in); err != nil {
		s.log.Debug("an event stream ended", "trace_id", traceOf(r.Context()), "err", err)
	}
}

// parseEvents reads the parameters of GET /v1/events.
func (s *Server) parseEvents(r *http.Request) (in eventsRequest, problems []client.FieldError) {
	bad := func(name string, err error) {
		problems = append(problems, client.FieldError{Pointer: "query." + name, Detail: err.Error()})
	}
	q := r.URL.Query()
	for name := range q {
		switch name {
		case "from", "type", "campaign", "coupon", "till", "proof":
		default:
			bad(name, errors.New("unknown parameter"))
		}
	}
	in.from = client.EventID{Height: s.node.Status().Height + 1}
	var err error
	if last := r.Header.Get("Last-Event-ID"); last != "" { // a browser that comes back
		if in.from, err = client.ParseEventID(last); err != nil {
			bad("Last-Event-ID", err)
		}
		if in.from.Index == math.MaxUint32 {
			bad("Last-Event-ID", errors.New("no such event"))
		}
		in.from = in.from.Next()
	} else if q.Has("from") {
		if in.from, err = client.ParseEventID(q.Get("from")); err != nil {
			bad("from", err)
		}
	}
	in.proof = q.Get("proof") == "true"
	s.parseFilter(q, &in.filter, bad)
	return in, problems
}

func (s *Server) parseFilter(q url.Values, f *client.EventFilter, bad func(string, error)) {
	for name := range strings.SplitSeq(q.Get("type"), ",") {
		if name == "" {
			continue
		}
		t, ok := coupon.ParseEventType(name)
		if !ok {
			bad("type", fmt.Errorf("%.40q is not a type of events", name))
		}
		f.Types = append(f.Types, t)
	}
	if text := q.Get("campaign"); text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			bad("campaign", errors.New("not the number of a campaign"))
		}
		f.Campaign = uint32(n)
	}
	if text := q.Get("coupon"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			bad("coupon", errors.New("not the id of a coupon"))
		}
		f.Coupon = coupon.CouponID(n)
	}
	if text := q.Get("till"); text != "" {
		var err error
		if f.Till, err = keys.Decode(keys.Till, text); err != nil {
			bad("till", err)
		}
	}
}

// stream writes events until the client goes, the server stops, or the client is
// too slow: then the connection is cut, and it comes back with its last id.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, sub *node.Subscription, in eventsRequest) error {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	batches := make(chan []node.CommittedEvent, eventQueueMax)
	read := make(chan error, 1)
	go func() {
		defer close(batches)
		read <- pump(ctx, sub, batches)
	}()
	defer func() {
		cancel(nil)
		for range batches { // until the reader has ended
		}
	}()
	out := http.NewResponseController(w)
	if err := s.send(out, w, "retry: "+strconv.Itoa(reconnectMs)+"\n\n"); err != nil {
		return err
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case events, ok := <-batches:
			if !ok {
				return <-read
			}
			for _, e := range events {
				text, err := s.formatEvent(ctx, e, &in)
				if err == nil && text != "" {
					err = s.send(out, w, text)
				}
				if err != nil {
					return err
				}
			}
		case <-beat.C:
			if err := s.send(out, w, ": "+strconv.FormatUint(s.node.Status().Height, 10)+"\n\n"); err != nil {
				return err
			}
		case <-s.stop:
			return nil
		}
	}
}

// pump reads events ahead of the writer, a bounded number of batches.
func pump(ctx context.Context, sub *node.Subscription, out chan<- []node.CommittedEvent) error {
	for {
		events, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		select {
		case out <- events:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send writes and flushes, and gives up on a client that does not read.
func (s *Server) send(out *http.ResponseController, w http.ResponseWriter, text string) error {
	if err := out.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return out.Flush()
}

// formatEvent returns the text of an event, or nothing if the filter does not want
// it.
func (s *Server) formatEvent(ctx context.Context, e node.CommittedEvent, in *eventsRequest) (string, error) {
	kind, o, err := ledger.DecodeEvent(e.Data)
	if err != nil {
		return "", err
	}
	till, err := s.tillOf(&o)
	if err != nil {
		return "", err
	}
	if !in.filter.Matches(&o, till) {
		return "", nil
	}
	header, err := s.headers.get(s.node, e.ID.Height)
	if err != nil {
		return "", err
	}
	timeMs, err := headerTime(header)
	if err != nil {
		return "", err
	}
	id := client.EventID(e.ID).String()
	a := client.EventAnswer{SpecVersion: "1.0", ID: id, Source: client.ChainID(s.genesis.Digest), Type: kind.String(),
		Subject: client.SubjectOf(&o), Time: client.FormatTime(timeMs), ContentType: "application/json",
		Data: client.EventData{Tx: o.ID, Height: client.U64(e.ID.Height), Index: e.ID.Tx, Time: client.TimeOf(timeMs),
			Effect: *client.EffectOf(&o), Receipt: e.Data[1:]}}
	if till != [32]byte{} {
		a.Data.Till = keys.Encode(keys.Till, till)
	}
	if in.proof {
		if a.Data.Proof, err = s.eventProof(ctx, o.ID); err != nil {
			return "", err
		}
		a.Data.Header = header
	}
	b, err := json.Marshal(&a)
	if err != nil {
		return "", fmt.Errorf("write an event: %w", err)
	}
	return "id: " + id + "\nevent: " + a.Type + "\ndata: " + string(b) + "\n\n", nil
}

// eventProof waits for the proof of a receipt, which is on its way for an event of
// the newest blocks.
func (s *Server) eventProof(ctx context.Context, tx [32]byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, proofWaitMax)
	defer cancel()
	o, err := s.node.Wait(ctx, tx, node.Proved)
	if err != nil {
		return nil, fmt.Errorf("prove an event: %w", err)
	}
	return o.Proof.Encode(), nil
}

// tillOf returns the till of what names a redemption, zero for other outcomes. Its
// receipt does not name the till; the redemption's row does, for ever.
func (s *Server) tillOf(o *coupon.Outcome) (till [32]byte, err error) {
	if !o.States(coupon.PartRedemption) {
		return till, nil
	}
	p, err := s.pin()
	if err != nil {
		return till, err
	}
	defer p.release()
	r, _, err := row(p, coupon.RedemptionKey(o.Coupon, o.Seq), coupon.DecodeRedemption)
	return r.TillKey, err
}
