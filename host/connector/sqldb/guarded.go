package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// guarded is a driver of database/sql whose library may wait for a silent
// server for ever, panic over what a server says, or report a connection that
// broke within a statement as one on which the statement may be tried again.
type guarded struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	// connect makes a connection whose sockets come from dial.
	connect func(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error)) (driver.Conn, error)
	// patience is how long a library that tells the server of a cancellation
	// has for that. Others do not see that contexts end.
	patience time.Duration
	// watch returns what looks at the bytes of a socket and refuses wrong
	// ones; nil: nothing does.
	watch func() func(b []byte) bool
}

var (
	errGarbled = errors.New("the server's answer is not understood")
	errFlooded = errors.New("the server sends more than it was asked for")
)

// Bounds of what a library does by itself.
const (
	// maxAnswer is what a server may send until the library is asked for
	// more: some rows that are read ahead.
	maxAnswer = 4 * maxMessage
	// partingTime is for what ends cursors, transactions and connections.
	partingTime = time.Second
)

// Driver implements driver.Connector.
func (g *guarded) Driver() driver.Driver { return g }

// Open implements driver.Driver; database/sql does not call it.
func (g *guarded) Open(string) (driver.Conn, error) { return nil, errors.ErrUnsupported }

// Connect implements driver.Connector.
func (g *guarded) Connect(ctx context.Context) (driver.Conn, error) {
	c := &guardedConn{of: g}
	err := c.do(ctx, 0, func(inner context.Context) (err error) {
		c.Conn, err = g.connect(inner, func(_ context.Context, network, address string) (net.Conn, error) {
			s, err := g.dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return c.line.add(s, g.watch), nil
		})
		return err
	})
	if err != nil {
		c.line.sever()
		return nil, err
	}
	return c, nil
}

// line is the sockets of a connection, of which all but the last one were
// given up on the way.
type line struct {
	mu     sync.Mutex
	all    []net.Conn
	broken bool
	spent  atomic.Bool // a context has ended: what is late for it would meet what comes next
	wrote  atomic.Int64
	room   atomic.Int64 // bytes that the server may still send
}

func (l *line) add(s net.Conn, watch func() func(b []byte) bool) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		_ = s.Close()
	}
	l.all = append(l.all, s)
	out := &guardedSocket{Conn: s, line: l}
	if watch != nil {
		out.right = watch()
	}
	return out
}

// sever ends what is under way on the line, and all use of it.
func (l *line) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	for _, s := range l.all {
		_ = s.Close()
	}
	l.all = nil
}

func (l *line) severed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// guardedSocket counts what passes.
type guardedSocket struct {
	net.Conn
	line  *line
	right func(b []byte) bool
}

func (s *guardedSocket) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if s.line.room.Add(-int64(n)) < 0 {
		s.line.sever()
		return 0, errFlooded
	}
	if s.right != nil && !s.right(b[:n]) {
		s.line.sever()
		return 0, errGarbled
	}
	return n, err
}

func (s *guardedSocket) Write(b []byte) (int, error) {
	s.line.wrote.Add(int64(len(b)))
	return s.Conn.Write(b)
}

// do has the library do something until ctx ends, and for a while after that.
// Then, and when it panics, the line is severed.
func (c *guardedConn) do(ctx context.Context, patience time.Duration, step func(ctx context.Context) error) (err error) {
	wrote := c.line.wrote.Load()
	c.line.room.Store(maxAnswer)
	inner := ctx
	if c.of.patience == 0 {
		inner = context.WithoutCancel(ctx)
	}
	stop := context.AfterFunc(ctx, func() {
		if patience == 0 {
			c.line.sever()
			return
		}
		time.AfterFunc(patience, c.line.sever)
	})
	defer func() {
		if what := recover(); what != nil {
			c.line.sever()
			err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, errGarbled)
		}
		ended := !stop()
		if ended {
			c.line.spent.Store(true)
		}
		switch {
		case err == nil:
		case ended:
			c.line.sever()
			err = ctx.Err()
		case errors.Is(err, driver.ErrBadConn) && c.line.wrote.Load() != wrote:
			c.line.sever() // it may have been done: database/sql would do it again
			err = io.ErrUnexpectedEOF
		}
	}()
	return step(inner)
}

// parting does something that no context bounds.
func (c *guardedConn) parting(step func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	return c.do(ctx, 0, func(context.Context) error { return step() })
}
