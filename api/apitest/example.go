package apitest

import (
	"fmt"
	"os"
)

// Example stands for the test where there is none: an executable example starts a chain
// with it, and calls End when it is done. What would fail a test panics. The zero value
// is ready; it is not safe for concurrent use.
type Example struct{ cleanup []func() }

// End does what was left to be done, the last first.
func (e *Example) End() {
	for i := len(e.cleanup) - 1; i >= 0; i-- {
		e.cleanup[i]()
	}
}

// Helper implements TB.
func (e *Example) Helper() {}

// Cleanup implements TB.
func (e *Example) Cleanup(f func()) { e.cleanup = append(e.cleanup, f) }

// TempDir implements TB.
func (e *Example) TempDir() string {
	dir, err := os.MkdirTemp("", "scrip-example-")
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Logf implements TB.
func (e *Example) Logf(string, ...any) {}

// Errorf implements TB: what it prints is not the example's output.
func (e *Example) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Fatal implements TB.
func (e *Example) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Fatalf implements TB.
func (e *Example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
