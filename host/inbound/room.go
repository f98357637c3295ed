package inbound

import (
	"context"
	"sync"
)

// DefaultAtOnce is how many messages of one tenant are in its services at a
// time, of all its channels together.
const DefaultAtOnce = 256

// rooms bound, for each tenant, how many messages are in its services.
type rooms struct {
	most int

	mu      sync.Mutex
	tenants map[string]chan struct{}
}

// enter waits for a place and returns a function that leaves it; false if ctx
// ended before.
func (r *rooms) enter(ctx context.Context, tenant string) (leave func(), ok bool) {
	r.mu.Lock()
	places := r.tenants[tenant]
	if places == nil {
		places = make(chan struct{}, r.most)
		r.tenants[tenant] = places
	}
	r.mu.Unlock()
	select {
	case places <- struct{}{}:
		return func() { <-places }, true
	case <-ctx.Done():
		return nil, false
	}
}

// keep forgets the tenants that have no channels any more. Messages that are
// still under way keep their places until they are done.
func (r *rooms) keep(has func(tenant string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for t, places := range r.tenants {
		if len(places) == 0 && !has(t) {
			delete(r.tenants, t)
		}
	}
}
