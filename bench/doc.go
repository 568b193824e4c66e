// Package bench loads a chain with signed transactions and measures what comes
// out: how many are committed in a second, how long that takes, and what it costs.
//
// The load is open: transactions are due at fixed times, whether or not earlier
// ones have come back, and the latency of each counts from when it was due. A
// system that stalls is charged for everything that fell due meanwhile. Without a
// rate the load is closed instead: a fixed number is always on its way, which
// finds the saturation; its latencies are those of a saturated system.
//
// Everything is prepared and signed before the measurement, so that the client
// takes little of the machine that the validators run on. A transaction counts as
// committed when the node that it was handed to has executed it in a committed
// block and its receipt is OK.
package bench
