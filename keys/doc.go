// Package keys handles the secret and public keys of people and of nodes: what
// a key looks like to a person, how it is written down, derived and stored.
//
// A public key is shown as a bech32m string whose prefix says what the key is
// for: Encode and Decode, with one Kind for holders, tills, members' admin keys,
// validators and ticket desks. The prefix is for people and tools; on the chain a
// key is its 32 bytes, and a signature is bound to its chain by what is signed.
//
// A person's wallet is one mnemonic (BIP-39, English) from which every coupon's
// own key follows by SLIP-0010, hardened derivation only: ed25519 has no public
// derivation, so there is no watch-only form of a wallet. Wallet holds the
// paths. The one-off keys of tickets and gifts are no wallet keys: they follow
// from seeds of their own (package coupon).
//
// A key that a machine or a person keeps lies in a key file: Save and Load.
// A key file is encrypted with a passphrase (the age format, scrypt recipient,
// armored, so that age's own tools open it too), or it is unencrypted for a
// server that must start alone, and then its first line says so. It has mode
// 0600 in a folder of mode 0700, and Load refuses anything laxer with the
// command that mends it. There is no way to give a secret key as text on a
// command line, and Secret prints only its public half.
//
// The package does not keep secrets out of swapped or dumped memory: Go offers
// no way to do so that would hold. Its functions are safe for concurrent use;
// Save and Load block on the disk and, for encrypted files, on about half a
// second and 128 MiB of scrypt.
package keys
