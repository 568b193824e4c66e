package e2e

import (
	"testing"

	"github.com/scrip-network/scrip/demo"
	"github.com/scrip-network/scrip/pbft"
)

// The life of a coupon on the original protocol, with its first primary killed on
// the way, and then a power cut of everybody. All other tests of this package run
// on it with -e2e.engine=original.
func TestOriginalProtocol(t *testing.T) {
	c := startProtocol(t, pbft.Original, nil)
	if err := demo.Play(t.Context(), c.Network, func(s demo.Step) { t.Logf("%.0f ms: %s", s.Ms, s.What) }); err != nil {
		t.Fatal(err)
	}
	height := c.height()
	for i := range validators {
		c.kill(i)
	}
	for i := range validators {
		c.startOne(i)
	}
	for i := range validators {
		c.awaitHeight(i, height+1, "voting")
	}
	c.noOffences()
}
