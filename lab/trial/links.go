package trial

import (
	"fmt"
	"strings"

	"github.com/scrip-network/scrip/lab/desim"
)

// encodeLinks writes links as validators read them (validator.Links).
func encodeLinks(l *desim.Links, seed uint64) []byte {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "seed = %d\njitter_us = %d\nbytes_per_second = %d\nloss_per_million = %d\ndelay_us = [\n",
		seed, l.JitterUs, l.EgressBytesPerSecond, l.LossPerMillion)
	for _, row := range l.DelayUs {
		_, _ = fmt.Fprintf(&b, "  [%s],\n", strings.Trim(strings.ReplaceAll(fmt.Sprint(row), " ", ", "), "[]"))
	}
	b.WriteString("]\n")
	return []byte(b.String())
}
