// Package profile is the form of a shop's public profile: colour, logo, address,
// opening hours, website and phone of a member, signed by its admin keys and kept by
// nodes beside the chain. docs/profiles.md has the rules.
//
// A profile proves that enough of the member's keys have signed these bytes for this
// chain, and nothing more. The name over it is the ledger's.
//
// Functions have no state and are safe for concurrent use.
package profile
