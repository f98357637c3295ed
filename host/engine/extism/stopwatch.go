package extism

import (
	"context"
	"sync"
	"time"
)

// stopwatch measures the time of a call without the operations in which it
// waits, and ends the call when that is over its budget. It is wall time:
// waiting for a processor counts.
type stopwatch struct {
	budget time.Duration // 0: none
	cancel context.CancelFunc

	mu      sync.Mutex
	used    time.Duration // before since
	since   time.Time     // zero: paused
	timer   *time.Timer
	stopped bool
}

// newStopwatch begins to measure. It sets no timer where ctx ends before the
// budget can be used up.
func newStopwatch(ctx context.Context, budget time.Duration, cancel context.CancelFunc) *stopwatch {
	w := &stopwatch{budget: budget, cancel: cancel, since: time.Now()}
	deadline, bounded := ctx.Deadline()
	if budget > 0 && !(bounded && deadline.Sub(w.since) <= budget) {
		w.mu.Lock()
		w.timer = time.AfterFunc(budget, w.check)
		w.mu.Unlock()
	}
	return w
}

// total is the time until now; mu is held.
func (w *stopwatch) total() time.Duration {
	if w.since.IsZero() {
		return w.used
	}
	return w.used + time.Since(w.since)
}

// check ends the call if its budget is used up, or comes back when it might be.
func (w *stopwatch) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	if left := w.budget - w.total(); left > 0 {
		w.timer.Reset(max(left, time.Millisecond))
		return
	}
	w.cancel()
}

// pause stops the watch until the function that it returns is called.
func (w *stopwatch) pause() (resume func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used, w.since = w.total(), time.Time{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.since = time.Now()
	}
}

// stop ends measuring and returns the time.
func (w *stopwatch) stop() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
	return w.total()
}
