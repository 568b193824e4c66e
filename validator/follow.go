package validator

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/transport"
)

// A home whose key has no place in the committee can follow the chain: it has the blocks from
// the APIs of the members' nodes (web.nodes), proves and executes them, answers clients and
// hands on their transactions. It signs nothing. A restored home is one.

// followed returns the validator in whose place this home follows.
func (c *Config) followed(g *genesis.Genesis) (pbft.ReplicaID, error) {
	n := len(g.File.Committee.Validators)
	seat, err := strconv.ParseUint(c.Follow, 10, 16)
	if err != nil || int(seat) >= n {
		return 0, &Trouble{Kind: KindSettings,
			What:   fmt.Sprintf("follow = %q: the genesis file has no such validator", c.Follow),
			Remedy: fmt.Sprintf("It has %d, numbered from 0.", n)}
	}
	return pbft.ReplicaID(seat), nil
}

// Limits of what waits for a node that is asked.
const (
	sourceQueueMax = 16
	// sourcePause is after how long a node that did not answer is asked again.
	sourcePause = 2 * time.Second
)

// sources is the network of a node that follows: what it asks members over links goes to
// their APIs, and the answers come back as if from the links. Transactions are handed on;
// whatever else a member would say is not said.
type sources struct {
	self    uint16
	peers   map[uint16]*memberNode
	deliver transport.Handler
	observe node.LinkObserver
	log     *slog.Logger
}

// memberNode is one member's node.
type memberNode struct {
	id     uint16
	client *client.Source
	frames chan []byte
}

// newSources returns the network over the nodes of other members that the settings name.
func (p *process) newSources(h transport.Handler, observe node.LinkObserver) (transport.Network, error) {
	s := &sources{self: uint16(p.id), peers: map[uint16]*memberNode{}, deliver: h, observe: observe,
		log: p.opt.Logger.With("component", "follow")}
	for id, address := range p.cfg.WebNodes {
		if id != int(p.id) && id < p.committee.Size() {
			s.peers[uint16(id)] = &memberNode{uint16(id), client.NewSource(address), make(chan []byte, sourceQueueMax)}
		}
	}
	if len(s.peers) < p.committee.WeakQuorum() {
		return nil, &Trouble{Kind: KindSettings,
			What: fmt.Sprintf("this node follows, and knows the APIs of %d other members' nodes", len(s.peers)),
			Remedy: fmt.Sprintf("Name %d or more with web.nodes, such as 1=https://node.example: one of them is honest then.",
				p.committee.WeakQuorum())}
	}
	return s, nil
}

var _ transport.Network = (*sources)(nil)

// Send implements transport.Network.
func (s *sources) Send(to uint16, _ transport.Lane, frame []byte) bool {
	p := s.peers[to]
	if p == nil || !node.IsGuestFrame(frame) && !node.HoldsTxs(frame) {
		return false
	}
	select {
	case p.frames <- frame:
		return true
	default:
		return false
	}
}

// Queued implements transport.Network.
func (s *sources) Queued(uint16, transport.Lane) int { return 0 }

// Progress implements transport.Network.
func (s *sources) Progress(uint16, transport.Lane) transport.Progress { return transport.Progress{} }

// Run implements transport.Network.
func (s *sources) Run(ctx context.Context) error {
	var g sync.WaitGroup
	for _, p := range s.peers {
		g.Go(func() { s.ask(ctx, p) })
	}
	g.Wait()
	return nil
}

// ask carries the questions to one node, one after the other, until ctx ends.
func (s *sources) ask(ctx context.Context, p *memberNode) {
	up := false
	for {
		var frame []byte
		select {
		case <-ctx.Done():
			return
		case frame = <-p.frames:
		}
		answer, err := s.carry(ctx, p, frame)
		if now := err == nil; now != up && ctx.Err() == nil {
			up = now
			s.observe(p.id, transport.Votes, up)
			s.observe(p.id, transport.Bulk, up)
			if up {
				s.log.Info("a member's node answers", "replica", p.id)
			} else {
				s.log.Warn("a member's node does not answer", "replica", p.id, "err", err)
			}
		}
		if answer != nil {
			s.deliver(p.id, transport.Bulk, answer)
		}
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(sourcePause):
			}
		}
	}
}

func (s *sources) carry(ctx context.Context, p *memberNode, frame []byte) ([]byte, error) {
	if !node.HoldsTxs(frame) {
		return p.client.Ask(ctx, frame)
	}
	txs, err := node.TxsOf(frame)
	if err != nil {
		return nil, err
	}
	return nil, p.client.HandIn(ctx, txs)
}
