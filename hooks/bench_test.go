//go:build unix

package hooks

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/scrip-network/scrip/hooks/signature"
)

// Deliveries to 50 endpoints over real connections, signed and noted, receivers included.
// "each" gives every event to one endpoint, "all" gives each to all fifty. With -cpu 1 it
// says what one core does: 1,000 events a second need 1,000 deliveries a second in the
// first case and 50,000 in the second.
func BenchmarkDeliver(b *testing.B) {
	const endpoints = 50
	for _, all := range []bool{false, true} {
		name := "each"
		if all {
			name = "all"
		}
		b.Run(name, func(b *testing.B) {
			var got atomic.Int64
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				got.Add(1)
			})}
			go func() { _ = server.Serve(l) }()
			b.Cleanup(func() { _ = server.Close() })
			c := newTestChain()
			s := run(b, c, b.TempDir(), hurried)
			for i := range endpoints {
				f := Filter{}
				if !all {
					f.Campaigns = []uint32{uint32(i + 1)}
				}
				if _, _, err := s.Add(Endpoint{URL: fmt.Sprintf("http://%s/%d", l.Addr(), i), AllowPrivate: true, From: "1.0.0",
					Filter: f}, signature.NewSecret(), false); err != nil {
					b.Fatal(err)
				}
			}
			want, serial := int64(0), uint32(0)
			begin, used := time.Now(), processorTime(b)
			b.ResetTimer()
			for b.Loop() {
				serials := make([]uint32, 100)
				for i := range serials {
					serial++
					serials[i] = serial
				}
				c.add(serial/100%endpoints+1, serials...)
				if want += 100; all {
					want += 100 * (endpoints - 1)
				}
				for got.Load() < want {
					time.Sleep(100 * time.Microsecond)
				}
			}
			b.ReportMetric(float64(want)/time.Since(begin).Seconds(), "deliveries/s")
			b.ReportMetric(float64((processorTime(b)-used).Microseconds())/float64(want), "cpu-us/delivery")
		})
	}
}

// processorTime is what this process has used: on a busy machine it says more than a clock.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
