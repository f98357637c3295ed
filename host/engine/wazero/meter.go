package wazero

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// meter measures the time of a call without its host functions, and ends the
// call when that is over its budget. It is wall time: what a guest waits for
// a processor counts.
type meter struct {
	start  time.Time
	budget time.Duration
	cancel context.CancelFunc
	over   atomic.Bool

	mu      sync.Mutex
	host    time.Duration // spent in host functions that are over
	inHost  time.Time     // since when one runs; zero if none does
	timer   *time.Timer
	stopped bool
}

// newMeter begins to measure; a budget of 0 is none. It sets no timer where
// ctx ends before the budget can be used up.
func newMeter(ctx context.Context, budget time.Duration, cancel context.CancelFunc) *meter {
	m := &meter{start: time.Now(), budget: budget, cancel: cancel}
	deadline, bounded := ctx.Deadline()
	if budget > 0 && !(bounded && deadline.Sub(m.start) <= budget) {
		m.mu.Lock()
		m.timer = time.AfterFunc(budget, m.check)
		m.mu.Unlock()
	}
	return m
}

// used is the guest's time until now; mu is held.
func (m *meter) used(now time.Time) time.Duration {
	t := now.Sub(m.start) - m.host
	if !m.inHost.IsZero() {
		t -= now.Sub(m.inHost)
	}
	return max(t, 0)
}

// check ends the call if its budget is used up, or comes back when it might be.
func (m *meter) check() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return
	}
	if left := m.budget - m.used(time.Now()); left > 0 {
		m.timer.Reset(max(left, time.Millisecond))
		return
	}
	m.over.Store(true)
	m.cancel()
}

func (m *meter) enter(now time.Time) {
	m.mu.Lock()
	m.inHost = now
	m.mu.Unlock()
}

func (m *meter) leave(began time.Time) {
	now := time.Now()
	m.mu.Lock()
	m.host += now.Sub(began)
	m.inHost = time.Time{}
	m.mu.Unlock()
}

// stop ends measuring and returns the guest's time.
func (m *meter) stop() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	if m.timer != nil {
		m.timer.Stop()
	}
	return m.used(time.Now())
}
