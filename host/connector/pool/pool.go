package pool

import (
	"context"
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
	closing     = 5 * time.Second  // that Close waits for what is being opened
)

// Pool holds the open connections. It is safe for concurrent use.
type Pool struct {
	source     Source
	dir        string
	log        *slog.Logger
	types      map[string]connector.Connector
	generation atomic.Uint64
	base       context.Context //nolint:containedctx // the life of the pool
	end        context.CancelFunc
	work       sync.WaitGroup // what runs in the background

	mu      sync.RWMutex // taken before a slot's
	closed  bool
	slots   map[key]*slot
	tenants map[string]*budget
}

type key struct{ tenant, name string }

// New returns a pool of connections of the connectors' types. Two connectors
// of one type are a fault of the program and panic.
//
// dir is where connectors keep files, in a folder for each tenant.
func New(source Source, dir string, log *slog.Logger, connectors ...connector.Connector) *Pool {
	p := &Pool{
		source: source, dir: dir, log: log, types: make(map[string]connector.Connector, len(connectors)),
		slots: make(map[key]*slot), tenants: make(map[string]*budget),
	}
	p.base, p.end = context.WithCancel(context.Background())
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
		for i := range c.Ops {
			op := operation{kind: c.Type, find: c.Find, index: i, total: len(c.Ops), OpInfo: c.Ops[i]}
			out = append(out, connector.Op{Name: op.Name, Doc: op.Doc, Streams: op.Request.Body.Streams, Do: func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
				return p.do(ctx, &op, r)
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
	p.mu.RLock()
	used := slices.Collect(maps.Keys(p.slots))
	p.mu.RUnlock()
	for _, k := range used {
		if _, err := p.source.Connection(ctx, k.tenant, k.name); host.CodeOf(err) == abi.NotFound {
			p.Forget(k.tenant, k.name)
		}
	}
}

// find returns the place of the connection that a request names, if its
// service may use it.
func (p *Pool) find(ctx context.Context, op *operation, r *connector.Request) (*slot, error) {
	name := r.Envelope.Get(abi.FieldConnection)
	if op.find != nil {
		var err error
		if name, err = op.find(ctx, r, directory{p, op.kind, r.Scope}); err != nil {
			return nil, err
		}
	}
	p.mu.RLock()
	s := p.slots[key{r.Scope.Tenant, name}]
	p.mu.RUnlock()
	if s == nil { // a name that is known is a good one
		if err := host.CheckName(abi.FieldConnection, name); err != nil {
			return nil, err
		}
	}
	if err := r.Scope.CheckConnection(name); err != nil {
		return nil, err
	}
	if s != nil {
		return s, nil
	}
	return p.slot(key{r.Scope.Tenant, name})
}

// slot returns the place of a connection.
func (p *Pool) slot(k key) (*slot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, stopping()
	}
	if s := p.slots[k]; s != nil {
		return s, nil
	}
	if len(p.slots) >= maxOpen {
		return nil, host.Errorf(abi.Limit, "the host has %d connections in use; it takes no more", maxOpen)
	}
	b := p.tenants[k.tenant]
	if b == nil {
		b = new(budget)
		p.tenants[k.tenant] = b
	}
	s := &slot{key: k, pool: p, share: share{budget: b}}
	p.slots[k] = s
	return s, nil
}

func stopping() error { return host.Errorf(abi.Unavailable, "the host is stopping") }

// drop forgets the place of a connection that turned out not to exist, so
// that names that a service makes up take no room.
func (p *Pool) drop(s *slot) {
	p.mu.Lock()
	if p.slots[s.key] == s {
		delete(p.slots, s.key)
	}
	p.mu.Unlock()
	s.close()
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
	p.end()
	for _, s := range slots {
		s.close()
	}
	done := make(chan struct{})
	go func() {
		p.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(closing):
		return host.Errorf(abi.Internal, "connections that are being opened do not end")
	}
}
