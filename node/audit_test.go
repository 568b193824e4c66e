package node

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// The audit of a ledger finds each part of a block that is not what the block says.
func TestTheAuditFindsEachPartOfABlock(t *testing.T) {
	var keys []pbft.PublicKey
	for i := range 4 {
		keys = append(keys, sig.NewKeyFromSeed([32]byte{byte(i)}).Public())
	}
	committee, err := pbft.NewCommittee(testChain, 0, keys, pbft.Parameters{Faults: 1})
	if err != nil {
		t.Fatal(err)
	}
	for change, says := range map[string]string{
		"": "", "height": "it says height 9", "payload": "payload has another root", "count": "receipts have another root",
		"receipts": "receipts have another root", "parent": "another parent", "state": "its state root is",
	} {
		l, err := store.OpenLedger(store.LedgerConfig{Dir: "ledger", Chain: testChain, FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		parent := pbft.SignedHeader{Header: committee.GenesisHeader(pbft.Digest{1}, 1)}
		if err := l.Commit(BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: parent}}, nil,
			&Result{StateRoot: [32]byte{1}}, pbft.Digest{}), false); err != nil {
			t.Fatal(err)
		}
		for height := pbft.Seq(1); height <= 3; height++ {
			txs, receipts := [][]byte{{byte(height)}, {7}}, [][]byte{{byte(height), 1}, {8}}
			h := parent
			h.Header.Seq, h.Header.Parent = height, committee.HeaderDigest(&parent.Header)
			h.Header.PayloadRoot = chain.PayloadRoot(txs)
			if height == 2 {
				switch change {
				case "height":
					h.Header.Seq = 9
				case "payload":
					txs[0] = []byte{99}
				case "parent":
					h.Header.Parent[0]++
				}
			}
			b := BlockBatch(&pbft.CommittedBlock{Block: &pbft.Block{SignedHeader: h, Payload: chain.EncodePayload(txs)}},
				[]*Tx{{ID: [32]byte{byte(height)}}, {ID: [32]byte{byte(height), 1}}},
				&Result{StateRoot: [32]byte{byte(height)}, Receipts: receipts}, chain.NewTree(receipts).Root())
			b.Height = uint64(height)
			switch {
			case change == "receipts" && height == 2:
				b.Receipts = chain.EncodePayload([][]byte{{1}, {2}})
			case change == "count" && height == 2:
				b.Receipts = chain.EncodePayload([][]byte{{1}})
			case change == "state" && height == 3:
				b.StateRoot[5]++
			}
			if err := l.Commit(b, false); err != nil {
				t.Fatal(err)
			}
			parent = h
		}
		err = AuditBlocks(l.Latest(), committee)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q changed: %v", change, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
