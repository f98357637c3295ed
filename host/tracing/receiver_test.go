package tracing_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver takes traces over OTLP/HTTP, as protobuf.
type receiver struct {
	URL string

	mu      sync.Mutex
	spans   []*otlp.Span
	service string
	raw     strings.Builder
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var export otlp.TracesData
		if err != nil || req.Method != "POST" || req.URL.Path != "/v1/traces" || req.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &export) != nil {
			t.Errorf("%s %s %s is no export of traces: %v", req.Method, req.URL, req.Header.Get("Content-Type"), err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw.Write(body)
		for _, resource := range export.GetResourceSpans() {
			r.service = resource.GetResource().GetAttributes()[0].GetValue().GetStringValue()
			for _, scope := range resource.GetScopeSpans() {
				r.spans = append(r.spans, scope.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(s.Close)
	r.URL = s.URL
	return r
}

// named returns the spans of a name, in the order in which they ended.
func (r *receiver) named(name string) (out []*otlp.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.GetName() == name {
			out = append(out, s)
		}
	}
	return out
}

// attributes returns those of a span as text.
func attributes(s *otlp.Span) map[string]string {
	out := map[string]string{}
	for _, a := range s.GetAttributes() {
		out[a.GetKey()] = a.GetValue().GetStringValue()
		if n := a.GetValue().GetIntValue(); n != 0 {
			out[a.GetKey()] = strings.TrimPrefix(a.GetValue().String(), "int_value:")
		}
	}
	return out
}
