// Package validator is one member's node as a process: where its files lie, which
// settings it has, how it starts and how it says what is wrong.
//
// A home is a folder of mode 0700 with
//
//	config.toml           settings (Settings lists them)
//	genesis.json          the genesis file of the chain
//	validator.key         the key that signs consensus messages
//	validator.joined      the chains that this key has a consensus log for
//	data/consensus        the consensus log
//	data/ledger           blocks, receipts and state
//
// The consensus log holds every promise of the key. It is made once, by Join, and
// never by Run: a validator whose log is missing follows the chain and signs
// nothing, because it may have signed what it no longer knows.
//
// Settings come from defaults, the file, the environment and flags, the later
// before the earlier, and Config knows which of them it was. Nothing that members
// must agree on is a setting: that is in the genesis file and in the state.
package validator
