package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"unsafe"
)

// filePattern is what a validator says whose disk takes no more.
var filePattern = regexp.MustCompile(`append to the consensus log|file too large|no space left`)

// limitFiles lets a running process write no file beyond a size: a disk that has
// no more room, as far as the process can tell.
func limitFiles(t *testing.T, pid int, bytes uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: bytes, Max: bytes}
	_, _, errno := syscall.Syscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatalf("limit the files of process %d: %v", pid, errno)
	}
}

// TestFullDisk takes the room from one validator under load. It stops with the
// reason, the others go on, and with room again it comes back and votes.
func TestFullDisk(t *testing.T) {
	const victim = 2
	c := startCluster(t, nil)
	logs := startArchive(c)
	l := startLoad(c, openMarket(c, 2, 4), 4, rand.Uint64())
	l.progress(30)
	info, err := os.Stat(filepath.Join(c.Home(victim), "data", "consensus", "consensus.log"))
	if err != nil {
		t.Fatal(err)
	}
	limitFiles(t, c.PID(victim), uint64(info.Size())+10_000)
	c.await("the validator without room stops", func() string {
		if s := c.status(victim); c.Running(victim) && (s == nil || s.Condition != "disk-full") {
			return "it runs on"
		}
		return ""
	})
	l.progress(50)
	if c.Running(victim) {
		c.kill(victim) // it had gone on answering
	}
	height := c.height()
	c.startOne(victim)
	c.awaitHeight(victim, height, "voting")
	l.progress(20)
	l.finish()
	l.provenEverywhere(100)
	c.noOffences()
	log, err := os.ReadFile(c.LogPath(victim))
	if err != nil {
		t.Fatal(err)
	}
	if !filePattern.Match(log) {
		t.Errorf("the validator without room has not said why it stopped:\n%s", log[max(0, len(log)-2000):])
	}
	b := openBooks(c)
	b.check(l.receipts)
	t.Log(logs.read())
}
