package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// Members attest a block once. Who was away, or has lost the newest writes of
// its ledger in a crash, asks the others for the certificates that it lacks.
//
//	frameWanted        count u32, heights u64
//	frameCertificates  count u32, certificates, each behind its length u32
const (
	frameWanted       = 0x81
	frameCertificates = 0x82
)

// Limits of fetching certificates.
const (
	certsPause    = 500 * time.Millisecond
	certsGrace    = 2 * time.Second // for the attestations of a block to arrive
	certsAskMax   = 256             // heights in one question
	certsAskedMax = 16              // questions to one peer that it may answer late
	certsBytesMax = 512 << 10       // of an answer, with one certificate more at most
	certsWantMax  = 8192            // heights that are wanted; the oldest are given up
	certsScanMax  = 1024            // newest blocks looked at after a restart
)

// certs fetches missing certificates over executed blocks and answers others.
type certs struct {
	n       *Node
	wake    chan struct{}
	found   chan *pbft.CheckpointCertificate // verified, for the executor
	asked   chan wantedFrame
	answers chan wantedFrame

	mu     sync.Mutex // guards all below
	wanted map[uint64]time.Time
}

// wantedFrame is a question or an answer of a peer, without its kind byte.
type wantedFrame struct {
	from *peerState
	body []byte
}

func newCerts(n *Node) *certs {
	return &certs{n: n, wake: make(chan struct{}, 1), found: make(chan *pbft.CheckpointCertificate, certsAskMax),
		asked: make(chan wantedFrame, 16), answers: make(chan wantedFrame, 16), wanted: make(map[uint64]time.Time)}
}

// executed notes that a block was executed; its certificate is missing if it is
// not there after a while.
func (c *certs) executed(height uint64) { c.add(height, time.Now().Add(certsGrace)) }

// want asks for the certificate of a height at once.
func (c *certs) want(height uint64) {
	c.add(height, time.Time{})
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *certs) add(height uint64, due time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.wanted) >= certsWantMax {
		oldest := height
		for h := range c.wanted {
			oldest = min(oldest, h)
		}
		delete(c.wanted, oldest)
	}
	c.wanted[height] = due
}

// have notes that the certificate of a height is stored.
func (c *certs) have(height uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.wanted, height)
}

// scan wants what a crash may have taken.
func (c *certs) scan(tip uint64) error {
	view := c.n.cfg.Ledger.Latest()
	for height := tip; height > 0 && height+certsScanMax > tip; height-- {
		_, err := view.Checkpoint(height)
		switch {
		case errors.Is(err, store.ErrNotFound):
			c.add(height, time.Time{})
		case err != nil:
			return err
		}
	}
	return nil
}

// handle takes a question or an answer from the goroutine of a link: questions as
// far as the peer's budget goes, and answers as often as the peer was asked.
func (c *certs) handle(p *peerState, frame []byte) {
	to := c.asked
	switch now := time.Now(); {
	case frame[0] == frameCertificates:
		if p.asked.Add(-1) < 0 {
			p.asked.Add(1)
			c.n.metrics.frameDropped.Inc()
			return
		}
		to = c.answers
	case !p.lookups.open(now):
		c.n.metrics.answersDropped.Inc()
		return
	default:
		p.lookups.spend(now, min(len(frame)/8, certsAskMax)*lookupBytes+lookupBytes)
	}
	select {
	case to <- wantedFrame{p, frame[1:]}:
	default: // it is asked again
		c.n.metrics.frameDropped.Inc()
	}
}

// run asks and answers until ctx ends.
func (c *certs) run(ctx context.Context) {
	ticks := time.NewTicker(certsPause)
	defer ticks.Stop()
	turn := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			turn++
			c.ask(turn)
		case <-c.wake:
			turn++
			c.ask(turn)
		case q := <-c.asked:
			if err := c.answer(q); err != nil {
				c.n.log.Warn("cannot answer for certificates", "peer", q.from.id, "err", err)
			}
		case a := <-c.answers:
			if err := c.learn(ctx, a); err != nil {
				c.n.log.Warn("cannot use certificates", "peer", a.from.id, "err", err)
			}
		}
	}
}

