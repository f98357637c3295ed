package sqldb

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counted are sessions that count what the pool does with them.
type counted struct {
	opened, closed, resets atomic.Int64
	fails                  atomic.Bool // opening and resetting
}

var errFails = errors.New("it fails")

func (c *counted) open(context.Context) (session, error) {
	if c.fails.Load() {
		return nil, errFails
	}
	c.opened.Add(1)
	return &countedSession{counts: c}, nil
}

type countedSession struct {
	lane // none
	slot
	counts *counted
	state  caller // whoever has used it since it was reset
}

func (s *countedSession) alive(context.Context, time.Duration) bool { return true }
func (s *countedSession) condition() (usable, settled bool)         { return true, true }
func (s *countedSession) ping(context.Context) error                { return nil }
func (s *countedSession) goodbye()                                  { s.counts.closed.Add(1) }
func (s *countedSession) release(stained bool)                      { s.pool.release(s, stained) }

func (s *countedSession) reset(context.Context) error {
	if s.counts.fails.Load() {
		return errFails
	}
	s.counts.resets.Add(1)
	s.state = 0
	return nil
}

// use has a call use a session, in which it may only find itself.
func use(ctx context.Context, t *testing.T, p *sessions, who caller) error {
	t.Helper()
	l, err := p.lend(ctx, who)
	if err != nil {
		return err
	}
	s, _ := l.(*countedSession)
	if s.state != 0 && s.state != who {
		t.Errorf("call %d finds what call %d has left", who, s.state)
	}
	s.state = who
	l.release(false)
	return nil
}

// settle waits until the pool is at rest.
func settle(t *testing.T, p *sessions) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		total, idle, waiting := p.total, len(p.idle), len(p.waiting)
		p.mu.Unlock()
		if total == idle && waiting == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d sessions, of which %d are idle; %d calls wait", total, idle, waiting)
		}
	}
}

func TestEachCallHasASessionWhereThereAreEnough(t *testing.T) {
	t.Parallel()
	var c counted
	p := newSessions(3, c.open)
	defer p.close()
	for range 10 {
		for who := range caller(3) {
			if err := use(t.Context(), t, p, who+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := c.resets.Load(); n != 0 || c.opened.Load() != 3 {
		t.Errorf("%d resets, %d sessions", n, c.opened.Load())
	}
}

// TestTurns has many calls at a time share a few sessions: none sees another's
// state, none starves, no session is lost, also where calls go away and
// resetting fails.
func TestTurns(t *testing.T) {
	t.Parallel()
	var c counted
	p := newSessions(3, c.open)
	defer p.close()
	var running sync.WaitGroup
	for who := range caller(24) {
		running.Go(func() {
			ctx, end := context.WithTimeout(t.Context(), 30*time.Second)
			defer end()
			for range 50 {
				if err := use(ctx, t, p, who+1); err != nil {
					t.Errorf("call %d: %v", who+1, err)
					return
				}
			}
		})
		running.Go(func() { // it goes away soon
			ctx, end := context.WithTimeout(t.Context(), time.Duration(who)*100*time.Microsecond)
			defer end()
			for use(ctx, t, p, who+100) == nil {
			}
		})
	}
	running.Wait()
	settle(t, p)
	if open := c.opened.Load() - c.closed.Load(); open > 3 {
		t.Errorf("%d sessions", open)
	}
	c.fails.Store(true)
	ctx, end := context.WithCancel(t.Context())
	_ = use(ctx, t, p, 1000) // it may have one that needs no reset
	end()
	for range 4 { // calls that do not end meanwhile
		if err := use(t.Context(), t, p, caller(c.closed.Load())+2000); err != nil && !errors.Is(err, errFails) {
			t.Error(err)
		}
	}
	c.fails.Store(false)
	if err := use(t.Context(), t, p, 5000); err != nil {
		t.Errorf("after failures: %v", err)
	}
	settle(t, p)
}

// TestAnIdleCallDoesNotKeepItsSession is about a call that has the only
// session and does something else for long.
func TestAnIdleCallDoesNotKeepItsSession(t *testing.T) {
	t.Parallel()
	var c counted
	p := newSessions(1, c.open)
	defer p.close()
	ctx, end := context.WithTimeout(t.Context(), 20*time.Second)
	defer end()
	for who := range caller(2 * mostPays) { // also once it is known that waiting does not pay
		if err := use(ctx, t, p, who+1); err != nil {
			t.Fatalf("call %d: %v", who+1, err)
		}
	}
	if c.opened.Load() != 1 || c.resets.Load() != 2*mostPays-1 {
		t.Errorf("%d sessions, %d resets", c.opened.Load(), c.resets.Load())
	}
}

func TestWhoWaitsHearsOfTheEnd(t *testing.T) {
	t.Parallel()
	var c counted
	p := newSessions(1, c.open)
	l, err := p.lend(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan error)
	go func() {
		_, err := p.lend(t.Context(), 2)
		heard <- err
	}()
	for waits := false; !waits; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		waits = len(p.waiting) == 1
		p.mu.Unlock()
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if err := <-heard; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	l.release(false)
	for end := time.Now().Add(20 * time.Second); c.closed.Load() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the session is not closed")
		}
	}
}
