//go:build unix

package e2e

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// descriptorsVariable tells a validator of this program how many files and connections
// the system lets it open.
const descriptorsVariable = "SCRIP_E2E_DESCRIPTORS"

// limitDescriptors takes from this process what it is told to.
func limitDescriptors(most string) {
	if most == "" {
		return
	}
	n, err := strconv.ParseUint(most, 10, 32)
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n})
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "limit descriptors:", err)
		os.Exit(2)
	}
}

// Idle connections to the API, more of one address than a process may have files open,
// leave each validator enough for its tables and for a new consensus log.
func TestIdleConnectionsLeaveDescriptors(t *testing.T) {
	if *scripFlag != "" {
		t.Skip("only a validator of this program lets its descriptors be limited")
	}
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		t.Fatal(err)
	}
	// Where this program may open less itself, everything is smaller.
	most := min(4096, (own.Cur-256)/validators-4)
	c := startCluster(t, map[string]string{"limits-log-bytes": strconv.Itoa(256 << 10)},
		fmt.Sprintf("%s=%d", descriptorsVariable, most))
	l := startLoad(c, openMarket(c, 2, 2), 8, *seedFlag)
	var before, open [validators]float64
	for i := range validators {
		defer holdConnections(t, strings.TrimPrefix(c.URL(i), "http://"), int(most)+4)()
		before[i] = c.metrics(i)["scrip_consensus_log_compactions_total"]
	}
	c.await("every validator compacts its log", func() (missing string) {
		for i := range validators {
			switch values := c.metrics(i); {
			case values["scrip_consensus_log_compactions_total"] == before[i]:
				missing = fmt.Sprintf("validator %d has not", i)
			case open[i] == 0:
				if open[i] = values["scrip_api_connections"]; open[i] < 64 {
					t.Errorf("validator %d has %v connections open when it compacts its log", i, open[i])
				}
			}
		}
		return missing
	})
	l.finish()
	height := c.height()
	for i := range validators {
		c.awaitHeight(i, height, "voting")
		t.Logf("validator %d of %d descriptors: %.0f connections to its API were open when its log was compacted, "+
			"%.0f were closed", i, most, open[i], c.metrics(i)["scrip_api_connections_closed_total"])
	}
}

// holdConnections opens idle connections that stay: each has asked something once.
func holdConnections(t *testing.T, address string, count int) (letGo func()) {
	t.Helper()
	var held []net.Conn
	for range count {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
		_, _ = fmt.Fprintf(conn, "GET /livez HTTP/1.1\r\nHost: %s\r\n\r\n", address) // closed by now, perhaps
	}
	return func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	}
}
