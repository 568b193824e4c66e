//go:build unix

package index_test

import (
	"context"
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/scrip-network/scrip/api"
	"github.com/scrip-network/scrip/api/apitest"
	"github.com/scrip-network/scrip/bench"
	"github.com/scrip-network/scrip/client"
	"github.com/scrip-network/scrip/index"
)

var (
	rateFlag    = flag.Float64("index.rate", 0, "transactions per second of TestLag; 0 = leave it out")
	secondsFlag = flag.Int("index.seconds", 20, "how long TestLag loads the chain")
)

// How old a block is when its rows can be asked for, on a chain of four nodes under load, and
// beside it how old it is when a reader without a database has it, proven. Everything is in
// this process but the database: make index-lag runs it.
func TestLag(t *testing.T) {
	if *rateFlag == 0 {
		t.Skip("it measures: make index-lag")
	}
	url := database(t)
	n := apitest.Start(t, 4, func(c *api.Config) { c.Limits.PerSecond = -1 })
	n.WaitReady()
	c, err := client.New(n.Dev.Genesis.Raw, n.URLs())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	x, err := index.Open(ctx, url, n.Dev.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = x.Close(context.Background()) }()
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx, c, 0, quiet()) }()
	var read, rows []time.Duration
	done := make(chan struct{}, 2)
	go func() {
		defer func() { done <- struct{}{} }()
		for b, err := range c.Blocks(ctx, 1) {
			if err == nil && len(b.Txs) > 0 {
				read = append(read, time.Since(time.UnixMilli(int64(b.Header.TimeMs))))
			}
		}
	}()
	go func() {
		defer func() { done <- struct{}{} }()
		conn := connect(t, url)
		for last := int64(0); ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
			var height int64
			var at *time.Time
			err := conn.QueryRow(ctx, "SELECT height, at FROM scrip.chain").Scan(&height, &at)
			if err == nil && at != nil && height > last {
				rows, last = append(rows, time.Since(*at)), height
			}
		}
	}()
	cfg := bench.Config{Workload: bench.Transfers, Nodes: n.URLs(), Rate: *rateFlag,
		Duration: time.Duration(*secondsFlag) * time.Second}
	cfg.SignAs(n.Dev)
	r, err := bench.Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	cancel()
	<-done
	<-done
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	slices.Sort(read)
	slices.Sort(rows)
	at := func(all []time.Duration, of float64) time.Duration { return all[int(of*float64(len(all)-1))] }
	t.Logf("%.0f transactions a second committed of %.0f; p50, p99 and most of %d and %d looks", r.CommittedPerSecond,
		*rateFlag, len(read), len(rows))
	t.Logf("read and proven %v %v %v", at(read, 0.5), at(read, 0.99), at(read, 1))
	t.Logf("in the tables   %v %v %v", at(rows, 0.5), at(rows, 0.99), at(rows, 1))
}
