package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// serveQueueMax bounds the answers that wait; the engine bounds each.
const serveQueueMax = 64

// serve answers members that are behind from the ledger until ctx ends. A
// member asks again until it has what it needs, so an answer may be dropped.
func (n *Node) serve(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-n.serves:
			p := n.inbox.peer(uint16(s.To))
			p.serving.Add(-1)
			m, blocks, err := n.blocksAfter(s)
			if err != nil {
				n.log.Warn("cannot serve blocks", "peer", s.To, "after", s.After, "err", err)
				continue
			}
			if blocks == 0 {
				continue
			}
			frame := pbft.EncodeMessage(m)
			p.answers[transport.Bulk].spend(time.Now(), len(frame))
			n.network.Send(uint16(p.id), transport.Bulk, frame)
			n.metrics.served.Add(float64(blocks))
		}
	}
}

// blocksAfter reads what answers a member that is behind, and returns how many
// blocks are in it.
func (n *Node) blocksAfter(s pbft.Serve) (m pbft.Message, blocks int, err error) {
	answer, view := driver.NewAnswer(n.committee, s), n.cfg.Ledger.Latest()
	for seq, more := answer.Next(); more; seq, more = answer.Next() {
		block, certificate, err := readBlock(view, seq)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read block %d: %w", seq, err)
		}
		answer.Add(block, certificate)
	}
	for seq, more := answer.NextLink(); more; seq, more = answer.NextLink() {
		header, certificate, err := readLink(view, seq)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read the header of block %d: %w", seq, err)
		}
		answer.Link(header, certificate)
	}
	m, blocks = answer.Message()
	return m, blocks, nil
}

// readBlock reads a block with its commit certificate, nil if it has none.
func readBlock(view *store.View, seq pbft.Seq) (b pbft.Block, c *pbft.Certificate, err error) {
	stored, err := view.Block(uint64(seq))
	if err != nil {
		return b, nil, err
	}
	header, err := decodeRecord(stored.Header)
	if err != nil {
		return b, nil, err
	}
	if len(stored.Certificate) > 0 {
		if c, err = pbft.DecodeCertificate(stored.Certificate); err != nil {
			return b, nil, fmt.Errorf("its certificate: %w", err)
		}
	}
	return pbft.Block{SignedHeader: header.SignedHeader, Payload: stored.Payload}, c, nil
}

// readLink reads a header with its block's commit certificate, nil if it has none.
func readLink(view *store.View, seq pbft.Seq) (h pbft.Header, c *pbft.Certificate, err error) {
	stored, err := readRecord(view, uint64(seq))
	if err != nil {
		return h, nil, err
	}
	encoded, err := view.CommitCertificate(uint64(seq))
	if errors.Is(err, store.ErrNotFound) {
		return stored.Header, nil, nil
	}
	if err == nil {
		c, err = pbft.DecodeCertificate(encoded)
	}
	if err != nil {
		return h, nil, fmt.Errorf("its certificate: %w", err)
	}
	return stored.Header, c, nil
}
