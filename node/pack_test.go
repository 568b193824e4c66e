package node

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/wire"
	"github.com/scrip-network/scrip/store"
)

func packCommittee(t testing.TB, p pbft.Parameters) *pbft.Committee {
	t.Helper()
	keys := make([]pbft.PublicKey, 3*p.Faults+1)
	for i := range keys {
		keys[i][0] = byte(i + 1)
	}
	c, err := pbft.NewCommittee(testChain, 0, keys, p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// idleChain is a chain on which nothing happens, with what may be odd about a block now
// and then: a time of execution of its own, another view, a justification or state of
// another place, no certificates, one that says something else.
func idleChain(c *pbft.Committee, n int, odd *rand.Rand) []store.Quiet {
	x := record{SignedHeader: pbft.SignedHeader{Header: c.GenesisHeader(pbft.Digest{5}, 1_800_000_000_000)},
		stateRoot: pbft.Digest{5}}
	x.Header.Justify.Seq = 1 // nothing follows from the genesis
	blocks := make([]store.Quiet, n)
	for i := range blocks {
		below := x.Header
		x.Header = packer{c}.after(&x, below.TimeMs+1000, false).Header
		x.Signature[0] = byte(i)
		happens := func() bool { return odd != nil && odd.IntN(6) == 0 }
		if happens() {
			x.Header.Justify = pbft.BlockRef{View: below.View, Seq: below.Seq - 1, Digest: below.Parent}
		}
		if happens() {
			x.Header.View++
		}
		if happens() {
			x.stateRoot[1]++
		}
		if happens() {
			x.Header.ExecSeq--
		}
		blocks[i].Header = x.encode()
		if happens() {
			blocks[i].Header = wire.AppendUint64(blocks[i].Header, x.Header.TimeMs+7)
		}
		ref := c.Ref(&x.Header)
		vote := pbft.Certificate{Kind: pbft.CommittedFast, Block: ref}
		result := pbft.CheckpointCertificate{Seq: x.Header.Seq, Block: ref.Digest, StateRoot: x.stateRoot}
		for id := range pbft.ReplicaID(c.Size()) {
			vote.Signers.Add(id)
			vote.Signatures = append(vote.Signatures, pbft.Signature{1, byte(id), byte(i)})
			if id > 0 {
				result.Signers.Add(id)
				result.Signatures = append(result.Signatures, pbft.Signature{2, byte(id), byte(i)})
			}
		}
		if happens() {
			result.Block[9]++
		}
		blocks[i].Certificate, blocks[i].Checkpoint = vote.Encode(), result.Encode()
		if happens() {
			blocks[i].Certificate, blocks[i].Checkpoint = nil, nil
		}
	}
	return blocks
}

// What a run gives back is every header without the primary's signature, the commit
// certificate of the last block, and f+1 attestations of each, all of the last.
func TestARunKeepsWhatSomebodyMayAskFor(t *testing.T) {
	for seed := range uint64(200) {
		c := packCommittee(t, pbft.Parameters{Faults: 1 + int(seed)%3})
		p := NewPacker(c)
		blocks := idleChain(c, 1+int(seed)%64, rand.New(rand.NewPCG(seed, 6)))
		packed, err := p.Pack(blocks)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Unpack(packed)
		if err != nil || len(got) != len(blocks) {
			t.Fatalf("seed %d: %d blocks of %d, %v", seed, len(got), len(blocks), err)
		}
		for i := range got {
			last := i == len(got)-1
			checkUnpacked(t, c, &blocks[i], &got[i], last)
			if last && (!bytes.Equal(got[i].Certificate, blocks[i].Certificate) ||
				!bytes.Equal(got[i].Checkpoint, blocks[i].Checkpoint)) {
				t.Errorf("seed %d: the last block has lost a certificate", seed)
			}
			if !last && got[i].Certificate != nil {
				t.Errorf("seed %d: block %d of %d has its commit certificate", seed, i, len(got))
			}
		}
		if n := int(seed) * len(packed) / 200; n < len(packed) {
			if _, err := p.Unpack(packed[:n]); err == nil {
				t.Fatalf("seed %d: %d bytes of %d are a run", seed, n, len(packed))
			}
		}
	}
}

func checkUnpacked(t *testing.T, c *pbft.Committee, was, is *store.Quiet, last bool) {
	t.Helper()
	want, err := decodeRecord(was.Header)
	if err != nil {
		t.Fatal(err)
	}
	want.Signature = pbft.Signature{}
	if x, err := decodeRecord(is.Header); err != nil || x != want {
		t.Fatalf("%+v, %v, want %+v", x, err, want)
	}
	if len(was.Checkpoint) == 0 {
		if is.Checkpoint != nil {
			t.Error("a certificate from nowhere")
		}
		return
	}
	all, err := pbft.DecodeCheckpointCertificate(was.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	some, err := pbft.DecodeCheckpointCertificate(is.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(some.Signatures); last && n != len(all.Signatures) || n < c.WeakQuorum() {
		t.Errorf("%d signatures of %d", n, len(all.Signatures))
	}
	if some.Block != all.Block || some.Seq != all.Seq || some.StateRoot != all.StateRoot ||
		some.ReceiptRoot != all.ReceiptRoot {
		t.Errorf("%+v, it was %+v", some, all)
	}
	at := 0
	for id := range pbft.ReplicaID(c.Size()) {
		if some.Signers.Has(id) {
			if some.Signatures[at][1] != byte(id) || !all.Signers.Has(id) {
				t.Errorf("member %d has signed %x", id, some.Signatures[at])
			}
			at++
		}
	}
}

// Published PBFT proves each block by a certificate of its own, which stays.
func TestARunOfThePublishedProtocolKeepsCommitCertificates(t *testing.T) {
	c := packCommittee(t, pbft.Parameters{Faults: 1, Protocol: pbft.Original})
	blocks := idleChain(c, 5, nil)
	packed, err := NewPacker(c).Pack(blocks)
	if err != nil {
		t.Fatal(err)
	}
	got, err := NewPacker(c).Unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if !bytes.Equal(got[i].Certificate, blocks[i].Certificate) {
			t.Errorf("block %d has another certificate", i)
		}
	}
}

// An idle day of four members is below 20 MB, of which an index has 40 bytes for each
// of 86,400 blocks.
func TestAnIdleBlockIsSmall(t *testing.T) {
	const blocks, dayBlocks, dayBytes, indexed = 64, 86_400, 20_000_000, 40
	packed, err := NewPacker(packCommittee(t, pbft.Parameters{Faults: 1})).Pack(
		idleChain(packCommittee(t, pbft.Parameters{Faults: 1}), blocks, nil))
	if err != nil {
		t.Fatal(err)
	}
	each := float64(len(packed)) / blocks
	t.Logf("%.0f bytes for each block", each)
	if day := dayBlocks * (each + indexed); day > dayBytes {
		t.Errorf("%.0f bytes for each block, %.1f MB a day", each, day/1e6)
	}
}

func FuzzUnpack(f *testing.F) {
	c := packCommittee(f, pbft.Parameters{Faults: 1})
	for _, n := range []int{1, 3} {
		packed, err := NewPacker(c).Pack(idleChain(c, n, rand.New(rand.NewPCG(1, uint64(n)))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		blocks, err := NewPacker(c).Unpack(b)
		if err != nil {
			return
		}
		for i := range blocks {
			if _, err := decodeRecord(blocks[i].Header); err != nil {
				t.Error(err)
			}
		}
	})
}
