// Package wrong names what tests give to a committee to break it. Nobody who uses pbft
// can name it.
package wrong

// Quorum is a quorum q that section 2 of docs/protocol.md does not give.
type Quorum struct{ Size int }
