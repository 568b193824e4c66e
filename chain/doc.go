// Package chain holds what a ledger of blocks can prove to somebody who trusts
// no single member: trees over transactions and receipts, the authenticated
// state, blocks, and proofs that rest on the signatures of a committee.
//
// There are two kinds of tree.
//
//   - The transactions and the receipts of a block form a tree as in RFC 6962,
//     section 2.1 (Tree, RootOf, VerifyInclusion).
//   - The state is a compact binary sparse Merkle tree over the hashes of its
//     keys (rules 3.15). Its root is a function of the content alone.
//     Update changes many keys at once over a page store, ProveKey and
//     VerifyState prove that a key has a value or that it is absent.
//
// On these rest Block (a header, its payload and what decided it) and what an
// outside verifier needs, who knows the committee of an epoch and nothing else:
// ReceiptProof (the outcome of a transaction), KeyProof (what the state holds)
// and OrderProof (the place of a block). Each is decoded, then verified; a proof
// that decodes is still only a claim. VerifyCheckpoint checks the signatures of
// a block once for any number of its receipts.
//
// The package is pure: no input or output, no clock, no randomness, no
// goroutines. Functions are safe for concurrent use on separate arguments;
// types that are not say so. Bytes from outside are decoded strictly: one
// value has one encoding, limits are checked before anything is allocated, and
// no input can make a decoder or a verifier panic.
package chain
