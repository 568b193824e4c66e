package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/scrip-network/scrip/store"
)

// Record says that a demonstration runs on this machine, for the other commands of
// the same user. It lies in a private folder under the system's temporary one, and
// the running process holds a lock, so that a record is never believed after its
// process is gone.
type Record struct {
	Port    int       `json:"port"`
	Chain   string    `json:"chain"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Dir     string    `json:"dir"`
	Genesis string    `json:"genesis"`
	Nodes   []string  `json:"nodes"`
	// Links open the faces as somebody of the demonstration.
	Links []Link `json:"links"`
	// Desk is the address of its ticket desk.
	Desk string `json:"desk"`
	// Text is what the demonstration has printed when it was ready.
	Text string `json:"text"`
}

// Link opens a face.
type Link struct {
	Face string `json:"face"`
	Who  string `json:"who,omitempty"`
	URL  string `json:"url"`
	Text string `json:"text,omitempty"`
}

// recordBytesMax bounds a record that is read.
const recordBytesMax = 64 << 10

// ErrNoDemo says that no demonstration runs.
var ErrNoDemo = errors.New("no demo runs on this machine")

// recordDir returns the folder of the user's records.
func recordDir() string { return filepath.Join(os.TempDir(), "scrip-demo-"+strconv.Itoa(os.Getuid())) }

func (r *Record) path() string { return filepath.Join(recordDir(), strconv.Itoa(r.Port)+".json") }

// Announce publishes the record until the returned function is called.
func (r *Record) Announce() (withdraw func(), err error) {
	dir := recordDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("announce the demo: %w", err)
	}
	if !private(dir) {
		return nil, fmt.Errorf("announce the demo: %s belongs to somebody else", dir)
	}
	lock, err := store.OS{}.Lock(lockPath(r.path()))
	if err != nil {
		return nil, fmt.Errorf("announce the demo: %w", err)
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(r.path(), raw, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("announce the demo: %w", err), lock.Close())
	}
	return func() {
		remove(r.path(), lock)
		_ = os.Remove(dir) // unless another demo is announced there
	}, nil
}

func lockPath(record string) string { return strings.TrimSuffix(record, ".json") + ".lock" }

func remove(record string, lock io.Closer) {
	_ = os.Remove(record)
	_ = os.Remove(lockPath(record))
	_ = os.Remove(strings.TrimSuffix(record, ".json") + ".sock")
	_ = lock.Close()
}

// Find returns the demonstration on a base port, or the newest for 0. It returns
// ErrNoDemo if there is none, and clears away records of processes that are gone.
func Find(port int) (*Record, error) {
	var newest *Record
	for _, r := range Running() {
		if (port == 0 || r.Port == port) && (newest == nil || r.Started.After(newest.Started)) {
			newest = r
		}
	}
	if newest == nil {
		return nil, ErrNoDemo
	}
	return newest, nil
}

// Running returns all demonstrations of this user that run.
func Running() (all []*Record) {
	dir := recordDir()
	if !private(dir) {
		return nil
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil
	}
	for _, path := range paths {
		if lock, err := (store.OS{}).Lock(lockPath(path)); err == nil {
			remove(path, lock)
			continue
		}
		if r := readRecord(path); r != nil {
			all = append(all, r)
		}
	}
	return all
}

func readRecord(path string) *Record {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, recordBytesMax))
	if err != nil {
		return nil
	}
	var r Record
	if json.Unmarshal(raw, &r) != nil || r.PID <= 0 {
		return nil
	}
	return &r
}

// private reports whether a folder is this user's alone.
func private(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && info.Mode().Perm()&0o077 == 0 && owned(info)
}

// Stop asks the recorded process to stop and waits until it is gone.
func (r *Record) Stop(timeout time.Duration) error {
	p, err := os.FindProcess(r.PID)
	if err != nil {
		return fmt.Errorf("stop the demo: %w", err)
	}
	if err := p.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the demo (process %d): %w", r.PID, err)
	}
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); time.Sleep(readyPause) {
		if _, err := os.Stat(r.path()); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if _, err := Find(r.Port); errors.Is(err, ErrNoDemo) {
			return nil
		}
	}
	return fmt.Errorf("stop the demo: process %d is still there after %v", r.PID, timeout)
}
