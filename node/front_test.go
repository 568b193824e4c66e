package node

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/sig"
)

// newTestFront returns a front with a running pool.
func newTestFront(t *testing.T) *front {
	pool := sig.NewPool(sig.NewVerifier(0), 2, 0)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- pool.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return newFront(&hashChain{}, pool, hashTxMax)
}

// verdicts checks transactions and waits.
func (f *front) judge(raws ...[]byte) []*verdict {
	settled := make(chan []*verdict, 1)
	f.check(sig.Bulk, raws, func(vs []*verdict) { settled <- vs })
	return <-settled
}

func forge(tx []byte) []byte {
	forged := bytes.Clone(tx)
	forged[len(forged)-1] ^= 1
	return forged
}

func TestEachTransactionIsJudgedOnItsOwn(t *testing.T) {
	f := newTestFront(t)
	a, b := newHashTx(clientKey, 1, "a"), newHashTx(clientKey, 1, "b")
	vs := f.judge(a, forge(b), b, a, []byte("short"))
	for i, want := range []bool{true, false, true, true, false} {
		if got := vs[i].err == nil; got != want || got != (vs[i].tx != nil) {
			t.Errorf("transaction %d: %v", i, vs[i].err)
		}
	}
}

func TestATransactionIsVerifiedOnceForAll(t *testing.T) {
	f := newTestFront(t)
	tx := newHashTx(clientKey, 1, "a")
	var g sync.WaitGroup
	for range 50 {
		g.Go(func() {
			if v := f.judge(tx)[0]; v.err != nil {
				t.Error(v.err)
			}
		})
	}
	g.Wait()
	if counts, _ := f.stats(); counts.misses != 1 || counts.hits != 49 {
		t.Errorf("%+v", counts)
	}
}

func TestAFullPoolIsNoVerdict(t *testing.T) {
	pool := sig.NewPool(sig.NewVerifier(0), 1, 1) // it does not run
	f := newFront(&hashChain{}, pool, hashTxMax)
	a, b := newHashTx(clientKey, 1, "a"), newHashTx(clientKey, 1, "b")
	f.check(sig.Bulk, [][]byte{a}, func([]*verdict) {})
	var v *verdict
	f.check(sig.Bulk, [][]byte{b}, func(vs []*verdict) { v = vs[0] })
	if v == nil || !errors.Is(v.err, refusalBusy) {
		t.Fatalf("verdict %+v", v)
	}
	if f.known(b) != nil {
		t.Error("a refusal for want of room was remembered as a verdict")
	}
}

// payloadOf makes a block around transactions.
func payloadOf(raws ...[]byte) *pbft.Block {
	b := &pbft.Block{}
	if len(raws) > 0 {
		b.Payload = chain.EncodePayload(raws)
		b.Header.PayloadRoot = chain.PayloadRoot(raws)
	}
	b.Header.PayloadBytes = uint32(len(b.Payload))
	return b
}

func TestPayloadValidity(t *testing.T) {
	f := newTestFront(t)
	p := newPayloads(f, newPool(t, driver.Limits{}), 10_000, hashTxMax, newMetrics())
	a, b := newHashTx(clientKey, 1, "a"), newHashTx(clientKey, 1, "b")
	early, late := payloadOf(a, newHashTx(clientKey, 1, "later")), payloadOf(a, newHashTx(clientKey, 1, "later"))
	early.Header.Seq, late.Header.Seq = 999, 1000
	otherRoot := payloadOf(a, b)
	otherRoot.Header.PayloadRoot[0] ^= 1
	otherSize := payloadOf(a)
	otherSize.Header.PayloadBytes++
	rootOfNothing := payloadOf()
	rootOfNothing.Header.PayloadRoot = chain.RootOf(nil)
	noTxs := &pbft.Block{Payload: make([]byte, driver.PayloadOverheadBytes)} // a count of none
	noTxs.Header.PayloadBytes = driver.PayloadOverheadBytes
	trailing := payloadOf(a)
	trailing.Payload = append(trailing.Payload, 0)
	trailing.Header.PayloadBytes++
	for _, x := range []struct {
		name  string
		block *pbft.Block
		want  bool
	}{
		{"empty", payloadOf(), true},
		{"two transactions", payloadOf(a, b), true},
		{"a transaction of later rules", early, false},
		{"the same at its height", late, true},
		{"the same transaction twice", payloadOf(a, b, a), false},
		{"a forged transaction", payloadOf(a, forge(b)), false},
		{"a transaction that does not decode", payloadOf(a, []byte("short")), false},
		{"another root", otherRoot, false},
		{"another size", otherSize, false},
		{"no payload under the root of no leaves", rootOfNothing, false},
		{"a payload of no transactions", noTxs, false},
		{"trailing bytes", trailing, false},
		{"too large", payloadOf(newHashTx(clientKey, 1, string(make([]byte, 3000))),
			newHashTx(clientKey, 2, string(make([]byte, 3500))), newHashTx(clientKey, 3, string(make([]byte, 3600)))), false},
	} {
		var txs []*Tx
		ok := p.fits(x.block)
		if ok {
			txs, ok = p.check(context.Background(), x.block)
		}
		if ok != x.want {
			t.Errorf("%s: %v", x.name, ok)
		}
		if !ok {
			continue
		}
		again, err := p.take(x.block)
		if err != nil || len(again) != len(txs) {
			t.Errorf("%s: executed as %d transactions, checked as %d: %v", x.name, len(again), len(txs), err)
		}
	}
}

// The bytes of a kept transaction are its own: they do not hold the frame that
// brought them, and do not change with it.
func TestVerdictsDoNotAliasTheirInput(t *testing.T) {
	f := newTestFront(t)
	tx := newHashTx(clientKey, 1, "a")
	buffer := bytes.Clone(tx)
	v := f.judge(buffer)[0]
	clear(buffer)
	if v.err != nil || !bytes.Equal(v.tx.Raw, tx) || f.known(tx) == nil {
		t.Fatal("the transaction changed with the buffer")
	}
}
