//go:build unix

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/lanes"
	"github.com/scrip-network/scrip/transport"
)

// elder is the attacker as the primary that it was in the first view: it signs blocks
// of that view above the chain, votes for them, and sends the bodies to who asks.
type elder struct {
	a         *attacker
	committee *pbft.Committee
	body      []byte // of the blocks that are to be kept
	bodyRoot  pbft.Digest

	mu     sync.Mutex // guards all below
	taking bool       // transactions that are heard of go into blocks
	top    pbft.Seq   // the highest position that others have voted for
	made   uint64     // counts blocks
	blocks map[pbft.Digest]pbft.Block
	ration [validators]int // bodies that a member may have until the next turn
	given  [validators]int // bodies that a member was given
}

const (
	frameTxs = 0x80 // transactions between members
	// batchHead is what stands before those of a batch of a lane.
	batchHead = 1 + 8 + 4
	// elderView is the view that the attacker led. The others are in the next one.
	elderView = 1
	// bodyBytes is about the size of a body that is to be kept, and bodiesMax how many
	// of them a member may keep of one proposer: two of the largest.
	bodyBytes = 1 << 20
	bodiesMax = 2 * (4 << 20) / bodyBytes
	// bodiesEach is how many each member is given at least.
	bodiesEach = 8 * bodiesMax
	// reach is how far above the chain votes are taken, and a bit less.
	reach = 60
)

func newElder(a *attacker) *elder {
	committee, err := a.Dev().Genesis.Committee()
	if err != nil {
		a.t.Fatal(err)
	}
	e := &elder{a: a, committee: committee, blocks: make(map[pbft.Digest]pbft.Block)}
	e.body, e.bodyRoot = payloadOf(bytes.Fields(bytes.Repeat(append(bytes.Repeat([]byte{'x'}, coupon.TxSizeMax-1), ' '),
		bodyBytes/coupon.TxSizeMax)))
	return e
}

func payloadOf(txs [][]byte) ([]byte, pbft.Digest) {
	return chain.EncodePayload(txs), chain.PayloadRoot(txs)
}

// hear takes what the others send: their votes say where the chain is, their
// questions are answered, their transactions taken.
func (e *elder) hear(from uint16, frame []byte) {
	if frame[0] == frameTxs {
		e.take(frame[1:])
		return
	}
	if lanes.Kind(frame[0]) == lanes.KindBatch && len(frame) > batchHead {
		e.take(frame[batchHead:])
		return
	}
	switch k := pbft.Kind(frame[0]); k {
	case pbft.KindPrepare, pbft.KindFetch, pbft.KindFetchRecipe:
	default:
		return
	}
	m, err := pbft.DecodeMessage(frame)
	if err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch x := m.(type) {
	case *pbft.Prepare:
		e.top = max(e.top, x.Block.Seq)
	case *pbft.Fetch:
		if b, ok := e.blocks[x.Digest]; ok && e.ration[from] > 0 {
			e.ration[from]--
			e.given[from]++
			e.a.tr.Send(from, transport.Bulk, pbft.EncodeMessage(&pbft.Blocks{Blocks: []pbft.Block{b}}))
		}
	}
}

// block makes one of the first view. mu is held.
func (e *elder) block(seq pbft.Seq, parent pbft.Digest, payload []byte, root pbft.Digest) (pbft.Block, pbft.BlockRef) {
	e.made++
	h := pbft.Header{View: elderView, Seq: seq, Parent: parent, BaseSeq: seq - 1, TimeMs: nowMs() + e.made,
		PayloadRoot: root, PayloadBytes: uint32(len(payload)),
		Justify: pbft.BlockRef{View: elderView}, Committee: e.committee.Digest()}
	b := pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}, Payload: payload}
	b.Signature = e.a.key.Sign(e.committee.HeaderBytesToSign(&h))
	ref := e.committee.Ref(&h)
	e.blocks[ref.Digest] = b
	return b, ref
}

// vote sends everybody the attacker's vote for a block.
func (e *elder) vote(ref pbft.BlockRef) {
	m := &pbft.Prepare{Vote: pbft.Vote{Block: ref, Signature: e.a.key.Sign(e.committee.PrepareBytes(ref))}}
	e.sendAll(transport.Votes, m)
}

