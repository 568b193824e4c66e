//go:build !unix

package ledger

import (
	"testing"
	"time"
)

// cpuTime is not known here.
func cpuTime(b *testing.B) time.Duration {
	b.Skip("the processor time is not known on this system")
	return 0
}
