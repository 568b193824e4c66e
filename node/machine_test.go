package node_test

import (
	"reflect"
	"testing"

	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
)

// A block is executed with the numbers of its header and of the one below, which counts as
// the first of its view if an epoch begins between them.
func TestABatchHasTheNumbersOfItsHeaders(t *testing.T) {
	parent := pbft.Header{Epoch: 3, View: 7, Seq: 99, BaseSeq: 90}
	h := pbft.Header{Epoch: 3, View: 9, Seq: 100, BaseSeq: 99, Proposer: 2, Parent: pbft.Digest{5}, TimeMs: 1}
	txs := []*node.Tx{{}}
	want := node.Batch{Height: 100, TimeMs: 12, Parent: [32]byte{5}, Epoch: 3, View: 9, BaseSeq: 99, Proposer: 2,
		ParentView: 7, ParentBase: 90, Txs: txs}
	if got := node.NewBatch(&h, &parent, 12, txs); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	h.Epoch, h.View, h.Proposer = 4, 1, 0
	want.Epoch, want.View, want.Proposer, want.ParentView, want.ParentBase = 4, 1, 0, 1, 99
	if got := node.NewBatch(&h, &parent, 12, txs); !reflect.DeepEqual(got, want) {
		t.Errorf("across epochs: %+v, want %+v", got, want)
	}
}
