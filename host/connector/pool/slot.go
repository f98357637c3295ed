package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// slot is the place of one connection.
type slot struct {
	key      key
	pool     *Pool
	share    share
	expected atomic.Int64 // size of replies

	mu      sync.Mutex
	live    *live
	opening *opening
	closed  bool
	breaker breaker
	// generation is that of the configurations when an attempt was made last.
	generation uint64
	tried      *live     // how it was configured then
	redact     *redactor // of the latest configuration
	asking     bool      // a ping is under way because of a suspicion
	record
}

// live is an open connection.
type live struct {
	Setting
	conn connector.Conn

	// The slot's lock guards the rest.
	generation uint64
	checked    time.Time
	users      int
	retired    bool // close when the last user leaves
}

// opening is an attempt to open a connection, for all who wait for it. It is
// not given up when they do, so that a system that says nothing is found out.
type opening struct {
	cancel  context.CancelFunc
	changed bool // something was configured, maybe this
	refused bool // the system is left alone
	probe   bool // the breaker waits for it; guarded by the slot's lock
	done    chan struct{}
	live    *live // when done
	err     error
}

// acquire returns the connection as it is configured now, open, unless its
// system is left alone; the caller releases it, with probe.
func (s *slot) acquire(ctx context.Context, kind string, now time.Time) (l *live, probe bool, err error) {
	return s.get(ctx, kind, now, false)
}

// look is acquire for who wants to see the connection and does not use it.
func (s *slot) look(ctx context.Context, kind string) (*live, error) {
	l, _, err := s.get(ctx, kind, time.Now(), true)
	return l, err
}

func (s *slot) get(ctx context.Context, kind string, now time.Time, look bool) (l *live, probe bool, err error) {
	var ready *live // what this call has waited for
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, false, s.gone()
		}
		if l = s.fresh(now); l == nil && ready != nil && !ready.retired {
			l = ready // it may have changed again meanwhile; it is what was configured when this call came
		}
		if l != nil {
			probe, err = s.enter(l, kind, now, look)
			s.mu.Unlock()
			return l, probe, err
		}
		o, err := s.open(now, look)
		s.mu.Unlock()
		if err != nil {
			return nil, false, err
		}
		select {
		case <-o.done:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
		if o.err != nil {
			return nil, false, o.err
		}
		ready, now = o.live, time.Now()
	}
}

func (s *slot) gone() error {
	if s.pool.base.Err() != nil {
		return stopping()
	}
	return host.Errorf(abi.NotFound, "no connection %q", s.key.name)
}

// enter counts a user of an open connection in. The slot is locked.
func (s *slot) enter(l *live, kind string, now time.Time, look bool) (probe bool, err error) {
	if l.Record.Type != kind {
		return false, host.FieldErrorf(abi.FieldConnection, "connection %q has the type %q, not %q", l.Record.Name, l.Record.Type, kind)
	}
	if !look {
		probe, err = s.breaker.admit(now, s.key.name)
	}
	if err == nil {
		l.users++
	}
	return probe, err
}

// fresh returns the connection if there is no need to look at its
// configuration. The slot is locked.
func (s *slot) fresh(now time.Time) *live {
	l := s.live
	if l == nil {
		return nil
	}
	if c, ok := l.conn.(connector.Loser); ok && c.Lost() {
		s.live = nil
		l.retire()
		return nil
	}
	if l.generation != s.pool.generation.Load() || now.Sub(l.checked) > maxAge {
		return nil
	}
	return l
}

// retire closes the connection, or has the last user close it. The slot is
// locked.
func (l *live) retire() {
	if l.retired {
		return
	}
	l.retired = true
	if l.users == 0 {
		go func() { _ = l.conn.Close() }() // it may take its time
	}
}

// release counts a user out and learns from its error. A connection that was
// lost is not used again. slow says that the system may have stopped answering.
//
// cause is why the caller's context ended, if it did.
func (s *slot) release(cause error, l *live, probe bool, err error) (slow bool) {
	v, slow := judge(cause, err)
	lost := errors.Is(err, connector.ErrNotConnected)
	s.mu.Lock()
	if v == down && lost && s.live != l && !probe {
		v = unknown // others have said so
	}
	last := s.leave(l, lost)
	s.noted(v, probe, false, err)
	s.mu.Unlock()
	if last {
		_ = l.conn.Close() // it was lost or replaced: nobody waits for what it still had to say
	}
	return slow
}

// leave counts a user of a connection out and reports whether that was the
// last one of a connection that is not used any more, and is to be closed.
// The slot is locked.
func (s *slot) leave(l *live, lost bool) (last bool) {
	l.users--
	if lost && s.live == l {
		s.live, l.retired = nil, true
	}
	return l.retired && l.users == 0
}

// judge says what the outcome of an operation means for the system, and
// whether somebody waited in vain. That may be the fault of what was asked
// for, so it is a reason to ask for a sign of life, and no verdict.
func judge(cause, err error) (v verdict, slow bool) {
	switch {
	case err == nil:
		return up, false
	case cause != nil:
		return unknown, errors.Is(cause, context.DeadlineExceeded)
	case errors.Is(err, egress.ErrDenied):
		return unknown, false
	case errors.Is(err, connector.ErrNotConnected):
		return down, false
	}
	if e, coded := errors.AsType[*host.Error](err); coded {
		switch e.Code {
		case abi.Unavailable:
			return down, false
		case abi.NotFound, abi.Conflict, abi.Remote:
			return up, false
		default: // the host may have said so
			return unknown, e.Code == abi.Timeout
		}
	}
	if n, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && n.Timeout() {
		return unknown, true
	}
	return up, false
}

