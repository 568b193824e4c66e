// Package api serves a node over HTTP: transactions in, receipts with proofs out,
// the state with or without proofs, blocks, events, health and metrics.
//
// # Conventions
//
// The description is OpenAPI 3.1 at /openapi.json (openapi.json here is the same
// file) with a reader at /docs. Errors are problem details (RFC 9457) with the
// codes of the domain rules; their type is a page of this node. Numbers of 64
// bits and money are decimal strings, money in minor units; instants are given
// as RFC 3339 in UTC and as Unix milliseconds; keys are bech32m, bytes base64.
// Reads say at which height and whether final; min_height waits for a height.
// Lists have opaque cursors that stand for one height, so that pages do not
// shift. A GET changes nothing.
//
// # Proofs
//
// A transaction's answer holds a receipt proof, /v1/state a key proof: package
// client checks them against the genesis file. A state is proven at the newest
// height that a quorum attests, which is one round trip behind the last executed
// one; the server pins a view of the store there.
//
// # Limits
//
// Every request is bounded in size, time and number per client address; see
// Limits. A till's own Redeem is admitted even if the state refuses it (rules 3.3), if
// the request carries a login (package client, SignLogin) of a till key that the
// state knows as active. What browsers may do across origins is closed unless
// configured, and requests for unknown host names are refused, so that no web
// page reaches a node on its reader's machine. Client addresses, ids and queries
// are not logged.
package api
