package tracing

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Names of the headers of W3C Trace Context.
const (
	parentHeader = "traceparent"
	stateHeader  = "tracestate"
)

// Invoker returns an invoker that makes a span of each call, below the one
// that the caller names: in the headers of an HTTP request, or in those of a
// message; or below the operation that asked for the call, which may have been
// before the host was started. With a nil tracer it passes on what the caller names, and no more.
func (t *Tracer) Invoker(next host.Invoker) host.Invoker {
	if t == nil {
		return carrier{next}
	}
	return &invoker{next, t.tracer}
}

// carrier is an invoker without a tracer.
type carrier struct{ next host.Invoker }

// Invoke implements [host.Invoker].
func (c carrier) Invoke(ctx context.Context, call *host.Call) (*host.Reply, error) {
	if call.Depth == 0 {
		if named, ok := callers(call); ok {
			ctx = host.WithTrace(ctx, named)
		}
	}
	return c.next.Invoke(ctx, call)
}

// callers returns the trace that who calls names.
func callers(call *host.Call) (host.Trace, bool) {
	if parent, ok := call.Envelope.Lookup(abi.PrefixHeader + parentHeader); ok {
		return host.ParseTrace(parent, call.Envelope.Get(abi.PrefixHeader+stateHeader))
	}
	if call.Channel == abi.ChannelHTTP {
		return host.Trace{}, false
	}
	raw := call.Envelope.Get(abi.PrefixMessage + "headers")
	if !strings.Contains(raw, `"`+parentHeader+`"`) {
		return host.Trace{}, false
	}
	var headers struct {
		Parent any `json:"traceparent"`
		State  any `json:"tracestate"`
	}
	if json.Unmarshal([]byte(raw), &headers) != nil {
		return host.Trace{}, false
	}
	parent, _ := headers.Parent.(string)
	state, _ := headers.State.(string)
	return host.ParseTrace(parent, state)
}

type invoker struct {
	next   host.Invoker
	tracer trace.Tracer
}

// Invoke implements [host.Invoker].
func (i *invoker) Invoke(ctx context.Context, call *host.Call) (*host.Reply, error) {
	above := host.TraceOf(ctx) // of a call that was asked for earlier
	if call.Depth == 0 {
		if named, ok := callers(call); ok {
			above = named
		}
	}
	if above.Parent != "" && !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{parentHeader: above.Parent, stateHeader: above.State})
	}
	ctx, span := i.tracer.Start(ctx, nameOf(call), trace.WithSpanKind(kindOf(call.Channel)))
	defer span.End()
	under := &allowance{}
	ctx = context.WithValue(host.WithTrace(ctx, placeOf(ctx)), allowanceKey{}, under)
	reply, err := i.next.Invoke(ctx, call)
	if !span.IsRecording() {
		return reply, err
	}
	set := []attribute.KeyValue{
		text("serai.tenant", call.Tenant), text("serai.service", call.Service), text("serai.cid", call.CID), text("serai.channel", call.Channel),
	}
	for _, f := range []struct{ key, field string }{
		{"http.request.method", abi.FieldMethod}, {"http.route", abi.FieldRoute}, {"serai.channel.name", abi.FieldChannelName},
	} {
		if v, ok := call.Envelope.Lookup(f.field); ok {
			set = append(set, text(f.key, v))
		}
	}
	if left := under.used.Load() - most; left > 0 {
		set = append(set, attribute.Int64("serai.operations.without_span", left))
	}
	if reply != nil {
		set = append(set, attribute.Int("http.response.status_code", reply.Status))
	}
	span.SetAttributes(set...)
	switch {
	case err != nil:
		failed(span, err)
	case reply != nil && reply.Status >= 500:
		span.SetStatus(codes.Error, "")
	}
	return reply, err
}

// nameOf returns the name of a call's span, as OpenTelemetry names those of
// HTTP: the method and the pattern of the path, of which there are few.
func nameOf(call *host.Call) string {
	if route := call.Envelope.Get(abi.FieldRoute); call.Channel == abi.ChannelHTTP && route != "" {
		return clean(route)
	}
	return clean(call.Channel + " " + call.Service)
}

func kindOf(channel string) trace.SpanKind {
	switch channel {
	case abi.ChannelHTTP, abi.ChannelControl:
		return trace.SpanKindServer
	case abi.ChannelInvoke:
		return trace.SpanKindInternal
	}
	return trace.SpanKindConsumer
}

// placeOf returns where the span of a context is in its trace.
func placeOf(ctx context.Context) host.Trace {
	c := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, c)
	return host.Trace{Parent: c[parentHeader], State: c[stateHeader]}
}

// failed says of a span that it ended with an error, by its code only: the
// text may hold what a system repeats.
func failed(span trace.Span, err error) {
	code := host.CodeOf(err).String()
	span.SetAttributes(attribute.String("error.type", code))
	span.SetStatus(codes.Error, code)
}

// most is how many operations of a call have spans.
const most = 256

// allowance counts the operations of a call, so that one call does not take
// the room that all have for spans.
type allowance struct{ used atomic.Int64 }

type allowanceKey struct{}

func text(key, value string) attribute.KeyValue { return attribute.String(key, clean(value)) }

// maxText bounds a name in a span.
const maxText = 256

// clean returns text as a span may have it: of bounded length, and UTF-8.
func clean(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxText)], "\uFFFD") }
