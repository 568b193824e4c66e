package keys

import (
	"fmt"
	"io/fs"
)

// Option changes who may have rights to a key file and its folder.
type Option func(*access)

// access says who beside the owner may have rights.
type access struct{ group, anyFolder bool }

func accessOf(options []Option) (a access) {
	for _, o := range options {
		o(&a)
	}
	return a
}

// InAnyFolder looks at the file alone: for a key that is on its way, on a stick or in
// a folder of documents. Who can write there can exchange the file, not read it.
func InAnyFolder() Option { return func(a *access) { a.anyFolder = true } }

// ShareWithGroup lets a group of this process have rights, as the volumes and secrets
// of a container platform give them to it at each start (fsGroup), whoever of the group
// owns the file. Others may have none to it. Its folder, which such a platform makes readable for all, may let
// others in as long as they cannot exchange files there.
func ShareWithGroup() Option { return func(a *access) { a.group = true } }

// Exposed reports whether somebody can get at a file or folder who should not: others,
// or its group, unless ShareWithGroup allows it and the process is in that group.
// Where modes keep nobody out, nothing is exposed.
func Exposed(info fs.FileInfo, options ...Option) bool {
	a, mode := accessOf(options), info.Mode()
	switch {
	case !modesCount, a.anyFolder && info.IsDir():
		return false
	case !a.group:
		return mode.Perm()&0o077 != 0
	case info.IsDir(): // who may not write there cannot exchange files
		strangers := fs.FileMode(0o002)
		if !inGroup(info) {
			strangers |= 0o020
		}
		return mode.Perm()&strangers != 0 && mode&fs.ModeSticky == 0
	}
	return mode.Perm()&0o007 != 0 || mode.Perm()&0o070 != 0 && !inGroup(info)
}

// checkPrivate refuses a file or folder that is exposed or somebody else's.
func checkPrivate(path string, info fs.FileInfo, options ...Option) error {
	if Exposed(info, options...) {
		want := fs.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		return fmt.Errorf("%w: %s has mode %04o, others can get at it: run chmod %04o %q",
			ErrPermissions, path, info.Mode().Perm(), want, path)
	}
	a := accessOf(options)
	if a.anyFolder && info.IsDir() {
		return nil
	}
	if a.group && info.Mode().Perm()&0o040 != 0 && inGroup(info) {
		return nil // who owns it is in that group, and could not have given it to it otherwise
	}
	if owner, foreign := foreignOwner(info); modesCount && foreign {
		return fmt.Errorf("%w: %s belongs to user %d, not to the user running this: run chown on it",
			ErrPermissions, path, owner)
	}
	return nil
}
