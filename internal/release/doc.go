// Package release makes what is handed out: programs for each platform in archives, Debian
// packages, images for containers, a bill of materials for each, their SHA-256 sums and a
// signature over these.
//
// The bytes of a release follow from the sources, the version, the commit's time and the Go
// toolchain, and from nothing else: not from the folder, the machine, its time or its user.
// So anybody can build a release again and compare (Same does it in two folders), and a
// signature says who vouches for it, not whether it is what the sources give.
//
// The forms are written here by hand: each is small and has not moved for years, and what
// packs a release should be no larger than what it packs. Debian's own tools, the minisign
// program and image readers check them in the tests where they are installed.
package release
