// Package rules holds the decisions on which the promises of both protocols rest, each
// a function that an engine asks at one place. An engine that is shipped asks those of
// docs/protocol.md; internal/broken replaces one of them at a time, to show that tests
// notice. The package lies below internal, so nobody who uses the library can.
package rules

import "github.com/scrip-network/scrip/pbft"

// Dualpath are the decisions of pbft/dualpath, in the order of its rules. All are
// functions of their arguments.
type Dualpath struct {
	// Orders returns what a primary proposes of what it is offered (R1).
	Orders func(payload []byte, root pbft.Digest) ([]byte, pbft.Digest)
	// RootAgrees compares the own state of a position with the one that a header names (R2(d)).
	RootAgrees func(own, named pbft.Digest) bool
	// Expanded reports whether a block goes for one whose body is held, where it is or is
	// not (R2(d)).
	Expanded func(held bool) bool
	// Justified reports whether a block goes for one whose justification is proven, where
	// a certificate is held or is not (R2(c)).
	Justified func(held bool) bool
	// Durable reports whether a record is written before what rests on it (section 7).
	Durable func(kind pbft.RecordKind) bool
	// Remembers reports whether a certificate raises the highest one held (R2(e)).
	Remembers func(c *pbft.Certificate) bool
	// MayCommit reports whether a COMMIT may be cast in a view by who signed a VIEW-CHANGE
	// for the view changed, 0 for none (R3(a)).
	MayCommit func(view, changed pbft.View) bool
	// CommitHelps reports whether a COMMIT is cast for a block that is committed, where
	// another's COMMIT was seen or not (R3(c)).
	CommitHelps func(seen bool) bool
	// CommitsAgain reports whether COMMITs are cast again after a restart (section 11).
	CommitsAgain func() bool
	// FastPath reports whether n-p PREPAREs are looked for (R4(a)).
	FastPath func(h *pbft.Header) bool
	// Commits reports whether a verified certificate commits its block (R4(a), R4(b)).
	Commits func(com *pbft.Committee, c *pbft.Certificate, h *pbft.Header) bool
	// VoteCounts reports whether a vote counts whose signature is good or not (R4(b)).
	VoteCounts func(good bool) bool
	// Diverged reports whether as many members with other results, of whom weak hold an
	// honest one, stop a replica (section 9).
	Diverged func(others, weak int) bool
	// SuspectCounts reports whether a SUSPECT that came at a tick still counts (R6(c)).
	SuspectCounts func(now, came, ticks uint64) bool
	// ReportsTip reports whether the own chain of a view is the one whose end a VIEW-CHANGE
	// reports, where newest is the last view voted in, high that of the certificate (R7(b)).
	ReportsTip func(view, newest, high pbft.View) bool
	// TipFits reports whether a tip of one view may stand beside a certificate of another (R8(a)).
	TipFits func(tip, high pbft.View) bool
	// Reports is how many VIEW-CHANGEs start a view (R8(c)).
	Reports func(com *pbft.Committee) int
	// Supports reports whether a VIEW-CHANGE speaks for blocks above c (R9(a)).
	Supports func(v *pbft.ViewChange, c pbft.BlockRef) bool
	// Strict reports whether tips may conflict without evidence (R9(c)).
	Strict func(com *pbft.Committee) bool
	// Excluded reports whether a member's report must be absent where evidence convicts a
	// primary (R9(c)).
	Excluded func(member, primary pbft.ReplicaID) bool
	// Support is how many reports a block above c needs to be the base (R9(b)).
	Support func(com *pbft.Committee, evidence bool) int
	// EndsTenure reports whether the certificate of a block is the entry of the next view (R11(b)).
	EndsTenure func(h *pbft.Header, tenure uint64) bool
	// NotTooOld tests the lower bound of a fresh block, which came late or not (R12(b)).
	NotTooOld func(late bool) bool
	// NotTooNew tests the upper bound of a block's time (R12(c)).
	NotTooNew func(timeMs, latestMs uint64) bool
	// GenesisRef names the block on which an epoch stands (R13.4).
	GenesisRef func(com *pbft.Committee, h *pbft.Header) pbft.BlockRef
	// Justifies reports whether a header may name its justification, which is one of its
	// epoch or the block on which that stands, or is not (R13.1(d)).
	Justifies func(ofEpoch bool) bool
	// OnlyCloses reports whether nothing but closing blocks may stand above a header (R13.1(b)).
	OnlyCloses func(h *pbft.Header) bool
	// Formed reports whether a block, of an earlier view or not, may be voted for whose flag
	// and what it names are right or are not (R13.1(a), R13.1(b)).
	Formed func(inherited, right bool) bool
	// Silent reports whether an epoch that is over is signed for no more (R13.3).
	Silent func() bool
	// EndProven reports whether a proof shows that the committee's epoch is over (R13.3).
	EndProven func(p *pbft.EpochProof, com *pbft.Committee, s pbft.Scheme) bool
	// Convicts reports whether two headers show that a primary signed both of one position (R14(a)).
	Convicts func(com *pbft.Committee, view pbft.View, e []pbft.SignedHeader) bool
	// EvidenceHolds reports whether the primary of a view signed both headers (R14(b)).
	EvidenceHolds func(com *pbft.Committee, view pbft.View, e []pbft.SignedHeader, s pbft.Scheme) bool
	// BlocksProven reports whether the certificate of blocks that were fetched is true, and
	// ProofHolds whether one that a peer shows is (section 11, catch-up).
	BlocksProven, ProofHolds func(com *pbft.Committee, c *pbft.Certificate, s pbft.Scheme) bool
	// LostViewChange reports whether a peer remembers a VIEW-CHANGE that the log lacks, the
	// log's being for the view sent (section 11, recall).
	LostViewChange func(shown, sent pbft.View) bool
	// LostCommit reports whether a peer's COMMIT shows that the log lacks something, by
	// whether the log knows its block (section 11, recall).
	LostCommit func(known bool) bool
	// RecallEnds reports whether a restarted replica votes, where so many others answered of
	// whom least must, all or not, and the wait for the rest is over or not (section 11, recall).
	RecallEnds func(answered, least int, all, over bool) bool
}

