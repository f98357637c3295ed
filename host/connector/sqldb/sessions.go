package sqldb

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// sessions is a pool of connections to a database, each with its session. It
// is not that of database/sql or pgxpool, which do not know whose state a
// session has.
//
// What a statement changes in its session cannot be told from its text: a
// view, a trigger or a function can do anything. So a session belongs to the
// call that used it, and is reset before another gets it: when the call has
// ended, or when it is needed sooner.
//
// A reset costs round trips, which each statement would pay where more calls
// than sessions take turns. So who finds nothing but sessions of other calls
// waits, in order, until one has rested for as long as a reset takes, so that
// waiting costs no more than it may save; where calls do not come back as soon
// as that, sessions are not left to rest. While others wait, a call keeps a
// session that it does not rest for [turnTime].
type sessions struct {
	open func(ctx context.Context) (session, error)
	size int                // most sessions
	base context.Context    //nolint:containedctx // ends with close
	stop context.CancelFunc // ends base

	mu      sync.Mutex
	idle    []session     // the one that was released last is the last
	total   int           // idle, in use, being opened
	waiting []*waiter     // who came first is the first
	cost    time.Duration // of a reset
	pays    int           // whether it pays to let sessions rest: above 0
	skipped int           // how many were not
	alarm   *time.Timer   // serves who waits when a session has rested
	reaper  *time.Timer   // closes what has long been idle
	closed  bool
}

var _ engine = (*sessions)(nil)

// session is a connection as the pool takes it.
type session interface {
	lane
	place() *slot
	// alive reports whether the connection is still there after it was idle
	// for a while, if that can be told cheaply.
	alive(ctx context.Context, rested time.Duration) bool
	// reset has nothing be left of what was done in the session. After an
	// error it is of no use.
	reset(ctx context.Context) error
	// condition reports whether the connection is of use, and whether it is in
	// no transaction.
	condition() (usable, settled bool)
	ping(ctx context.Context) error
	// goodbye closes the connection within a few seconds.
	goodbye()
}

// slot is what the pool knows of a session, and part of each. Who uses the
// session has it; the pool's lock guards lease, ended and, while the session
// is idle, everything.
type slot struct {
	pool  *sessions
	of    caller // whose state it has
	used  bool   // it has somebody's
	lease int    // counts those who had it
	ended bool   // the call has, while the session was in use
	watch func() bool
	taken time.Time     // by that call
	since time.Time     // it is idle
	rest  time.Duration // how long it is left to its call then
}

func (s *slot) place() *slot { return s }

// waiter is who waits for a session.
type waiter struct {
	to    caller
	ready chan session // gets nil where there is room to open one, and is closed with the pool
}

// Bounds of how sessions are shared.
const (
	// turnTime is how long a call keeps a session that it uses while others wait.
	turnTime = 10 * time.Millisecond
	// tidyTime bounds a reset that nobody waits for.
	tidyTime = 5 * time.Second
	// A reset is taken to cost this at most.
	maxCost = 2 * time.Millisecond
	// mostPays bounds what is learnt from calls that come back to a session
	// that rests, or do not.
	mostPays = 16
)

func newSessions(size int, open func(ctx context.Context) (session, error)) *sessions {
	p := &sessions{open: open, size: size, cost: maxCost, pays: mostPays}
	p.base, p.stop = context.WithCancel(context.Background())
	return p
}

func (p *sessions) lend(ctx context.Context, to caller) (lane, error) { return p.get(ctx, to) }

func (p *sessions) get(ctx context.Context, to caller) (session, error) {
	s, err := p.wait(ctx, to)
	if err != nil {
		return nil, err
	}
	if s != nil && !p.fit(ctx, s, to) {
		go s.goodbye()
		s = nil
	}
	if s == nil {
		if s, err = p.open(ctx); err != nil {
			p.leave()
			return nil, err
		}
		s.place().pool = p
	}
	p.take(ctx, s, to)
	return s, nil
}

