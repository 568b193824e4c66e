// Package index keeps a chain as tables of a PostgreSQL database, for questions that a
// ledger's own state does not answer: sums over time, funnels, who pays whom. It believes
// no node: it reads proven blocks of which none is left out (client.Blocks), and checks
// that each is the child of the one before it.
//
// Rows and the height up to which they are whole change in one transaction, so that a
// block's rows are there exactly once, whatever crashes. Everything in the tables follows
// from the genesis file and the blocks: whoever distrusts them drops the schema and derives
// it anew.
//
// # What is told of people
//
// The owner of a coupon is kept as a tag that is another one in each campaign, so that
// tables lead from no campaign to another. It hides nothing from who has the chain itself.
package index
