package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/pbft/wire"
)

// Guests are nodes that follow the chain and have no link to this one, since their keys have
// no seat. They ask over the API, with frames as members send them, and are answered from the
// ledger alone: nothing that they say reaches consensus.
const (
	// GuestFrameBytesMax bounds a guest's question.
	GuestFrameBytesMax = 8 << 10
	// guestBytesPerSecond and guestBurstBytes bound what all guests together are given.
	guestBytesPerSecond = 4 << 20
	guestBurstBytes     = 16 << 20
	// guestBlocksBytes bounds the blocks of one answer.
	guestBlocksBytes = 2 << 20
)

// Errors of Guest, compared with errors.Is.
var (
	// ErrGuestFrame says that a frame is no question that guests may ask.
	ErrGuestFrame = errors.New("node: no question of a guest")
	// ErrGuestsBusy says that guests have been given all that they may have for now.
	ErrGuestsBusy = errors.New("node: guests have to wait")
)

// IsGuestFrame reports whether Guest answers frames of this kind.
func IsGuestFrame(frame []byte) bool {
	if len(frame) == 0 {
		return false
	}
	kind := pbft.Kind(frame[0])
	return kind == pbft.KindStatus || kind == pbft.KindFetch || frame[0] == frameWanted
}

// Guest answers a question of a guest, as a member would be answered: STATUS with this
// node's, FETCH with committed blocks, a question for certificates with those that are held. No
// frame and no error mean that there is nothing to say. Safe for concurrent use.
//
// Errors: ErrGuestFrame, ErrGuestsBusy; as of Block.
func (n *Node) Guest(frame []byte) ([]byte, error) {
	if len(frame) > GuestFrameBytesMax || !IsGuestFrame(frame) {
		return nil, ErrGuestFrame
	}
	if err := n.mayAnswer(); err != nil {
		return nil, err
	}
	now := time.Now()
	if !n.guests.open(now) {
		return nil, ErrGuestsBusy
	}
	answer, err := n.guest(frame)
	n.guests.spend(now, lookupBytes+len(answer))
	return answer, err
}

func (n *Node) guest(frame []byte) ([]byte, error) {
	if frame[0] == frameWanted {
		heights, err := readWanted(frame[1:])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrGuestFrame, err)
		}
		return n.certs.held(heights)
	}
	m, err := pbft.DecodeMessage(frame)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGuestFrame, err)
	}
	fetch, ok := m.(*pbft.Fetch)
	if !ok {
		return pbft.EncodeMessage(n.position()), nil
	}
	if fetch.Epoch != n.committee.Epoch() {
		return nil, fmt.Errorf("%w: of epoch %d", ErrGuestFrame, fetch.Epoch)
	}
	from := executed{n.cfg.Ledger.Latest()}
	m, blocks, err := driver.ReadAnswer(n.committee, pbft.Serve{After: fetch.After, Limit: from.Height(),
		BytesMax: guestBlocksBytes}, from)
	if err != nil || blocks == 0 {
		return nil, err
	}
	n.metrics.served.Add(float64(blocks))
	return pbft.EncodeMessage(m), nil
}

// position is what this node says of where it stands: what it has executed, which it can
// give out.
func (n *Node) position() *pbft.Status {
	s := n.engine.Load()
	height, _, _ := n.hub.tip()
	x := &pbft.Status{Epoch: n.committee.Epoch(), View: s.View, ViewChanged: s.ViewChanged, Committed: s.Committed,
		Executed: s.Executed, High: s.High, Replica: n.cfg.Self}
	x.Committed.Seq = min(x.Committed.Seq, pbft.Seq(height))
	return x
}

// readWanted reads which certificates are asked for.
func readWanted(body []byte) ([]uint64, error) {
	r := wire.NewReader(body)
	heights := make([]uint64, r.Count(certsAskMax, 8))
	for i := range heights {
		heights[i] = r.Uint64()
	}
	return heights, r.Close()
}

// HoldsTxs reports whether a frame is one of transactions.
func HoldsTxs(frame []byte) bool { return len(frame) > 0 && frame[0] == frameTxs }

// TxsOf returns the transactions of such a frame that this node has put together.
func TxsOf(frame []byte) ([][]byte, error) {
	return chain.DecodePayload(frame[1:], chain.PayloadLimits{BytesMax: len(frame), TxsMax: driver.PayloadTxsMax,
		TxBytesMax: len(frame)})
}