// wait returns a session that is in use from now on, nil where one is to be opened.
func (p *sessions) wait(ctx context.Context, to caller) (session, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed()
	}
	if s, ok := p.pick(to, len(p.waiting) > 0); ok {
		p.mu.Unlock()
		return s, nil
	}
	w := &waiter{to, make(chan session, 1)}
	p.waiting = append(p.waiting, w)
	p.serve()
	p.mu.Unlock()
	select {
	case s, open := <-w.ready:
		if !open {
			return nil, errClosed()
		}
		return s, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(p.waiting, w)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 {
		p.decline(<-w.ready)
	}
	return nil, ctx.Err()
}

func errClosed() error { return fmt.Errorf("the connection is closed: %w", net.ErrClosed) }

// decline gives back what somebody got who does not want it any more.
func (p *sessions) decline(s session) {
	if s != nil {
		p.release(s, false)
		return
	}
	p.leave()
}

// leave makes room for another session.
func (p *sessions) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	p.serve()
}

// pick takes what there is for a call: a session of its own, otherwise, unless
// it is not its turn, one that nobody has changed, room for another, or one
// that its call has rested, the longest first. The pool is locked.
func (p *sessions) pick(to caller, ownOnly bool) (s session, ok bool) {
	best, clean := -1, false
	var now time.Time
	for i, one := range slices.Backward(p.idle) {
		at := one.place()
		if at.used && at.of == to {
			best = i
			ownOnly = false
			break
		}
		switch {
		case ownOnly || clean:
		case !at.used:
			best, clean = i, true
		case p.total >= p.size:
			if now.IsZero() {
				now = time.Now()
			}
			if !now.Before(p.ripe(at)) {
				best = i
			}
		}
	}
	switch {
	case best >= 0:
		s = p.idle[best]
		p.learn(s.place(), to)
		p.idle = slices.Delete(p.idle, best, best+1)
		return s, true
	case !ownOnly && p.total < p.size:
		p.total++
		return nil, true
	}
	return nil, false
}

// learn notes whether it paid to let a session rest. The pool is locked.
func (p *sessions) learn(at *slot, to caller) {
	switch {
	case !at.used || at.rest == 0 || len(p.waiting) == 0:
	case at.of == to:
		p.pays = min(p.pays+2, mostPays)
	default:
		p.pays = max(p.pays-1, -mostPays)
	}
}

// restOf returns how long a session is left to its call: now and then it is
// tried whether that pays again. The pool is locked.
func (p *sessions) restOf() time.Duration {
	if p.pays <= 0 {
		if p.skipped++; p.skipped%mostPays != 0 {
			return 0
		}
	}
	return p.cost
}

// ripe returns when an idle session may be taken from its call. The pool is locked.
func (p *sessions) ripe(at *slot) time.Time {
	rested, turn := at.since.Add(at.rest), at.taken.Add(turnTime)
	if turn.Before(rested) {
		return turn
	}
	return rested
}

// serve gives those who wait what there is. The pool is locked.
func (p *sessions) serve() {
	for len(p.waiting) > 0 {
		s, ok := p.pick(p.waiting[0].to, false)
		if !ok {
			break
		}
		p.waiting[0].ready <- s
		p.waiting = slices.Delete(p.waiting, 0, 1)
	}
	if len(p.waiting) == 0 || len(p.idle) == 0 {
		return
	}
	next := p.ripe(p.idle[0].place())
	for _, s := range p.idle[1:] {
		if at := p.ripe(s.place()); at.Before(next) {
			next = at
		}
	}
	if p.alarm == nil {
		p.alarm = time.AfterFunc(time.Until(next), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.serve()
		})
		return
	}
	p.alarm.Reset(time.Until(next))
}

// fit reports whether a session can be used by somebody, and has nothing of
// others be left in it.
func (p *sessions) fit(ctx context.Context, s session, by caller) bool {
	at := s.place()
	if !s.alive(ctx, time.Since(at.since)) {
		at.forget()
		return false
	}
	return !at.used || at.of == by || p.reset(ctx, s) == nil
}

