package coupon

import (
	"fmt"

	"github.com/scrip-network/scrip/pbft/wire"
)

// decoder adds the limits of rules 3.1 and 3.14 to a wire.Reader. Like it, a decoder
// keeps the first error and yields zeros from then on.
type decoder struct{ *wire.Reader }

func newDecoder(b []byte) decoder { return decoder{wire.NewReader(b)} }

// require fails the decoding with what unless ok.
func (d decoder) require(ok bool, what string) {
	if !ok && d.Err() == nil {
		d.Fail(fmt.Errorf("%w: %s", wire.ErrValue, what))
	}
}

func (d decoder) exactly(v uint8) {
	if got := d.Uint8(); got != v && d.Err() == nil {
		d.Fail(fmt.Errorf("%w: version or format %d, not %d", wire.ErrValue, got, v))
	}
}

func (d decoder) upTo(max uint64) uint64 {
	v := d.Uint64()
	if v > max {
		d.Fail(fmt.Errorf("%w: %d, at most %d", wire.ErrLimit, v, max))
		return 0
	}
	return v
}

func (d decoder) money() uint64 { return d.upTo(MoneyMax) }

func (d decoder) time() uint64 { return d.upTo(TimeMax) }

func (d decoder) bps() uint16 {
	v := d.Uint16()
	if v > BpsMax {
		d.Fail(fmt.Errorf("%w: %d basis points", wire.ErrLimit, v))
		return 0
	}
	return v
}

func (d decoder) bytes16() (a [16]byte) {
	copy(a[:], d.Raw(16))
	return a
}

// close ends the decoding of a row, which must have been read whole.
func (d decoder) close(what string) error {
	if err := d.Close(); err != nil {
		return fmt.Errorf("coupon: decode %s: %w", what, err)
	}
	return nil
}
