package node

import (
	"errors"
	"fmt"

	"github.com/scrip-network/scrip/pbft"
)

// Errors of everything that answers from the executed state, compared with errors.Is.
var (
	// ErrDiverged says that f+1 other members attest other results of execution: what
	// this node holds is false, and none of it is answered. It ends Run too.
	ErrDiverged = errors.New("node: its execution differs from that of f+1 other members")
	// ErrRestoring says that the ledger stands below what this node had executed
	// before: it was set aside, or an older one was put back. It answers again once it
	// has fetched and executed what it knew.
	ErrRestoring = errors.New("node: the ledger is behind what this node had executed, and catches up")
)

// mayAnswer returns nil, or why nothing of the executed state may be answered: what is
// true of it is old, or nothing of it is.
func (n *Node) mayAnswer() error {
	if n.engine.Load().Condition == pbft.Diverged {
		return ErrDiverged
	}
	if height, _, _ := n.hub.tip(); height < n.floor {
		return fmt.Errorf("%w: height %d of %d", ErrRestoring, height, n.floor)
	}
	return nil
}

// floorOf returns a height that, by its log, this replica had executed: that of a
// commit, or one so far below a certificate that no block of its height could have
// been prepared before.
func floorOf(records []pbft.Record, window uint64) uint64 {
	floor := uint64(0)
	for i := range records {
		r := &records[i]
		switch {
		case r.Kind == pbft.RecordStable && r.Checkpoint != nil:
			floor = max(floor, uint64(r.Checkpoint.Seq))
		case r.Kind == pbft.RecordCommit && r.Certificate != nil:
			floor = max(floor, uint64(r.Certificate.Block.Seq))
		case r.Kind == pbft.RecordCertificate && r.Certificate != nil:
			seq := uint64(r.Certificate.Block.Seq)
			floor = max(floor, seq-min(seq, window))
		}
	}
	return floor
}
