// Package lanes brings payload to all members before a block names it: every member
// pushes the transactions of its own clients once, to everybody, in numbered batches (its
// lane), and a primary proposes a recipe, which names ranges of batches that it holds. A
// backup expands the recipe and checks it against the unchanged payload root of the header.
// A recipe is an encoding of the body and nothing else: what is signed, voted for, logged
// and proved is the same as without it.
//
// Nothing of a lane is believed, agreed on or durable. A batch is unsigned, two contents of
// one number are two digests, and no recipe makes a block invalid. Whoever lacks a range
// waits while it is on its way, asks members that must hold it, and at last fetches the
// body, which is what members did before there were lanes.
//
// Lanes is one member's part in it. Like an engine it is pure: events and times go in,
// messages and answers come out, and time is nanoseconds of a clock that never goes back.
// What looks random (numbers of instances, small delays) follows from Config.Seed. A Lanes
// is not safe for concurrent use; batches and messages are immutable and may be shared.
//
// The labels L1 to L15 are those of docs/protocol.md.
package lanes
