//go:build cgo

package wasmtime

import (
	"context"
	"sync"
	"sync/atomic"
)

// turns hands out the processors: at most so many guests run at a time, and
// those that wait go in order, one key after the other, so that a tenant
// with a thousand busy calls delays another tenant's call by one slice.
type turns struct {
	waiting atomic.Int32 // also readable without the lock

	mu     sync.Mutex
	free   int
	queues map[string][]*waiter // never empty lists
	order  []string             // keys with waiters, next first
}

type waiter struct {
	ready   chan struct{} // closed when the turn is granted
	granted bool
}

func newTurns(n int) *turns {
	return &turns{free: n, queues: make(map[string][]*waiter)}
}

// acquire returns once the caller may run, or with the context's error.
func (t *turns) acquire(ctx context.Context, key string) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	w := &waiter{ready: make(chan struct{})}
	if len(t.queues[key]) == 0 {
		t.order = append(t.order, key)
	}
	t.queues[key] = append(t.queues[key], w)
	t.waiting.Add(1)
	t.mu.Unlock()

	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	granted := w.granted
	if !granted {
		t.remove(key, w)
	}
	t.mu.Unlock()
	if granted {
		t.release()
	}
	return ctx.Err()
}

// release gives the caller's turn to the next in line.
func (t *turns) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.order) == 0 {
		t.free++
		return
	}
	key := t.order[0]
	t.order = t.order[1:]
	queue := t.queues[key]
	w := queue[0]
	if len(queue) == 1 {
		delete(t.queues, key)
	} else {
		t.queues[key] = queue[1:]
		t.order = append(t.order, key)
	}
	t.waiting.Add(-1)
	w.granted = true
	close(w.ready)
}

// remove takes back a waiter that gave up. The lock is held.
func (t *turns) remove(key string, w *waiter) {
	queue := t.queues[key]
	for i := range queue {
		if queue[i] != w {
			continue
		}
		t.waiting.Add(-1)
		if len(queue) > 1 {
			t.queues[key] = append(queue[:i:i], queue[i+1:]...)
			return
		}
		delete(t.queues, key)
		for j := range t.order {
			if t.order[j] == key {
				t.order = append(t.order[:j:j], t.order[j+1:]...)
				return
			}
		}
	}
}

// contended reports whether anyone waits for a turn.
func (t *turns) contended() bool { return t.waiting.Load() > 0 }
