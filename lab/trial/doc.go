// Package trial runs experiments: every cell of every part of a scenario, as often
// as it says, and leaves a folder of raw data (package results).
//
// Repeats go round by round: within a round, all engines of one combination run one
// after the other, so that what else the machine does hits all of them alike.
// Simulated cells run several at a time, since their time is not the machine's.
package trial
