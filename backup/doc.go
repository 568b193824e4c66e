// Package backup is the form of a backup of a member's home: one file, encrypted as a whole
// under a passphrase, so that nobody reads what is in it and no byte of it can be changed,
// left out or moved unnoticed. What it never holds is refused by Writer and Reader alike:
// what could make a key sign twice.
package backup
