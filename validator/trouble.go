package validator

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/scrip-network/scrip/keys"
	"github.com/scrip-network/scrip/store"
)

// Kind says what sort of thing keeps a validator from starting or going on.
type Kind string

// The kinds of trouble.
const (
	KindSettings   Kind = "settings"   // a setting or a file it names is wrong
	KindPort       Kind = "port"       // a port is taken
	KindPermission Kind = "permission" // a file or port is not ours to use
	KindGenesis    Kind = "genesis"    // the genesis file is another one, or does not name the key
	KindForeign    Kind = "foreign"    // the data belong to another chain
	KindFormat     Kind = "format"     // another version wrote the data
	KindLocked     Kind = "locked"     // another process uses the home
	KindExists     Kind = "exists"     // what should be made is there
	KindDiskFull   Kind = "disk-full"  // no room
	KindMissing    Kind = "missing"    // a file is not there
	KindPassphrase Kind = "passphrase" // the key file does not open
	KindInternal   Kind = "internal"   // anything else
	KindKeyFile    Kind = "key-file"   // the key file is damaged
	KindUnsafeKey  Kind = "unsafe-key" // using the key could break its promises
	KindDamaged    Kind = "damaged"    // the ledger is not what it was
	KindDiverged   Kind = "diverged"   // this node executes otherwise than the others
)

// Trouble is why a validator does not start or go on, for its operator: one
// sentence of cause and one of remedy.
type Trouble struct {
	Kind   Kind
	What   string
	Remedy string
	// Next is a command that can be typed; may be empty.
	Next string
	Err  error
}

// Error implements error.
func (t *Trouble) Error() string {
	if t.Err == nil {
		return t.What
	}
	return t.What + ": " + t.Err.Error()
}

// Unwrap returns the cause.
func (t *Trouble) Unwrap() error { return t.Err }

// troubleOf explains an error that came up while something was attempted.
func troubleOf(attempt string, err error) error {
	var known *Trouble
	if err == nil || errors.As(err, &known) {
		return err
	}
	t := &Trouble{Kind: KindInternal, What: attempt, Err: err,
		Remedy: "Start it again. If it ends the same way, look at the disk, and at the lines before this one."}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		t.Kind, t.Remedy = KindDiskFull, "The disk is full: make room and start again; what was acknowledged is safe."
	case errors.Is(err, store.ErrLocked):
		t.Kind, t.Remedy = KindLocked, "Another scrip process uses this home: stop that one first."
	case errors.Is(err, store.ErrForeign):
		t.Kind, t.Remedy = KindForeign,
			"These data belong to another chain: name another folder with --data, or the genesis file "+
				"that they were made with."
	case errors.Is(err, store.ErrVersion):
		t.Kind, t.Remedy = KindFormat,
			"Another version of scrip wrote these data: start that version, or name another folder "+
				"with --data."
	case errors.Is(err, keys.ErrPassphrase):
		t.Kind, t.Remedy = KindPassphrase, "Name the file with the right passphrase with --key-passphrase-file."
	case errors.Is(err, fs.ErrPermission), errors.Is(err, keys.ErrPermissions):
		t.Kind, t.Remedy = KindPermission,
			"Start it as the owner of the files, with the files and the home for the owner only."
	case errors.Is(err, fs.ErrExist):
		t.Kind, t.Remedy = KindExists, "Name another place, or move what is there away."
	case errors.Is(err, fs.ErrNotExist):
		t.Kind, t.Remedy = KindMissing, "Bring the file back, or name where it is."
	}
	return t
}

// listenTrouble explains why a port cannot be listened on.
func listenTrouble(addr, setting string, err error) error {
	flag := "--" + setting
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &Trouble{Kind: KindPort, What: fmt.Sprintf("another process listens on %s already", addr),
			Remedy: fmt.Sprintf("Stop it, or choose another port with %s.", flag)}
	case errors.Is(err, fs.ErrPermission):
		return &Trouble{Kind: KindPermission, What: fmt.Sprintf("this user may not listen on %s", addr),
			Remedy: fmt.Sprintf("Choose a port above 1023 with %s.", flag)}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return &Trouble{Kind: KindSettings, What: fmt.Sprintf("%s is no address of this machine", addr),
			Remedy: fmt.Sprintf("Name one that is with %s; 0.0.0.0 stands for all.", flag)}
	}
	return &Trouble{Kind: KindSettings, What: "cannot listen on " + addr, Err: err,
		Remedy: "Name another address with " + flag + "."}
}
