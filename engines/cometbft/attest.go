package cometbft

import (
	"context"
	"errors"
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/scrip-network/scrip/node"
	"github.com/scrip-network/scrip/pbft"
	"github.com/scrip-network/scrip/store"
)

// attestation returns what the members sign about an executed block: the same bytes
// as a checkpoint of Scrip's protocol. Of the genesis there is nothing to sign.
func (a *app) attestation(t tip) []byte {
	if t.header.Seq == 0 {
		return nil
	}
	return a.committee.CheckpointBytes(t.header.Seq, t.digest, t.stateRoot, t.receiptRoot)
}

// ExtendVote implements abci.Application: to the precommit of a height belongs the
// signature over the execution of the one before.
func (a *app) ExtendVote(_ context.Context, q *abci.RequestExtendVote) (*abci.ResponseExtendVote, error) {
	t := a.tip()
	if q.Height != int64(t.header.Seq)+1 {
		return nil, fmt.Errorf("attest: voting at height %d with the ledger at %d", q.Height, t.header.Seq)
	}
	message := a.attestation(t)
	if message == nil {
		return &abci.ResponseExtendVote{}, nil
	}
	s := a.key.Sign(message)
	return &abci.ResponseExtendVote{VoteExtension: s[:]}, nil
}

// VerifyVoteExtension implements abci.Application. A member whose execution differs
// signs something else, and its precommit does not count: it could not follow the
// next block anyway.
func (a *app) VerifyVoteExtension(
	_ context.Context, q *abci.RequestVerifyVoteExtension,
) (*abci.ResponseVerifyVoteExtension, error) {
	t := a.tip()
	member, ok := a.addresses[peerID(q.ValidatorAddress)]
	message := a.attestation(t)
	switch {
	case !ok || q.Height != int64(t.header.Seq)+1:
		ok = false
	case message == nil:
		ok = len(q.VoteExtension) == 0
	default:
		ok = len(q.VoteExtension) == len(pbft.Signature{}) &&
			a.scheme.Verify(a.committee.Key(member), message, pbft.Signature(q.VoteExtension))
	}
	if !ok {
		a.metrics.strange.Inc()
		return &abci.ResponseVerifyVoteExtension{Status: abci.ResponseVerifyVoteExtension_REJECT}, nil
	}
	return &abci.ResponseVerifyVoteExtension{Status: abci.ResponseVerifyVoteExtension_ACCEPT}, nil
}

// certify stores the certificate over an executed block if the extensions of the next
// height are held and suffice. The caller holds mu.
func (a *app) certify(t tip) error {
	message := a.attestation(t)
	if message == nil || a.extensions == nil {
		return nil
	}
	c := &pbft.CheckpointCertificate{Epoch: a.committee.Epoch(), Seq: t.header.Seq, Block: t.digest,
		StateRoot: t.stateRoot, ReceiptRoot: t.receiptRoot}
	held := a.extensions(uint64(t.header.Seq) + 1)
	for id := range pbft.ReplicaID(a.committee.Size()) {
		s := held[id]
		// Blocks that were fetched come with extensions that nobody here has looked at.
		if len(s) != len(pbft.Signature{}) || !a.scheme.Verify(a.committee.Key(id), message, pbft.Signature(s)) {
			continue
		}
		c.Signers.Add(id)
		c.Signatures = append(c.Signatures, pbft.Signature(s))
	}
	if len(c.Signatures) < a.committee.WeakQuorum() {
		return nil
	}
	if err := a.ledger.PutCheckpoint(uint64(c.Seq), c.Encode()); err != nil {
		return fmt.Errorf("store the certificate of height %d: %w", c.Seq, err)
	}
	a.outcomes.certified(uint64(c.Seq))
	return nil
}

// recertifyMax bounds how many of the newest heights are looked at after a restart.
const recertifyMax = 1024

// recertify makes the certificates that a crash has taken or replay could not make.
func (a *app) recertify() error {
	top := uint64(a.tip().header.Seq)
	for height := top; height > 0 && height+recertifyMax > top; height-- {
		if err := a.certifyAt(height); err != nil {
			return err
		}
	}
	return nil
}

// certifyAt makes the certificate of a stored block if it is missing and can be made.
func (a *app) certifyAt(height uint64) error {
	v := a.ledger.Latest()
	if _, err := v.Checkpoint(height); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	b, err := node.ReadBlock(v, a.committee, a.limits, height)
	if err != nil {
		return fmt.Errorf("read block %d: %w", height, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.certify(tip{header: b.Header.Header, digest: b.Digest, stateRoot: b.StateRoot,
		receiptRoot: b.ReceiptRoot})
}
