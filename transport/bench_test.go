package transport

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// benchPair returns two linked members and a counter of the frames that the
// second has received.
func benchPair(b *testing.B) (sender *member, got *atomic.Int64) {
	w := newNetwork(b, 2)
	got = new(atomic.Int64)
	a := w.start(0, nil)
	c := w.start(1, func(c *Config) { c.Handler = func(uint16, Lane, []byte) { got.Add(1) } })
	eventually(b, "links up", func() bool { return a.linked() && c.linked() })
	return a, got
}

func benchFrames(b *testing.B, size, window int) {
	a, got := benchPair(b)
	frame := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	for sent := 0; sent < b.N; {
		if int64(sent)-got.Load() < int64(window) && a.Send(1, Bulk, frame) {
			sent++
			continue
		}
		runtime.Gosched()
	}
	for got.Load() < int64(b.N) {
		runtime.Gosched()
	}
}

func BenchmarkFrames250(b *testing.B) {
	b.Run("alone", func(b *testing.B) { benchFrames(b, 250, 1) })
	b.Run("hundreds", func(b *testing.B) { benchFrames(b, 250, 500) })
	b.Run("queue", func(b *testing.B) { benchFrames(b, 250, 4000) })
}

func BenchmarkFrames1MiB(b *testing.B) { benchFrames(b, 1<<20, 16) }
