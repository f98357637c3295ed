package connectortest

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/pool"
)

// Client uses one connection through a pool, as a service with the grant does.
type Client struct {
	record  host.Connection
	secrets map[string]string
	pool    *pool.Pool
	ops     *connector.Registry

	mu   sync.Mutex
	said bytes.Buffer // logs and errors
}

// Open returns a client of a connector with a configuration. When the test
// ends it fails if a secret appeared in a log or an error.
func Open(t *testing.T, c connector.Connector, config string, secrets map[string]string) *Client {
	t.Helper()
	f := &Client{secrets: secrets, record: host.Connection{
		Tenant: "t", Name: "C", Type: c.Type, Config: []byte(config), AllowNetworks: []string{"127.0.0.0/8"},
	}}
	f.pool = pool.New(f, t.TempDir(), slog.New(slog.NewTextHandler(f, nil)), c)
	f.ops = connector.NewRegistry(f.pool.Ops()...)
	t.Cleanup(func() {
		if err := f.pool.Close(); err != nil {
			t.Error(err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for name, secret := range secrets {
			if strings.Contains(f.said.String(), secret) && len(secret) > 8 {
				t.Errorf("the secret %s is in logs or errors:\n%s", name, f.said.String())
			}
		}
	})
	return f
}

// Ping asks the system for a sign of life.
func (f *Client) Ping(ctx context.Context) error {
	_, err := f.pool.Ping(ctx, f.record)
	return f.note(err)
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
		Scope:    connector.Scope{Tenant: "t", Service: "s", Grants: grants, Limits: host.DefaultLimits()},
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

// Write takes logs.
func (f *Client) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.said.Write(p)
}

// Connection implements pool.Source.
func (f *Client) Connection(_ context.Context, _, name string) (host.Connection, error) {
	if name != f.record.Name {
		return host.Connection{}, host.Errorf(abi.NotFound, "no connection %q", name)
	}
	return f.record, nil
}

// Secret implements pool.Source.
func (f *Client) Secret(_ context.Context, _, name string) ([]byte, error) {
	value, ok := f.secrets[name]
	if !ok {
		return nil, host.Errorf(abi.NotFound, "no secret %q", name)
	}
	return []byte(value), nil
}
