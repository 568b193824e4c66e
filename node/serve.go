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
			m, blocks, err := driver.ReadAnswer(n.committee, s, executed{n.cfg.Ledger.Latest()})
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

// executed is the ledger as the driver reads it.
type executed struct{ view *store.View }

// Height implements driver.Store.
func (x executed) Height() pbft.Seq {
	height, _ := x.view.Height()
	return pbft.Seq(height)
}

// Block implements driver.Store.
func (x executed) Block(seq pbft.Seq) (b driver.Stored, ok bool, err error) {
	stored, err := x.view.Block(uint64(seq))
	if err != nil {
		return b, false, unlessMissing(err)
	}
	header, err := decodeRecord(stored.Header)
	if err != nil {
		return b, false, err
	}
	return x.stored(header, stored.Payload, stored.Certificate)
}

// Header implements driver.Store.
func (x executed) Header(seq pbft.Seq) (b driver.Stored, ok bool, err error) {
	header, err := readRecord(x.view, uint64(seq))
	if err != nil {
		return b, false, unlessMissing(err)
	}
	certificate, err := x.view.CommitCertificate(uint64(seq))
	if err = unlessMissing(err); err != nil {
		return b, false, err
	}
	return x.stored(header, nil, certificate)
}

func (x executed) stored(h record, payload, certificate []byte) (b driver.Stored, ok bool, err error) {
	b.Block = pbft.Block{SignedHeader: h.SignedHeader, Payload: payload}
	b.StateRoot, b.ReceiptRoot = h.stateRoot, h.receiptRoot
	if len(certificate) > 0 {
		if b.Certificate, err = pbft.DecodeCertificate(certificate); err != nil {
			return b, false, fmt.Errorf("its certificate: %w", err)
		}
	}
	return b, true, nil
}

// unlessMissing is no error where something is not in the ledger.
func unlessMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
