// Package cometbft runs the coupon ledger on CometBFT v0.40 instead of Scrip's own
// consensus: the same transactions, rules, receipts, state tree and HTTP API, with
// CometBFT's agreement, block store and links between the validators. It exists to
// compare the two and is a module of its own, so that nothing of CometBFT gets into
// the node's binary.
//
// What is the same, because it is the same code: the stateless checks and the
// execution (ledger.Machine), signatures (sig, ZIP-215), the form in which a block
// lies in the ledger (node.BlockBatch), the API (api.Server over Node) and hence
// clients and their proofs.
//
// What CometBFT decides: the order of transactions and the time of a block, the
// median of the validators' votes. Each of its blocks also has a header in the form
// of Scrip's protocol, derived from it and the same on every validator, so that a
// client verifies one chain of headers on both engines.
//
// Proofs. A validator adds to its precommit for height h+1 a vote extension: its
// member key's signature over its execution of height h, over the very bytes that a
// checkpoint of Scrip's protocol covers. CometBFT keeps the extensions beside its
// commits; from them every validator assembles a pbft.CheckpointCertificate. So the
// proof of a receipt comes one block after the receipt.
//
// Results. The app hash is the state root, and each transaction's result data is its
// receipt, so CometBFT's headers commit to both. An empty block changes neither, and
// an idle chain makes no more of them than it must.
//
// Durability. A block is written to the ledger in one batch and synced before
// CometBFT hears that it is committed. After a crash Info names the last height, and
// CometBFT replays what is above it.
//
// One chain runs on one engine. The members' keys sign attestations on both, and two
// histories of one genesis would prove both; see claim.
package cometbft
