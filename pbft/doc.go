// Package pbft is the vocabulary of Practical Byzantine Fault Tolerance (Castro
// and Liskov, 1999) as Scrip's engines speak it: the Committee with every quorum
// number, the messages and their canonical bytes, certificates and their
// verification, and the contract between an engine and the driver around it.
//
// The engines live in sibling packages (dualpath is the one that Scrip runs) and
// are deterministic state machines: the driver feeds events (Receive, Tick,
// Propose, PayloadChecked, Executed, Connected) and takes a Ready whose fields
// stand in the order in which the driver must act: persist Records with one
// synchronous write, then send Messages, then apply Committed. Nothing is said
// or decided that rests on an unsaved own vote.
//
// Nothing in this package or in an engine performs I/O, reads a clock, draws
// randomness, starts a goroutine or logs. Time is a count of ticks; the wall
// clock that rule R12 needs is an argument. A value of any type here may be read
// by several goroutines at once while none changes it; engines are not safe for
// concurrent use.
//
// Rules are labelled R1 to R14 as in docs/protocol.md. A sequence number (Seq)
// is a block's height: the two are equal by definition.
package pbft
