// Package driver is one member around its consensus engine.
//
// Driver is the turn of its loop: events go in, Work comes out, whose fields are done in
// their order. It says when a block is proposed, how many messages are taken before
// something else has its turn, when execution lags so far that nothing more is taken, when
// the log is replaced and by what, and where a member begins again after a crash. The rules
// below it stand alone too: whom there is room for (Shares), when a block is due
// (Batching), what a member that is behind is answered (Answer), how often something is
// said again (Repeat). The engine knows nothing of it, and no peer can tell from a
// message how it was decided: it is policy, and each member's own.
//
// It is pure, as the engines are: no clock, disk, socket or goroutine. Sizes, counts and
// times go in, decisions come out. The node carries them out on real disks and sockets,
// lab/desim in simulated time with measured costs, pbft/pbfttest with faults and a crash at
// every point of the same Work; the ledger on another engine asks the rules. So what one of
// them measures or breaks is what ships.
//
// No value here is safe for concurrent use: who shares one guards it.
package driver
