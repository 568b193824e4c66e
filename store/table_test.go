package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func rowsOf(t *testing.T, x *Table, prefix string) string {
	t.Helper()
	var all string
	if err := x.Scan([]byte(prefix), func(key, value []byte) bool {
		all += fmt.Sprintf("%s=%s ", key, value)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestATableKeepsWhatItWasToldToSync(t *testing.T) {
	disk := vfs.NewCrashableMem()
	x, err := openTable("/t", disk)
	if err != nil {
		t.Fatal(err)
	}
	set := func(key, value string) Change { return Change{[]byte(key), []byte(value)} }
	if err := x.Write(true, set("a1", "x"), set("a2", "y"), set("b1", ""), set("a\xff", "end")); err != nil {
		t.Fatal(err)
	}
	if err := x.Write(true, set("a2", "z"), Change{Key: []byte("a1")}); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, x, "a"); got != "a2=z a\xff=end " {
		t.Errorf("the rows are %q", got)
	}
	if v, err := x.Get([]byte("b1")); err != nil || v == nil || len(v) > 0 {
		t.Errorf("an empty row is %v, %v", v, err)
	}
	if v, err := x.Get([]byte("a1")); err != nil || v != nil {
		t.Errorf("a row that has ended is %v, %v", v, err)
	}
	after := disk.CrashClone(vfs.CrashCloneCfg{})
	again, err := openTable("/t", after)
	if err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, again, ""); got != "a2=z a\xff=end b1= " {
		t.Errorf("after a power cut the rows are %q", got)
	}
	if err := errors.Join(x.Close(), again.Close()); err != nil {
		t.Error(err)
	}
}

func TestATableHasOneUser(t *testing.T) {
	dir := t.TempDir()
	x, err := OpenTable(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTable(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if x, err = OpenTable(dir); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}
