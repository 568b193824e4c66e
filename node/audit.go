package node

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/chain"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/pbft/driver"
	"github.com/scrip-network/scrip/sig"
	"github.com/scrip-network/scrip/store"
)

// AuditBlocks checks the blocks of a committee's ledger, from the genesis to the last,
// by what they say of themselves: that each names the one below, that payload and
// receipts have the roots of its record, and that the last one's state is the ledger's.
func AuditBlocks(v *store.View, c *pbft.Committee) error {
	last, ok := v.Height()
	if !ok {
		return nil
	}
	var parent pbft.Digest
	for height := uint64(0); height <= last; height++ {
		x, err := auditBlock(v, height)
		if err == nil && height > 0 && x.header.Parent != parent {
			err = fmt.Errorf("it names another parent than block %d", height-1)
		}
		if err == nil && height == last && x.stateRoot != v.StateRoot() {
			err = fmt.Errorf("its state root is %x, that of the ledger %x", x.stateRoot, v.StateRoot())
		}
		if err != nil {
			return fmt.Errorf("audit block %d: %w", height, err)
		}
		parent = c.HeaderDigest(&x.header)
	}
	return nil
}

func auditBlock(v *store.View, height uint64) (*executedBlock, error) {
	b, err := v.Block(height)
	if err != nil {
		return nil, err
	}
	x, err := readExecuted(v, height)
	if err != nil {
		return nil, err
	}
	var txs [][]byte
	if len(b.Payload) > 0 {
		limits := chain.PayloadLimits{BytesMax: len(b.Payload), TxsMax: driver.PayloadTxsMax, TxBytesMax: len(b.Payload)}
		if txs, err = chain.DecodePayload(b.Payload, limits); err != nil {
			return nil, err
		}
	}
	var receipts pbft.Digest
	if len(x.receipts) > 0 {
		receipts = x.tree().Root()
	}
	switch {
	case uint64(x.header.Seq) != height:
		return nil, fmt.Errorf("it says height %d", x.header.Seq)
	case chain.PayloadRoot(txs) != x.header.PayloadRoot:
		return nil, errors.New("its payload has another root")
	case len(txs) != len(x.receipts) || receipts != x.receiptRoot:
		return nil, errors.New("its receipts have another root")
	}
	return x, nil
}

// ReadTip returns the last block of a committee's ledger, without its transactions, and how
// many members attest just its result in the certificate that the ledger has: 0 without one
// that f+1 have signed. A certificate over another result is an error.
func ReadTip(v *store.View, c *pbft.Committee) (b Block, attested int, err error) {
	height, ok := v.Height()
	if !ok {
		return b, 0, fmt.Errorf("%w: the ledger is empty", store.ErrNotFound)
	}
	e, err := readExecuted(v, height)
	if err != nil {
		return b, 0, err
	}
	x, err := readRecord(v, height)
	if err != nil {
		return b, 0, err
	}
	b = Block{Height: height, Digest: c.HeaderDigest(&x.Header), Header: x.SignedHeader, StateRoot: x.stateRoot,
		ReceiptRoot: x.receiptRoot, Checkpoint: e.certificate}
	if e.certificate == nil {
		return b, 0, nil
	}
	a, err := chain.VerifyCheckpoint(c, e.certificate, chain.ClaimReceipt, scheme{sig.NewVerifier(0)})
	if err != nil {
		return b, 0, fmt.Errorf("the certificate over block %d: %w", height, err)
	}
	if a.Height() != height || a.Block() != b.Digest || a.StateRoot() != b.StateRoot || a.ReceiptRoot() != b.ReceiptRoot {
		return b, 0, fmt.Errorf("%d members attest another result of block %d", e.certificate.Signers.Count(), height)
	}
	return b, e.certificate.Signers.Count(), nil
}