// ask sends what is overdue to one of the peers that are up, in turn.
func (c *certs) ask(turn int) {
	now := time.Now()
	var due []uint64
	c.mu.Lock()
	for height, at := range c.wanted {
		if at.Before(now) {
			due = append(due, height)
		}
	}
	c.mu.Unlock()
	if len(due) == 0 {
		return
	}
	slices.Sort(due)
	slices.Reverse(due) // the newest are asked for most
	due = due[:min(len(due), certsAskMax)]
	frame := wire.AppendUint32([]byte{frameWanted}, uint32(len(due)))
	for _, height := range due {
		frame = wire.AppendUint64(frame, height)
	}
	peers := c.n.inbox.peers
	for i := range peers {
		if p := peers[(turn+i)%len(peers)]; p != nil && p.isUp() {
			if p.asked.Add(1) > certsAskedMax {
				p.asked.Store(certsAskedMax)
			}
			c.n.network.Send(uint16(p.id), transport.Bulk, frame)
			return
		}
	}
}

// answer sends the certificates that are held of those asked for.
func (c *certs) answer(q wantedFrame) error {
	heights, err := readWanted(q.body)
	if err != nil {
		c.n.inbox.blame(q.from, pbft.InvalidContent)
		return nil
	}
	frame, err := c.held(heights)
	if err != nil || frame == nil {
		return err
	}
	q.from.lookups.spend(time.Now(), len(frame))
	c.n.network.Send(uint16(q.from.id), transport.Bulk, frame)
	return nil
}

// held returns a frame of the certificates that are held of some heights, nil if none is.
func (c *certs) held(heights []uint64) ([]byte, error) {
	var found [][]byte
	size := 0
	for _, height := range heights {
		b, err := c.n.cfg.Ledger.Latest().Checkpoint(height)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if found = append(found, b); size+len(b) > certsBytesMax {
			break
		}
		size += len(b)
	}
	if len(found) == 0 {
		return nil, nil
	}
	frame := wire.AppendUint32([]byte{frameCertificates}, uint32(len(found)))
	for _, b := range found {
		frame = wire.AppendBytes(frame, b)
	}
	return frame, nil
}

// learn checks certificates that are wanted and hands them to the executor.
func (c *certs) learn(ctx context.Context, a wantedFrame) error {
	r := wire.NewReader(a.body)
	count := r.Count(certsAskMax, 4)
	for range count {
		x, err := pbft.DecodeCheckpointCertificate(r.Bytes(len(a.body)))
		if r.Err() != nil || err != nil {
			c.n.inbox.blame(a.from, pbft.InvalidContent)
			return nil
		}
		c.mu.Lock()
		_, wanted := c.wanted[uint64(x.Seq)]
		c.mu.Unlock()
		if !wanted {
			continue
		}
		if !c.n.committee.VerifyCheckpoint(x, c.n.committee.WeakQuorum(), scheme{c.n.cfg.Verifier}) {
			c.n.inbox.blame(a.from, pbft.InvalidCertificate)
			return nil
		}
		if err := c.n.fits(x); err != nil {
			return err
		}
		select {
		case c.found <- x:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// fits compares a verified certificate with what this node has executed.
func (n *Node) fits(x *pbft.CheckpointCertificate) error {
	own, err := readRecord(n.cfg.Ledger.Latest(), uint64(x.Seq))
	if err != nil {
		return err
	}
	if n.committee.HeaderDigest(&own.Header) != x.Block || own.stateRoot != x.StateRoot ||
		own.receiptRoot != x.ReceiptRoot {
		return fmt.Errorf("%d members attest another execution of block %d than this node's", len(x.Signatures), x.Seq)
	}
	return nil
}
