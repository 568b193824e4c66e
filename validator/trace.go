package validator

import (
	"cmp"
	"strconv"

	"github.com/scrip-network/scrip/internal/tracing"
)

// tracePerMilleDefault is one request of a hundred.
const tracePerMilleDefault = 10

// newTracer returns what traces requests to this validator; nil if nothing does.
func (p *process) newTracer() (*tracing.Tracer, error) {
	return tracing.New(tracing.Config{Endpoint: p.cfg.TraceEndpoint,
		PerMille: cmp.Or(p.cfg.TracePerMille, tracePerMilleDefault),
		Resource: []tracing.Attribute{{Key: "service.name", Value: "scrip"}, {Key: "service.version", Value: p.opt.Version},
			{Key: "service.namespace", Value: p.genesis.File.Name},
			{Key: "service.instance.id", Value: strconv.Itoa(int(p.id))}},
		Logger: p.opt.Logger.With("component", "tracing")})
}
