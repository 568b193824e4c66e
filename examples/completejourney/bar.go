package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// bar draws how far a part of the work is, on one line of a terminal, and says how
// long each part took. Elsewhere only the latter. Safe for concurrent use.
type bar struct {
	out      io.Writer
	terminal bool

	mu          sync.Mutex // guards all below
	what        string
	done, total int
	began       time.Time
	drawn       time.Time
}

// barPause is the time between two drawings.
const barPause = 80 * time.Millisecond

// begin ends the part before and begins the next one.
func (b *bar) begin(what string, total int) {
	b.end()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.what, b.done, b.total, b.began, b.drawn = what, 0, total, time.Now(), time.Time{}
}

// step counts one thing done.
func (b *bar) step() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	if !b.terminal || time.Since(b.drawn) < barPause || b.total == 0 {
		return
	}
	b.drawn = time.Now()
	const width = 30
	full := min(width, width*b.done/b.total)
	_, _ = fmt.Fprintf(b.out, "\r\x1b[K%-8s [%s%s] %d of %d", b.what, strings.Repeat("=", full), strings.Repeat(" ",
		width-full), b.done, b.total)
}

// end ends the present part.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.what == "" {
		return
	}
	clear := ""
	if b.terminal {
		clear = "\r\x1b[K"
	}
	_, _ = fmt.Fprintf(b.out, "%s%-8s %d in %.1f s\n", clear, b.what, b.done, time.Since(b.began).Seconds())
	b.what = ""
}
