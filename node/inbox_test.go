package node

import (
	"context"
	"testing"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/transport"
)

// A peer's messages wait within a number and within bytes, whichever is full first.
// What finds no room holds up that peer's link until the loop has taken some.
func TestAQueueOfAPeerIsBoundedInBytes(t *testing.T) {
	q := newInQueue(4, 100)
	ended, end := context.WithCancel(t.Context())
	end()
	fits := func(bytes int64) bool { return q.put(ended, inbound{bytes: bytes}) }

	if !q.put(t.Context(), inbound{from: 1, bytes: 60}) || !q.put(t.Context(), inbound{from: 2, bytes: 40}) {
		t.Fatal("no room in an empty queue")
	}
	if fits(1) {
		t.Fatal("101 of 100 bytes wait")
	}
	room := make(chan bool)
	go func() { room <- q.put(t.Context(), inbound{from: 3, bytes: 60}) }()
	if in, ok := q.take(); !ok || in.from != 1 {
		t.Fatalf("took %v, %v", in, ok)
	}
	if !<-room {
		t.Fatal("no room after one was taken")
	}
	for _, want := range []uint16{2, 3} {
		if in, ok := q.take(); !ok || uint16(in.from) != want {
			t.Fatalf("took %v, %v, want %d", in, ok, want)
		}
	}
	if _, ok := q.take(); ok {
		t.Fatal("took from an empty queue")
	}
	if !q.put(t.Context(), inbound{bytes: 1000}) {
		t.Fatal("a message larger than the queue never fits")
	}
	if fits(1) {
		t.Fatal("there is room beside a message that takes all of it")
	}
}

// The engine is made without a function for payloads and relies on the link: no message
// reaches it whose payload is not that of its header, and none that does not decode.
func TestOnlyWholeMessagesReachTheEngine(t *testing.T) {
	m := makeCluster(t, options{size: 4}).members[0]
	m.start()
	if err := m.stopNode(); err != nil {
		t.Fatal(err)
	}
	b := newInbox(4, 0, newMetrics())
	b.fits = m.node.payloads.fits
	raws := [][]byte{newHashTx(clientKey, nowMs()+60_000, "a payload")}
	block := pbft.Block{Payload: chain.EncodePayload(raws)}
	block.Header.PayloadBytes, block.Header.PayloadRoot = uint32(len(block.Payload)), pbft.Digest(chain.PayloadRoot(raws))
	other := block
	other.Header.PayloadRoot[0]++
	longer := block
	longer.Header.PayloadBytes++
	blocks := func(all ...pbft.Block) pbft.Message {
		return &pbft.Blocks{Blocks: all, Certificate: &pbft.Certificate{Kind: pbft.CommittedFast}}
	}
	status := pbft.EncodeMessage(&pbft.Status{Replica: 1})
	b.handle(9, transport.Votes, status) // no member, this one, no lane, nothing
	b.handle(0, transport.Votes, status)
	b.handle(1, transport.Lanes, status)
	b.handle(1, transport.Votes, nil)
	if n := counterOf(b.metrics.frameDropped); n != 4 {
		t.Errorf("%v of four frames from nobody were dropped", n)
	}
	for _, x := range []struct {
		name  string
		frame []byte
		taken bool
	}{
		{"a proposal", pbft.EncodeMessage(&pbft.PrePrepare{Block: block}), true},
		{"one with another payload", pbft.EncodeMessage(&pbft.PrePrepare{Block: other}), false},
		{"one with a longer one", pbft.EncodeMessage(&pbft.PrePrepare{Block: longer}), false},
		{"blocks", pbft.EncodeMessage(blocks(block, block)), true},
		{"blocks, the last with another payload", pbft.EncodeMessage(blocks(block, other)), false},
		{"a status", status, true},
		{"half a status", status[:9], false},
	} {
		b.handle(1, transport.Bulk, x.frame)
		in, ok := b.peers[1].lanes[transport.Bulk].take()
		if ok != x.taken || ok && in.message == nil {
			t.Errorf("%s: handed on %t", x.name, ok)
		}
		if blamed := b.peers[1].malice > 0; blamed == x.taken {
			t.Errorf("%s: held against the peer %t", x.name, blamed)
		}
		b.peers[1].malice = 0
	}
}
