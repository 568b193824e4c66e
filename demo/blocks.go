package demo

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/ledger"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// builder appends blocks to a ledger in the place of the members, with their keys.
type builder struct {
	cast
	committee *pbft.Committee
	signers   []sig.PrivateKey
	ledger    *store.Ledger
	machine   *ledger.Machine
	parent    pbft.Header
	root      pbft.Digest // state after parent
}

func newBuilder(dev *genesis.DevNetwork, l *store.Ledger) (*builder, error) {
	verifier := sig.NewVerifier(0)
	b := &builder{cast: castOf(dev), ledger: l}
	b.chain.ValidKey = verifier.ValidKey
	var err error
	if b.committee, err = dev.Genesis.Committee(); err != nil {
		return nil, err
	}
	for _, v := range dev.Validators {
		b.signers = append(b.signers, sig.NewKeyFromSeed(v.Seed))
	}
	if b.machine, err = ledger.New(b.chain, dev.Genesis.File.Ledger, l); err != nil {
		return nil, err
	}
	r, err := b.machine.Genesis()
	if err != nil {
		return nil, fmt.Errorf("make the genesis: %w", err)
	}
	b.parent, b.root = b.committee.GenesisHeader(r.StateRoot, dev.Genesis.File.TimeMs), r.StateRoot
	block := &pbft.Block{SignedHeader: pbft.SignedHeader{Header: b.parent}}
	return b, l.Commit(node.BlockBatch(&pbft.CommittedBlock{Block: block}, nil, &r, pbft.Digest{}), false)
}

// nextMs is the time of the next block, at least ms.
func (b *builder) nextMs(ms uint64) uint64 { return max(ms, b.parent.TimeMs+1) }

// add appends a block of transactions that must all be accepted.
func (b *builder) add(timeMs uint64, raws [][]byte) error {
	txs, err := b.check(raws)
	if err != nil {
		return err
	}
	h := b.header(b.nextMs(timeMs), raws)
	r, err := b.machine.Execute(node.NewBatch(&h, &b.parent, h.TimeMs, txs))
	if err = errors.Join(err, b.ledger.Err()); err != nil {
		return fmt.Errorf("execute block %d: %w", h.Seq, err)
	}
	for i := range r.Receipts {
		o, err := coupon.DecodeReceipt(r.Receipts[i])
		if err == nil && o.Code != coupon.OK {
			err = fmt.Errorf("refused: %v", o.Code)
		}
		if err != nil {
			return fmt.Errorf("block %d, transaction %d: %w", h.Seq, i, err)
		}
	}
	receipts := r.ReceiptRoot()
	block := &pbft.CommittedBlock{Digest: b.committee.HeaderDigest(&h), Block: b.block(h, raws), Certificate: b.commit(&h)}
	if err := b.ledger.Commit(node.BlockBatch(block, txs, &r, receipts), false); err != nil {
		return fmt.Errorf("store block %d: %w", h.Seq, err)
	}
	if err := b.ledger.PutCheckpoint(uint64(h.Seq), b.attest(&h, r.StateRoot, receipts).Encode()); err != nil {
		return fmt.Errorf("store the certificate of block %d: %w", h.Seq, err)
	}
	b.parent, b.root = h, r.StateRoot
	return nil
}

// check decodes transactions as the door of a node does, on all processors.
func (b *builder) check(raws [][]byte) ([]*node.Tx, error) {
	txs := make([]*node.Tx, len(raws))
	return txs, spread(len(raws), func(i int) (err error) {
		txs[i], err = b.machine.Check(raws[i])
		return err
	})
}

// header names the block below as justification, whose certificate is there, and
// its state as the one that is agreed.
func (b *builder) header(timeMs uint64, raws [][]byte) pbft.Header {
	h := pbft.Header{
		Epoch: b.parent.Epoch, View: b.parent.View, Seq: b.parent.Seq + 1, Parent: b.committee.HeaderDigest(&b.parent),
		ExecSeq: b.parent.Seq, ExecRoot: b.root, TimeMs: timeMs, Justify: b.committee.Ref(&b.parent),
		Proposer: b.committee.Primary(b.parent.View), Committee: b.committee.Digest(),
	}
	if len(raws) > 0 {
		h.PayloadRoot, h.PayloadBytes = chain.PayloadRoot(raws), uint32(chain.PayloadSize(raws))
	}
	return h
}

func (b *builder) block(h pbft.Header, raws [][]byte) *pbft.Block {
	x := &pbft.Block{SignedHeader: pbft.SignedHeader{Header: h}}
	x.Signature = b.signers[h.Proposer].Sign(b.committee.HeaderBytesToSign(&h))
	if len(raws) > 0 {
		x.Payload = chain.EncodePayload(raws)
	}
	return x
}

// commit is the certificate of a quorum's COMMITs.
func (b *builder) commit(h *pbft.Header) *pbft.Certificate {
	c := &pbft.Certificate{Kind: pbft.CommittedSlow, Epoch: h.Epoch, Block: b.committee.Ref(h)}
	c.Signers, c.Signatures = b.quorum(b.committee.CommitBytes(c.Block))
	return c
}

// attest is the certificate of a quorum over the results.
func (b *builder) attest(h *pbft.Header, state, receipts pbft.Digest) *pbft.CheckpointCertificate {
	c := &pbft.CheckpointCertificate{Epoch: h.Epoch, Seq: h.Seq, Block: b.committee.HeaderDigest(h), StateRoot: state,
		ReceiptRoot: receipts}
	c.Signers, c.Signatures = b.quorum(b.committee.CheckpointBytes(h.Seq, c.Block, state, receipts))
	return c
}

// quorum signs as those whose turn it is, so that all members' names come by.
func (b *builder) quorum(message []byte) (s pbft.Signers, all []pbft.Signature) {
	out := int(b.parent.Seq) % b.committee.Size() // f = 1: all but one are a quorum
	for i, key := range b.signers {
		if i != out {
			s.Add(pbft.ReplicaID(i))
			all = append(all, key.Sign(message))
		}
	}
	return s, all
}

// spread calls do for 0 to n-1 on all processors.
func spread(n int, do func(i int) error) error {
	var g errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() error {
			for i := w; i < n; i += workers {
				if err := do(i); err != nil {
					return fmt.Errorf("transaction %d: %w", i, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}
