// Package crowd makes the state folder of a demonstration network whose ledger
// holds as many coupons as wanted, to measure and test nodes and pages at such a
// size.
//
// The blocks are real: signed transactions, executed by the coupon rules, in headers
// and certificates with the signatures of all four validators, whose keys the
// demonstration has. Only the agreement is left out, which is what takes the time.
// A network that is started on the folder goes on behind the last block by itself.
package crowd
