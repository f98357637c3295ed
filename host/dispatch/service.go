package dispatch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/fair"
	"github.com/seraihost/serai/host/runtime"
)

// service is a service that was called or deployed since the host started.
type service struct {
	gate atomic.Pointer[fair.Gate]

	mu      sync.Mutex // held while a program is loaded
	version host.Version
	retired bool
	current atomic.Pointer[active] // nil until it is loaded
}

func newService(v host.Version) *service {
	s := &service{version: v}
	s.gate.Store(newGate(v.Settings.Limits))
	return s
}

func newGate(l host.Limits) *fair.Gate { return fair.NewGate(int64(l.InFlight), int64(l.Queue)) }

// acquire returns the running version, which the caller releases, and whether
// its program had to be loaded.
func (s *service) acquire(ctx context.Context, l Loader) (a *active, loaded bool, err error) {
	for {
		if a := s.current.Load(); a != nil && a.retain() {
			return a, loaded, nil
		}
		if err := s.load(ctx, l); err != nil {
			return nil, loaded, err
		}
		loaded = true
	}
}

func (s *service) load(ctx context.Context, l Loader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return errRetired
	}
	if s.current.Load() != nil {
		return nil
	}
	p, err := l.Load(ctx, s.version)
	if err != nil {
		return err
	}
	s.current.Store(newActive(s.version, p))
	return nil
}

// errRetired says that the service was deleted while it was called.
var errRetired = errors.New("the service is being deleted")

// swap makes next the running version and lets the one before end.
func (s *service) swap(next *active) {
	s.mu.Lock()
	if s.retired {
		s.mu.Unlock()
		next.retire()
		return
	}
	if was, is := s.version.Settings.Limits, next.version.Settings.Limits; was.InFlight != is.InFlight || was.Queue != is.Queue {
		s.gate.Store(newGate(is))
	}
	s.version = next.version
	last := s.current.Swap(next)
	s.mu.Unlock()
	if last != nil {
		last.retire()
	}
}

func (s *service) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	if a := s.current.Load(); a != nil {
		a.retire()
	}
}

// unload forgets the program of a service that nobody has called since
// before. The next call loads it again; until then it takes no memory.
func (s *service) unload(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.current.Load()
	if a == nil || a.refs.Load() != 1 {
		return
	}
	a.mu.Lock()
	unused := !a.retired && a.used.Before(before)
	a.mu.Unlock()
	if unused {
		s.current.Store(nil) // a call that has just found it keeps it alive
		a.retire()
	}
}

// active is a version that runs calls, with its idle instances.
type active struct {
	version host.Version
	program runtime.Program
	turns   *fair.Gate   // of the engine, nil if it has none
	refs    atomic.Int64 // calls, and one for being current
	charge  atomic.Int64 // bytes that a call is expected to take

	mu      sync.Mutex
	idle    []idle // last used last
	used    time.Time
	retired bool
}

type idle struct {
	in    runtime.Instance
	since time.Time
}

const (
	// maxIdle bounds the idle instances of a version.
	maxIdle = 64
	// firstCharge is what a call is expected to take before any was measured.
	firstCharge = 2 << 20
	minCharge   = 256 << 10
)

func newActive(v host.Version, p runtime.Program) *active {
	a := &active{version: v, program: p, used: time.Now()}
	if t, ok := p.(runtime.TurnTaker); ok {
		a.turns = t.Turns()
	}
	a.refs.Store(1)
	a.charge.Store(firstCharge)
	return a
}

func (a *active) retain() bool {
	for {
		n := a.refs.Load()
		if n == 0 {
			return false
		}
		if a.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (a *active) release() {
	if a.refs.Add(-1) > 0 {
		return
	}
	a.trim(time.Now().Add(time.Hour))
	_ = a.program.Close()
}

// retire ends the version once its last call has ended.
func (a *active) retire() {
	a.mu.Lock()
	first := !a.retired
	a.retired = true
	a.mu.Unlock()
	if first {
		a.release()
	}
}

func (a *active) lastUsed() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}

// lease returns an idle instance or a new one.
func (a *active) lease(ctx context.Context) (runtime.Instance, error) {
	a.mu.Lock()
	if n := len(a.idle); n > 0 {
		in := a.idle[n-1].in
		a.idle[n-1] = idle{}
		a.idle = a.idle[:n-1]
		a.mu.Unlock()
		return in, nil
	}
	a.mu.Unlock()
	return a.program.Start(ctx)
}

// giveBack keeps a pristine instance for the next call.
func (a *active) giveBack(in runtime.Instance) {
	now := time.Now()
	a.mu.Lock()
	a.used = now
	if a.retired || len(a.idle) >= maxIdle {
		a.mu.Unlock()
		_ = in.Close()
		return
	}
	a.idle = append(a.idle, idle{in, now})
	a.mu.Unlock()
}

// trim closes the instances that were not used since before.
func (a *active) trim(before time.Time) {
	a.mu.Lock()
	n := 0
	for n < len(a.idle) && a.idle[n].since.Before(before) {
		n++
	}
	old := append([]idle(nil), a.idle[:n]...)
	a.idle = append(a.idle[:0], a.idle[n:]...)
	a.mu.Unlock()
	for _, i := range old {
		_ = i.in.Close()
	}
}

// observe learns what a call took. It rises at once and falls slowly.
func (a *active) observe(bytes int64) {
	want := max(bytes+bytes/4, minCharge)
	for {
		old := a.charge.Load()
		next := want
		if old != firstCharge && want < old {
			next = old - (old-want)/16
		}
		if next == old || a.charge.CompareAndSwap(old, next) {
			return
		}
	}
}
