package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/scrip-network/scrip/profile"
)

// The looks of the demonstration are within the rules, small, and the same each time.
// PICTURES=DIR writes the logos there, to be looked at.
func TestLooksAreWithinTheRules(t *testing.T) {
	again := looks()
	for i, p := range looks() {
		p.At = 1
		if err := p.Check(); err != nil {
			t.Errorf("member %d: %v", p.Member, err)
		}
		if _, err := profile.DecodeLogo(p.Logo); err != nil || len(p.Logo) > 6<<10 {
			t.Errorf("member %d: a logo of %d bytes, %v", p.Member, len(p.Logo), err)
		}
		if !bytes.Equal(p.Logo, again[i].Logo) {
			t.Errorf("member %d: drawn twice it differs", p.Member)
		}
		if dir := os.Getenv("PICTURES"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, p.Address[0]+".png"), p.Logo, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
