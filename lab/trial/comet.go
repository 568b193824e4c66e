package trial

import (
	"context"
	"fmt"

	"github.com/scrip-network/scrip/lab/scenarios"
)

// startComet starts the same coupons on CometBFT.
func (l *lab) startComet(_ context.Context, _ *job, e scenarios.Engine) (system, func() error, error) {
	return nil, nil, fmt.Errorf("%w: there is no scrip-comet program for %s; build it with make comet, or name it "+
		"with --comet", ErrUnavailable, e.Name)
}
