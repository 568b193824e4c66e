// Package e2e tests whole networks: four validators as processes of their own,
// with TLS between them, disks, and clients that use the Go SDK over HTTP. It
// holds nothing but tests.
//
// What a validator does in memory is tested where it is written, with clocks and
// disks that obey the test. Here everything is real, so the tests wait for
// conditions, never for times, and their bounds are generous: a bound that is
// passed means that something has stopped, not that it is slow.
//
//   - Kill: validators are killed, stopped and restarted under load, alone and
//     two at a time. Afterwards their consensus logs and ledgers are read and
//     compared: nothing that was acknowledged is lost, no key has voted twice.
//   - Race: two tills redeem one coupon at the same moment at different nodes.
//   - Hostile input: strangers, members that break the protocol's framing,
//     clients that flood and dawdle.
//   - Attack: a member with its real key asks, claims, votes and proposes whatever it can,
//     also as the primary that it was; thousands of idle connections meet few descriptors.
//   - Clock: blocks are dated by honest clocks, whatever one validator's shows.
//   - Freeze: a validator that stood still is not ready at its old height.
//   - Full disk: a validator that can write no more stops, says so, and comes back.
//   - Damage: homes of killed validators with damaged, cut, deleted and older files of
//     every kind. A validator gives the right answers, none, or does not start.
//   - Homes: a whole network killed, ledgers and logs lost or put back.
//
// The validators are this test program, started again; -e2e.scrip names a scrip
// binary to test in its place. Random tests log their seed, and -e2e.seed repeats
// their choices, though not the scheduling of processes.
//
//	make e2e-kill KILLS=200
//	make e2e-race RACES=1000
//	make e2e-damage DAMAGES=500
//	make e2e-attack ATTACK=500
//	make e2e-clock SKEW=10m
package e2e
