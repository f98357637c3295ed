package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// ErrClosed is returned by [Gateway.Serve] after [Gateway.Shutdown].
var ErrClosed = errors.New("gateway is closed")

// Gateway serves HTTP/1.1. Create it with [New].
type Gateway struct {
	config   Config
	app      *fiber.App
	fiber    fasthttp.RequestHandler
	current  atomic.Pointer[snapshot]
	bodies   atomic.Int64      // bytes of request bodies in memory
	runners  chan *runner      // that have no call
	broken   atomic.Int64      // replies that were not sent to their end
	problems [200]atomic.Int64 // problem documents by status, from 400 on
	base     context.Context   //nolint:containedctx // parent of all calls; ends when Shutdown runs out of time
	cancel   context.CancelFunc

	closed    atomic.Bool // replies tell clients that their connection ends
	mu        sync.Mutex
	listeners []*listener
}

// New returns a gateway that has no routes yet and listens nowhere.
func New(config Config) *Gateway {
	g := &Gateway{config: config.withDefaults(), runners: make(chan *runner, idleRunners)}
	g.base, g.cancel = context.WithCancel(context.Background())
	g.current.Store(&snapshot{})
	g.app = fiber.New(fiber.Config{
		DisableStartupMessage:        true,
		DisableDefaultContentType:    true,
		DisablePreParseMultipartForm: true,
		StreamRequestBody:            true,
		BodyLimit:                    maxInt, // readBody is stricter and knows the route
		Concurrency:                  maxInt >> 1,
		ReadBufferSize:               g.config.MaxHeaderBytes,
		ReadTimeout:                  g.config.HeaderTimeout,
		WriteTimeout:                 g.config.WriteTimeout,
		IdleTimeout:                  g.config.IdleTimeout,
		ErrorHandler: func(c *fiber.Ctx, err error) error {
			g.fail(c.Context(), newCID(), fmt.Errorf("handling request: %w", err))
			return nil
		},
	})
	g.app.Use(g.handle)
	s := g.app.Server()
	g.fiber = g.app.Handler()
	s.Handler = g.serve
	s.ErrorHandler = g.parseError
	s.HeaderReceived = g.onHeader
	s.ConnState = onState
	s.SecureErrorLogMessage = true
	return g
}

// onState notes when a request has been answered, and when the next one is
// there. A new connection is reported as active before it sent anything.
func onState(nc net.Conn, state fasthttp.ConnState) {
	c, ok := nc.(*conn)
	switch {
	case !ok:
	case state == fasthttp.StateIdle:
		c.served.Store(true)
		c.busy.Store(false)
	case state == fasthttp.StateActive && c.served.Load():
		c.busy.Store(true)
	}
}

// Serve accepts connections until Shutdown; then it returns nil. It takes the
// listener over and may be called for several.
func (g *Gateway) Serve(ln net.Listener) error {
	l := newListener(g.base, ln, g.config)
	g.mu.Lock()
	if g.closed.Load() {
		g.mu.Unlock()
		return errors.Join(ErrClosed, ln.Close())
	}
	g.listeners = append(g.listeners, l)
	g.mu.Unlock()
	go l.watch()
	if err := g.app.Listener(l); err != nil {
		return fmt.Errorf("serving HTTP on %s: %w", ln.Addr(), errors.Join(err, l.Close()))
	}
	return nil
}

// Shutdown stops accepting, closes idle connections and returns when the
// requests under way are answered. When ctx ends first, it cancels their
// calls, closes their connections and returns ctx's error. Later calls do the
// same for what is left.
func (g *Gateway) Shutdown(ctx context.Context) error {
	g.mu.Lock()
	g.closed.Store(true)
	listeners := g.listeners
	g.mu.Unlock()
	for _, l := range listeners {
		_ = l.Close()
	}
	done := make(chan error, 1)
	go func() { done <- g.app.ShutdownWithContext(ctx) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		closeAll(listeners, func(c *conn) bool { return !c.busy.Load() })
		select {
		case err := <-done:
			g.cancel()
			closeAll(listeners, func(*conn) bool { return true })
			g.stopRunners()
			if err != nil {
				return fmt.Errorf("shutting the gateway down: %w", err)
			}
			return nil
		case <-tick.C:
		}
	}
}

func closeAll(listeners []*listener, which func(*conn) bool) {
	for _, l := range listeners {
		for _, c := range l.each(which) {
			_ = c.Close()
		}
	}
}
