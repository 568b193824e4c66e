//go:build !unix

package network

import "io/fs"

// owned: elsewhere the temporary folder is the user's own.
func owned(fs.FileInfo) bool { return true }
