package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
	"github.com/scrip-network/scrip/transport"
)

// Limits of answers to members that are behind.
const (
	serveQueueMax = 64
	// serveBytesMax ends an answer: it takes one block more at most.
	serveBytesMax = 2 << 20
)

// serve answers members that are behind from the ledger until ctx ends. A
// member asks again until it has what it needs, so an answer may be dropped.
func (n *Node) serve(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-n.serves:
			found, err := n.blocksAfter(s)
			if err != nil {
				n.log.Warn("cannot serve blocks", "peer", s.To, "after", s.After, "err", err)
				continue
			}
			if len(found.Blocks) == 0 {
				continue
			}
			var m pbft.Message = found
			if n.committee.Protocol() == pbft.DualPath { // the last certificate proves all
				last := found.Certificates[len(found.Certificates)-1]
				m = &pbft.Blocks{Epoch: found.Epoch, Blocks: found.Blocks, Certificate: last}
			}
			n.network.Send(uint16(s.To), transport.Bulk, pbft.EncodeMessage(m))
			n.metrics.served.Add(float64(len(found.Blocks)))
		}
	}
}

// blocksAfter reads committed blocks that end with one that has its own commit
// certificate, as many as fit one answer, and the certificates that they have. It
// may find none.
func (n *Node) blocksAfter(s pbft.Serve) (*pbft.Decided, error) {
	m := &pbft.Decided{Epoch: n.committee.Epoch()}
	view := n.cfg.Ledger.Latest()
	proved, size := 0, 0
	for seq := s.After + 1; len(m.Blocks) < pbft.BlocksMax; seq++ {
		stored, err := view.Block(uint64(seq))
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read block %d: %w", seq, err)
		}
		header, err := decodeRecord(stored.Header)
		if err != nil {
			return nil, fmt.Errorf("read block %d: %w", seq, err)
		}
		m.Blocks = append(m.Blocks, pbft.Block{SignedHeader: header.SignedHeader, Payload: stored.Payload})
		size += len(stored.Payload) + pbft.HeaderBytes
		if len(stored.Certificate) > 0 {
			proof, err := pbft.DecodeCertificate(stored.Certificate)
			if err != nil {
				return nil, fmt.Errorf("read the certificate of block %d: %w", seq, err)
			}
			m.Certificates = append(m.Certificates, proof)
			proved = len(m.Blocks)
			if size >= serveBytesMax || seq >= s.Limit {
				break
			}
		}
	}
	m.Blocks = m.Blocks[:proved]
	return m, nil
}
