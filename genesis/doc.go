// Package genesis reads, checks, writes and makes the genesis file: what all
// members of a chain agreed on before its first block.
//
// The file is JSON, and its bytes are what counts: the chain digest that binds
// every signature covers the name and the SHA-256 of the file as it lies there,
// so two files that differ in a blank are two chains. Parse is strict because of
// that: an unknown or repeated field, a number with a fraction, a text that is
// not normalised, or a key of the wrong kind is refused with the line, the path
// and, for a misspelt field, the name that was probably meant.
//
// Nothing has a default. Money is written as a decimal string in whole units
// with exactly the currency's decimals ("1000.00"), times as UTC with "Z", spans
// as whole milliseconds, keys in their bech32m form.
//
// Parse gives a Genesis. Its File.Ledger is what the coupon rules start from, its
// Committee method gives the first committee and its Chain method the chain. Dev makes the file and the keys of a
// demonstration network from a public phrase; such a chain has a name beginning
// with DevPrefix, and no other chain takes a key of that phrase.
//
// Files come from outside: every count has a limit, and no input panics. The
// functions are safe for concurrent use; only Load blocks, on the disk.
package genesis
