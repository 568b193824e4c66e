// Package original is PBFT as Castro and Liskov published it (OSDI 1999, TOCS
// 2002): the protocol that the project's own is measured against. It keeps the
// contract of pbft.Engine, so that node, ledger and clients are the same under
// both.
//
// A primary assigns sequence numbers to blocks by PRE-PREPARE; a quorum of
// PREPAREs makes a block prepared, a quorum of COMMITs decides it, three delays
// in all, each sequence number by itself. Every CheckpointInterval blocks a
// quorum of attestations makes a stable checkpoint, below which everything is
// forgotten. A replica whose timer runs out broadcasts a VIEW-CHANGE that proves
// what it has prepared above its stable checkpoint. The next primary takes m =
// n-f of them and, for every sequence number, orders again what was prepared in
// the highest view, or a null request. Each backup computes that again.
//
// Where the papers leave a choice: messages are signed, and the primary sends a
// PREPARE with its PRE-PREPARE, so that a prepared certificate is always q
// PREPAREs; votes are verified in batches, when they could complete a quorum; a
// NEW-VIEW proves each sequence number once; the view timer follows the measured
// time to a decision, and doubles; an idle primary proposes an empty block now
// and then; every block is attested, since wallets check that.
//
// Blocks are not linked: the parent, the base, the justification and the named
// execution of their headers are zero. The package is pure: no I/O, no clock, no
// randomness, no goroutines.
package original
