// Package network runs a demonstration network on this machine: one process for
// each validator, with its own home, keys and ports on loopback, as members would
// run them on machines of their own. The keys are public: see package genesis.
//
// The processes end with the one that started them, however that ends: each reads
// a pipe from it and stops when the pipe closes, and on Linux the kernel signals
// them as well.
package network
