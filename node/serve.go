package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/pbft"
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

// blocksAfter reads committed blocks with what proves them, as many as fit one
// answer, and returns how many they are. It may be none: what is executed here may
// end below the next certificate.
func (n *Node) blocksAfter(s pbft.Serve) (m pbft.Message, blocks int, err error) {
	run, err := n.readRun(s)
	if err != nil || len(run.blocks) == 0 {
		return nil, 0, err
	}
	epoch := n.committee.Epoch()
	switch {
	case n.committee.Protocol() != pbft.DualPath: // nothing links blocks: each has its own
		certificates := run.certificates[:run.proved]
		return &pbft.Decided{Epoch: epoch, Blocks: run.blocks[:run.proved], Certificates: certificates}, run.proved, nil
	case run.proved > 0: // the last certificate proves all
		return &pbft.Blocks{Epoch: epoch, Blocks: run.blocks[:run.proved],
			Certificate: run.certificates[run.proved-1]}, run.proved, nil
	}
	headers, certificate, err := n.readLinks(s.After + pbft.Seq(len(run.blocks)) + 1)
	if err != nil || certificate == nil {
		return nil, 0, err
	}
	return &pbft.Linked{Epoch: epoch, Blocks: run.blocks, Headers: headers, Certificate: certificate}, len(run.blocks), nil
}

// storedRun is what readRun has found: consecutive blocks with their certificates,
// nil for none, and how many of them end with one that is proved.
type storedRun struct {
	blocks       []pbft.Block
	certificates []*pbft.Certificate
	proved       int
}

// readRun reads the blocks above s.After until an answer is full.
func (n *Node) readRun(s pbft.Serve) (run storedRun, err error) {
	view := n.cfg.Ledger.Latest()
	single := n.committee.Protocol() != pbft.DualPath
	size := 0
	for seq := s.After + 1; seq <= s.Limit && len(run.blocks) < pbft.BlocksMax; seq++ {
		stored, err := view.Block(uint64(seq))
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return run, fmt.Errorf("read block %d: %w", seq, err)
		}
		header, err := decodeRecord(stored.Header)
		if err != nil {
			return run, fmt.Errorf("read block %d: %w", seq, err)
		}
		size += len(stored.Payload) + pbft.HeaderBytes
		if size > s.BytesMax && len(run.blocks) > 0 {
			break
		}
		var certificate *pbft.Certificate
		if len(stored.Certificate) > 0 {
			if certificate, err = pbft.DecodeCertificate(stored.Certificate); err != nil {
				return run, fmt.Errorf("read the certificate of block %d: %w", seq, err)
			}
		} else if single {
			break
		}
		run.blocks = append(run.blocks, pbft.Block{SignedHeader: header.SignedHeader, Payload: stored.Payload})
		run.certificates = append(run.certificates, certificate)
		if certificate != nil {
			run.proved = len(run.blocks)
		}
	}
	return run, nil
}

// readLinks reads headers from a height up to that of the next block with a commit
// certificate. The certificate is nil if there is none in reach.
func (n *Node) readLinks(from pbft.Seq) (headers []pbft.Header, c *pbft.Certificate, err error) {
	view := n.cfg.Ledger.Latest()
	for seq := from; len(headers) < pbft.LinksMax; seq++ {
		stored, err := readRecord(view, uint64(seq))
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the header of block %d: %w", seq, err)
		}
		headers = append(headers, stored.Header)
		encoded, err := view.CommitCertificate(uint64(seq))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil {
			c, err = pbft.DecodeCertificate(encoded)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the certificate of block %d: %w", seq, err)
		}
		return headers, c, nil
	}
	return nil, nil, nil
}
