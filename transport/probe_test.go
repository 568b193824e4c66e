package transport

import (
	"context"
	"errors"
	"testing"
)

// A probe learns whose port an address is, and disturbs no link.
func TestAProbeLearnsWhoAnswers(t *testing.T) {
	w := newNetwork(t, 3)
	a, b := w.start(0, nil), w.start(1, nil)
	linked := func() bool { return a.linkStats(1, Bulk).Up && b.linkStats(0, Votes).Up }
	eventually(t, "links up", linked)
	for _, m := range []*member{a, b} {
		key, err := Probe(t.Context(), m.addr, testChain)
		if err != nil || key != m.cfg.Key.Public() {
			t.Errorf("member %d shows %x, %v", m.cfg.Self, key, err)
		}
	}
	if _, err := Probe(t.Context(), a.addr, [32]byte{1}); !errors.Is(err, ErrNoMember) {
		t.Errorf("a member of another chain: %v", err)
	}
	if _, err := Probe(t.Context(), nobodyAt(t), testChain); err == nil || errors.Is(err, ErrNoMember) {
		t.Errorf("nobody: %v", err)
	}
	other := listen(t, "127.0.0.1:0")
	defer func() { _ = other.Close() }()
	go func() {
		if conn, err := other.Accept(); err == nil {
			_, _ = conn.Write([]byte("220 mail"))
			_ = conn.Close()
		}
	}()
	if _, err := Probe(t.Context(), other.Addr().String(), testChain); !errors.Is(err, ErrNoMember) {
		t.Errorf("another service: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Probe(ended, a.addr, testChain); err == nil {
		t.Error("a probe outlives its context")
	}
	if !linked() || a.linkStats(1, Votes).Connects != 1 || a.linkStats(1, Bulk).Connects != 1 {
		t.Error("a probe has disturbed a link")
	}
}
