package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Server is a host. Create it with [New] and run it once with [Server.Run].
type Server struct {
	config Config
	ready  chan struct{}

	mu      sync.Mutex
	gateway string
	control string
	token   string
}

// New returns a server that has done nothing yet.
func New(c Config) *Server { return &Server{config: c.withDefaults(), ready: make(chan struct{})} }

// Ready is closed once the host serves.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// GatewayAddr is the address of the gateway, "host:port", once it is ready.
func (s *Server) GatewayAddr() string { return s.get(&s.gateway) }

// ControlAddr is the address of the control API, "host:port", once it is ready.
func (s *Server) ControlAddr() string { return s.get(&s.control) }

// OperatorToken is the operator's token, once the host is ready.
func (s *Server) OperatorToken() string { return s.get(&s.token) }

func (s *Server) get(v *string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *v
}

// Run serves until ctx ends or a part fails. Then it stops accepting calls,
// lets those in progress end and releases everything. What was acknowledged
// is on disk at any moment, so Run may also be killed.
func (s *Server) Run(ctx context.Context) (err error) {
	h, err := assemble(ctx, s.config)
	if h != nil {
		defer func() { err = errors.Join(err, h.close()) }()
	}
	if err != nil {
		return err
	}
	gateway, err := listen(ctx, "gateway", s.config.GatewayAddr)
	if err != nil {
		return err
	}
	control, err := listen(ctx, "control", s.config.ControlAddr)
	if err != nil {
		return errors.Join(err, gateway.Close())
	}
	s.mu.Lock()
	s.gateway, s.control, s.token = gateway.Addr().String(), control.Addr().String(), h.token
	s.mu.Unlock()
	if err := h.start(s.gateway); err != nil {
		return errors.Join(err, gateway.Close(), control.Close())
	}

	work, cancel := errgroup.WithContext(context.WithoutCancel(ctx))
	stopDelivery, deliveryStopped := context.WithCancel(cancel)
	work.Go(func() error { return h.serveGateway(ctx, gateway) })
	work.Go(func() error { return h.control.Serve(control) })
	work.Go(func() error {
		h.intake.Run(stopDelivery)
		return nil
	})
	work.Go(func() error {
		if err := h.courier.Deliver(stopDelivery); err != nil && stopDelivery.Err() == nil {
			return err
		}
		return nil
	})
	work.Go(func() error {
		select {
		case <-ctx.Done():
			s.config.Logger.Info("draining")
		case <-cancel.Done():
		}
		drain, done := context.WithTimeout(context.WithoutCancel(ctx), s.config.Drain)
		defer done()
		// The gateway first: its calls may still need what control serves.
		err := h.gateway.Shutdown(drain)
		deliveryStopped()
		return errors.Join(err, h.control.Shutdown(drain))
	})
	close(s.ready)
	s.config.Logger.Info("serving", "gateway", s.GatewayAddr(), "control", s.ControlAddr(), "engine", s.config.Engine)
	return work.Wait()
}

func listen(ctx context.Context, what, addr string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, host.Errorf(abi.Unavailable, "listening for the %s on %s: %w; choose another address with --%s", what, addr, err, what)
	}
	return l, nil
}

// operatorToken returns the token in the data directory, made on first start.
func operatorToken(dir string, create func() (string, []byte)) (string, error) {
	path := filepath.Join(dir, "operator.token")
	b, err := os.ReadFile(path)
	if err == nil && len(b) > 1 {
		return string(b[:len(b)-1]), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading operator token: %w", err)
	}
	token, _ := create()
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", fmt.Errorf("writing operator token: %w", err)
	}
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return "", fmt.Errorf("writing operator token: %w", err)
	}
	return token, nil
}
