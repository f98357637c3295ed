package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/fair"
	"github.com/seraihost/serai/host/runtime"
	"github.com/seraihost/serai/host/telemetry"
)

// Catalog is where services and tenants are looked up that no call needed yet.
type Catalog interface {
	Service(ctx context.Context, tenant, name string) (host.Service, error)
	Version(ctx context.Context, tenant, service, digest string) (host.Version, error)
	Tenant(ctx context.Context, name string) (host.Tenant, error)
}

// Loader makes a version ready to run.
type Loader interface {
	Load(ctx context.Context, v host.Version) (runtime.Program, error)
}

// Config says what a [Dispatcher] is made of.
type Config struct {
	Catalog Catalog
	Loader  Loader
	Ops     *connector.Registry
	Book    *telemetry.Book
	Metrics *telemetry.Metrics
	Logger  *slog.Logger
	// Guests is the most calls in flight in all, Memory the most memory
	// they may take together, Waiting how many callers wait beyond that.
	Guests  int
	Memory  host.Bytes
	Waiting int
}

// Dispatcher is a host.Invoker. It is safe for concurrent use.
type Dispatcher struct {
	Config
	guests *fair.Gate // calls in flight, fair between tenants
	memory *fair.Gate // bytes they take
	bodies *fair.Gate // bytes of bodies that were collected for them
	calls  atomic.Uint64

	mu       sync.RWMutex
	forgets  int // how often services were forgotten
	services map[key]*service
	tenants  map[string]*tenant

	stop context.CancelFunc
	done sync.WaitGroup
}

type key struct{ tenant, service string }

// tenant is what calls need of one.
type tenant struct {
	quota host.Quota
	gate  *fair.Gate
	life  *life
}

var _ host.Invoker = (*Dispatcher)(nil)

// New returns a dispatcher whose idle instances are closed after a while,
// until Close.
func New(c Config) *Dispatcher {
	ctx, stop := context.WithCancel(context.Background())
	d := &Dispatcher{
		Config:   c,
		guests:   fair.NewGate(int64(c.Guests), int64(c.Waiting)),
		memory:   fair.NewGate(int64(c.Memory), int64(c.Waiting)),
		bodies:   fair.NewGate(int64(c.Memory)/4, int64(c.Waiting)),
		services: make(map[key]*service),
		tenants:  make(map[string]*tenant),
		stop:     stop,
	}
	c.Metrics.SetPressure(func() telemetry.Pressure {
		used, waiting := d.guests.Stats()
		memory, _ := d.memory.Stats()
		return telemetry.Pressure{
			InFlight: int(used), Queued: int(waiting), Instances: int(used) + d.idle(), MemoryBytes: memory,
		}
	})
	d.done.Go(func() { d.tidy(ctx) })
	return d
}

// Close closes all instances. Calls must have ended.
func (d *Dispatcher) Close() error {
	d.stop()
	d.done.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.services {
		s.retire()
	}
	clear(d.services)
	return nil
}

// Switch makes v, whose program is ready, the running version of its
// service. Calls that run in the version before finish there.
func (d *Dispatcher) Switch(v host.Version, p runtime.Program) {
	k := key{v.Tenant, v.Service}
	next := newActive(v, p)
	d.mu.Lock()
	s := d.services[k]
	if s == nil {
		s = newService(v)
		d.services[k] = s
	}
	d.mu.Unlock()
	s.swap(next)
	d.makeRoom()
}

// Forget drops a service that was deleted.
func (d *Dispatcher) Forget(tenant, name string) {
	d.mu.Lock()
	s := d.services[key{tenant, name}]
	delete(d.services, key{tenant, name})
	d.forgets++
	d.mu.Unlock()
	if s != nil {
		s.retire()
	}
	d.Metrics.Forget(tenant, name)
	d.Book.Forget(tenant, name)
}

// ForgetServices drops all services of a tenant that was deleted, and ends
// its calls before it returns.
func (d *Dispatcher) ForgetServices(tenant string) {
	d.mu.Lock()
	var gone []*service
	for k, s := range d.services {
		if k.tenant == tenant {
			gone = append(gone, s)
			delete(d.services, k)
		}
	}
	t := d.tenants[tenant]
	delete(d.tenants, tenant)
	d.forgets++
	d.mu.Unlock()
	if t != nil {
		t.life.end()
	}
	for _, s := range gone {
		s.retire()
	}
}

