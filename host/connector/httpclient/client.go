// Package httpclient is the connector for systems that speak HTTP: the
// operation http.request on a connection of the type "http".
//
// A guest names a connection, and at most a path below its base address, or a
// URL that a connection granted to it covers; it does not choose hosts, and it never sees credentials. The host resolves
// secrets, judges every address that is dialled (package egress), bounds
// time, size, retries and redirects, and answers with a status, headers and
// a body. Connections to the system are kept and shared by a tenant's calls.
package httpclient

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// Source holds the tenants' connections and secrets; the catalogue is one.
// Both methods return a NotFound error for what does not exist.
type Source interface {
	Connection(ctx context.Context, tenant, name string) (host.Connection, error)
	Secret(ctx context.Context, tenant, name string) ([]byte, error)
}

// Bounds of what a [Client] keeps.
const (
	maxLive     = 10000            // connections with a transport of their own
	maxIdle     = 256              // idle sockets of one connection
	idleTimeout = 90 * time.Second // of an idle socket
	maxAge      = 5 * time.Second  // of a configuration that nobody invalidated
)

// Client performs requests. It is safe for concurrent use.
type Client struct {
	source     Source
	generation atomic.Uint64

	mu    sync.RWMutex // guards slots; taken after a slot's own lock, if both are
	slots map[key]*slot
}

type key struct{ tenant, name string }

// slot is the place of one connection. Its lock serialises loading.
type slot struct {
	mu   sync.Mutex
	live atomic.Pointer[live]
}

// live is a connection in use: its configuration with the secrets in place,
// and the transport that keeps its sockets. It does not change.
type live struct {
	generation uint64
	loaded     time.Time
	conn       host.Connection
	spec       *spec
	headers    []filled
	query      []filled
	transport  *http.Transport
}

// New returns a client for the connections of source.
func New(source Source) *Client {
	return &Client{source: source, slots: make(map[key]*slot)}
}

// Invalidate tells the client that connections or secrets may have changed.
// Each connection is compared with the source at its next use; sockets are
// kept where nothing changed. It is cheap.
func (c *Client) Invalidate() { c.generation.Add(1) }

// Close closes all idle sockets.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, s := range c.slots {
		s.drop()
		delete(c.slots, k)
	}
}

// Ping sends HEAD to the base address of a connection. Whatever status comes
// back is a sign of life.
func (c *Client) Ping(ctx context.Context, tenant, name string) error {
	_, err := c.do(ctx, &connector.Request{
		Scope:    connector.Scope{Tenant: tenant, Grants: host.Grants{Connections: []string{name}}},
		Envelope: abi.Envelope{{Name: abi.FieldConnection, Value: name}, {Name: abi.FieldMethod, Value: http.MethodHead}},
	})
	return err
}

// Ops returns the operations of the connector.
func Ops(c *Client) []connector.Op {
	return []connector.Op{{
		Name: abi.OpHTTPRequest,
		Doc:  "Sends an HTTP request through a connection and returns the reply, whatever its status.",
		Do:   c.do,
	}}
}

func (c *Client) do(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	name, err := c.connectionOf(ctx, r)
	if err != nil {
		return nil, err
	}
	l, err := c.lookup(ctx, r.Scope.Tenant, name)
	if err != nil {
		return nil, err
	}
	out, err := l.build(r)
	if err != nil {
		return nil, err
	}
	defer out.body.release()
	ctx, cancel := context.WithTimeout(ctx, out.timeout)
	defer cancel()
	resp, err := l.send(ctx, out)
	if err != nil {
		return nil, fault(ctx, name, err)
	}
	defer resp.Body.Close()
	result, err := l.result(resp)
	if err != nil {
		return nil, fault(ctx, name, err)
	}
	return result, nil
}

// lookup returns the connection as it is configured now.
func (c *Client) lookup(ctx context.Context, tenant, name string) (*live, error) {
	k := key{tenant, name}
	c.mu.RLock()
	s := c.slots[k]
	c.mu.RUnlock()
	if s == nil {
		s = c.slot(k)
	}
	if l := s.live.Load(); c.fresh(l) {
		return l, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.live.Load()
	if c.fresh(old) {
		return old, nil
	}
	l, err := c.load(ctx, k, old)
	if err != nil {
		if host.CodeOf(err) == abi.NotFound {
			c.forget(k, s)
		}
		return nil, fmt.Errorf("opening connection %q: %w", name, err)
	}
	s.live.Store(l)
	if old != nil && old.transport != l.transport {
		old.transport.CloseIdleConnections()
	}
	return l, nil
}

func (c *Client) fresh(l *live) bool {
	return l != nil && l.generation == c.generation.Load() && time.Since(l.loaded) < maxAge
}

// slot returns the slot of k, a new one if need be, and makes room for it.
func (c *Client) slot(k key) *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.slots[k]; s != nil {
		return s
	}
	if len(c.slots) >= maxLive {
		for other, s := range c.slots { // any: it is loaded again at its next use
			s.drop()
			delete(c.slots, other)
			break
		}
	}
	s := new(slot)
	c.slots[k] = s
	return s
}

// forget removes the slot of a connection that does not exist.
func (c *Client) forget(k key, s *slot) {
	s.drop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slots[k] == s {
		delete(c.slots, k)
	}
}

// drop forgets what is live. Requests under way go on.
func (s *slot) drop() {
	if l := s.live.Swap(nil); l != nil {
		l.transport.CloseIdleConnections()
	}
}

// load reads the connection from the source, and goes on with the transport
// of old where that is configured alike.
func (c *Client) load(ctx context.Context, k key, old *live) (*live, error) {
	l := &live{generation: c.generation.Load(), loaded: time.Now()} // before reading: a change meanwhile makes it stale
	var err error
	if l.conn, err = c.source.Connection(ctx, k.tenant, k.name); err != nil {
		return nil, err
	}
	if l.conn.Type != Type {
		return nil, host.FieldErrorf(abi.FieldConnection, "connection %q has the type %q, not %q", k.name, l.conn.Type, Type)
	}
	if old != nil && bytes.Equal(old.conn.Config, l.conn.Config) && slices.Equal(old.conn.AllowNetworks, l.conn.AllowNetworks) {
		l.spec, l.transport = old.spec, old.transport
	} else if err := l.open(); err != nil {
		return nil, err
	}
	if l.headers, err = fillHeaders(ctx, k.tenant, c.source, l.spec.headers); err != nil {
		return nil, err
	}
	if l.query, err = fill(ctx, k.tenant, c.source, l.spec.query); err != nil {
		return nil, err
	}
	return l, nil
}

// open parses the configuration and makes a transport.
func (l *live) open() error {
	var err error
	if l.spec, err = parse(l.conn.Config); err != nil {
		return err
	}
	allow, err := egress.ParseNetworks(l.conn.AllowNetworks)
	if err != nil {
		return err
	}
	l.transport = &http.Transport{
		// No Proxy: a proxy from the environment would dial for us, past egress.
		DialContext:            egress.NewDialer(egress.Policy{Allow: allow}).DialContext,
		TLSClientConfig:        l.spec.tlsConfig(),
		TLSHandshakeTimeout:    egress.DefaultTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return nil
}
