package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Progress is one line on the terminal that says how far something is. Off a
// terminal, and under --quiet, it is silent. Safe for concurrent use.
type Progress struct {
	a     *App
	what  string
	mu    sync.Mutex
	drawn time.Time
}

// progressPause is the time between two drawings.
const progressPause = 80 * time.Millisecond

// Progress returns a line about what is being done. End it with Done.
func (a *App) Progress(what string) *Progress { return &Progress{a: a, what: what} }

func (p *Progress) shown() bool { return p.a.ErrTerminal && !p.a.Quiet }

// Set shows done of total (0 = not known) and a note.
func (p *Progress) Set(done, total int, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.shown() || time.Since(p.drawn) < progressPause {
		return
	}
	p.drawn = time.Now()
	const width = 24
	bar := ""
	if total > 0 {
		full := min(width, width*done/total)
		bar = "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "] " + fmt.Sprintf("%d/%d ", done, total)
	}
	_, _ = fmt.Fprintf(p.a.Err, "\r\x1b[K%s %s%s", p.what, bar, note)
}

// Done removes the line.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown() && !p.drawn.IsZero() {
		_, _ = fmt.Fprint(p.a.Err, "\r\x1b[K")
	}
}
