package cometbft

import (
	"context"
	"fmt"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft/driver"
)

// firstHeight is the height of a chain's first block. Its time is that of the
// genesis, however long ago that is, so it has no transactions.
const firstHeight = 1

// PrepareProposal implements abci.Application: it chooses the transactions of the
// next block. With an application mempool it waits for some, unless the last block
// had some, whose attestations come with this one.
func (a *app) PrepareProposal(
	ctx context.Context, q *abci.RequestPrepareProposal,
) (*abci.ResponsePrepareProposal, error) {
	if q.Height <= firstHeight {
		return &abci.ResponsePrepareProposal{}, nil
	}
	bytesMax := min(a.tuning.BlockBytesMax, a.limits.BytesMax, int(q.MaxTxBytes))
	txsMax := min(a.tuning.BlockTxsMax, a.limits.TxsMax)
	var txs []*node.Tx
	if a.tuning.Signatures == Batch {
		if a.tip().txs == 0 {
			a.pool.wait(ctx, a.tuning.IdleWait)
		}
		txs = a.pool.take(txsMax)
	} else {
		found, errs := a.front.resolve(q.Txs)
		for i, tx := range found {
			if errs[i] == nil { // else it got past CheckTx by a fault
				txs = append(txs, tx)
			}
		}
	}
	return &abci.ResponsePrepareProposal{Txs: fill(txs, bytesMax, txsMax, nowMs())}, nil
}

// fill returns the first of the transactions that fit, each id once, without those
// that can have no effect any more.
func fill(txs []*node.Tx, bytesMax, txsMax int, nowMs uint64) (raws [][]byte) {
	ids := make(map[[32]byte]struct{}, min(len(txs), txsMax))
	size := driver.PayloadOverheadBytes
	for _, tx := range txs {
		each := driver.TxOverheadBytes + len(tx.Raw)
		if _, twice := ids[tx.ID]; twice || tx.ExpiresMs <= nowMs {
			continue
		}
		if len(raws) == txsMax || size+each > bytesMax {
			break
		}
		ids[tx.ID] = struct{}{}
		raws = append(raws, tx.Raw)
		size += each
	}
	return raws
}

// ProcessProposal implements abci.Application: it accepts a block exactly if it is
// valid, whatever the state. So no transaction with a wrong signature enters one.
func (a *app) ProcessProposal(
	_ context.Context, q *abci.RequestProcessProposal,
) (*abci.ResponseProcessProposal, error) {
	if _, err := a.valid(q.Txs, q.Height); err != nil {
		a.metrics.rejected.Inc()
		return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}

// valid returns the transactions of a valid block: within the limits of the chain,
// each well formed, signed and there once.
func (a *app) valid(raws [][]byte, height int64) ([]*node.Tx, error) {
	switch size := chain.PayloadSize(raws); {
	case height <= firstHeight && len(raws) > 0:
		return nil, fmt.Errorf("%d transactions in the first block", len(raws))
	case size > a.limits.BytesMax || len(raws) > a.limits.TxsMax:
		return nil, fmt.Errorf("%d transactions of %d bytes in a block", len(raws), size)
	}
	txs, errs := a.front.resolve(raws)
	ids := make(map[[32]byte]struct{}, len(txs))
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("transaction %d: %w", i, err)
		}
		ids[txs[i].ID] = struct{}{}
	}
	if len(ids) != len(txs) {
		return nil, fmt.Errorf("%d transactions with %d ids", len(txs), len(ids))
	}
	return txs, nil
}

func nowMs() uint64 { return uint64(time.Now().UnixMilli()) }
