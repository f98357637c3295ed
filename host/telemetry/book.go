package telemetry

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

// Options bound a [Book]. A zero field takes its default.
type Options struct {
	PerService      int // records kept of one service, default 2,000
	PerServiceBytes int // bytes kept of one service, default 2 MiB
	Bytes           int // bytes kept in all, default 64 MiB
	Followers       int // followers of one tenant at once, default 32
	FollowBuffer    int // records that a follower may lag behind, default 256
	// Out, if set, also gets every record, as one line of JSON in the form
	// of log/slog. It may block: what it cannot take in time is dropped.
	Out io.Writer
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		v    *int
		from int
	}{
		{&o.PerService, 2000},
		{&o.PerServiceBytes, 2 << 20},
		{&o.Bytes, 64 << 20},
		{&o.Followers, 32},
		{&o.FollowBuffer, 256},
	} {
		if *d.v <= 0 {
			*d.v = d.from
		}
	}
	return o
}

// Book holds the newest log records of every service, in memory. Every read
// names a tenant and sees nothing of another one. It is safe for concurrent
// use.
//
// Locks: mu may be held while a tenantBook's mu is taken, never the other way
// round.
type Book struct {
	opts    Options
	size    atomic.Int64
	mu      sync.RWMutex
	tenants map[string]*tenantBook
	out     *printer
}

// tenantBook is the part of one tenant.
type tenantBook struct {
	mu        sync.Mutex
	gone      bool // the tenant was forgotten; whoever still has the pointer asks again
	size      atomic.Int64
	all       list
	services  map[string]*serviceList
	followers []*follower
}

// NewBook returns an empty book. One that has an Out is to be closed.
func NewBook(opts Options) *Book {
	b := &Book{opts: opts.withDefaults(), tenants: map[string]*tenantBook{}}
	if opts.Out != nil {
		b.out = newPrinter(opts.Out)
	}
	return b
}

// Close writes out what waits for Out and ends. It is fine to close twice.
func (b *Book) Close() error {
	if b.out != nil {
		b.out.close()
	}
	return nil
}

// Append adds a record and hands it to the followers. It never blocks on a
// reader; when the book is full, the oldest records go. A record without a
// tenant is dropped, since nobody could read it.
func (b *Book) Append(r Record) {
	if r.Tenant == "" {
		return
	}
	size := r.tidy()
	if b.out != nil {
		b.out.print(r)
	}
	for !b.tenant(r.Tenant).append(b, &node{rec: r, size: size}) {
		continue // forgotten in between; ask for the new one
	}
	for b.size.Load() > int64(b.opts.Bytes) {
		if !b.evict(r.Tenant) {
			return
		}
	}
}

func (b *Book) tenant(name string) *tenantBook {
	if t := b.lookup(name); t != nil {
		return t
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tenants[name]
	if t == nil {
		t = &tenantBook{services: map[string]*serviceList{}}
		b.tenants[name] = t
	}
	return t
}

func (b *Book) lookup(name string) *tenantBook {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.tenants[name]
}

func (t *tenantBook) append(b *Book, n *node) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return false
	}
	s := t.services[n.rec.Service]
	if s == nil {
		s = &serviceList{list: list{which: ofService}, name: n.rec.Service}
		t.services[n.rec.Service] = s
	}
	n.svc = s
	t.all.push(n)
	s.push(n)
	s.size += n.size
	t.size.Add(int64(n.size))
	b.size.Add(int64(n.size))
	for s.count > 1 && (s.count > b.opts.PerService || s.size > b.opts.PerServiceBytes) {
		t.drop(b, s.oldest)
	}
	for _, f := range t.followers {
		f.offer(&n.rec)
	}
	return true
}

// drop removes a record; t.mu is held.
func (t *tenantBook) drop(b *Book, n *node) {
	t.all.remove(n)
	n.svc.remove(n)
	n.svc.size -= n.size
	if n.svc.count == 0 {
		delete(t.services, n.svc.name)
	}
	t.size.Add(-int64(n.size))
	b.size.Add(-int64(n.size))
}

// evict drops the oldest record of the tenant that appends, if it has more
// than its share, and otherwise of the tenant that has most. So a tenant that
// logs a lot does not push out those that log little.
func (b *Book) evict(appending string) bool {
	b.mu.RLock()
	victim := b.tenants[appending]
	if victim == nil || victim.size.Load() <= int64(b.opts.Bytes)/int64(len(b.tenants)) {
		for _, t := range b.tenants {
			if victim == nil || t.size.Load() > victim.size.Load() {
				victim = t
			}
		}
	}
	b.mu.RUnlock()
	if victim == nil {
		return false
	}
	victim.mu.Lock()
	defer victim.mu.Unlock()
	if victim.all.oldest != nil {
		victim.drop(b, victim.all.oldest)
	}
	return true
}

// Tail returns the newest records of the tenant that the filter chooses, the
// oldest of them first.
func (b *Book) Tail(tenant string, f Filter) []Record {
	t := b.lookup(tenant)
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	from := &t.all
	if f.Service != "" {
		s := t.services[f.Service]
		if s == nil {
			return nil
		}
		from = &s.list
	}
	var out []Record
	for n := from.newest; n != nil && len(out) < f.limit(); n = n.prev[from.which] {
		if f.match(&n.rec) {
			out = append(out, n.rec)
		}
	}
	slices.Reverse(out)
	return out
}

// Follow returns a channel of the tenant's records from now on that the
// filter chooses; Limit is ignored. It is closed when ctx ends, when the
// tenant is forgotten, and at once when the tenant has too many followers. A
// reader that lags behind loses records and is told how many.
func (b *Book) Follow(ctx context.Context, tenant string, f Filter) <-chan Record {
	fo := &follower{ch: make(chan Record, b.opts.FollowBuffer), filter: f}
	for tenant != "" && ctx.Err() == nil {
		t := b.tenant(tenant)
		t.mu.Lock()
		if t.gone {
			t.mu.Unlock()
			continue
		}
		if len(t.followers) >= b.opts.Followers {
			t.mu.Unlock()
			break
		}
		t.followers = append(t.followers, fo)
		t.mu.Unlock()
		context.AfterFunc(ctx, func() { t.unfollow(fo) })
		return fo.ch
	}
	close(fo.ch)
	return fo.ch
}

func (t *tenantBook) unfollow(f *follower) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.followers, f); i >= 0 {
		t.followers = slices.Delete(t.followers, i, i+1)
		close(f.ch)
	}
}

// Forget drops the records of a service, or with service "" those of the
// whole tenant, whose followers end.
func (b *Book) Forget(tenant, service string) {
	if service == "" {
		b.forgetTenant(tenant)
		return
	}
	t := b.lookup(tenant)
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := t.services[service]; s != nil && s.oldest != nil; {
		t.drop(b, s.oldest)
	}
}

func (b *Book) forgetTenant(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tenants[name]
	if t == nil {
		return
	}
	delete(b.tenants, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone = true
	for t.all.oldest != nil {
		t.drop(b, t.all.oldest)
	}
	for _, f := range t.followers {
		close(f.ch)
	}
	t.followers = nil
}
