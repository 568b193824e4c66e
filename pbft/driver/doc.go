// Package driver is what one member decides around its consensus engine: whom it
// has room for, when a block is due, what a member that is behind is answered,
// how often something is said again, and how much waits before something else has
// to. The engine knows nothing of it, and no peer can tell from a message how it
// was decided: it is policy, and each member's own.
//
// It is pure, as the engines are: no clock, disk, socket or goroutine. Sizes,
// counts and times go in, decisions come out; what they are about stays with the
// caller. So the node on real disks and sockets, the simulator with measured costs
// and the ledger on another engine ask the same rules, and what one of them
// measures is the door that ships.
//
// No value here is safe for concurrent use: who shares one guards it.
package driver
