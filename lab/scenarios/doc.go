// Package scenarios describes experiments: the question, what is varied, what is
// drawn and what must hold. A scenario is a TOML file; those that ship with the
// laboratory are embedded (Shipped).
//
// A scenario has parts, and each part one mode: a simulation, processes on one
// host, or processes with an emulated wide-area network. Figures are of one part,
// so modes never meet in a figure.
//
// Reading is strict: an unknown key, an unknown name or a number out of range is an
// error that says the line.
package scenarios
