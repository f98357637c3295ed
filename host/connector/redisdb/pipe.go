package redisdb

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/seraihost/serai/host/connector/batch"
)

// Bounds of a socket that is shared.
const (
	// maxShared is the size of a request that takes a socket of its own, since
	// others would wait while it is sent.
	maxShared = 64 << 10
	// stalled is how long a reply may take until further requests take another
	// socket, which may be faster: this one may be busy with a large reply.
	stalled = 100 * time.Millisecond
)

// errOccupied is a request that a pipe does not take now. Nothing was sent.
var errOccupied = errors.New("the socket is occupied")

// errEnded is a request to a pipe that has ended before. Nothing was sent.
var errEnded = errors.New("the socket is closed")

// pipe is a socket over which the requests of many calls go at the same time.
// They are sent in the order in which they come, those that come together with
// one system call, and so are their replies. What the server says goes to the
// services nearly as it is: only its form is followed, and bounded.
//
// A call that does not wait any longer leaves its reply to come; one that is
// overdue ends the pipe.
type pipe struct {
	conn    *batch.Conn
	timeout time.Duration // of a reply

	mu          sync.Mutex
	first, last *waiter   // that wait for replies
	used        time.Time // when a request came last
	watch       *time.Timer
	watching    bool  // whether watch will look for what is overdue
	err         error // why the pipe has ended
}

// waiter is a request that waits for its replies.
type waiter struct {
	replies int // how many
	sent    time.Time
	next    *waiter

	done chan struct{} // has one element when the rest is there
	body []byte
	err  error
}

var waiters = sync.Pool{New: func() any { return &waiter{done: make(chan struct{}, 1)} }}

// newPipe returns a pipe over a socket on which the server knows who speaks.
func newPipe(conn net.Conn, timeout time.Duration) *pipe {
	p := &pipe{conn: batch.New(conn), timeout: timeout, used: time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch, p.watching = time.AfterFunc(timeout, p.look), true
	go p.read()
	return p
}

// do sends a request of so many commands and returns their replies.
func (p *pipe) do(ctx context.Context, request []byte, commands int) ([]byte, error) {
	x := waiters.Get().(*waiter) //nolint:forcetypeassert // nothing else is in the pool
	x.replies, x.sent, x.next, x.err = commands, time.Now(), nil, nil
	if err := p.enter(x, request); err != nil {
		waiters.Put(x)
		return nil, err
	}
	select {
	case <-x.done:
	case <-ctx.Done():
		return nil, ctx.Err() // the pipe still has x
	}
	body, err := x.body, x.err
	x.body = nil
	waiters.Put(x)
	return body, err
}

// enter takes a request.
func (p *pipe) enter(x *waiter, request []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err != nil, p.first == nil && x.sent.Sub(p.used) > idleTime: // a gateway on the way may have forgotten it
		return errEnded
	case len(request) > maxShared, p.conn.Unsent() > batch.Most, p.first != nil && x.sent.Sub(p.first.sent) > stalled:
		return errOccupied
	}
	p.used = x.sent
	if _, err := p.conn.Write(request); err != nil {
		return errEnded // which the reader is about to notice
	}
	if p.first == nil {
		p.first = x
	} else {
		p.last.next = x
	}
	p.last = x
	if !p.watching {
		p.watching = true
		p.watch.Reset(p.timeout)
	}
	return nil
}

// look ends the pipe when a reply is overdue, and is done again as long as
// some are to come.
func (p *pipe) look() {
	p.mu.Lock()
	p.watching = p.first != nil && p.err == nil
	overdue := false
	if p.watching {
		left := p.timeout - time.Since(p.first.sent)
		if overdue = left <= 0; !overdue {
			p.watch.Reset(left)
		}
	}
	p.mu.Unlock()
	if overdue {
		p.end(context.DeadlineExceeded)
	}
}

// read takes replies.
func (p *pipe) read() {
	t := taking{in: bufio.NewReaderSize(p.conn, 16<<10)}
	for {
		if _, err := t.in.Peek(1); err != nil {
			p.end(broken(err))
			return
		}
		x, replies := p.oldest()
		if x == nil {
			p.end(errProtocol) // it says what nobody has asked for
			return
		}
		t.begin()
		for range replies {
			if err := t.reply(); err != nil {
				p.end(err)
				return
			}
		}
		if !p.answered(x, t.out, t.err) {
			return
		}
	}
}

// oldest returns the waiter whose replies come next.
func (p *pipe) oldest() (x *waiter, replies int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == nil {
		return nil, 0
	}
	return p.first, p.first.replies
}

// answered gives the first waiter its replies.
func (p *pipe) answered(x *waiter, body []byte, err error) bool {
	p.mu.Lock()
	if p.err != nil {
		p.mu.Unlock()
		return false
	}
	x.body, x.err = body, err
	p.first = x.next
	p.mu.Unlock()
	x.done <- struct{}{}
	return true
}

// end gives the socket up, and what waits for it.
func (p *pipe) end(err error) {
	p.mu.Lock()
	if p.err != nil {
		p.mu.Unlock()
		return
	}
	p.err = err
	x := p.first
	p.first = nil
	p.watch.Stop()
	p.mu.Unlock()
	_ = p.conn.Close()
	for x != nil {
		next := x.next // x is its call's once that is told
		x.err = err
		x.done <- struct{}{}
		x = next
	}
}
