// Package hooks delivers the events of a chain to web servers, as signed webhooks. It
// runs beside nodes, in a process of its own, and believes none of them: it follows
// proven blocks of which none is left out (client.Blocks), so what it delivers has
// happened, and all that has happened is delivered.
//
// # What a receiver may count on
//
// An event comes at least once, each time with the same id: whoever receives it drops an
// id that was there before. The events of one coupon come in the order of the chain; the
// next is not sent before the one before it was taken or given up. Events of different
// coupons may overtake each other. A delivery that fails is tried again for three days,
// ever more rarely, and then stands in the list of dead letters.
//
// # What is kept
//
// The chain keeps the events, so an endpoint's state is small: up to where events were
// taken from the chain, and which of them are not delivered yet, at most WindowMax. An
// endpoint that is away keeps its place on the chain and nobody else waits for it. State
// lies in a store.Table: after a crash what was delivered and not noted yet is delivered
// again.
//
// # Private addresses
//
// Who can name an endpoint could let this process talk to machines that he cannot reach
// himself. So what is dialled must be a public address, unless the endpoint was allowed
// private ones. The address itself is looked at, when the connection is made: names,
// redirects and later answers of the DNS change nothing.
package hooks
