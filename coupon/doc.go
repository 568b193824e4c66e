// Package coupon is the rules of Scrip's coupons as a pure state machine: what
// bytes a transaction is, who must have signed it, in which order it is checked,
// what it changes, and which receipt and event it leaves. The domain rules are
// written down in docs/coupons.md; "rules 3.14" and the like in comments are its
// sections.
//
// # Life of a transaction
//
//  1. Chain.CheckTx decodes received bytes strictly and checks everything that
//     needs no state (rules 3.3 a). Tx.Signatures lists what must verify under
//     ZIP-215; the caller verifies, in parallel and in batches. A block that
//     holds a transaction failing either is not a valid block.
//  2. Machine.Apply executes the ordered transactions of one block against a
//     Reader of the parent's state. It returns one receipt per transaction, the
//     events, and the final value of each changed row in ascending key order.
//  3. The caller stores the writes, the receipts and the Seen members, all at
//     once, and hands the writes to the state tree.
//
// # Kinds
//
// Each kind of transaction has a file of its own, kind_*.go: its fields and signers,
// its bytes, its checks and changes, what its receipt states, its events, its words.
// One table in kinds.go holds them all (Kinds); CONTRIBUTING.md lists what a new one
// needs.
//
// # Guarantees
//
// Apply is a function of (genesis data, reader content, block): it reads no
// clock, no randomness and no map order, so that all replicas agree to the byte.
// A refused transaction is an outcome with a Code, never an error; a
// transaction's changes happen all or none; one id has one outcome. No byte from
// outside can make the package panic or allocate beyond the input's own length.
//
// Money is u64 minor units of at most MoneyMax, times are u64 Unix milliseconds
// of at most TimeMax, and windows are half-open. Machine and Chain are immutable
// and safe for concurrent use; a Tx must not be changed once parsed.
//
// The package does not verify signatures, keep state, or know about consensus,
// files and networks.
//
// # Versions
//
// The rules have versions (rules 3.17), and the state of a chain says which one it has.
// CheckTxAt and ParseTxAt take the version of the block; what a version does not have is
// E101 in it, and CheckTx is that of version 1. From version 2 on the end of a block does
// work of its own: it settles cycles, ends campaigns and prunes them (Result.Events and
// Result.Items say what it did). Only tests give a chain version 2 (Machine.UpgradedAt).
package coupon
