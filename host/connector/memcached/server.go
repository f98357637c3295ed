package memcached

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// Server is an open connection: sockets to one server.
type Server struct {
	config Config
	tls    *tls.Config
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	turns  chan struct{} // one for each socket that may be in use

	mu     sync.Mutex
	idle   []*socket
	closed bool
}

var _ connector.Conn = (*Server)(nil)

// open connects once, so that a wrong address or password is known at once.
func open(ctx context.Context, c Config, env connector.Env) (*Server, error) {
	secure, err := c.TLS.Config(c.Host)
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, tls: secure, dial: env.Dial, turns: make(chan struct{}, c.PoolSize)}
	if err := s.Ping(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// Ping asks the server for its version.
func (s *Server) Ping(ctx context.Context) error {
	return s.use(ctx, func(c *socket) error {
		reply, err := c.ask("version", nil)
		if err == nil && len(reply) < len("VERSION ") {
			return unexpected(reply)
		}
		return err
	})
}

// Close closes the sockets that nobody uses; the others are closed when their
// operations end.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.idle {
		_ = c.conn.Close()
	}
	s.idle = nil
	return nil
}

// use has do use a socket, within ctx and the configured time. A socket on
// which something went wrong is not used again.
func (s *Server) use(ctx context.Context, do func(c *socket) error) error {
	within, cancel := context.WithTimeout(ctx, time.Duration(s.config.Timeout))
	defer cancel()
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-within.Done():
		return within.Err()
	}
	c, err := s.take(within)
	if err != nil {
		return fault(within, err)
	}
	// The socket does not know the context: it is broken when that ends.
	stop := context.AfterFunc(within, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	err = do(c)
	if stop() && err == nil && s.put(c) {
		return nil
	}
	_ = c.conn.Close()
	return fault(within, err)
}

// take returns an idle socket, or a new one.
func (s *Server) take(ctx context.Context) (*socket, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, net.ErrClosed
	}
	if n := len(s.idle); n > 0 {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return c, nil
	}
	s.mu.Unlock()
	conn, err := s.dial(ctx, "tcp", net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port)))
	if err != nil {
		return nil, err
	}
	if s.tls != nil {
		conn = tls.Client(conn, s.tls)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c := &socket{conn: conn, r: bufio.NewReader(conn)}
	if err := c.logIn(s.config); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// put gives a socket back, unless the connection was closed.
func (s *Server) put(c *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.idle = append(s.idle, c)
	return true
}

// ask sends a command, with data if it has any, and returns the line that
// answers it. That is one of the replies, if there are any.
func (s *Server) ask(ctx context.Context, line string, data []byte, replies ...string) (reply string, err error) {
	err = s.use(ctx, func(c *socket) error {
		reply, err = c.ask(line, data)
		if err == nil && len(replies) > 0 && !slices.Contains(replies, reply) {
			return unexpected(reply)
		}
		return err
	})
	return reply, err
}

// fault returns an error as the pool takes it: what the server or this package
// refuses as it is, time and egress as such, anything else as a lost connection.
func fault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, coded := errors.AsType[*host.Error](err)
	_, refused := errors.AsType[refusal](err)
	switch {
	case coded, refused, errors.Is(err, egress.ErrDenied):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return context.DeadlineExceeded
	}
	return fmt.Errorf("%w: %w", connector.ErrNotConnected, err)
}
