// Package tracing tells an OpenTelemetry receiver about calls and operations:
// which took how long, under which other one, and how it ended. It stands
// around the host's [host.Invoker] and operations, so that no part of the host
// knows of it, and a host without it does nothing more than pass on the trace
// that a caller names.
//
// A span has names, codes and statuses. It never has a payload, a parameter, a
// header, an address, a query or the text of an error, where secrets may be.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/seraihost/serai/host"
)

// Tracer makes spans and has them exported. A nil one makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New returns a tracer that exports over OTLP/HTTP to an endpoint, such as
// "http://127.0.0.1:4318", below which /v1/traces is added. Nothing is sent
// before there are spans. The environment's OTEL_EXPORTER_OTLP_HEADERS,
// OTEL_TRACES_SAMPLER and OTEL_BSP_… hold. A receiver that is down costs spans, not calls.
func New(ctx context.Context, endpoint, version string, log *slog.Logger) (*Tracer, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, host.FieldErrorf("traces", "%q is no address of a receiver: use one such as http://127.0.0.1:4318", host.Clip(endpoint))
	}
	if !strings.HasSuffix(u.Path, "/v1/traces") {
		u = u.JoinPath("v1", "traces")
	}
	exporter, err := otlptrace.New(ctx, newUploader(u.String()))
	if err != nil {
		return nil, fmt.Errorf("preparing the export of traces: %w", err)
	}
	return with(sdk.NewBatchSpanProcessor(&telling{SpanExporter: exporter, log: log}), version), nil
}

// NewWriter returns a tracer that writes each span as a line of text when it
// ends, for tests.
func NewWriter(w io.Writer) *Tracer { return with(sdk.NewSimpleSpanProcessor(lines{w}), "") }

func with(p sdk.SpanProcessor, version string) *Tracer {
	about := resource.NewSchemaless(attribute.String("service.name", "serai"), attribute.String("service.version", version))
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(p), sdk.WithResource(about))
	return &Tracer{provider, provider.Tracer("github.com/seraihost/serai")}
}

// lastExport is how long Close waits for spans that are on their way.
const lastExport = 5 * time.Second

// Close exports what is left and ends.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastExport)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("ending the export of traces: %w", err)
	}
	return nil
}

// telling logs that spans were lost, once until some arrive again.
type telling struct {
	sdk.SpanExporter
	log  *slog.Logger
	lost bool // one goroutine exports at a time
}

// ExportSpans implements the exporter's interface.
func (e *telling) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err != nil && !e.lost {
		e.log.Warn("traces are lost: their receiver does not take them", "error", err)
	}
	e.lost = err != nil
	return nil
}

// lines writes spans as text.
type lines struct{ w io.Writer }

// ExportSpans implements the exporter's interface.
func (l lines) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	for _, s := range spans {
		if _, err := fmt.Fprintln(l.w, "span", s.Name(), s.SpanKind(), s.Status().Code, s.Status().Description, s.Attributes(), s.Events()); err != nil {
			return fmt.Errorf("writing a span: %w", err)
		}
	}
	return nil
}

// Shutdown implements the exporter's interface.
func (lines) Shutdown(context.Context) error { return nil }
