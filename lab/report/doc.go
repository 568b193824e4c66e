// Package report draws what an experiment has shown: figures, and a page that
// holds them with their tables, the answer in words, what was expected, what went
// wrong and what was not measured. Everything follows from the summary, scenario
// and manifest of a folder, so Verify can draw it again and compare.
package report
