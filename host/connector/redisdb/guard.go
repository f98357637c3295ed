package redisdb

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// flights are the requests on their way. The library does not look at the end
// of a context while it waits for a reply, but hands its deadline to the
// socket; so every request has a deadline that no other has, and by it a
// socket knows for whom it waits.
type flights struct {
	mu         sync.Mutex
	byDeadline map[int64]*flight
}

// flight is one request: the sockets that it uses are broken when it ends early.
type flight struct {
	ctx    context.Context //nolint:containedctx // a flight is the life of one
	guards map[*guard]struct{}
}

// begin returns a context for a request that ends with ctx, at the latest
// after patience if that is not 0.
func (f *flights) begin(ctx context.Context, patience time.Duration) (context.Context, func()) {
	const longest = time.Hour // no call takes that long
	at := time.Now().Add(longest)
	if patience > 0 {
		at = time.Now().Add(patience)
	}
	if end, ok := ctx.Deadline(); ok && end.Before(at) {
		at = end
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.byDeadline[at.UnixNano()] != nil {
		at = at.Add(-1)
	}
	key := at.UnixNano()
	inner, cancel := context.WithDeadline(ctx, at)
	l := &flight{ctx: inner, guards: make(map[*guard]struct{})}
	f.byDeadline[key] = l
	stop := context.AfterFunc(inner, func() { f.abort(l) })
	return inner, func() {
		stop()
		f.mu.Lock()
		delete(f.byDeadline, key)
		for g := range l.guards {
			g.flight = nil
		}
		f.mu.Unlock()
		cancel()
	}
}

// abort breaks the sockets of a request.
func (f *flights) abort(l *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for g := range l.guards {
		_ = g.Close()
	}
}

// attach notes for which request a socket works from now on.
func (f *flights) attach(g *guard, deadline time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var l *flight
	if !deadline.IsZero() {
		l = f.byDeadline[deadline.UnixNano()]
	}
	if g.flight == l {
		return nil
	}
	if g.flight != nil {
		delete(g.flight.guards, g)
	}
	if g.flight = l; l == nil {
		return nil
	}
	l.guards[g] = struct{}{}
	return l.ctx.Err()
}

// guard is a socket to a server that is not trusted.
type guard struct {
	net.Conn
	flights *flights
	flight  *flight     // the lock is that of flights
	asked   atomic.Bool // since the last Read
	scanner scanner
	err     error // of the scanner, for good
}

// SetDeadline also tells for which request the socket works.
func (g *guard) SetDeadline(t time.Time) error {
	if err := g.flights.attach(g, t); err != nil {
		return err
	}
	return g.Conn.SetDeadline(t)
}

// SetReadDeadline is like SetDeadline.
func (g *guard) SetReadDeadline(t time.Time) error {
	if err := g.flights.attach(g, t); err != nil {
		return err
	}
	return g.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is like SetDeadline.
func (g *guard) SetWriteDeadline(t time.Time) error {
	if err := g.flights.attach(g, t); err != nil {
		return err
	}
	return g.Conn.SetWriteDeadline(t)
}

// Read reads what the scanner lets pass.
func (g *guard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.Conn.Read(p)
	if g.asked.Swap(false) {
		g.scanner.request()
	}
	if g.err = g.scanner.feed(p[:n]); g.err != nil {
		return 0, g.err
	}
	return n, broken(err)
}

// Write begins a request, or goes on with one that has no reply yet.
func (g *guard) Write(p []byte) (int, error) {
	g.asked.Store(true)
	n, err := g.Conn.Write(p)
	return n, broken(err)
}

// peeking is a guard whose socket can be looked at while nobody uses it.
type peeking struct {
	*guard
	raw syscall.Conn
}

// SyscallConn is for the library, which sees by it that a server has gone.
func (p peeking) SyscallConn() (syscall.RawConn, error) { return p.raw.SyscallConn() }

// lostError is a socket that broke. It does not unwrap to what the library
// takes for a reason to send commands again, which may have been executed.
type lostError struct{ err error }

func (e lostError) Error() string { return "the connection broke: " + e.err.Error() }

func broken(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return lostError{err}
}

// dial connects to a server, with TLS if that is configured.
func (c Config) dial(f *flights, dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		g := &guard{Conn: raw, flights: f}
		name, _, err := net.SplitHostPort(address)
		if err != nil {
			_ = raw.Close()
			return nil, fmt.Errorf("reading the address: %w", err)
		}
		secure, err := c.secure(ctx, raw, name)
		if err != nil {
			_ = raw.Close()
			return nil, err
		}
		if secure != nil {
			g.Conn = secure
			return g, nil
		}
		if s, ok := raw.(syscall.Conn); ok {
			return peeking{g, s}, nil
		}
		return g, nil
	}
}

// secure returns a connection with TLS over raw, nil if there shall be none.
func (c Config) secure(ctx context.Context, raw net.Conn, name string) (net.Conn, error) {
	settings, err := c.TLS.Config(name)
	if settings == nil || err != nil {
		return nil, err
	}
	conn := tls.Client(raw, settings)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("securing the connection: %w", err)
	}
	return conn, nil
}