// take makes the caller the owner of a session.
func (p *sessions) take(ctx context.Context, s session, by caller) {
	at := s.place()
	if at.used && at.of == by {
		return
	}
	at.forget()
	p.mu.Lock()
	at.of, at.used, at.ended, at.taken = by, true, false, time.Now()
	at.lease++
	lease := at.lease
	p.mu.Unlock()
	if ctx.Done() != nil {
		at.watch = context.AfterFunc(ctx, func() { p.over(s, lease) })
	}
}

// forget ends the watch over a call.
func (s *slot) forget() {
	if s.watch != nil {
		s.watch()
		s.watch = nil
	}
}

// over is called when the call that a session belongs to has ended, so that
// the next one need not wait for the reset.
func (p *sessions) over(s session, lease int) {
	p.mu.Lock()
	at := s.place()
	i := slices.Index(p.idle, s)
	if at.lease != lease || i < 0 {
		at.ended = at.ended || at.lease == lease // who has it resets it
		p.mu.Unlock()
		return
	}
	p.idle = slices.Delete(p.idle, i, i+1)
	p.mu.Unlock()
	p.tidy(s)
}

// tidy resets a session that is in use, and ends that.
func (p *sessions) tidy(s session) {
	ctx, cancel := context.WithTimeout(p.base, tidyTime)
	defer cancel()
	if p.reset(ctx, s) != nil {
		p.discard(s)
		return
	}
	p.put(s)
}

// reset has nothing of its call be left in a session.
func (p *sessions) reset(ctx context.Context, s session) error {
	at := s.place()
	at.forget()
	began := time.Now()
	if err := s.reset(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at.used, at.ended = false, false
	at.lease++
	p.cost = min(time.Since(began), p.cost+p.cost/16, maxCost) // and not how busy this machine is
	return nil
}

// release ends the use of a session. stained says that it is certainly not as
// it was.
func (p *sessions) release(s session, stained bool) {
	usable, settled := s.condition()
	if !usable {
		p.discard(s)
		return
	}
	if stained || !settled {
		go p.tidy(s)
		return
	}
	p.put(s)
}

// put makes a session idle.
func (p *sessions) put(s session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := s.place()
	if p.closed {
		at.forget()
		go s.goodbye()
		return
	}
	if at.ended {
		go p.tidy(s)
		return
	}
	at.since, at.rest = time.Now(), p.restOf()
	p.idle = append(p.idle, s)
	p.serve()
	if p.reaper == nil {
		p.reaper = time.AfterFunc(idleTime, p.reap)
	}
}

// discard closes a session that is in use, without waiting for it.
func (p *sessions) discard(s session) {
	s.place().forget()
	go s.goodbye()
	p.leave()
}

// reap closes sessions that have long been idle.
func (p *sessions) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = slices.DeleteFunc(p.idle, func(s session) bool {
		old := time.Since(s.place().since) >= idleTime
		if old {
			p.total--
			s.place().forget()
			go s.goodbye()
		}
		return old
	})
	if p.reaper = nil; len(p.idle) > 0 && !p.closed {
		p.reaper = time.AfterFunc(idleTime, p.reap)
	}
}

// ping asks the database over a session that nobody has.
func (p *sessions) ping(ctx context.Context) error {
	s, err := p.get(ctx, nobody)
	if err != nil {
		return err
	}
	err = s.ping(ctx)
	at := s.place()
	at.forget()
	p.mu.Lock()
	at.used = false // there is nothing to be reset
	p.mu.Unlock()
	p.release(s, false)
	return err
}

// nobody is no call: their numbers begin at 1 and do not get there.
const nobody = ^caller(0)

func (p *sessions) close() error {
	p.stop()
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	for _, w := range p.waiting {
		close(w.ready)
	}
	p.waiting = nil
	for _, t := range []*time.Timer{p.reaper, p.alarm} {
		if t != nil {
			t.Stop()
		}
	}
	p.mu.Unlock()
	var closing sync.WaitGroup
	for _, s := range idle {
		s.place().forget()
		closing.Go(s.goodbye)
	}
	closing.Wait()
	return nil
}
