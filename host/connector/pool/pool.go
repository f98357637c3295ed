package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Source holds the tenants' connections and secrets; the catalogue is one.
// Both methods return a NotFound error for what does not exist.
type Source interface {
	Connection(ctx context.Context, tenant, name string) (host.Connection, error)
	Secret(ctx context.Context, tenant, name string) ([]byte, error)
}

// Bounds of what a [Pool] does.
const (
	maxOpen     = 10000            // connections
	maxAge      = 5 * time.Second  // of a configuration that nobody invalidated
	openTimeout = 15 * time.Second // for opening a connection
	// inFlight bounds the operations of one tenant at a time, so that a slow
	// system of one does not take what others need.
	inFlight = 1024
)

// Pool holds the open connections. It is safe for concurrent use.
type Pool struct {
	source     Source
	dir        string
	log        *slog.Logger
	types      map[string]connector.Connector
	generation atomic.Uint64

	mu      sync.Mutex
	closed  bool
	slots   map[key]*slot
	tenants map[string]chan struct{}
}

type key struct{ tenant, name string }

// New returns a pool of connections of the connectors' types. Two connectors
// of one type are a fault of the program and panic.
//
// dir is where connectors keep files, in a folder for each tenant.
func New(source Source, dir string, log *slog.Logger, connectors ...connector.Connector) *Pool {
	p := &Pool{
		source: source, dir: dir, log: log, types: make(map[string]connector.Connector, len(connectors)),
		slots: make(map[key]*slot), tenants: make(map[string]chan struct{}),
	}
	for _, c := range connectors {
		if _, dup := p.types[c.Type]; dup {
			panic(fmt.Sprintf("pool: two connectors of type %q", c.Type))
		}
		p.types[c.Type] = c
	}
	return p
}

// Validate refuses a connection whose type or configuration is wrong. known
// is false for a type that is not the pool's.
func (p *Pool) Validate(c host.Connection) (known bool, err error) {
	t, known := p.types[c.Type]
	if !known {
		return false, nil
	}
	return true, t.Validate(c.Config)
}

// Types returns the types of the connectors, sorted.
func (p *Pool) Types() []string { return slices.Sorted(maps.Keys(p.types)) }

// Ops returns the operations of all connectors.
func (p *Pool) Ops() []connector.Op {
	var out []connector.Op
	for _, c := range p.types {
		for _, op := range c.Ops {
			out = append(out, connector.Op{Name: op.Name, Doc: op.Doc, Do: func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
				return p.do(ctx, c, op, r)
			}})
		}
	}
	return out
}

// Invalidate tells the pool that connections or secrets may have changed.
// Each is compared with the source at its next use, and opened anew only if
// it differs. It is cheap.
func (p *Pool) Invalidate() { p.generation.Add(1) }

// Sweep closes the connections that were deleted.
func (p *Pool) Sweep(ctx context.Context) {
	p.mu.Lock()
	open := slices.Collect(maps.Keys(p.slots))
	p.mu.Unlock()
	for _, k := range open {
		if _, err := p.source.Connection(ctx, k.tenant, k.name); host.CodeOf(err) == abi.NotFound {
			p.Forget(k.tenant, k.name)
		}
	}
}

// do performs an operation on the connection that the request names.
func (p *Pool) do(ctx context.Context, kind connector.Connector, op connector.OpInfo, r *connector.Request) (*connector.Result, error) {
	name := r.Envelope.Get(abi.FieldConnection)
	if kind.Find != nil {
		var err error
		if name, err = kind.Find(ctx, r, directory{p, kind.Type, r.Scope}); err != nil {
			return nil, err
		}
	}
	if err := host.CheckName(abi.FieldConnection, name); err != nil {
		return nil, err
	}
	if err := r.Scope.CheckConnection(name); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, explain(ctx, name, err)
	}
	leave, err := p.enter(ctx, r.Scope.Tenant)
	if err != nil {
		return nil, err
	}
	defer leave()
	s, err := p.slot(key{r.Scope.Tenant, name})
	if err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		l, err := s.acquire(ctx, p, kind.Type)
		if err != nil {
			return nil, explain(ctx, name, err)
		}
		result, err := op.Do(ctx, l.conn, r)
		lost := errors.Is(err, connector.ErrNotConnected)
		s.release(l, lost)
		if lost && op.Retry && attempt == 0 && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return nil, explain(ctx, name, err)
		}
		return result, nil
	}
}

// enter counts an operation of a tenant in.
func (p *Pool) enter(ctx context.Context, tenant string) (leave func(), err error) {
	p.mu.Lock()
	gate := p.tenants[tenant]
	if gate == nil {
		gate = make(chan struct{}, inFlight)
		p.tenants[tenant] = gate
	}
	p.mu.Unlock()
	select {
	case gate <- struct{}{}:
		return func() { <-gate }, nil
	case <-ctx.Done():
		return nil, host.Errorf(abi.Limit, "the tenant has %d operations of connections in flight", inFlight)
	}
}

// slot returns the place of a connection.
func (p *Pool) slot(k key) (*slot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, host.Errorf(abi.Unavailable, "the host is stopping")
	}
	if s := p.slots[k]; s != nil {
		return s, nil
	}
	if len(p.slots) >= maxOpen {
		return nil, host.Errorf(abi.Limit, "the host has %d connections; it takes no more", maxOpen)
	}
	s := newSlot(k)
	p.slots[k] = s
	return s, nil
}

// Ping opens the connection if it is not open and asks its system for a sign
// of life. ok is false for a type that is not the pool's.
func (p *Pool) Ping(ctx context.Context, c host.Connection) (ok bool, err error) {
	if _, ok = p.types[c.Type]; !ok {
		return false, nil
	}
	s, err := p.slot(key{c.Tenant, c.Name})
	if err != nil {
		return true, err
	}
	s.forgive() // who asks wants to know how it is now
	l, err := s.acquire(ctx, p, c.Type)
	if err != nil {
		return true, explain(ctx, c.Name, err)
	}
	err = l.conn.Ping(ctx)
	s.release(l, err != nil)
	if err != nil {
		return true, explain(ctx, c.Name, err)
	}
	return true, nil
}

// Forget closes a connection that was deleted; "" is all of a tenant.
func (p *Pool) Forget(tenant, name string) {
	p.mu.Lock()
	var gone []*slot
	for k, s := range p.slots {
		if k.tenant == tenant && (name == "" || k.name == name) {
			gone = append(gone, s)
			delete(p.slots, k)
		}
	}
	if name == "" {
		delete(p.tenants, tenant)
	}
	p.mu.Unlock()
	for _, s := range gone {
		s.close()
	}
	if name == "" && tenant != "" {
		if err := os.RemoveAll(filepath.Join(p.dir, tenant)); err != nil {
			p.log.Error("removing the files of a tenant", "tenant", tenant, "err", err)
		}
	}
}

// Close closes all connections. Operations should have ended; those that
// have not meet a closed connection.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	slots := p.slots
	p.slots = map[key]*slot{}
	p.mu.Unlock()
	for _, s := range slots {
		s.close()
	}
	return nil
}
