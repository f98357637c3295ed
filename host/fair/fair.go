// Package fair admits work up to a capacity and lets those that wait take
// turns by key, so that one tenant with a thousand requests delays another
// tenant's request by one turn, not by a thousand.
package fair

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// ErrFull says that as many wait already as may wait.
var ErrFull = errors.New("too many are waiting")

// Gate is a weighted semaphore with a bounded, fair queue. It is safe for
// concurrent use.
type Gate struct {
	waiting    atomic.Int64 // written under the lock, read without it
	maxWaiting int64

	mu     sync.Mutex
	free   int64
	cap    int64
	queues map[string][]*waiter // never holds an empty list
	order  []string             // keys with waiters, next first
}

type waiter struct {
	ready   chan struct{} // closed when it is let in
	weight  int64
	granted bool
}

// NewGate returns a gate that lets capacity units in at a time and at most
// maxWaiting callers wait.
func NewGate(capacity, maxWaiting int64) *Gate {
	return &Gate{free: capacity, cap: capacity, maxWaiting: maxWaiting, queues: make(map[string][]*waiter)}
}

// Enter returns nil once weight units are the caller's, who gives them back
// with Leave; [ErrFull] at once when too many wait; or the context's error.
// A weight over the capacity counts as the capacity.
func (g *Gate) Enter(ctx context.Context, key string, weight int64) error {
	g.mu.Lock()
	weight = min(weight, g.cap)
	if len(g.order) == 0 && g.free >= weight {
		g.free -= weight
		g.mu.Unlock()
		return nil
	}
	if g.waiting.Load() >= g.maxWaiting {
		g.mu.Unlock()
		return ErrFull
	}
	w := &waiter{ready: make(chan struct{}), weight: weight}
	if len(g.queues[key]) == 0 {
		g.order = append(g.order, key)
	}
	g.queues[key] = append(g.queues[key], w)
	g.waiting.Add(1)
	g.mu.Unlock()

	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.granted {
		g.free += weight
	} else {
		g.remove(key, w)
	}
	g.admit()
	return ctx.Err()
}

// TryEnter is Enter for who does not wait: it reports whether weight units are
// the caller's.
func (g *Gate) TryEnter(weight int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	weight = min(weight, g.cap)
	if len(g.order) > 0 || g.free < weight {
		return false
	}
	g.free -= weight
	return true
}

// Leave gives weight units back.
func (g *Gate) Leave(weight int64) {
	g.mu.Lock()
	g.free += min(weight, g.cap)
	g.admit()
	g.mu.Unlock()
}

// Contended reports whether anyone waits.
func (g *Gate) Contended() bool { return g.waiting.Load() > 0 }

// Stats returns the units that are let in and the number of callers that wait.
func (g *Gate) Stats() (used, waiting int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cap - g.free, g.waiting.Load()
}

// admit lets in who is next, one key after the other, until the next does
// not fit; nobody overtakes it, so heavy work is not starved by light work.
func (g *Gate) admit() {
	for len(g.order) > 0 {
		key := g.order[0]
		queue := g.queues[key]
		w := queue[0]
		if w.weight > g.free {
			return
		}
		g.free -= w.weight
		g.order = g.order[1:]
		if len(queue) == 1 {
			delete(g.queues, key)
		} else {
			g.queues[key] = queue[1:]
			g.order = append(g.order, key)
		}
		g.waiting.Add(-1)
		w.granted = true
		close(w.ready)
	}
}

// remove takes a waiter that gave up out of the queue.
func (g *Gate) remove(key string, w *waiter) {
	queue := g.queues[key]
	for i := range queue {
		if queue[i] != w {
			continue
		}
		g.waiting.Add(-1)
		if len(queue) > 1 {
			g.queues[key] = append(queue[:i:i], queue[i+1:]...)
			return
		}
		delete(g.queues, key)
		for j := range g.order {
			if g.order[j] == key {
				g.order = append(g.order[:j:j], g.order[j+1:]...)
				return
			}
		}
	}
}
