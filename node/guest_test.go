package node

import (
	"errors"
	"testing"

	"github.com/scrip-network/scrip/pbft"
)

// What guests may not ask is refused before anything is looked at.
func TestGuestsAskForLittle(t *testing.T) {
	n := new(Node)
	for what, frame := range map[string][]byte{
		"nothing":           {},
		"transactions":      {frameTxs, 0, 0, 0, 0},
		"a clock":           {frameClock},
		"certificates":      {frameCertificates},
		"a vote":            {byte(pbft.KindPrepare)},
		"blocks":            {byte(pbft.KindBlocks)},
		"a view change":     {byte(pbft.KindViewChange)},
		"more than a frame": append([]byte{frameWanted}, make([]byte, GuestFrameBytesMax)...),
	} {
		if _, err := n.Guest(frame); !errors.Is(err, ErrGuestFrame) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