func (e *elder) sendAll(lane transport.Lane, m pbft.Message) {
	frame := pbft.EncodeMessage(m)
	for peer := 1; peer < validators; peer++ {
		e.a.tr.Send(uint16(peer), lane, frame)
	}
}

// take puts transactions that others wait for into a block of the first view.
func (e *elder) take(payload []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	txs, err := chain.DecodePayload(payload, chain.PayloadLimits{BytesMax: len(payload), TxsMax: 1 << 16,
		TxBytesMax: coupon.TxSizeMax})
	if err != nil || !e.taking {
		return
	}
	body, root := payloadOf(txs)
	b, ref := e.block(e.top+reach/3+pbft.Seq(e.made%(reach/2)), pbft.Digest{1}, body, root)
	e.vote(ref)
	e.sendAll(transport.Bulk, &pbft.Blocks{Blocks: []pbft.Block{b}})
	for peer := 1; peer < validators; peer++ {
		e.ration[peer]++
	}
}

// haveKept offers chains of large bodies. Each member keeps few of those that it was
// given.
func (e *elder) haveKept(do func()) {
	a := e.a
	e.mu.Lock()
	e.given = [validators]int{}
	e.mu.Unlock()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticks := time.NewTicker(100 * time.Millisecond)
		defer ticks.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-ticks.C:
				e.offer(reach - i%reach)
			}
		}
	}()
	a.await("bodies are asked for", func() string {
		e.mu.Lock()
		defer e.mu.Unlock()
		for i := 1; i < validators; i++ {
			if e.given[i] < bodiesEach {
				return fmt.Sprintf("validator %d was given %d", i, e.given[i])
			}
		}
		return ""
	})
	for i := 1; i < validators; i++ {
		if kept := a.metrics(i)["scrip_consensus_kept_bytes"]; kept < bodyBytes || kept > (bodiesMax+4)*bodyBytes {
			a.t.Errorf("validator %d keeps %.0f bytes, of %d bodies that it was given", i, kept, e.given[i])
		} else {
			a.t.Logf("validator %d keeps %.1f MiB of the bodies that it was given", i, kept/(1<<20))
		}
	}
	do()
	close(stop)
	<-done
	e.mu.Lock()
	defer e.mu.Unlock()
	a.t.Logf("bodies given: %v", e.given[1:])
	e.blocks = make(map[pbft.Digest]pbft.Block)
}

// offer votes for the tip of a chain of so many bodies above the present one.
func (e *elder) offer(count int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ref pbft.BlockRef
	for i := range count {
		_, ref = e.block(e.top+pbft.Seq(i), ref.Digest, e.body, e.bodyRoot)
	}
	e.vote(ref)
	for i := range e.ration {
		e.ration[i] = 3
	}
}

// takeTransactions puts whatever customers wait for into blocks of the first view, and
// sees a crowd get its receipts nevertheless.
func (e *elder) takeTransactions(do func()) {
	set := func(taking bool) (made uint64) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.taking, made = taking, e.made
		return made
	}
	before := set(true)
	do()
	e.crowd()
	if made := set(false) - before; made == 0 {
		e.a.t.Error("no transaction was taken into a block")
	} else {
		e.a.t.Logf("transactions were taken into %d blocks", made)
	}
}

// heldMax is for how long no transaction may wait: half of the time after which what a
// block holds is free in any case.
const heldMax = 15 * time.Second

// crowd lets many customers claim at once, through one member that tells the others.
func (e *elder) crowd() {
	const customers, claims = 16, 10
	var g sync.WaitGroup
	for range customers {
		g.Go(func() {
			x, err := client.New(e.a.Dev().Genesis.Raw, []string{e.a.URL(3)})
			if err != nil {
				e.a.t.Error(err)
				return
			}
			for range claims {
				ctx, cancel := context.WithTimeout(context.Background(), heldMax)
				_, err := x.Submit(ctx, e.a.m.claim(e.a.m.serial.Add(1)))
				cancel()
				if err != nil {
					e.a.t.Errorf("a transaction is kept out of the chain: %v", err)
					return
				}
			}
		})
	}
	g.Wait()
}
