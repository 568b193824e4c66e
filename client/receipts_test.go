package client_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
)

// attestedBlock returns the receipts of a made-up block of n transactions, of which
// the last is a refusal, with its header, attested by f+1 members of a committee of
// the given size. The first transactions have the given ids.
func attestedBlock(t testing.TB, members, n int, ids ...[32]byte) (v *client.Verifier, p *chain.BlockReceipts,
	header []byte,
) {
	t.Helper()
	dev, err := genesis.Dev("test", members, "")
	if err != nil {
		t.Fatal(err)
	}
	if v, err = client.NewVerifier(dev.Genesis.Raw); err != nil {
		t.Fatal(err)
	}
	c := v.Committee()
	h := pbft.Header{Epoch: c.Epoch(), Seq: 7, TimeMs: 1_800_000_000_000, Committee: c.Digest()}
	p = &chain.BlockReceipts{Receipts: make([][]byte, n)}
	for i := range p.Receipts {
		o := coupon.Outcome{ID: receiptID(i), Kind: coupon.KindTransfer, Coupon: coupon.NewCouponID(1, uint32(i+1)),
			Seq: 1, Owner: receiptID(-i)}
		if i == n-1 {
			o = coupon.Outcome{ID: receiptID(i), Code: coupon.AlreadyRedeemed}
		}
		if i < len(ids) {
			o.ID = ids[i]
		}
		p.Receipts[i] = o.AppendTo(nil)
	}
	x := &pbft.CheckpointCertificate{Epoch: h.Epoch, Seq: h.Seq, Block: c.HeaderDigest(&h), StateRoot: [32]byte{1},
		ReceiptRoot: chain.ReceiptRoot(p.Receipts)}
	for i := range c.WeakQuorum() {
		x.Signers.Add(pbft.ReplicaID(i))
		key := sig.NewKeyFromSeed(dev.Validators[i].Seed)
		x.Signatures = append(x.Signatures, key.Sign(c.CheckpointBytes(x.Seq, x.Block, x.StateRoot, x.ReceiptRoot)))
	}
	p.Checkpoint = x
	return v, p, h.Append(nil)
}

func receiptID(i int) (id [32]byte) {
	binary.LittleEndian.PutUint64(id[:], uint64(i))
	return id
}

// The receipts that a node gives of a block are those that it gives one by one, and
// each of them is a proof of its own.
func TestReceiptsOfABlock(t *testing.T) {
	x := start(t)
	c := newClient(t, x, x.URLs())
	publish, _ := x.Publish()
	alone := submit(t, c, publish)
	all, err := c.Receipts(within(t, time.Minute), alone.Height)
	if err != nil {
		t.Fatal(err)
	}
	if all.Height != alone.Height || all.TimeMs != alone.TimeMs || all.Members <= 1 {
		t.Errorf("%+v, not the block of %+v", all, alone)
	}
	one, ok := all.One(alone.Outcome.ID)
	if !ok || one.Outcome != alone.Outcome {
		t.Fatalf("%+v, not %+v", one, alone)
	}
	again, err := c.Verifier.Receipt(alone.Outcome.ID, one.Proof.Encode(), one.Header)
	if err != nil || again.Outcome != alone.Outcome || again.TimeMs != alone.TimeMs {
		t.Errorf("the receipt on its own: %+v, %v", again, err)
	}
	if _, ok := all.One([32]byte{1}); ok {
		t.Error("a receipt of a transaction that is not in the block")
	}
	var p *client.Problem
	if _, err := c.Receipts(within(t, time.Minute), 0); !errors.As(err, &p) || p.Code != client.ProblemNotFound {
		t.Errorf("receipts of the genesis: %v", err)
	}
}

func TestALieAboutReceiptsOfABlockIsDetected(t *testing.T) {
	x := start(t)
	honest := newClient(t, x, x.URLs())
	publish, campaign := x.Publish()
	first := submit(t, honest, publish)
	second := submit(t, honest, campaign.Batch(10))
	for name, lie := range receiptsLies(x, second.Header) {
		liar := proxy(t, x.Members[0].URL, func(_ *http.Request, status int, body []byte) (int, []byte) {
			return status, edit(t, body, func(a *client.ReceiptsAnswer) {
				p, err := chain.DecodeBlockReceipts(a.Proof)
				if err != nil {
					t.Fatal(err)
				}
				lie(p, a)
			})
		})
		_, err := newClient(t, x, []string{liar}).Receipts(within(t, time.Second), first.Height)
		if !errors.Is(err, client.ErrFalse) {
			t.Errorf("%s: %v", name, err)
		}
		got, err := newClient(t, x, []string{liar, x.Members[1].URL}).Receipts(within(t, time.Minute), first.Height)
		if err != nil || got.Node != x.Members[1].URL {
			t.Errorf("%s, with an honest node beside it: %v", name, err)
		}
	}
}

