// Package mutate puts single faults into the project's sources, to see whether the
// tests notice, and counters into its checks, to see whether any test makes them
// refuse. Nothing in the working tree changes: the go command takes the altered
// files through an overlay.
package mutate
