package client_test

import (
	"errors"
	"testing"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/coupon"
	"github.com/scrip-network/scrip/genesis"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
)

// replaced is a network whose fourth validator gets another key at height 20.
type replaced struct {
	verifier *client.Verifier
	sets     [2]*pbft.Committee
	keys     [2][]sig.PrivateKey
	proof    []byte
	endMs    uint64
}

const replacedAt = 20

func newReplaced(t *testing.T) *replaced {
	t.Helper()
	dev, err := genesis.Dev("test", 4, "")
	if err != nil {
		t.Fatal(err)
	}
	x := &replaced{endMs: 1_800_000_000_000}
	if x.verifier, err = client.NewVerifier(dev.Genesis.Raw); err != nil {
		t.Fatal(err)
	}
	x.sets[0] = x.verifier.Committee()
	body := &pbft.SetBody{Epoch: 1, Parameters: x.sets[0].Parameters()}
	for i, s := range dev.Validators {
		x.keys[0] = append(x.keys[0], sig.NewKeyFromSeed(s.Seed))
		x.keys[1] = append(x.keys[1], sig.NewKeyFromSeed(s.Seed))
		if i == 3 {
			x.keys[1][i] = sig.NewKeyFromSeed([32]byte{42})
		}
		body.Seats = append(body.Seats, pbft.Seat{Member: uint16(i + 1), Key: x.keys[1][i].Public()})
	}
	old := x.sets[0]
	a := pbft.Header{View: 1, Seq: replacedAt, BaseSeq: 19, TimeMs: x.endMs, Committee: old.Digest(),
		Proposer: old.Primary(1), Flags: pbft.FlagBoundary, Next: body.Digest(old.Chain())}
	p := &pbft.EpochProof{Boundary: a, Body: body.Encode(),
		Certificate: &pbft.Certificate{Kind: pbft.CommittedSlow, Block: old.Ref(&a)}}
	for i := range old.Quorum() {
		p.Certificate.Signers.Add(pbft.ReplicaID(i))
		p.Certificate.Signatures = append(p.Certificate.Signatures, x.keys[0][i].Sign(old.CommitBytes(old.Ref(&a))))
	}
	x.proof = p.Encode()
	if x.sets[1], err = pbft.NewCommitteeFromBody(old.Chain(), body); err != nil {
		t.Fatal(err)
	}
	return x
}

// receipt is the proof of a receipt of transaction 1 at a height, attested by members of
// the set of an epoch.
func (x *replaced) receipt(epoch int, height pbft.Seq, timeMs uint64, by ...int) (proof, header []byte) {
	c := x.sets[epoch]
	h := pbft.Header{Epoch: c.Epoch(), Seq: height, TimeMs: timeMs, Committee: c.Digest()}
	o := coupon.Outcome{ID: receiptID(1), Kind: coupon.KindTransfer, Coupon: coupon.NewCouponID(1, 1), Seq: 1}
	b := &chain.BlockReceipts{Receipts: [][]byte{o.AppendTo(nil)}}
	b.Checkpoint = &pbft.CheckpointCertificate{Epoch: h.Epoch, Seq: h.Seq, Block: c.HeaderDigest(&h),
		StateRoot: [32]byte{1}, ReceiptRoot: chain.ReceiptRoot(b.Receipts)}
	k := b.Checkpoint
	for _, i := range by {
		message := c.CheckpointBytes(k.Seq, k.Block, k.StateRoot, k.ReceiptRoot)
		k.Signers.Add(pbft.ReplicaID(i))
		k.Signatures = append(k.Signatures, x.keys[epoch][i].Sign(message))
	}
	return b.Proof(b.Proofs(), 0).Encode(), h.Append(nil)
}

func (x *replaced) check(t *testing.T, name string, want error, epoch int, height pbft.Seq, timeMs uint64, by ...int) {
	t.Helper()
	proof, header := x.receipt(epoch, height, timeMs, by...)
	if _, err := x.verifier.Receipt(receiptID(1), proof, header); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", name, err, want)
	}
}

// A client follows a change of the members by a proof, believes the new ones from then on,
// and the old ones no longer.
func TestAKeyIsReplaced(t *testing.T) {
	x := newReplaced(t)
	x.check(t, "of an epoch that is not known", chain.ErrUnknownEpoch, 1, 21, x.endMs, 0, 3)
	x.check(t, "before", nil, 0, 19, x.endMs-1, 0, 3)
	x.check(t, "above the end, which is not known", nil, 0, 21, x.endMs, 0, 3)
	if err := x.verifier.LearnEpoch(x.proof); err != nil {
		t.Fatal(err)
	}
	if err := x.verifier.LearnEpoch(x.proof); err != nil {
		t.Errorf("again: %v", err)
	}
	if x.verifier.Committee().Key(3) != x.keys[1][3].Public() {
		t.Error("the members are still the old ones")
	}
	x.check(t, "by the old members above the end", client.ErrFalse, 0, 21, x.endMs, 0, 1, 2, 3)
	x.check(t, "by the new members below their start", client.ErrFalse, 1, 20, x.endMs, 0, 1, 2, 3)
	x.check(t, "by f+1 old members, soon after", nil, 0, 20, x.endMs, 0, 3)
	x.check(t, "by f+1 new members", nil, 1, 21, x.endMs+1, 0, 3)
	x.check(t, "ten minutes later", nil, 1, 22, x.endMs+chain.RunningMs, 0, 1)
	x.check(t, "by f+1 old members, late", chain.ErrWeak, 0, 20, x.endMs, 0, 3)
	x.check(t, "by a quorum of old members, late", nil, 0, 20, x.endMs, 0, 1, 3)
}

func TestEpochProofsThatAClientRefuses(t *testing.T) {
	x := newReplaced(t)
	for i := 0; i < len(x.proof); i += 3 {
		changed := append([]byte(nil), x.proof...)
		changed[i] ^= 4
		if err := x.verifier.LearnEpoch(changed); !errors.Is(err, client.ErrFalse) && !errors.Is(err, chain.ErrUnknownEpoch) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	if x.verifier.Epochs().Newest().Epoch() != 0 {
		t.Error("a refused proof has changed what is known")
	}
}