// receiptsLies are what a node can do to the receipts of a block.
func receiptsLies(x *apitest.Network, other []byte) map[string]func(*chain.BlockReceipts, *client.ReceiptsAnswer) {
	replace := func(p *chain.BlockReceipts) {
		o, _ := coupon.DecodeReceipt(p.Receipts[0])
		p.Receipts[0] = (&coupon.Outcome{ID: o.ID, Code: coupon.AlreadyRedeemed}).AppendTo(nil)
	}
	return map[string]func(*chain.BlockReceipts, *client.ReceiptsAnswer){
		"another outcome": func(p *chain.BlockReceipts, a *client.ReceiptsAnswer) {
			replace(p)
			a.Proof = p.Encode()
		},
		"another outcome, signed by others": func(p *chain.BlockReceipts, a *client.ReceiptsAnswer) {
			replace(p)
			p.Checkpoint.ReceiptRoot = chain.ReceiptRoot(p.Receipts)
			forge(x, p.Checkpoint)
			a.Proof = p.Encode()
		},
		"a receipt twice": func(p *chain.BlockReceipts, a *client.ReceiptsAnswer) {
			p.Receipts = append(p.Receipts, p.Receipts[0])
			a.Proof = p.Encode()
		},
		"no proof":                    func(_ *chain.BlockReceipts, a *client.ReceiptsAnswer) { a.Proof = nil },
		"no header":                   func(_ *chain.BlockReceipts, a *client.ReceiptsAnswer) { a.Header = nil },
		"the header of another block": func(_ *chain.BlockReceipts, a *client.ReceiptsAnswer) { a.Header = other },
		"another time": func(_ *chain.BlockReceipts, a *client.ReceiptsAnswer) {
			h, _ := pbft.DecodeHeader(a.Header)
			h.TimeMs++
			a.Header = h.Append(nil)
		},
	}
}

// The receipts of another height are refused, however well they are proved.
func TestReceiptsOfAnotherHeightAreRefused(t *testing.T) {
	x := start(t)
	honest := newClient(t, x, x.URLs())
	publish, campaign := x.Publish()
	first := submit(t, honest, publish)
	second := submit(t, honest, campaign.Batch(10))
	r, err := honest.Receipts(within(t, time.Minute), second.Height)
	if err != nil {
		t.Fatal(err)
	}
	liar := proxy(t, x.Members[0].URL, func(_ *http.Request, status int, body []byte) (int, []byte) {
		return status, edit(t, body, func(a *client.ReceiptsAnswer) { a.Proof, a.Header = r.Proof.Encode(), r.Header })
	})
	_, err = newClient(t, x, []string{liar}).Receipts(within(t, time.Second), first.Height)
	if !errors.Is(err, client.ErrFalse) {
		t.Errorf("the receipts of height %d for those of %d: %v", second.Height, first.Height, err)
	}
}

func FuzzVerifyReceipts(f *testing.F) {
	v, p, header := attestedBlock(f, 4, 3)
	f.Add(p.Encode(), header)
	root := p.Checkpoint.ReceiptRoot
	f.Fuzz(func(t *testing.T, proof, header []byte) {
		r, err := v.Receipts(proof, header)
		if err == nil && chain.ReceiptRoot(r.Proof.Receipts) != root {
			t.Errorf("receipts out of nothing: %x", proof)
		}
	})
}

// BenchmarkVerifyBatch verifies the receipts of a block of 5,000 transactions from
// their bytes: decoded, hashed to the root, and attested by f+1 members.
func BenchmarkVerifyBatch(b *testing.B) {
	const receipts = 5000
	for _, members := range []int{4, 31} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			v, p, header := attestedBlock(b, members, receipts)
			proof := p.Encode()
			b.ReportAllocs()
			for b.Loop() {
				if r, err := v.Receipts(proof, header); err != nil || len(r.Outcomes) != receipts {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*receipts)/b.Elapsed().Seconds(), "receipts/s")
		})
	}
}

// BenchmarkVerifyOne verifies one receipt of such a block from its bytes, also with
// a verifier that is made for it from the genesis file, which checks all keys.
func BenchmarkVerifyOne(b *testing.B) {
	for _, members := range []int{4, 31} {
		v, p, header := attestedBlock(b, members, 5000)
		proof := p.Proof(p.Proofs(), 1234).Encode()
		verify := func(b *testing.B, v *client.Verifier) {
			if _, err := v.Receipt(receiptID(1234), proof, header); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			for b.Loop() {
				verify(b, v)
			}
		})
		b.Run(fmt.Sprintf("members=%d/from the genesis file", members), func(b *testing.B) {
			for b.Loop() {
				fresh, err := client.NewVerifier(v.Genesis().Raw)
				if err != nil {
					b.Fatal(err)
				}
				verify(b, fresh)
			}
		})
	}
}