// Guard are the decisions of pbft/driver about the age of logs (section 7).
type Guard struct {
	// Marks reports whether own marks are signed.
	Marks func() bool
	// Held is how many frames of a log count that a start has found: those from before its
	// own record.
	Held func(found uint64) uint64
	// Earlier reports whether the frames of a start that never voted count as well.
	Earlier func() bool
}

// Epochs are the decisions of pbft/driver about how one epoch follows another.
type Epochs struct {
	// Verify returns the committee after the one whose epoch a proof ends (R13.3).
	Verify func(p *pbft.EpochProof, com *pbft.Committee, s pbft.Scheme) (*pbft.Committee, error)
	// Stands returns the header of the block on which the next epoch stands (R13.4).
	Stands func(p *pbft.EpochProof) pbft.Header
	// Keeps reports whether the engine of an epoch is given what the log holds of it.
	Keeps func(e pbft.Epoch) bool
}

// Original are the decisions of pbft/original (section 12 of docs/protocol.md).
type Original struct {
	// Orders returns what a primary proposes of what it is offered.
	Orders func(payload []byte, root pbft.Digest) ([]byte, pbft.Digest)
	// NotTooOld tests the lower bound of a fresh block, which came late or not.
	NotTooOld func(late bool) bool
	// NotTooNew tests the upper bound of a block's time.
	NotTooNew func(timeMs, latestMs uint64) bool
	// Durable reports whether a record is written before what rests on it.
	Durable func(kind pbft.RecordKind) bool
	// CommitsAtOnce reports whether the COMMIT goes out with the PREPARE.
	CommitsAtOnce func() bool
	// Active reports whether votes are cast in a view by who signed a VIEW-CHANGE for the
	// view changed, 0 for none.
	Active func(view, changed pbft.View) bool
	// VoteCounts reports whether a statement counts whose signature is good or not.
	VoteCounts func(good bool) bool
	// Diverged reports whether a proof of other results stops a replica.
	Diverged func(proven bool) bool
	// ReportsPrepared reports whether a VIEW-CHANGE names what is prepared, inside the
	// window or not.
	ReportsPrepared func(inside bool) bool
	// Reports is how many VIEW-CHANGEs start a view.
	Reports func(com *pbft.Committee) int
	// Wins reports whether what was prepared in a view is ordered again rather than what
	// was prepared in the best one so far, 0 for none.
	Wins func(view, best pbft.View) bool
	// Null reports whether a null request is ordered, where so many report one block of
	// the best view, 0 for none.
	Null func(best pbft.View, reports, weak int) bool
	// Recomputes reports whether a backup computes itself what a NEW-VIEW must order.
	Recomputes func() bool
	// DecisionProven reports whether the certificate of a decided block is true.
	DecisionProven func(com *pbft.Committee, c *pbft.Certificate, s pbft.Scheme) bool
	// LostViewChange reports whether a peer remembers a VIEW-CHANGE that the log lacks, the
	// log's being for the view sent.
	LostViewChange func(shown, sent pbft.View) bool
	// LostCommit reports whether a peer's COMMIT shows that the log lacks something, by
	// whether the log knows its block.
	LostCommit func(known bool) bool
	// RecallEnds reports whether a restarted replica votes, where so many others answered of
	// whom least must, all or not, and the wait for the rest is over or not.
	RecallEnds func(answered, least int, all, over bool) bool
}
