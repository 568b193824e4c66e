// Package stats computes what reports of experiments state: medians with their
// quartiles, bootstrap intervals, percentiles of all samples, and the exponent of
// a power law. Everything is a function of its arguments; an interval is drawn
// from a seed, so the same values give the same interval.
package stats
