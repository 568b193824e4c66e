package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// logger returns the logger of a node on stderr.
func (a *App) logger(level, format string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	if format == "json" || format == "auto" && !a.ErrTerminal {
		return slog.New(slog.NewJSONHandler(a.Err, &slog.HandlerOptions{Level: least, ReplaceAttr: renameTime}))
	}
	return slog.New(&lineHandler{w: a.Err, least: least, mu: new(sync.Mutex)})
}

// renameTime writes the time of a record as ts, in UTC.
func renameTime(groups []string, attr slog.Attr) slog.Attr {
	if attr.Key == slog.TimeKey && len(groups) == 0 {
		return slog.String("ts", attr.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	return attr
}

// lineHandler writes records as short lines for people.
type lineHandler struct {
	w      io.Writer
	least  slog.Level
	mu     *sync.Mutex // serialises writes
	prefix string      // of keys, from groups
	attrs  string      // written already
}

// Enabled implements slog.Handler.
func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.least }

// Handle implements slog.Handler.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-5s %s%s", r.Time.Format("15:04:05.000"), r.Level, r.Message, h.attrs)
	r.Attrs(func(attr slog.Attr) bool {
		appendAttr(&b, h.prefix, attr)
		return true
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String())
	return err
}

func appendAttr(b *strings.Builder, prefix string, attr slog.Attr) {
	v := attr.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		for _, inner := range v.Group() {
			appendAttr(b, prefix+attr.Key+".", inner)
		}
		return
	}
	text := v.String()
	if v.Kind() == slog.KindDuration {
		text = v.Duration().Round(time.Microsecond).String()
	}
	if strings.ContainsAny(text, " \t\n\"") {
		text = fmt.Sprintf("%q", text)
	}
	fmt.Fprintf(b, " %s%s=%s", prefix, attr.Key, text)
}

// WithAttrs implements slog.Handler.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, attr := range attrs {
		appendAttr(&b, h.prefix, attr)
	}
	x := *h
	x.attrs += b.String()
	return &x
}

// WithGroup implements slog.Handler.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	x := *h
	x.prefix += name + "."
	return &x
}
