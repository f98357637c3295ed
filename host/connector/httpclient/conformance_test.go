package httpclient_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/httpclient"
)

// serveAt makes the test's own program an HTTP server, in a process of its
// own so that it can be stopped and frozen.
const serveAt = "SERAI_TEST_HTTP_SERVER"

func TestMain(m *testing.M) {
	if addr := os.Getenv(serveAt); addr != "" {
		fmt.Fprintln(os.Stderr, http.ListenAndServe(addr, http.HandlerFunc(serve)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const password = "a-long-password"

// serve echoes what clients send that know the password, and hangs up on others.
func serve(w http.ResponseWriter, r *http.Request) {
	if _, p, ok := r.BasicAuth(); !ok || p != password {
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		_, err = fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

func TestConformance(t *testing.T) {
	server := connectortest.StartDaemon(t, func(addr string) *connectortest.Process {
		return connectortest.Launch(t, t.TempDir(), []string{serveAt + "=" + addr}, os.Args[0])
	}, connectortest.Accepts)
	field := func(pairs ...string) (e abi.Envelope) {
		for i := 0; i < len(pairs); i += 2 {
			e.Add(pairs[i], pairs[i+1])
		}
		return e
	}
	connectortest.Run(t, connectortest.Suite{
		Connector: httpclient.Connector(), Server: server, Secrets: map[string]string{"web": password},
		Config: func(addr string) string {
			return fmt.Sprintf(`{"base_url": "http://%s/base/{id}", "auth": {"type": "basic", "username": "u", "password": "${secret:web}"}, "retries": {"max": 0}}`, addr)
		},
		Known: []string{"web"},
		Ops: []connectortest.Op{
			{Name: abi.OpHTTPRequest, Fields: field("param.id", "7", "query.a", "b"), Check: func(t *testing.T, r *connector.Result) {
				t.Helper()
				if r.Envelope.Get("status") != "200" || string(r.Body) != "GET /base/7?a=b " {
					t.Errorf("%v %s", r.Envelope, r.Body)
				}
			}},
			{Name: abi.OpHTTPRequest, Fields: field("method", "POST", "param.id", "8"), Body: "x"},
		},
		Fails: []connectortest.OpFailure{
			{Op: connectortest.Op{Name: abi.OpHTTPRequest}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: abi.OpHTTPRequest, Fields: field("param.id", "..")}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: abi.OpHTTPRequest, Fields: field("url", "http://other.example.com")}, Code: abi.Invalid}, // and a connection
		},
	})
}
