package tracing

import "strconv"

// The message of OTLP with traces, as far as it is used.
type (
	message struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope     `json:"scope"`
		Spans []oneSpan `json:"spans"`
	}
	scope struct {
		Name string `json:"name"`
	}
	oneSpan struct {
		TraceID    string     `json:"traceId"`
		SpanID     string     `json:"spanId"`
		ParentID   string     `json:"parentSpanId,omitempty"`
		Name       string     `json:"name"`
		Kind       int        `json:"kind"`
		Begin      string     `json:"startTimeUnixNano"`
		End        string     `json:"endTimeUnixNano"`
		Attributes []keyValue `json:"attributes,omitempty"`
		Status     *status    `json:"status,omitempty"`
	}
	status struct {
		Code int `json:"code"`
	}
	keyValue struct {
		Key   string    `json:"key"`
		Value textValue `json:"value"`
	}
	textValue struct {
		Text string `json:"stringValue"`
	}
)

// Numbers of OTLP.
const (
	kindInternal = 1
	kindServer   = 2
	statusError  = 2
)

func keyValues(all []Attribute) (out []keyValue) {
	for _, a := range all {
		out = append(out, keyValue{a.Key, textValue{a.Value}})
	}
	return out
}

// message puts traces together.
func (t *Tracer) message(batch []*Trace) message {
	var spans []oneSpan
	for _, x := range batch {
		for i, s := range x.spans {
			o := oneSpan{TraceID: x.id, SpanID: s.id, ParentID: s.above, Name: s.name, Kind: kindInternal,
				Begin: strconv.FormatInt(s.begin.UnixNano(), 10), End: strconv.FormatInt(s.end.UnixNano(), 10),
				Attributes: keyValues(s.attributes)}
			if i == 0 {
				o.Kind = kindServer
				if x.failed {
					o.Status = &status{statusError}
				}
			}
			spans = append(spans, o)
		}
	}
	return message{[]resourceSpans{{resource{keyValues(t.cfg.Resource)}, []scopeSpans{{scope{"scrip"}, spans}}}}}
}
