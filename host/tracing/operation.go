package tracing

import (
	"context"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Ops returns the operations, each of which makes a span below that of the
// call. A nil tracer returns them as they are.
func (t *Tracer) Ops(ops []connector.Op) []connector.Op {
	if t == nil {
		return ops
	}
	out := make([]connector.Op, len(ops))
	for i, op := range ops {
		out[i] = op
		out[i].Do = func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
			return t.perform(ctx, &op, r)
		}
	}
	return out
}

func (t *Tracer) perform(ctx context.Context, op *connector.Op, r *connector.Request) (*connector.Result, error) {
	if a, ok := ctx.Value(allowanceKey{}).(*allowance); ok && a.used.Add(1) > most {
		return op.Do(ctx, r)
	}
	kind := trace.SpanKindInternal
	name, connects := r.Envelope.Lookup(abi.FieldConnection)
	if connects {
		kind = trace.SpanKindClient
	}
	ctx, span := t.tracer.Start(ctx, op.Name, trace.WithSpanKind(kind))
	defer span.End()
	result, err := op.Do(host.WithTrace(ctx, placeOf(ctx)), r)
	if !span.IsRecording() {
		return result, err
	}
	system, _, _ := strings.Cut(op.Name, ".")
	set := append(make([]attribute.KeyValue, 0, 5), text("serai.tenant", r.Scope.Tenant), text("serai.operation", op.Name), text("serai.type", system))
	if connects {
		set = append(set, text("serai.connection", name))
	}
	if err != nil {
		failed(span, err)
	} else if status, bad := strconv.Atoi(result.Envelope.Get(abi.FieldStatus)); bad == nil {
		set = append(set, attribute.Int("http.response.status_code", status))
		if status >= 400 && connects {
			span.SetStatus(codes.Error, "")
		}
	}
	span.SetAttributes(set...)
	return result, err
}
