package control

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seraihost/serai/host"
)

// DefaultAddr is where a host listens for the control API unless told otherwise.
const DefaultAddr = "127.0.0.1:8183"

// Bounds on requests.
const (
	maxHeader   = 16 << 10        // bytes of a request's head
	maxJSON     = 1 << 20         // bytes of a JSON body
	prefetched  = 64 << 10        // bytes of a body that are read before its handler runs
	readTimeout = 5 * time.Minute // for a whole request, a large upload over a slow link included
	idleTimeout = 2 * time.Minute // between requests of a connection
	concurrency = 4096            // connections
)

// Config is what a [Server] works with. Catalog, Deployer, Applier, Invoker,
// Book, KV and OperatorTokenHash are required.
type Config struct {
	Catalog  Catalog
	Deployer Deployer
	Applier  Applier
	Invoker  host.Invoker
	Book     Book
	KV       KV
	Metrics  prometheus.Gatherer // nil: /metrics is empty
	// OperatorTokenHash is the SHA-256 of the operator's token.
	OperatorTokenHash []byte
	// CheckConnection refuses a connection whose type or config is wrong, or
	// over which a channel that is there could not receive, with an error that
	// names the field; nil accepts all.
	CheckConnection func(ctx context.Context, c host.Connection) error
	// CheckChannel refuses a channel whose type or config is wrong, or that
	// cannot receive over the connection that is there, with an error that
	// names the field.
	CheckChannel func(ctx context.Context, c host.Channel) error
	// Intake says how channels do that receive messages; nil: there are none.
	Intake Intake
	// ConnectionState returns what has become of a connection; nil: it is not known.
	ConnectionState func(tenant, name string) host.ConnectionState
	// Ping asks the system of a connection for a sign of life.
	Ping func(ctx context.Context, c host.Connection) error
	// OnChange is called after a change to security definitions, tenants,
	// connections or values is durable and before it is answered, so that
	// the host works with it when the client reads the answer. The Deployer
	// sees to that itself for services and routes. nil: nothing.
	OnChange func(ctx context.Context) error
	// Forget is called when a service is gone ("" for a whole tenant), to
	// drop its log and metrics. nil: nothing.
	Forget func(tenant, service string)
	// Ready reports why the host cannot serve; nil means that it can.
	Ready func(ctx context.Context) error
	// About is what /v1/version answers.
	About About
	// Log takes faults and one line per change; nil discards.
	Log *slog.Logger
}

// About describes a host.
type About struct {
	Version  string `json:"version"`            // of Serai
	Engine   string `json:"engine"`             // "wasmtime" or "wazero"
	Runtime  string `json:"runtime,omitempty"`  // language runtimes, such as "CPython 3.13.5"
	Go       string `json:"go"`                 // of the toolchain that built the host
	Platform string `json:"platform"`           // such as "linux/amd64"
	Gateway  string `json:"gateway,omitempty"`  // address of the public side
	Instance string `json:"instance,omitempty"` // a new random name at each start
}

// Server is the control API of one host.
type Server struct {
	cfg Config
	log *slog.Logger
	app *fiber.App
	// base ends when requests must, and open when new ones and streams do.
	base, open context.Context //nolint:containedctx // lifetimes of the server
	abort      context.CancelFunc
	cancel     context.CancelFunc
	// tenants orders read-modify-write of tenants.
	tenants sync.Mutex
	// listening guards listener, and orders Serve and Shutdown.
	listening sync.Mutex
	listener  net.Listener
}

// New returns a server that does not listen yet.
func New(cfg Config) (*Server, error) {
	if cfg.Catalog == nil || cfg.Deployer == nil || cfg.Applier == nil || cfg.Invoker == nil || cfg.Book == nil || cfg.KV == nil {
		return nil, errors.New("control: Catalog, Deployer, Applier, Invoker, Book and KV are required")
	}
	if len(cfg.OperatorTokenHash) != sha256.Size {
		return nil, fmt.Errorf("control: OperatorTokenHash has %d bytes, not %d", len(cfg.OperatorTokenHash), sha256.Size)
	}
	s := &Server{cfg: cfg, log: cfg.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.base, s.abort = context.WithCancel(context.Background())
	s.open, s.cancel = context.WithCancel(s.base)
	s.app = fiber.New(fiber.Config{
		AppName:                      "serai control",
		DisableStartupMessage:        true,
		DisablePreParseMultipartForm: true,
		StreamRequestBody:            true, // larger bodies are read once the client is known
		BodyLimit:                    prefetched,
		ReadBufferSize:               maxHeader,
		ReadTimeout:                  readTimeout,
		IdleTimeout:                  idleTimeout,
		Concurrency:                  concurrency,
		Immutable:                    true, // Fiber reuses buffers; nothing here is hot
		CaseSensitive:                true,
		StrictRouting:                true,
		ErrorHandler:                 s.fail,
	})
	s.app.Use(s.begin)
	for _, r := range s.routes() {
		s.app.Add(r.method, fiberPath(r.path), s.guard(r.access), r.do)
	}
	return s, nil
}

// Serve answers on l until [Server.Shutdown]; it closes l.
func (s *Server) Serve(l net.Listener) error {
	s.listening.Lock()
	if s.open.Err() != nil {
		s.listening.Unlock()
		return l.Close()
	}
	s.listener = l
	s.listening.Unlock()
	if err := s.app.Listener(l); err != nil && s.open.Err() == nil {
		return fmt.Errorf("serving the control API: %w", err)
	}
	return nil
}

// Shutdown stops listening, ends streams of logs, and waits until requests
// in progress are answered or ctx ends, which cancels them. It may be called
// before Serve, and twice.
func (s *Server) Shutdown(ctx context.Context) error {
	s.listening.Lock()
	s.cancel()
	l := s.listener
	s.listening.Unlock()
	defer s.abort()
	if l == nil {
		return nil
	}
	err := s.app.ShutdownWithContext(ctx)
	// Fiber does not know of a listener that it has not begun to serve yet.
	if e := l.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("shutting down the control API: %w", err)
	}
	return nil
}

// changed lets the gateway catch up with the catalogue.
func (s *Server) changed(ctx context.Context) error {
	if s.cfg.OnChange == nil {
		return nil
	}
	if err := s.cfg.OnChange(ctx); err != nil {
		return fmt.Errorf("applying the change to the gateway: %w", err)
	}
	return nil
}

func (s *Server) forget(tenant, service string) {
	if s.cfg.Forget != nil {
		s.cfg.Forget(tenant, service)
	}
}
