package tracing_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/tracing"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent  = "00-" + traceID + "-00f067aa0ba902b7-01"
	secret  = "a-secret-of-the-system"
)

// invoked is an invoker that is a function.
type invoked func(ctx context.Context, call *host.Call) (*host.Reply, error)

func (f invoked) Invoke(ctx context.Context, call *host.Call) (*host.Reply, error) {
	return f(ctx, call)
}

// perform performs an operation whose error and payload have a secret.
func perform(ctx context.Context, t *tracing.Tracer, op string, result *connector.Result, err error, fields ...abi.Field) host.Trace {
	var seen host.Trace
	ops := t.Ops([]connector.Op{{Name: op, Doc: "d", Do: func(ctx context.Context, _ *connector.Request) (*connector.Result, error) {
		seen = host.TraceOf(ctx)
		return result, err
	}}})
	_, _ = ops[0].Do(ctx, &connector.Request{
		Scope:    connector.Scope{Tenant: "t"},
		Envelope: append(abi.Envelope{{Name: "op", Value: op}, {Name: "param.x", Value: secret}}, fields...), Body: []byte(secret),
	})
	return seen
}

func TestSpans(t *testing.T) {
	t.Parallel()
	r := startReceiver(t)
	tracer, err := tracing.New(t.Context(), r.URL, "v1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var outgoing host.Trace
	inner := tracer.Invoker(invoked(func(context.Context, *host.Call) (*host.Reply, error) { return &host.Reply{Status: 503}, nil }))
	outer := tracer.Invoker(invoked(func(ctx context.Context, _ *host.Call) (*host.Reply, error) {
		outgoing = perform(ctx, tracer, "http.request", &connector.Result{Envelope: abi.Envelope{{Name: "status", Value: "404"}}, Body: []byte(secret)}, nil, abi.Field{Name: "connection", Value: "CRM\xff"})
		perform(ctx, tracer, "kv.get", nil, host.Errorf(abi.NotFound, "no %s", secret), abi.Field{Name: "key", Value: secret})
		_, _ = inner.Invoke(ctx, &host.Call{Tenant: "t", Service: "inner", Channel: abi.ChannelInvoke, Depth: 1, Envelope: abi.Envelope{{Name: "header.traceparent", Value: strings.Replace(parent, traceID, traceID[1:]+"f", 1)}}})
		return &host.Reply{Status: 201, Body: []byte(secret)}, nil
	}))
	_, _ = outer.Invoke(t.Context(), &host.Call{
		Tenant: "t", Service: "s", CID: "c1", Channel: abi.ChannelHTTP, Body: []byte(secret),
		Envelope: abi.Envelope{{Name: "method", Value: "GET"}, {Name: "path", Value: "/u/" + secret}, {Name: "route", Value: "GET /u/{id}"}, {Name: "header.traceparent", Value: parent}, {Name: "header.tracestate", Value: "a=1"}, {Name: "header.authorization", Value: secret}},
	})
	failing := tracer.Invoker(invoked(func(context.Context, *host.Call) (*host.Reply, error) { return nil, errors.New(secret) }))
	_, _ = failing.Invoke(t.Context(), &host.Call{Tenant: "t", Service: "s", Channel: abi.ChannelAMQP, Envelope: abi.Envelope{{Name: "channel-name", Value: "orders"}, {Name: "message.headers", Value: `{"x": 1, "traceparent": "` + parent + `"}`}}})
	if err := errors.Join(tracer.Close(), tracer.Close()); err != nil {
		t.Fatal(err)
	}

	one := func(name string) *otlp.Span {
		t.Helper()
		all := r.named(name)
		if len(all) != 1 {
			t.Fatalf("%d spans are called %q", len(all), name)
		}
		if got := hex.EncodeToString(all[0].GetTraceId()); got != traceID {
			t.Errorf("%s is in the trace %s", name, got)
		}
		return all[0]
	}
	call, request, get, below, message := one("GET /u/{id}"), one("http.request"), one("kv.get"), one("invoke inner"), one("amqp s")
	if r.service != "serai" || hex.EncodeToString(call.GetParentSpanId()) != "00f067aa0ba902b7" || hex.EncodeToString(message.GetParentSpanId()) != "00f067aa0ba902b7" || call.GetTraceState() != "a=1" {
		t.Errorf("the spans of %s are not below the caller's: %v %v", r.service, call, message)
	}
	for _, s := range []*otlp.Span{request, get, below} {
		if !bytes.Equal(s.GetParentSpanId(), call.GetSpanId()) {
			t.Errorf("%s is not below the call", s.GetName())
		}
	}
	if want := (host.Trace{Parent: "00-" + traceID + "-" + hex.EncodeToString(request.GetSpanId()) + "-01", State: "a=1"}); outgoing != want {
		t.Errorf("the connector passes on %+v, want %+v", outgoing, want)
	}
	for _, c := range []struct {
		span   *otlp.Span
		kind   otlp.Span_SpanKind
		status otlp.Status_StatusCode
		want   map[string]string
	}{
		{call, otlp.Span_SPAN_KIND_SERVER, otlp.Status_STATUS_CODE_UNSET, map[string]string{
			"serai.tenant": "t", "serai.service": "s", "serai.cid": "c1", "serai.channel": "http",
			"http.request.method": "GET", "http.route": "GET /u/{id}", "http.response.status_code": "201",
		}},
		{request, otlp.Span_SPAN_KIND_CLIENT, otlp.Status_STATUS_CODE_ERROR, map[string]string{
			"serai.tenant": "t", "serai.operation": "http.request", "serai.type": "http", "serai.connection": "CRM\uFFFD", "http.response.status_code": "404",
		}},
		{get, otlp.Span_SPAN_KIND_INTERNAL, otlp.Status_STATUS_CODE_ERROR, map[string]string{
			"serai.tenant": "t", "serai.operation": "kv.get", "serai.type": "kv", "error.type": "not-found",
		}},
		{below, otlp.Span_SPAN_KIND_INTERNAL, otlp.Status_STATUS_CODE_ERROR, map[string]string{
			"serai.tenant": "t", "serai.service": "inner", "serai.cid": "", "serai.channel": "invoke", "http.response.status_code": "503",
		}},
		{message, otlp.Span_SPAN_KIND_CONSUMER, otlp.Status_STATUS_CODE_ERROR, map[string]string{
			"serai.tenant": "t", "serai.service": "s", "serai.cid": "", "serai.channel": "amqp", "serai.channel.name": "orders", "error.type": "internal",
		}},
	} {
		if diff := cmp.Diff(c.want, attributes(c.span)); diff != "" || c.span.GetKind() != c.kind || c.span.GetStatus().GetCode() != c.status {
			t.Errorf("%s: %s %s %s", c.span.GetName(), c.span.GetKind(), c.span.GetStatus(), diff)
		}
	}
	if strings.Contains(r.raw.String(), secret) {
		t.Error("a payload, a parameter or the text of an error is in the trace")
	}
}

// TestManyOperations sees that one call does not take the room of all spans.
func TestManyOperations(t *testing.T) {
	t.Parallel()
	r := startReceiver(t)
	tracer, err := tracing.New(t.Context(), r.URL+"/v1/traces", "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = tracer.Invoker(invoked(func(ctx context.Context, _ *host.Call) (*host.Reply, error) {
		for range 300 {
			perform(ctx, tracer, "kv.get", &connector.Result{}, nil)
		}
		return &host.Reply{}, nil
	})).Invoke(t.Context(), &host.Call{Service: "s", Channel: abi.ChannelAsync})
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
	calls := r.named("async s")
	if n := len(r.named("kv.get")); n != 256 || len(calls) != 1 || attributes(calls[0])["serai.operations.without_span"] != "44" {
		t.Errorf("%d spans of 300 operations, %v", n, calls)
	}
}

