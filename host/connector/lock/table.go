// Package lock lets the calls of a tenant exclude each other: the operations
// lock.acquire and lock.release.
//
// Locks are in memory, and a lock belongs to a call: it ends with the call at
// the latest, also when that traps or runs into a limit, and calls do not
// outlive the host. A call that waits holds no thread.
package lock

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// maxHeld bounds the locks that the calls of a tenant hold together.
const maxHeld = 10_000

// Table knows who holds which lock. It is safe for concurrent use.
type Table struct {
	mu    sync.Mutex
	locks map[key]*state // never holds one that nobody holds
	held  map[string]int // locks by tenant
}

// New returns a table in which all locks are free.
func New() *Table { return &Table{locks: make(map[key]*state), held: make(map[string]int)} }

type key struct{ tenant, name string }

// state is a lock that is held.
type state struct {
	token   string
	expiry  *time.Timer
	forget  func() bool // stops watching the call that holds it
	waiting []*waiter   // first come, first served
}

type waiter struct {
	granted chan struct{} // closed once token is that of the lock
	token   string
	ttl     time.Duration
}

// Acquire waits at most block until the named lock is the caller's, and
// returns the token with which to release it. The lock ends by itself when
// ctx does, and after ttl. A Timeout error says that others held it all the
// time, a Limit error that the tenant holds too many.
func (t *Table) Acquire(ctx context.Context, tenant, name string, ttl, block time.Duration) (string, error) {
	k := key{tenant, name}
	w := &waiter{granted: make(chan struct{}), token: rand.Text(), ttl: ttl}
	if err := t.enqueue(k, w); err != nil {
		return "", err
	}
	patience := time.NewTimer(block)
	defer patience.Stop()
	select {
	case <-w.granted:
	case <-ctx.Done():
	case <-patience.C:
	}
	if !t.settle(k, w) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		return "", host.Errorf(abi.Timeout, "lock %q was held by others for %s; wait longer for it, or hold it shorter", host.Clip(name), block)
	}
	t.watch(ctx, k, w.token)
	return w.token, nil
}

// Release frees a lock if the token is its holder's, and reports whether it was.
func (t *Table) Release(tenant, name, token string) bool {
	return t.release(key{tenant, name}, token)
}

// enqueue gives a free lock to w, or has it wait.
func (t *Table) enqueue(k key, w *waiter) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.locks[k]; ok {
		s.waiting = append(s.waiting, w)
		return nil
	}
	if t.held[k.tenant] >= maxHeld {
		return host.Errorf(abi.Limit, "the tenant's calls hold %d locks; release some", maxHeld)
	}
	t.held[k.tenant]++
	s := &state{}
	t.locks[k] = s
	t.grant(k, s, w)
	return nil
}

// grant makes w the holder of a lock. The table is locked.
func (t *Table) grant(k key, s *state, w *waiter) {
	s.token, s.forget = w.token, nil
	s.expiry = time.AfterFunc(w.ttl, func() { t.release(k, w.token) })
	close(w.granted)
}

// settle reports whether w has been granted its lock; if not it no longer waits.
func (t *Table) settle(k key, w *waiter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-w.granted:
		return true
	default:
	}
	s := t.locks[k] // w waits for it, so it is held
	for i, other := range s.waiting {
		if other == w {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			break
		}
	}
	return false
}

// watch releases the lock when ctx ends, which may be now.
func (t *Table) watch(ctx context.Context, k key, token string) {
	stop := context.AfterFunc(ctx, func() { t.release(k, token) })
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.locks[k]; ok && s.token == token {
		s.forget = stop
		return
	}
	stop() // its time was over already
}

func (t *Table) release(k key, token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.locks[k]
	if !ok || s.token != token {
		return false
	}
	s.expiry.Stop()
	if s.forget != nil {
		s.forget()
	}
	if len(s.waiting) > 0 {
		next := s.waiting[0]
		s.waiting = s.waiting[1:]
		t.grant(k, s, next)
		return true
	}
	delete(t.locks, k)
	if t.held[k.tenant]--; t.held[k.tenant] == 0 {
		delete(t.held, k.tenant)
	}
	return true
}
