package httpclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/pool"
)

// source is a catalogue in memory.
type source struct {
	mu          sync.Mutex
	connections map[string]host.Connection // by tenant/name
	secrets     map[string]string          // by tenant/name
	reads       int
}

func (s *source) Connection(_ context.Context, tenant, name string) (host.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	c, ok := s.connections[tenant+"/"+name]
	if !ok {
		return c, host.Errorf(abi.NotFound, "connection %q does not exist", name)
	}
	return c, nil
}

func (s *source) Secret(_ context.Context, tenant, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.secrets[tenant+"/"+name]
	if !ok {
		return nil, host.Errorf(abi.NotFound, "secret %q does not exist", name)
	}
	return []byte(v), nil
}

func (s *source) put(name, config string, allow ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections["a/"+name] = host.Connection{Tenant: "a", Name: name, Type: Type, Config: []byte(config), AllowNetworks: allow}
}

const loopback = "127.0.0.0/8"

// rig is a client with connections of tenant a.
type rig struct {
	t      testing.TB
	source *source
	client *pool.Pool
}

func newRig(t testing.TB) *rig {
	s := &source{connections: map[string]host.Connection{}, secrets: map[string]string{"a/P": "open sesame", "a/K": "k&y"}}
	r := &rig{t, s, pool.New(s, t.TempDir(), slog.New(slog.DiscardHandler), Connector())}
	t.Cleanup(func() {
		if err := r.client.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// serve starts a server and a connection "S" to it; config is JSON to follow
// base_url, and may name the placeholder of the path.
func (r *rig) serve(path, config string, h http.HandlerFunc) *httptest.Server {
	srv := httptest.NewServer(h)
	r.t.Cleanup(srv.Close)
	r.connect(srv.URL+path, config)
	return srv
}

func (r *rig) connect(base, config string) {
	r.source.put("S", fmt.Sprintf(`{"base_url":%q%s}`, base, config), loopback)
}

func (r *rig) do(ctx context.Context, body string, fields ...string) (*connector.Result, error) {
	env := abi.Envelope{{Name: abi.FieldOp, Value: abi.OpHTTPRequest}, {Name: abi.FieldConnection, Value: "S"}}
	for i := 0; i < len(fields); i += 2 {
		env.Add(fields[i], fields[i+1])
	}
	return r.client.Ops()[0].Do(ctx, &connector.Request{
		Scope:    connector.Scope{Tenant: "a", Service: "svc", CID: "cid-1", Grants: host.Grants{Connections: []string{"S"}}},
		Envelope: env, Body: []byte(body),
	})
}

// ok fails the test unless the reply has the status and body.
func (r *rig) ok(status, body string, fields ...string) *connector.Result {
	r.t.Helper()
	res, err := r.do(r.t.Context(), "", fields...)
	if err != nil {
		r.t.Fatalf("%q: %v", fields, err)
	}
	if got := res.Envelope.Get("status"); got != status || string(res.Body) != body {
		r.t.Errorf("%q: status %s, body %q; want %s %q", fields, got, res.Body, status, body)
	}
	return res
}

// refused fails the test unless err has the code and field, and shows
// neither a secret nor, in its message, an address.
func refused(t testing.TB, err error, code abi.Code, field string) {
	t.Helper()
	var e *host.Error
	if !errors.As(err, &e) || e.Code != code || e.Field != field {
		t.Errorf("error %v: code %s; want %s on field %q", err, host.CodeOf(err), code, field)
		return
	}
	if strings.Contains(err.Error(), "sesame") || strings.Contains(fmt.Sprintf("%+v %#v", err, err), "sesame") {
		t.Errorf("error shows a secret: %v", err)
	}
	if strings.Contains(e.Message, "127.0.0.1") || strings.Contains(e.Message, "169.254") {
		t.Errorf("message shows an address: %s", e.Message)
	}
}