// TestNoTracer sees that a host without traces passes on what callers name, and
// does nothing else.
func TestNoTracer(t *testing.T) {
	var tracer *tracing.Tracer
	var seen host.Trace
	i := tracer.Invoker(invoked(func(ctx context.Context, _ *host.Call) (*host.Reply, error) {
		seen = host.TraceOf(ctx)
		return nil, nil
	}))
	call := &host.Call{Channel: abi.ChannelHTTP, Envelope: abi.Envelope{{Name: "header.traceparent", Value: parent}}}
	if _, _ = i.Invoke(t.Context(), call); seen.Parent != parent {
		t.Errorf("%+v", seen)
	}
	call = &host.Call{Channel: abi.ChannelRedis, Envelope: abi.Envelope{{Name: "message.headers", Value: `{"traceparent": 1}`}}}
	if _, _ = i.Invoke(t.Context(), call); seen != (host.Trace{}) {
		t.Errorf("%+v", seen)
	}
	call = &host.Call{Channel: abi.ChannelHTTP, Envelope: make(abi.Envelope, 20)}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = i.Invoke(ctx, call) }); n > 0 {
		t.Errorf("a call takes %v allocations more", n)
	}
	ops := []connector.Op{{Name: "x"}}
	if got := tracer.Ops(ops); &got[0] != &ops[0] || tracer.Close() != nil {
		t.Error("operations are wrapped without a tracer")
	}
}

// TestNoReceiver sees that calls do not mind a receiver that is not there, and
// the host's log says so, once.
func TestNoReceiver(t *testing.T) {
	var log said
	tracer, err := tracing.New(t.Context(), "http://127.0.0.1:1", "", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	perform(t.Context(), tracer, "kv.get", &connector.Result{}, nil)
	if err := tracer.Close(); err != nil || strings.Count(log.String(), "traces are lost") != 1 {
		t.Errorf("%v, log %s", err, log.String())
	}
	for _, bad := range []string{"127.0.0.1:4318", "ftp://a", "http://", "http://a b"} {
		if _, err := tracing.New(t.Context(), bad, "", nil); host.CodeOf(err) != abi.Invalid {
			t.Errorf("%q is taken for an address: %v", bad, err)
		}
	}
}

// TestBusyReceiver sees that spans are sent again to a receiver that is busy,
// with the headers that the environment has for it, and not to one that refuses.
func TestBusyReceiver(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=one%20key, other=2,nonsense")
	for _, c := range []struct {
		answers []int
		want    int
		lost    bool
	}{
		{[]int{503, 429, 200}, 3, false},
		{[]int{400, 200}, 1, true},
		{[]int{302, 200}, 1, true},
	} {
		var n atomic.Int32
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Api-Key") != "one key" || r.Header.Get("Other") != "2" {
				t.Errorf("headers %v", r.Header)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.answers[n.Add(1)-1])
		}))
		var log said
		tracer, err := tracing.New(t.Context(), s.URL, "", slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		perform(t.Context(), tracer, "kv.get", &connector.Result{}, nil)
		if err := tracer.Close(); err != nil || int(n.Load()) != c.want || strings.Contains(log.String(), "lost") != c.lost {
			t.Errorf("%v: %d attempts, %v, log %s", c.answers, n.Load(), err, log.String())
		}
		s.Close()
	}
}

type said struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(p)
}
