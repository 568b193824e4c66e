package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/sig"
)

// PayloadOverheadBytes is what a payload of one transaction takes beside it.
const PayloadOverheadBytes = driver.PayloadOverheadBytes + driver.TxOverheadBytes

// decodedBytesMax bounds the checked payloads kept for execution; a payload that
// was forgotten is decoded again.
const decodedBytesMax = 64 << 20

// busyPause is how long a payload whose signatures found the pool full waits
// before it asks again.
const busyPause = 2 * time.Millisecond

// payloads checks the payloads of proposed blocks, away from the loop, and keeps
// them in decoded form until they are executed.
type payloads struct {
	front   *front
	mempool *mempool
	limits  chain.PayloadLimits
	jobs    chan pbft.PayloadCheck
	checked chan payloadVerdict
	metrics *metrics

	mu      sync.Mutex // guards decoded
	decoded generations[[]*Tx]
}

type payloadVerdict struct {
	block pbft.Digest
	valid bool
}

func newPayloads(f *front, m *mempool, bytesMax uint32, txMax int, metrics *metrics) *payloads {
	return &payloads{
		front: f, mempool: m, metrics: metrics,
		limits:  chain.PayloadLimits{BytesMax: int(bytesMax), TxsMax: driver.PayloadTxsMax, TxBytesMax: txMax},
		jobs:    make(chan pbft.PayloadCheck, checkQueueMax),
		checked: make(chan payloadVerdict, checkQueueMax),
		decoded: newGenerations[[]*Tx](decodedBytesMax),
	}
}

// run works on jobs until ctx ends. Several may run at once.
func (p *payloads) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-p.jobs:
			start := time.Now()
			txs, valid := p.check(ctx, job.Block)
			p.metrics.took(stepCheck, start)
			if valid {
				p.keep(job.Block.Header.PayloadRoot, len(job.Block.Payload), txs)
				p.mempool.heldBy(job.Block.Header.View, txs)
			}
			select {
			case p.checked <- payloadVerdict{job.Digest, valid}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// check is payload validity (section 11) of a payload that fits its header: a
// function of the block alone. The
// window of a transaction against the block's time is left to execution, which
// gives a receipt: a proposer cannot know the time that its header will get.
func (p *payloads) check(ctx context.Context, b *pbft.Block) ([]*Tx, bool) {
	raws, err := chain.DecodePayload(b.Payload, p.limits)
	if err != nil || len(raws) == 0 {
		return nil, err == nil
	}
	for {
		txs, err := p.verdicts(ctx, raws)
		switch {
		case err == nil:
			return txs, distinct(txs) && p.front.machine.Allows(uint64(b.Header.Seq), txs)
		case !errors.Is(err, refusalBusy):
			return nil, false
		}
		select {
		case <-ctx.Done():
			return nil, false
		case <-time.After(busyPause):
		}
	}
}

// fits reports whether the payload of a block that came from a peer is the one
// that its header commits to. Links ask before the loop sees the block, so no
// other payload gets anywhere, and this is the only place that hashes it.
func (p *payloads) fits(b *pbft.Block) bool {
	if uint64(len(b.Payload)) != uint64(b.Header.PayloadBytes) {
		return false
	}
	raws, err := chain.DecodePayload(b.Payload, p.limits)
	return err == nil && pbft.Digest(chain.PayloadRoot(raws)) == b.Header.PayloadRoot
}

func (p *payloads) verdicts(ctx context.Context, raws [][]byte) ([]*Tx, error) {
	settled := make(chan []*verdict, 1)
	p.front.check(sig.Urgent, raws, func(vs []*verdict) { settled <- vs })
	var vs []*verdict
	select {
	case vs = <-settled:
	case <-ctx.Done():
		return nil, refusalBusy
	}
	txs := make([]*Tx, len(vs))
	var busy error
	for i, v := range vs {
		if errors.Is(v.err, refusalBusy) {
			busy = v.err
		} else if v.err != nil {
			return nil, v.err
		}
		txs[i] = v.tx
	}
	return txs, busy
}

func distinct(txs []*Tx) bool {
	ids := make(map[[32]byte]struct{}, len(txs))
	for _, tx := range txs {
		ids[tx.ID] = struct{}{}
	}
	return len(ids) == len(txs)
}

// keep remembers the transactions of a payload for its execution.
func (p *payloads) keep(root pbft.Digest, size int, txs []*Tx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decoded.put(root, txs, size)
}

// take returns the transactions of a committed block: as they were checked, or
// decoded now, without signatures, because a quorum has checked them. It fails
// only on a block that no correct member voted for.
func (p *payloads) take(b *pbft.Block) ([]*Tx, error) {
	p.mu.Lock()
	txs, ok := p.decoded.get(b.Header.PayloadRoot)
	p.decoded.drop(b.Header.PayloadRoot)
	p.mu.Unlock()
	if ok {
		return txs, nil
	}
	raws, err := chain.DecodePayload(b.Payload, p.limits)
	if err != nil {
		return nil, err
	}
	txs = make([]*Tx, len(raws))
	for i, raw := range raws {
		if txs[i] = p.front.known(raw); txs[i] != nil {
			continue
		}
		if txs[i], err = p.front.decode(raw); err != nil {
			return nil, fmt.Errorf("transaction %d: %w", i, err)
		}
	}
	return txs, nil
}