// SetQuota tells the quota of a tenant, which may have changed.
func (d *Dispatcher) SetQuota(name string, q host.Quota) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.tenants[name]; t != nil && t.quota != q {
		d.tenants[name] = newTenant(q, t.life)
	}
}

func newTenant(q host.Quota, l *life) *tenant {
	n := int64(q.InFlight)
	return &tenant{q, fair.NewGate(n, n), l}
}

// find returns the service, out of the catalogue if no call needed it yet.
func (d *Dispatcher) find(ctx context.Context, k key) (*service, error) {
	for {
		d.mu.RLock()
		s, forgets := d.services[k], d.forgets
		d.mu.RUnlock()
		if s != nil {
			return s, nil
		}
		record, err := d.Catalog.Service(ctx, k.tenant, k.service)
		if err != nil {
			return nil, err
		}
		v, err := d.Catalog.Version(ctx, k.tenant, k.service, record.Running)
		if err != nil {
			return nil, err
		}
		if s := d.keep(k, v, forgets); s != nil {
			return s, nil
		}
	}
}

// keep adds a service that was found in the catalogue. It returns nil when
// services were forgotten since, of which this may be one.
func (d *Dispatcher) keep(k key, v host.Version, forgets int) *service {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.services[k]
	if s == nil && d.forgets == forgets {
		s = newService(v)
		d.services[k] = s
	}
	return s
}

func (d *Dispatcher) tenant(ctx context.Context, name string) (*tenant, error) {
	d.mu.RLock()
	t := d.tenants[name]
	d.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	record, err := d.Catalog.Tenant(ctx, name)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t = d.tenants[name]; t == nil {
		t = newTenant(record.Quota, newLife(record.Created))
		d.tenants[name] = t
	}
	return t, nil
}

const (
	// idleAfter is how long an instance waits for a call before it is closed.
	idleAfter = 30 * time.Second
	// unloadAfter is how long a program does.
	unloadAfter = time.Minute
	// maxLoaded is the most programs that stay loaded. Each takes a dozen
	// mappings of memory, and as many for each of its instances; the kernel
	// allows a process some 65,000.
	maxLoaded = 1000
)

// tidy closes idle instances until ctx ends.
func (d *Dispatcher) tidy(ctx context.Context) {
	tick := time.NewTicker(idleAfter / 6)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			d.tidyOnce(now)
		}
	}
}

func (d *Dispatcher) tidyOnce(now time.Time) {
	for _, a := range d.running() {
		a.trim(now.Add(-idleAfter))
	}
	d.mu.RLock()
	services := slices.Collect(maps.Values(d.services))
	d.mu.RUnlock()
	for _, s := range services {
		s.unload(now.Add(-unloadAfter))
	}
}

// makeRoom unloads the programs that were unused for longest when too many
// are loaded.
func (d *Dispatcher) makeRoom() {
	type loaded struct {
		s    *service
		used time.Time
	}
	var all []loaded
	d.mu.RLock()
	if len(d.services) > maxLoaded {
		for _, s := range d.services {
			if a := s.current.Load(); a != nil {
				all = append(all, loaded{s, a.lastUsed()})
			}
		}
	}
	d.mu.RUnlock()
	if len(all) <= maxLoaded {
		return
	}
	slices.SortFunc(all, func(a, b loaded) int { return a.used.Compare(b.used) })
	for _, l := range all[:len(all)-maxLoaded*9/10] {
		l.s.unload(l.used.Add(1)) // unless it was used since
	}
}

// relieve closes all idle instances: the system has no room for another.
func (d *Dispatcher) relieve() {
	for _, a := range d.running() {
		a.trim(time.Now())
	}
}

// running returns the versions that are loaded.
func (d *Dispatcher) running() []*active {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []*active
	for _, s := range d.services {
		if a := s.current.Load(); a != nil {
			out = append(out, a)
		}
	}
	return out
}

// idle counts the instances that wait for calls.
func (d *Dispatcher) idle() (n int) {
	for _, a := range d.running() {
		a.mu.Lock()
		n += len(a.idle)
		a.mu.Unlock()
	}
	return n
}

// busy turns a refused admission into an error.
func busy(err error, what string) error {
	if errors.Is(err, fair.ErrFull) || errors.Is(err, context.DeadlineExceeded) {
		return &host.Error{
			Code: abi.Unavailable, RetryAfter: time.Second, Err: err,
			Message: "too many calls " + what + "; try again later",
		}
	}
	return err
}
