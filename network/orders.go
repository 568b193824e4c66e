package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// Bounds of one order to a running demonstration.
const (
	orderTimeout  = 15 * time.Second
	orderBytesMax = 1 << 10
)

// order is what another command of the same user asks of a running demonstration.
type order struct {
	Act       string `json:"act"`
	Validator int    `json:"validator"`
}

// The acts of an order.
const (
	actKill  = "kill"
	actStart = "start"
)

// outcome answers an order; Error is empty if it was carried out.
type outcome struct {
	Error string `json:"error,omitempty"`
}

// orderPath is the socket that orders come through. It lies in the private folder of
// the records, so that they are this user's.
func (r *Record) orderPath() string { return strings.TrimSuffix(r.path(), ".json") + ".sock" }

// Obey carries out the orders of other commands of the same user until ctx ends:
// validators of the network are killed and started again. The record must be
// announced, which makes sure that no other process serves this port.
func (r *Record) Obey(ctx context.Context, n *Network) error {
	// The lock of the record is held: a socket that lies here is a dead process's.
	_ = os.Remove(r.orderPath())
	l, err := net.Listen("unix", r.orderPath())
	if err != nil {
		return fmt.Errorf("listen for orders: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	defer func() { _ = l.Close() }()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listen for orders: %w", err)
		}
		n.obeyOne(c)
	}
}

// obeyOne reads one order and answers it. Who breaks off is no concern of the network.
func (n *Network) obeyOne(c net.Conn) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(orderTimeout))
	var o order
	if json.NewDecoder(io.LimitReader(c, orderBytesMax)).Decode(&o) != nil {
		return
	}
	var done outcome
	if err := n.carryOut(o); err != nil {
		done.Error = err.Error()
	}
	_ = json.NewEncoder(c).Encode(done)
}

func (n *Network) carryOut(o order) error {
	if o.Validator < 0 || o.Validator >= n.Size() {
		return fmt.Errorf("there is no validator %d: they are numbered from 0 to %d", o.Validator, n.Size()-1)
	}
	switch o.Act {
	case actKill:
		return n.Kill(o.Validator)
	case actStart:
		return n.StartOne(o.Validator)
	default:
		return fmt.Errorf("no order is called %q", o.Act)
	}
}

// KillOne asks the recorded process to kill a validator, as a power cut would.
func (r *Record) KillOne(i int) error { return r.ask(order{actKill, i}) }

// StartOne asks the recorded process to start a validator that does not run.
func (r *Record) StartOne(i int) error { return r.ask(order{actStart, i}) }

func (r *Record) ask(o order) error {
	c, err := net.DialTimeout("unix", r.orderPath(), orderTimeout)
	if err != nil {
		return fmt.Errorf("ask the demo: %w", err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(orderTimeout))
	if err := json.NewEncoder(c).Encode(o); err != nil {
		return fmt.Errorf("ask the demo: %w", err)
	}
	var done outcome
	if err := json.NewDecoder(io.LimitReader(c, orderBytesMax)).Decode(&done); err != nil {
		return fmt.Errorf("read the demo's answer: %w", err)
	}
	if done.Error != "" {
		return errors.New(done.Error)
	}
	return nil
}
