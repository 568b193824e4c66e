// Package dualpath is the consensus engine of Scrip: PBFT with a stable primary
// whose blocks form a hash chain, several in flight, and two paths to a decision
// that always run side by side. A fast quorum of PREPAREs commits an armed block
// after two message delays; a quorum of COMMITs commits any block after three. A
// view change carries one certificate and one vote tip per replica, and the new
// primary extends what Select finds instead of proposing it again.
//
// The rules R1 to R10, R12 and the planned handover of R11 are those of
// docs/protocol.md; each transition in the code carries its rule's label. For
// the case p = 0 and for p >= 1 there is one code path, clause E included.
//
// Replica implements pbft.Engine: events in, a pbft.Ready out. It is a pure
// state machine without I/O, clock, randomness or goroutines, so the node, the
// simulator and the tests run the same functions. It is not safe for concurrent
// use. It assumes at most f Byzantine members, that what Ready.Records asked for
// is on disk before anything later in the Ready is acted on, and, for progress
// only, a network that is eventually timely. It does not change membership.
//
// Reading order: rules.go (the decisions), replica.go (state and contract), blocks.go,
// certificates.go, wants.go, forget.go (what is known of
// the chain), propose.go, elide.go, recipes.go, prepare.go, votes.go, commit.go,
// patience.go (the normal case), suspect.go, viewchange.go, newview.go, select.go (the change of primary),
// sync.go (catching up, retransmission, restart).
package dualpath
