package transport

import "testing"

// benchFrames sends frames with at most window of them on the way, which is what
// decides how many share a write.
func benchFrames(b *testing.B, size, window int) {
	w := newNetwork(b, 2)
	way := make(chan struct{}, window)
	from := w.start(0, nil)
	to := w.start(1, func(c *Config) { c.Handler = func(uint16, Lane, []byte) { <-way } })
	eventually(b, "links up", func() bool { return from.linked() && to.linked() })
	frame := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		way <- struct{}{}
		if !from.Send(1, Bulk, frame) {
			b.Fatal("dropped")
		}
	}
	for range window { // all have arrived
		way <- struct{}{}
	}
}

func BenchmarkFrames250B(b *testing.B) {
	b.Run("alone", func(b *testing.B) { benchFrames(b, 250, 1) })
	b.Run("hundreds", func(b *testing.B) { benchFrames(b, 250, 500) })
	b.Run("thousands", func(b *testing.B) { benchFrames(b, 250, 4000) })
}

func BenchmarkFrames1MiB(b *testing.B) { benchFrames(b, 1<<20, 16) }