// open returns the attempt to open the connection that is under way, and
// begins one if there is none. The slot is locked.
func (s *slot) open(now time.Time, look bool) (o *opening, err error) {
	if s.opening != nil && (look || s.breaker.pauses == 0) {
		return s.opening, nil
	}
	var probe, changed bool
	if g := s.pool.generation.Load(); s.generation != g {
		s.generation, changed = g, true // whether it did is seen when it was read
	} else if probe, err = s.breaker.admit(now, s.key.name); err != nil && !look {
		return nil, err
	}
	if s.opening != nil { // somebody wants to know how it is now
		s.opening.probe = probe
		return s.opening, nil
	}
	ctx, cancel := context.WithTimeout(s.pool.base, openTimeout)
	o = &opening{cancel: cancel, probe: probe, changed: changed, done: make(chan struct{})}
	s.opening = o
	s.pool.work.Go(func() {
		defer cancel()
		l, err := s.connect(ctx, o)
		s.opened(o, l, err)
	})
	return o, nil
}

// opened ends an attempt.
func (s *slot) opened(o *opening, l *live, err error) {
	if err != nil && host.CodeOf(err) == abi.NotFound && l.Record.Name == "" {
		s.pool.drop(s) // there is no such connection
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(o.done)
	s.opening = nil
	if l.redact != nil {
		s.redact = l.redact
	}
	switch {
	case err == nil && s.closed:
		go func() { _ = l.conn.Close() }()
		o.err = s.gone()
	case err == nil:
		s.noted(unknown, o.probe, false, nil) // whether it works is for an operation to say
		if old := s.live; old != l {
			if old != nil {
				old.retire()
			}
			s.began()
		}
		s.live, o.live = l, l
	case s.closed && host.CodeOf(err) != abi.NotFound:
		o.err = s.gone()
	case o.refused: // which says nothing new about the system
		o.err = err
	default:
		v := unknown
		if (errors.Is(err, connector.ErrNotConnected) || errors.Is(err, context.DeadlineExceeded)) && !errors.Is(err, egress.ErrDenied) {
			v = down
		}
		s.noted(v, o.probe, true, err)
		s.failed(err)
		o.err = err
	}
}

// connect reads the configuration and connects. It returns the connection
// that is open already if that is configured alike, and after an error what
// was learnt before it.
func (s *slot) connect(ctx context.Context, o *opening) (*live, error) {
	p := s.pool
	l := &live{generation: p.generation.Load(), checked: time.Now()} // before reading: a change meanwhile makes it stale
	var err error
	if l.Setting, err = ReadSetting(ctx, p.source, s.key.tenant, s.key.name); err != nil {
		return l, err
	}
	kind, ok := p.types[l.Record.Type]
	if !ok {
		return l, host.FieldErrorf(abi.FieldConnection, "connection %q has the type %q, which has no such operation", s.key.name, l.Record.Type)
	}
	if old := s.unchanged(l); old != nil {
		return old, nil
	}
	if err := s.mayTry(l, o); err != nil {
		return l, err
	}
	env, err := l.Env(p.dir, p.log)
	if err != nil {
		return l, err
	}
	l.conn, err = openConn(ctx, kind, l.Record.Config, l.Secret, env)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	return l, err
}

// openConn opens a connection. A connector that panics fails to.
func openConn(ctx context.Context, kind connector.Connector, raw []byte, secret func(string) (string, error), env connector.Env) (conn connector.Conn, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = &host.Error{Code: abi.Internal, Message: "internal error; the host's log has the detail", Err: fmt.Errorf("opening a connection of type %s panics: %v", kind.Type, fault)}
		}
	}()
	return kind.Open(ctx, raw, secret, env)
}

// unchanged returns the open connection if l is configured alike, and notes
// that it was looked at.
func (s *slot) unchanged(l *live) *live {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.live
	if !old.alike(l) {
		return nil
	}
	old.generation, old.checked = l.generation, l.checked
	if s.tried != nil && !s.tried.alike(l) { // what failed meanwhile was configured differently
		s.breaker = breaker{}
	}
	s.tried = l
	return old
}

// alike reports whether two connections are configured in the same way.
func (l *live) alike(other *live) bool { return l != nil && l.Setting.alike(other.Setting) }

// mayTry refuses an attempt with a configuration whose system is left alone.
// Who configures the connection differently need not wait.
func (s *slot) mayTry(l *live, o *opening) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.tried.alike(l):
		s.breaker, o.probe = breaker{}, false
	case o.changed && !o.probe:
		o.probe, err = s.breaker.admit(time.Now(), s.key.name)
	}
	s.tried, o.refused = l, err != nil
	return err
}

// noted gives the breaker a verdict. The slot is locked.
func (s *slot) noted(v verdict, probe, grave bool, err error) {
	if changed := s.breaker.note(v, probe, grave, err); !changed {
		return
	}
	s.since = time.Now()
	log := s.pool.log.With("tenant", s.key.tenant, "connection", s.key.name)
	if v == up {
		log.Info("the system of a connection is back")
		return
	}
	log.Warn("the system of a connection is down", "times", s.breaker.failures, "err", s.redact.secretsIn(err.Error()))
}

// note is noted of a slot that is not locked.
func (s *slot) note(v verdict, probe, grave bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noted(v, probe, grave, err)
}

func (s *slot) close() {
	s.mu.Lock()
	l, o := s.live, s.opening
	s.live, s.closed = nil, true
	if l != nil {
		l.retired = true
	}
	idle := l != nil && l.users == 0
	s.mu.Unlock()
	if o != nil {
		o.cancel()
	}
	if idle || l != nil && s.pool.base.Err() != nil {
		_ = l.conn.Close()
	}
}
