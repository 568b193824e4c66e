package cometbft

import (
	"context"
	"errors"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/scrip-network/scrip/node"
)

// CheckTx implements abci.Application: the door of CometBFT's own mempool, for
// clients of this validator and for what its peers pass on. Each transaction is
// checked by itself. Whether the state would refuse it is asked before, of clients
// only (see Node.Submit): what another validator has taken may go into a block, which
// decides.
func (a *app) CheckTx(_ context.Context, q *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	tx, err := a.front.single(q.Tx)
	if err == nil {
		err = a.pool.add(tx, true)
	}
	if err != nil {
		a.metrics.refused.Inc()
		var r *node.Refusal
		if !errors.As(err, &r) {
			return nil, err
		}
		return &abci.ResponseCheckTx{Code: uint32(r.Code), Log: r.Text}, nil
	}
	return &abci.ResponseCheckTx{}, nil
}

// InsertTx implements abci.Application: it takes a transaction from another
// validator. Its signatures are checked together with those of others; only then is
// it in the pool. What there is no room for may come again.
func (a *app) InsertTx(_ context.Context, q *abci.RequestInsertTx) (*abci.ResponseInsertTx, error) {
	if a.pool.full() != nil {
		return &abci.ResponseInsertTx{Code: abci.CodeTypeRetry}, nil
	}
	a.front.check([][]byte{q.Tx}, func(j *judged) {
		err := j.errs[0]
		if err == nil {
			err = a.pool.add(j.txs[0], false)
		}
		if err != nil {
			a.metrics.refused.Inc()
		}
	})
	return &abci.ResponseInsertTx{}, nil
}

// ReapTxs implements abci.Application: it hands over the transactions of this
// validator's clients for the others.
func (a *app) ReapTxs(_ context.Context, q *abci.RequestReapTxs) (*abci.ResponseReapTxs, error) {
	return &abci.ResponseReapTxs{Txs: a.pool.reap(int(q.MaxBytes))}, nil
}
