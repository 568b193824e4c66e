// Package cli is the command line of scrip: flags and wiring. What a command does
// beyond that lives in the package that it calls.
//
// Data goes to stdout, talk and progress to stderr. Every command has a form for
// programs (-o json or jsonl), and its exit status has a meaning (ExitCode).
// A group of commands has its own file with one constructor, listed in commands.
package cli
