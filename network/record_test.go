package network

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"
)

// A record is found while its process holds the lock, and never afterwards.
func TestRecordsAreFoundWhileTheirProcessLives(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if _, err := Find(0); !errors.Is(err, ErrNoDemo) {
		t.Fatalf("before any: %v", err)
	}
	r := &Record{Port: 7600, PID: os.Getpid(), Started: time.Unix(1, 0), Dir: "x"}
	withdraw, err := r.Announce()
	if err != nil {
		t.Fatal(err)
	}
	other := &Record{Port: 7700, PID: os.Getpid(), Started: time.Unix(2, 0)}
	withdrawOther, err := other.Announce()
	if err != nil {
		t.Fatal(err)
	}
	if newest, err := Find(0); err != nil || newest.Port != 7700 {
		t.Errorf("the newest: %+v, %v", newest, err)
	}
	if got, err := Find(7600); err != nil || got.Dir != "x" {
		t.Errorf("by port: %+v, %v", got, err)
	}
	if _, err := r.Announce(); err == nil {
		t.Error("two processes announce one port")
	}
	withdrawOther()
	withdraw()
	if _, err := os.Stat(recordDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left: %v", err)
	}

	// Of a process that was killed the file is left, and no lock.
	if err := os.Mkdir(recordDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path(), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(7600); !errors.Is(err, ErrNoDemo) {
		t.Errorf("a dead process's demo: %v", err)
	}
	// A folder that others can write to is not believed.
	if err := os.Chmod(recordDir(), 0o777); err != nil {
		t.Fatal(err)
	}
	if Running() != nil {
		t.Error("a folder of everybody's is believed")
	}
}
