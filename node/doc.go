// Package node is the driver around a consensus engine: one member of the chain
// as a process. It joins the engine to the network, the disk, the mempool and a
// state machine, which it knows as an interface over plain values.
//
// # Order of things
//
// One goroutine, the loop, owns the engine and the consensus log. A turn feeds
// the engine what has arrived, a bounded amount of it, and then does what its
// Ready says, in that order: one frame appended to the log and synced, messages
// sent, committed blocks handed to the executor. Nothing is sent that rests on
// an unsaved vote; if the disk fails, Run ends before anything else happens.
//
// Everything that takes long runs elsewhere and reports back: links decode
// messages, checkers judge proposed payloads, the executor applies committed
// blocks to the state and the ledger, a server answers members that are behind.
// Signatures of transactions are checked once, in batches, by package sig's
// pool, and the verdict is remembered for admission, gossip, proposals and
// execution alike.
//
// # Life of a transaction
//
// Submit checks it, asks the state machine whether the present state would
// refuse it, puts it into the mempool and spreads it to all members. The primary
// takes transactions from its mempool into blocks. Wait returns the outcome once
// this node has executed the block, or with a proof once f+1 members attest it.
// A transaction is named by its id and has one outcome; submitting it again,
// anywhere, finds that one.
//
// # Restart
//
// The ledger may lose its newest blocks in a crash, whole blocks only; the log
// keeps their bodies and certificates until the ledger is synced past them, and
// the engine hands them out again. A replica whose log is lost or damaged is
// given no log: it follows the chain and never signs (section 7).
//
// # Limits
//
// Every queue is bounded by a named constant or a field of Config. What does not
// fit is refused with a Refusal if a client waits for it, slowed down if it is a
// consensus message (its link stops), and else dropped and counted, because the
// protocol repeats it.
//
// Rules are labelled as in docs/protocol.md.
package node
