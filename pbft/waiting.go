package pbft

// Waiting is what a driver says of what waits for the present primary (R11.1). Items are
// transactions that the primary was told of: of each sender the oldest that its member's
// own state admits and that is in no block.
type Waiting struct {
	// EligibleTicks is how long the oldest item could have been in a block, 0 = there is
	// none.
	EligibleTicks uint32
	// Backlog says that what waits fills more than two blocks as they are now.
	Backlog bool
	// Skipped is how many blocks of the present view left out one item that waited when
	// their headers came, and SkipLimit how many may.
	Skipped, SkipLimit uint32
}

// Judgement says what a member finds wrong with a primary (R11.4).
type Judgement uint8

// The judgements.
const (
	// Fair: nothing, or it is too early to say.
	Fair Judgement = iota
	// LateBlocks: what waits waits too long for a block.
	LateBlocks
	// LateCertificates: quorums form late.
	LateCertificates
	// LowRate: fewer bytes than under others, while there is a backlog.
	LowRate
	// StateTrails: headers name states of long ago.
	StateTrails
	// LeavesOut: something is left out of block after block.
	LeavesOut
	judgementCount
)

// JudgementCount is the number of judgements, for tables indexed by Judgement.
const JudgementCount = int(judgementCount)

// String returns the name of the judgement, as metrics and answers have it.
func (j Judgement) String() string {
	names := [...]string{"fair", "late-blocks", "late-certificates", "low-rate", "state-trails", "leaves-out"}
	if int(j) < len(names) {
		return names[j]
	}
	return "unknown"
}
