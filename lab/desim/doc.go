// Package desim tells how fast a committee would be: a discrete-event simulation
// in which the real engines run, and everything around them costs simulated time.
//
// # What is real
//
// The engines are those of the nodes, driven as package node drives them: one loop
// a member that takes what waits, lets the engine act, makes its records durable
// with one write and sync, and only then sends. Every message and every record has
// the size of its canonical encoding. The batch policy is the node's: at once if
// nothing is in flight, else when a batch is large or old, and never more than
// InFlightMax blocks ahead.
//
// # What is modelled
//
//   - Signatures are counted and not computed: each sign, single check and batch
//     check costs what Costs says.
//   - A member's processor has Cores cores that its loop, its executor, its link
//     readers and its signature workers share in slices of a millisecond. The loop
//     is serial, and so is the executor; signature checks run in parallel.
//   - A member's disk is serial: a sync costs a fixed time and a time per byte.
//   - A link has a one-way delay, jitter, and loss, which TCP repairs, so that loss
//     is delay. Each member has an egress and an ingress bandwidth. Votes overtake
//     payload, as on the node's two connections.
//   - Clients arrive open loop (the intended time counts) or closed loop. A member
//     checks what its clients hand in and gossips it by the hundred, and every
//     member checks each signature once.
//
// What is left out: memory and garbage collection, the operating system's noise,
// compactions of the store, TLS handshakes. Figures of this package are of mode
// "sim" and must not be set beside measured ones without saying so.
//
// So figures are optimistic: ratios between engines that share all of this can be
// trusted further than absolute ones. In the one comparison made so far, of four
// validators as processes on one machine at saturation, the simulated processor time
// of a transaction was a quarter below the measured one; the costs are of a quiet
// machine, and that one was busy.
//
// # Determinism
//
// Time is an integer number of nanoseconds and all randomness comes from
// Config.Seed: the same Config gives the same Result, bit for bit, on every
// machine, which Result.Digest makes easy to compare. Costs come from a file that
// was measured once (DefaultCosts) and can be measured again (package costing).
//
// # Use
//
//	r, err := desim.Run(desim.Config{N: 4, DurationMs: 5000, WarmupMs: 1000,
//	    Links: desim.City(4), Load: desim.Load{TxPerSecond: 2000, Poisson: true}, Seed: 7})
package desim
