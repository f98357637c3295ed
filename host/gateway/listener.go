package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/problem"
)

// listener bounds the connections and knows all of them.
type listener struct {
	net.Listener
	base     context.Context //nolint:containedctx // parent of the connections' contexts
	max      int
	maxPerIP int
	closed   chan struct{}
	once     sync.Once

	mu    sync.Mutex
	conns map[*conn]struct{}
	perIP map[netip.Addr]int
}

func newListener(base context.Context, ln net.Listener, c Config) *listener {
	return &listener{
		Listener: ln, base: base, max: c.MaxConns, maxPerIP: c.MaxConnsPerIP, closed: make(chan struct{}),
		conns: map[*conn]struct{}{}, perIP: map[netip.Addr]int{},
	}
}

// Accept implements net.Listener. It returns an error only once the listener
// is closed: running out of file descriptors, say, passes.
func (l *listener) Accept() (net.Conn, error) {
	delay := time.Millisecond
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil, err //nolint:wrapcheck // fasthttp compares it
			}
			select {
			case <-l.closed:
				return nil, net.ErrClosed
			case <-time.After(delay):
			}
			delay = min(2*delay, time.Second)
			continue
		}
		delay = time.Millisecond
		c := l.adopt(raw)
		status := l.add(c)
		if status == 0 {
			return c, nil
		}
		c.cancel()
		turnAway(raw, status)
	}
}

func (l *listener) adopt(raw net.Conn) *conn {
	c := &conn{Conn: raw, listener: l}
	if a, err := netip.ParseAddrPort(raw.RemoteAddr().String()); err == nil {
		c.ip = a.Addr().Unmap()
		c.remote = c.ip.String()
	}
	c.ctx, c.cancel = context.WithCancel(l.base)
	return c
}

// add registers the connection and returns 0, or the status to refuse it with.
func (l *listener) add(c *conn) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.conns) >= l.max:
		return http.StatusServiceUnavailable
	case l.maxPerIP > 0 && l.perIP[c.ip] >= l.maxPerIP:
		return http.StatusTooManyRequests
	}
	l.conns[c] = struct{}{}
	l.perIP[c.ip]++
	return 0
}

func (l *listener) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := l.conns[c]; !there {
		return
	}
	delete(l.conns, c)
	if l.perIP[c.ip]--; l.perIP[c.ip] <= 0 {
		delete(l.perIP, c.ip)
	}
}

// count returns the number of open connections.
func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// each returns the connections that keep says yes to.
func (l *listener) each(keep func(*conn) bool) []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*conn
	for c := range l.conns {
		if keep(c) {
			out = append(out, c)
		}
	}
	return out
}

// Close implements net.Listener. Closing twice is fine.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.closed)
		err = l.Listener.Close()
	})
	return err //nolint:wrapcheck // fasthttp compares it
}

// turnAway answers a connection that is one too many and closes it. It must
// not wait: nobody is accepted meanwhile.
func turnAway(c net.Conn, status int) {
	p := problem.Of(abi.Unavailable, "the gateway has no place for another connection", "")
	if status == http.StatusTooManyRequests {
		p = problem.Edge(status, "your address has too many connections", "")
	}
	body := p.JSON()
	if c.SetWriteDeadline(time.Now().Add(50*time.Millisecond)) == nil {
		_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %s\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s",
			status, http.StatusText(status), problem.ContentType, strconv.Itoa(len(body)), body)
	}
	_ = c.Close()
}
