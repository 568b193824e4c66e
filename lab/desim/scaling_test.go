package desim

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// The calculated rows of docs/scaling.md follow from the costs that simulations use.
func TestScalingFollowsFromTheCosts(t *testing.T) {
	page, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultCosts()
	const (
		members = 100
		body    = 254          // 250 bytes and their length
		kept    = 162 + 4 + 80 // a transfer, its length, its receipt
		lifeS   = 180
		idBytes = 70
	)
	// In frames that are large, with the headers of their packets and records.
	wire := math.Ceil(body * (1 + float64(packetOverhead)/packetBytes + float64(frameOverhead)/(16<<10)))
	if wire != 271 {
		t.Errorf("a transaction takes %v bytes on the wire, the page says 271", wire)
	}
	checkNs := c.Batches[len(c.Batches)-1].VerifyNs + c.KeyNs
	readNs := c.GossipNsPerTx + c.PayloadNsPerTx + body*(c.HashNsPerKiB+c.ReceiveNsPerKiB)/1024
	for _, row := range []struct {
		begin, unit string
		digits      int
		perTx       float64 // in the unit, of one transaction a second
	}{
		{"| line of the primary", "Mbit/s", 0, wire * 8e-6 * (members - 1) * (1 + 1.0/members)},
		{"| line of every member", "Mbit/s", 0, wire * 8e-6 * (members - 1) / members},
		{"| checking signatures", "cores", 2, float64(checkNs) / 1e9},
		{"| reading, hashing", "cores", 2, float64(readNs) / 1e9},
		{"| **executing", "cores", 2, float64(c.ExecuteNsPerTx) / 1e9},
		{"| bodies in the consensus log", "MB/s", 0, body / 1e6},
		{"| blocks and receipts", "GB a day", 0, kept * 86400 / 1e9},
		{"| ids that may not come again", "MB", 0, lifeS * idBytes / 1e6},
	} {
		_, rest, found := strings.Cut(string(page), "\n"+row.begin)
		line, _, _ := strings.Cut(rest, "\n")
		if !found {
			t.Errorf("the page has no row %q", row.begin)
			continue
		}
		line = strings.NewReplacer(",", "", "*", "").Replace(line)
		for _, rate := range []float64{1e4, 1e5, 1e6} {
			if want := fmt.Sprintf("| %.*f %s |", row.digits, rate*row.perTx, row.unit); !strings.Contains(line, want) {
				t.Errorf("%s: there is no %q", row.begin, want)
			}
		}
	}
	if want := fmt.Sprintf("%d a second", 1_000_000_000/c.ExecuteNsPerTx); !strings.Contains(
		strings.ReplaceAll(string(page), ",", ""), want) {
		t.Errorf("the page does not say that execution ends at %s", want)
	}
}
