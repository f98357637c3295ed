package connectortest

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/pool"
	"github.com/seraihost/serai/host/tracing"
)

// Client uses one connection through a pool, as a service with the grant does.
type Client struct {
	tenant string
	*shared
}

// shared is the pool of some tenants, and what they configured.
type shared struct {
	pool *pool.Pool
	ops  *connector.Registry
	kind string

	mu      sync.Mutex
	records map[string]host.Connection   // by tenant
	secrets map[string]map[string]string // by tenant, then by name
	values  map[string]string            // secrets that must not be said
	said    bytes.Buffer                 // logs, errors and traces
}

// loopback is where servers of tests are.
var loopback = []string{"127.0.0.0/8"}

// Open returns a client of a connector with a configuration. When the test
// ends it fails if a secret appeared in a log, an error or a trace.
func Open(t *testing.T, c connector.Connector, config string, secrets map[string]string) *Client {
	t.Helper()
	f := &Client{"t", &shared{
		kind: c.Type, records: map[string]host.Connection{}, secrets: map[string]map[string]string{}, values: map[string]string{},
	}}
	f.pool = pool.New(f, t.TempDir(), slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug})), c)
	f.ops = connector.NewRegistry(tracing.NewWriter(f).Ops(f.pool.Ops())...)
	f.Configure(config, secrets)
	t.Cleanup(func() {
		if err := f.pool.Close(); err != nil {
			t.Error(err)
		}
		f.discreet(t)
	})
	return f
}

// Tenant returns the client of another tenant who has a connection of the same
// name, in the same pool.
func (f *Client) Tenant(name, config string, secrets map[string]string) *Client {
	other := &Client{name, f.shared}
	other.Configure(config, secrets)
	return other
}

// Configure gives the connection another configuration, as "serai apply" does
// while the host runs.
func (f *Client) Configure(config string, secrets map[string]string) {
	f.put(host.Connection{Tenant: f.tenant, Name: "C", Type: f.kind, Config: []byte(config), AllowNetworks: loopback}, secrets)
}

func (f *Client) put(c host.Connection, secrets map[string]string) {
	f.mu.Lock()
	f.records[f.tenant], f.secrets[f.tenant] = c, secrets
	for name, value := range secrets {
		f.values[value] = name
	}
	f.mu.Unlock()
	f.pool.Invalidate()
}

// Delete removes the connection.
func (f *Client) Delete(ctx context.Context) {
	f.mu.Lock()
	delete(f.records, f.tenant)
	f.mu.Unlock()
	f.pool.Invalidate()
	f.pool.Sweep(ctx)
}

// Ping asks the system for a sign of life.
func (f *Client) Ping(ctx context.Context) error {
	_, err := f.pool.Ping(ctx, f.record())
	return f.note(err)
}

// record returns the connection as it is configured.
func (f *Client) record() host.Connection {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.records[f.tenant]
}

// Do performs an operation; its envelope lacks op and connection.
func (f *Client) Do(ctx context.Context, op string, fields abi.Envelope, body string) (*connector.Result, error) {
	return f.as(ctx, host.Grants{Connections: []string{"C"}}, op, fields, body)
}

// Must performs an operation that succeeds, or else the test fails and the
// result is nil.
func (f *Client) Must(t *testing.T, op string, fields abi.Envelope, body string) *connector.Result {
	t.Helper()
	r, err := f.Do(t.Context(), op, fields, body)
	if err != nil {
		t.Errorf("%s %v: %v", op, fields, err)
	}
	return r
}

func (f *Client) as(ctx context.Context, grants host.Grants, op string, fields abi.Envelope, body string) (*connector.Result, error) {
	r, err := f.ops.Do(ctx, &connector.Request{
		Scope:    connector.Scope{Tenant: f.tenant, Service: "s", Grants: grants, Limits: host.DefaultLimits()},
		Envelope: slices.Concat(abi.Envelope{{Name: abi.FieldOp, Value: op}, {Name: abi.FieldConnection, Value: "C"}}, fields),
		Body:     []byte(body),
	})
	return r, f.note(err)
}

// note keeps an error for the search for secrets.
func (f *Client) note(err error) error {
	if err != nil {
		_, _ = f.Write([]byte(err.Error() + "\n" + host.MessageOf(err) + "\n"))
	}
	return err
}

// discreet fails the test if a secret was said, in one of the forms that
// systems give back what they were sent.
func (f *shared) discreet(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for value, name := range f.values {
		if len(value) <= 8 {
			continue // it may occur by chance
		}
		for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value), base64.StdEncoding.EncodeToString([]byte(value))} {
			if at := strings.Index(f.said.String(), form); at >= 0 {
				t.Errorf("the secret %s is in logs, errors or traces: …%s…", name, f.said.String()[max(0, at-200):min(f.said.Len(), at+200)])
				break
			}
		}
	}
}

// maxSaid bounds what is searched for secrets.
const maxSaid = 16 << 20

// Write takes logs.
func (f *shared) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.said.Len() > maxSaid {
		return len(p), nil
	}
	return f.said.Write(p)
}

// Connection implements pool.Source.
func (f *shared) Connection(_ context.Context, tenant, name string) (host.Connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.records[tenant]
	if !ok || name != c.Name {
		return host.Connection{}, host.Errorf(abi.NotFound, "no connection %q", name)
	}
	return c, nil
}

// Secret implements pool.Source.
func (f *shared) Secret(_ context.Context, tenant, name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	value, ok := f.secrets[tenant][name]
	if !ok {
		return nil, host.Errorf(abi.NotFound, "no secret %q", name)
	}
	return []byte(value), nil
}
