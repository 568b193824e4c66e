// Package till holds a till that is not written in Go: scrip.py has the bytes, till.py what a
// cashier does, and docs/till.md tells both step by step. Its tests run them against real
// nodes, with this project's wallet and console on the other side.
package till
