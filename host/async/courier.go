package async

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/telemetry"
)

// Bounds on what waits for a tenant. What follows from calls that were
// accepted, such as callbacks, is published beyond them.
const (
	maxWaiting      = 10_000
	maxWaitingBytes = 512 << 20
)

// queuePrefix precedes the tenant in the name of its queue.
const queuePrefix = "invoke/"

// Catalog is where tenants and services are looked up.
type Catalog interface {
	Tenant(ctx context.Context, name string) (host.Tenant, error)
	Service(ctx context.Context, tenant, name string) (host.Service, error)
}

// Config says what a [Courier] works with.
type Config struct {
	Queues host.Queues
	// Wrap, if set, changes the queue of a tenant before it is used.
	Wrap    func(host.Queue) host.Queue
	Store   host.Store
	Catalog Catalog
	// Invoker returns the dispatcher, which needs the operations in turn.
	Invoker func() host.Invoker
	Book    *telemetry.Book
	Logger  *slog.Logger
}

// Courier accepts asynchronous calls and makes them. It is safe for
// concurrent use.
type Courier struct {
	Config
	joins joins
	now   func() time.Time

	mu      sync.Mutex
	boxes   map[string]*box
	deliver func(*box) // nil unless Deliver runs
}

// box is the queue of a tenant.
type box struct {
	tenant string
	queue  host.Queue
	stop   context.CancelFunc // ends its delivery
	done   chan struct{}      // closed when that has ended
}

// New returns a courier that makes no calls before Deliver.
func New(c Config) *Courier {
	return &Courier{Config: c, joins: joins{c.Store}, now: func() time.Time { return time.Now().UTC() }, boxes: make(map[string]*box)}
}

// Deliver makes the calls of all tenants until ctx ends and those under way
// have ended.
func (c *Courier) Deliver(ctx context.Context) error {
	names, err := c.Queues.Names(ctx)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	c.mu.Lock()
	c.deliver = func(b *box) {
		ctx, stop := context.WithCancel(ctx)
		b.stop, b.done = stop, make(chan struct{})
		go func() {
			defer close(b.done)
			defer stop()
			if err := b.queue.Consume(ctx, c.handle); err != nil && ctx.Err() == nil {
				select {
				case failed <- fmt.Errorf("delivering the asynchronous calls of tenant %q: %w", b.tenant, err):
				default:
				}
			}
		}()
	}
	for _, b := range c.boxes {
		c.deliver(b)
	}
	c.mu.Unlock()
	for _, name := range names {
		if tenant, ok := strings.CutPrefix(name, queuePrefix); ok && err == nil {
			err = c.reopen(ctx, tenant)
		}
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	c.end()
	return err
}

// reopen delivers what is left in a tenant's queue, or drops the queue when
// the tenant is gone.
func (c *Courier) reopen(ctx context.Context, tenant string) error {
	_, err := c.Catalog.Tenant(ctx, tenant)
	if host.CodeOf(err) == abi.NotFound {
		return c.Queues.Remove(ctx, queuePrefix+tenant)
	}
	if err == nil {
		_, err = c.box(tenant)
	}
	return err
}

// end stops all deliveries and waits for them.
func (c *Courier) end() {
	c.mu.Lock()
	c.deliver = nil
	boxes := c.boxes
	c.boxes = make(map[string]*box)
	c.mu.Unlock()
	for _, b := range boxes {
		b.end()
	}
}

func (b *box) end() {
	if b.stop != nil {
		b.stop()
		<-b.done
	}
}

// Forget drops what waits for a tenant that was deleted and whose calls have
// ended.
func (c *Courier) Forget(ctx context.Context, tenant string) error {
	c.mu.Lock()
	b := c.boxes[tenant]
	delete(c.boxes, tenant)
	c.mu.Unlock()
	if b != nil {
		b.end()
	}
	return c.Queues.Remove(ctx, queuePrefix+tenant)
}

func (c *Courier) box(tenant string) (*box, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.boxes[tenant]; b != nil {
		return b, nil
	}
	q, err := c.Queues.Queue(queuePrefix + tenant)
	if err != nil {
		return nil, err
	}
	if c.Wrap != nil {
		q = c.Wrap(q)
	}
	b := &box{tenant: tenant, queue: q}
	c.boxes[tenant] = b
	if c.deliver != nil {
		c.deliver(b)
	}
	return b, nil
}

// submit publishes what a service asks for, unless too much waits already.
func (c *Courier) submit(ctx context.Context, m *message) error {
	b, err := c.box(m.Tenant)
	if err != nil {
		return err
	}
	backlog, err := b.queue.Backlog(ctx)
	if err != nil {
		return err
	}
	if backlog.Messages >= maxWaiting || backlog.Bytes >= maxWaitingBytes {
		return host.Errorf(abi.Limit, "%d asynchronous calls of tenant %q wait already, %d MiB; at most %d calls and %d MiB may: let some finish first",
			backlog.Messages, m.Tenant, backlog.Bytes>>20, maxWaiting, maxWaitingBytes>>20)
	}
	return c.publish(ctx, m)
}

func (c *Courier) publish(ctx context.Context, m *message) error {
	b, err := c.box(m.Tenant)
	if err != nil {
		return err
	}
	raw, err := m.encode()
	if err != nil {
		return err
	}
	return b.queue.Publish(ctx, m.ID, raw)
}
