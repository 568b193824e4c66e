// Package client is the Go SDK of a Scrip chain. It talks to nodes over HTTP and
// believes none of them.
//
// What a Client trusts is the genesis file: the committee in it. Every answer
// that matters is checked against that committee before it is returned, so a
// node can be slow, dead or lying without anybody being told a wrong thing:
//
//   - a Receipt is attested by f+1 members, one of which is honest, and is the
//     receipt of the very transaction that was asked for; it is called final only if
//     it ends the transaction's id (coupon.Code.Ending);
//   - a State, and what is decoded from one (Coupon, Campaign, Till, ...), is
//     attested by a quorum, whether the row is there or not, is not older than
//     what this client has seen before, and not older than MaxAge;
//   - a Block is attested by f+1 members, with all its transactions and receipts.
//
// What cannot be proved says so: lists made by a node may leave something out,
// and a refusal at the door (Refusal with Final false) is an opinion. Opinions are
// signed by the members that have them (Statement), and count when f+1 different ones
// share them: an address is no member. So the addresses should be those of nodes of
// different members. What carries each field of each answer is in docs/proofs.md.
//
// # Submitting
//
// Submit hands a signed transaction to one node and waits for the proven receipt.
// If the node fails or dawdles, the same bytes go to the next one: the id is a
// digest of them, so any number of copies has one effect and one receipt. If ctx
// ends first, the outcome is unknown, and Receipt asks for it later.
//
// A till hands over goods after Submit has returned a receipt with code OK, and
// at no other moment.
//
// # Concurrency and limits
//
// A Client is safe for concurrent use. Every answer is bounded in size, every
// request in time; nothing that a node sends can make the client panic.
package client
