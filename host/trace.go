package host

import (
	"context"
	"encoding/hex"
	"strings"
)

// Trace is where a call is in a trace that several systems share, in the words
// of W3C Trace Context (https://www.w3.org/TR/trace-context/).
type Trace struct {
	Parent string `json:"parent"`          // the header traceparent
	State  string `json:"state,omitempty"` // the header tracestate, "" if there is none
}

// maxTraceState is what the specification wants to be passed on at least.
const maxTraceState = 512

// ParseTrace returns the trace that headers name, ok if traceparent is one of
// version 00. A tracestate that is too long or no printable ASCII is left out.
func ParseTrace(parent, state string) (t Trace, ok bool) {
	const zeros = "00000000000000000000000000000000"
	parts := strings.Split(parent, "-")
	if len(parent) != 55 || len(parts) != 4 || parts[0] != "00" || parts[1] == zeros || parts[2] == zeros[:16] {
		return Trace{}, false
	}
	for i, size := range []int{2, 32, 16, 2} {
		if _, err := hex.DecodeString(parts[i]); err != nil || len(parts[i]) != size || strings.ToLower(parts[i]) != parts[i] {
			return Trace{}, false
		}
	}
	if len(state) > maxTraceState || strings.ContainsFunc(state, func(r rune) bool { return r < ' ' || r > '~' }) {
		state = ""
	}
	return Trace{Parent: parent, State: state}, true
}

type traceKey struct{}

// WithTrace returns a context of a place in a trace. Connectors tell the
// systems that they call about it, where these take such headers.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the place in a trace, the zero Trace if there is none.
func TraceOf(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}
