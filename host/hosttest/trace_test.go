package hosttest_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/server"
)

const (
	callersTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersParent = "00-" + callersTrace + "-00f067aa0ba902b7-01"
)

const outerTraced = `
from serai import Service

class Outer(Service):
    def handle(self):
        self.invoke_async('later', {})
        self.response.payload = self.invoke('inner', {'user': 'ada'})
`

const laterTraced = `
from serai import Service

class Later(Service):
    def handle(self):
        if self.request.http.method:
            self.response.payload = self.kvdb.conn.get('later')
        else:
            self.kvdb.conn.set('later', 'it was called')
`

const innerTraced = `
from serai import Service

class Inner(Service):
    def handle(self):
        reply = self.out.http['CRM'].request(path='/users/{id}', param={'id': self.request.payload['user']}, query={'q': 'a-private-query'})
        self.kvdb.conn.set('seen', 'a-private-value')
        self.response.payload = {'status': reply.status, 'body': reply.body.decode()}
`

// upstream is a system that remembers the headers of a request, and a receiver of traces.
type upstream struct {
	mu      sync.Mutex
	headers http.Header
	raw     strings.Builder
	spans   map[string]*otlp.Span
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	defer u.mu.Unlock()
	if r.URL.Path != "/v1/traces" {
		u.headers = r.Header
		_, _ = io.WriteString(w, "hi")
		return
	}
	var export otlp.TracesData
	if err := proto.Unmarshal(body, &export); err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
	u.raw.Write(body)
	for _, resource := range export.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				u.spans[s.GetName()] = s
			}
		}
	}
}

// TestTraces follows a call from the client's span through two services to the
// system that the second one calls, as a receiver of OTLP sees it.
func TestTraces(t *testing.T) {
	t.Parallel()
	u := &upstream{spans: map[string]*otlp.Span{}}
	system := httptest.NewServer(u)
	t.Cleanup(system.Close)
	h := hosttest.Start(t, func(c *server.Config) { c.Traces = system.URL })
	if err := h.Operator.SetSecret(t.Context(), host.DefaultTenant, "token", []byte("a-private-token")); err != nil {
		t.Fatal(err)
	}
	_, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, "CRM", client.Connection{
		Type: "http", Config: fmt.Appendf(nil, `{"base_url": %q, "auth": {"type": "bearer", "token": "${secret:token}"}}`, system.URL), AllowNetworks: []string{"127.0.0.0/8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := client.Settings{Grants: &host.Grants{Connections: []string{"CRM"}}}
	h.Deploy("inner", hosttest.Python(innerTraced), s)
	h.Deploy("later", hosttest.Python(laterTraced), hosttest.Routes("GET /later"))
	h.Deploy("outer", hosttest.Python(outerTraced), hosttest.Routes("POST /traced/{x}"))
	r := h.Call("POST", "/traced/a-private-path", "{}", "traceparent: "+callersParent, "tracestate: a=1")
	if r.Status != 200 || r.Body != `{"status": 200, "body": "hi"}` {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	eventually(t, "the other call is made", func() bool { return h.Call("GET", "/later", "").Body == "it was called" })
	h.Stop() // exports what is left
	u.mu.Lock()
	defer u.mu.Unlock()
	const first = "00f067aa0ba902b7" // the caller's span
	below := func(above string, names ...string) string {
		for _, name := range names {
			s := u.spans[name]
			if s == nil {
				t.Fatalf("there is no span %q among %d", name, len(u.spans))
			}
			if hex.EncodeToString(s.GetTraceId()) != callersTrace || hex.EncodeToString(s.GetParentSpanId()) != above {
				t.Errorf("%s is in the trace %x below %x, not below %s", name, s.GetTraceId(), s.GetParentSpanId(), above)
			}
			above = hex.EncodeToString(s.GetSpanId())
		}
		return above
	}
	below(first, "POST /traced/{x}", "invoke.async", "async later")
	above := below(first, "POST /traced/{x}", "invoke", "invoke inner", "http.request")
	if want := "00-" + callersTrace + "-" + above + "-01"; u.headers.Get("traceparent") != want || u.headers.Get("tracestate") != "a=1" || u.headers.Get("Authorization") != "Bearer a-private-token" {
		t.Errorf("the system got %v, want %s", u.headers, want)
	}
	if strings.Contains(u.raw.String(), "a-private") {
		t.Error("the traces hold what is private")
	}
}
