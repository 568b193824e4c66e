package hooks

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/hooks/signature"
)

// Forwarder sends messages to a program that is being developed, each once and nothing kept.
// It is not safe for concurrent use.
type Forwarder struct {
	feed   *feed
	sender *sender
	url    string
	secret []signature.Secret
	filter Filter
}

// NewForwarder returns what forwards the events of a chain that a filter selects to a URL,
// which may be on this machine. Errors wrap ErrEndpoint.
func NewForwarder(chain Chain, digest [32]byte, url string, secret signature.Secret, filter Filter, version string) (
	*Forwarder, error,
) {
	e := Endpoint{URL: url, Filter: filter, AllowPrivate: true, From: "1"}
	if err := e.check(); err != nil {
		return nil, err
	}
	return &Forwarder{newFeed(chain, digest, 1, slog.New(slog.DiscardHandler)), newSender(version), url,
		[]signature.Secret{secret}, filter}, nil
}

// Block forwards the events of a block that are not before from, one after the other, and
// returns what was answered.
func (f *Forwarder) Block(ctx context.Context, b *client.Block, from client.EventID) ([]Delivery, error) {
	messages, err := f.feed.read(ctx, b)
	if err != nil {
		return nil, err
	}
	var done []Delivery
	for i := range messages {
		if m := &messages[i]; !m.Event.Less(from) && f.filter.wants(m) && ctx.Err() == nil {
			done = append(done, f.send(ctx, m))
		}
	}
	return done, nil
}

// Resend forwards an event, whatever the filter says. Errors are those of Service.Resend.
func (f *Forwarder) Resend(ctx context.Context, e client.EventID) (*Delivery, error) {
	m, err := f.feed.message(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("send event %s again: %w", e, err)
	}
	d := f.send(ctx, m)
	d.Resent = true
	return &d, nil
}

func (f *Forwarder) send(ctx context.Context, m *Message) Delivery {
	d := Delivery{Event: m.Event.String(), Message: m.ID, Endpoint: f.url, Type: m.Type, Subject: m.subject, Count: 1,
		First: client.TimeOf(uint64(time.Now().UnixMilli())), State: StateDelivered}
	o := f.sender.send(ctx, f.url, true, f.secret, m.ID, m.Body)
	if d.Attempts = []Attempt{o.Attempt}; !o.ok() {
		d.State = StateDead
	}
	return d
}
