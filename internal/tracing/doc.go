// Package tracing tells a collector of OpenTelemetry where the time of single requests went,
// by OTLP over HTTP in JSON (its version 1). A trace is one request with the stages within
// it, under the trace id that the client brought (W3C Trace Context) or that the API gave it.
//
// A request that brings a traceparent is traced if that says so, others with a probability
// that follows from the id, so that every node decides alike. Whatever is asked for, no more
// than PerSecondMax begin in a second, QueueMax wait to be sent, and none holds a request up:
// what cannot be sent is counted and dropped.
//
// A nil *Tracer is one that is off, a nil *Trace a request that is not traced; both take all
// calls. The caller runs Run, and waits for it.
package tracing
