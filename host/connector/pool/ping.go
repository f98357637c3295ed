package pool

import (
	"context"
	"errors"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// A system that is under suspicion is found down by so many pings in a row,
// each with this time, so long apart.
const (
	pings       = 3
	pingTimeout = 3 * time.Second
	pingPause   = time.Second
)

// Ping opens the connection if it is not open and asks its system for a sign
// of life, also while the system is left alone. ok is false for a type that is
// not the pool's.
func (p *Pool) Ping(ctx context.Context, c host.Connection) (ok bool, err error) {
	if _, ok = p.types[c.Type]; !ok {
		return false, nil
	}
	s, err := p.slot(key{c.Tenant, c.Name})
	if err != nil {
		return true, err
	}
	s.mu.Lock()
	s.breaker.forgive() // who asks wants to know how it is now
	s.mu.Unlock()
	l, probe, err := s.acquire(ctx, c.Type, time.Now())
	if err == nil {
		err = l.conn.Ping(ctx)
		s.release(ctx.Err(), l, probe, notLost(ctx, err))
	}
	s.mu.Lock()
	s.pinged(err)
	s.mu.Unlock()
	if err != nil {
		return true, s.explain(ctx.Err(), nil, err)
	}
	return true, nil
}

// notLost makes the error of a ping one of a connection that is lost, so that
// it is opened anew. A ping that was given up says nothing.
func notLost(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, connector.ErrNotConnected) {
		return err
	}
	return errors.Join(connector.ErrNotConnected, err)
}

// suspect asks the system for a sign of life, in the background, since an
// operation got none in time. That alone may be the fault of what it asked
// for. A nil connection is the one that is open.
func (s *slot) suspect(l *live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l == nil {
		l = s.live
	}
	if l == nil || s.live != l || s.asking || s.closed {
		return
	}
	s.asking = true
	l.users++
	successes := s.successes
	s.pool.work.Go(func() {
		err := s.interrogate(l, successes)
		s.mu.Lock()
		s.asking = false
		last := s.leave(l, errors.Is(err, connector.ErrNotConnected))
		if err != nil && s.successes == successes && !s.closed {
			s.noted(down, false, true, err)
		}
		s.mu.Unlock()
		if last {
			_ = l.conn.Close()
		}
	})
}

// interrogate pings until there is an answer, or an operation has got one, or
// it is clear that there will be none.
func (s *slot) interrogate(l *live, successes uint64) (err error) {
	for i := range pings {
		if i > 0 {
			select {
			case <-time.After(pingPause):
			case <-s.pool.base.Done():
				return nil
			}
		}
		ctx, cancel := context.WithTimeout(s.pool.base, pingTimeout)
		err = l.conn.Ping(ctx)
		cancel()
		s.mu.Lock()
		enough := err == nil || s.closed || s.successes != successes || s.live != l
		if !s.closed {
			s.pinged(err)
		}
		s.mu.Unlock()
		if enough {
			return nil
		}
	}
	return err
}
