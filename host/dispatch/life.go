package dispatch

import (
	"context"
	"sync"
	"time"
)

// life holds the calls of a tenant. When the tenant is deleted they end, so
// that they leave nothing to a tenant that gets its name.
type life struct {
	born time.Time // when the tenant was created

	mu    sync.Mutex
	calls map[*context.CancelFunc]struct{}
	over  bool
	idle  chan struct{} // closed once it is over and no call is left
}

func newLife(born time.Time) *life {
	return &life{born: born, calls: make(map[*context.CancelFunc]struct{}), idle: make(chan struct{})}
}

// enter begins a call unless the life is over. The returned context ends
// when it ends; the caller calls leave once the call has left its last trace.
func (l *life) enter(parent context.Context) (ctx context.Context, leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return parent, nil, false
	}
	ctx, cancel := context.WithCancel(parent)
	l.calls[&cancel] = struct{}{}
	return ctx, func() {
		cancel()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.calls, &cancel)
		if l.over && len(l.calls) == 0 {
			close(l.idle)
		}
	}, true
}

// endTime bounds the wait for calls that are cancelled.
const endTime = 10 * time.Second

// end cancels all calls, lets no other begin and waits until they have left.
func (l *life) end() {
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		return
	}
	l.over = true
	if len(l.calls) == 0 {
		close(l.idle)
	}
	for cancel := range l.calls {
		(*cancel)()
	}
	l.mu.Unlock()
	timer := time.NewTimer(endTime)
	defer timer.Stop()
	select {
	case <-l.idle:
	case <-timer.C:
	}
}
