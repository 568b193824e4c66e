// Package results keeps what experiments leave behind: a folder with the raw data
// of every run, a manifest that says how it came about, and a summary of which
// every number can be derived again from the raw files (Derive).
//
// A folder holds
//
//	scenario.toml    what was asked
//	manifest.json    version, parameters, modes, runs, and hashes of all raw files
//	machine.json     where and when it ran
//	raw/PART/CELL-rK-tx.columns.gz, -blocks.columns.gz, -counters.csv
//	summary.json     derived
//
// and what package report draws from these. A folder of simulations only does not
// depend on the machine: but for machine.json, the same program makes the same
// bytes of it.
package results
