package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"sync"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/apply"
	"github.com/seraihost/serai/host/async"
	"github.com/seraihost/serai/host/blob"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/config"
	"github.com/seraihost/serai/host/connector/invoke"
	"github.com/seraihost/serai/host/connector/kv"
	"github.com/seraihost/serai/host/connector/lock"
	"github.com/seraihost/serai/host/connector/pool"
	"github.com/seraihost/serai/host/connector/seal"
	"github.com/seraihost/serai/host/connector/standard"
	"github.com/seraihost/serai/host/control"
	"github.com/seraihost/serai/host/deploy"
	"github.com/seraihost/serai/host/dispatch"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasi"
	"github.com/seraihost/serai/host/engine/wazero"
	"github.com/seraihost/serai/host/gateway"
	"github.com/seraihost/serai/host/guest"
	"github.com/seraihost/serai/host/inbound"
	"github.com/seraihost/serai/host/pubsub"
	"github.com/seraihost/serai/host/runtime"
	"github.com/seraihost/serai/host/security"
	"github.com/seraihost/serai/host/telemetry"
	"github.com/seraihost/serai/host/tracing"
	"github.com/seraihost/serai/storage/badger"
)

// hosted is a host whose parts are put together.
type hosted struct {
	config     Config
	token      string
	catalog    *catalog.Catalog
	book       *telemetry.Book
	metrics    *telemetry.Metrics
	runtime    *runtime.Runtime
	dispatcher *dispatch.Dispatcher
	invoker    host.Invoker // the dispatcher, traced
	tracer     *tracing.Tracer
	deployer   *deploy.Deployer
	gateway    *gateway.Gateway
	control    *control.Server
	broker     *pubsub.Broker
	courier    *async.Courier
	intake     *inbound.Intake
	images     *image.Store
	blobs      *blob.Store
	kv         *kv.Space
	pool       *pool.Pool

	routes  sync.Mutex // orders reloads
	closers []func() error
}

// assemble opens the data directory and connects the parts. What it returns
// is to be closed, after an error too.
func assemble(ctx context.Context, c Config) (*hosted, error) {
	h := &hosted{config: c}
	if c.DataDir == "" {
		return h, host.FieldErrorf("data", "no data directory: name one with --data")
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return h, fmt.Errorf("creating data directory: %w", err)
	}
	dir := func(name string) string { return filepath.Join(c.DataDir, name) }
	store, err := badger.Open(dir("store"), c.Logger)
	if err != nil {
		return h, err
	}
	h.onClose(store.Close)
	if h.token, err = operatorToken(c.DataDir, security.NewToken); err != nil {
		return h, err
	}
	box, err := security.OpenBox(dir("secrets.key"))
	if err != nil {
		return h, err
	}
	h.catalog = catalog.New(store, box, kv.Prefix, async.Prefix, inbound.Prefix)
	if err := h.ensureDefaultTenant(ctx); err != nil {
		return h, err
	}
	if h.broker, err = pubsub.Open(dir("queue"), c.Logger); err != nil {
		return h, err
	}
	h.onClose(h.broker.Close)
	if h.images, err = image.OpenStore(dir("images")); err != nil {
		return h, err
	}
	if h.blobs, err = blob.Open(dir("blobs")); err != nil {
		return h, err
	}
	if err := h.sweep(ctx); err != nil {
		return h, err
	}
	functions := append(guest.Functions(), wasi.Functions()...)
	eng, err := newEngine(ctx, c, functions)
	if err != nil {
		return h, err
	}
	h.onClose(eng.Close)
	h.runtime = runtime.New(runtime.Config{
		Engine: eng, Host: functions, Images: h.images, Blobs: h.blobs,
		StateDir: dir("runtime"), CacheDir: c.CacheDir, Library: c.Library,
	})
	h.onClose(h.runtime.Close)
	if c.Traces != "" {
		if h.tracer, err = tracing.New(ctx, c.Traces, c.Version, c.Logger); err != nil {
			return h, err
		}
		h.onClose(h.tracer.Close)
	}
	h.book = telemetry.NewBook(telemetry.Options{})
	h.onClose(h.book.Close)
	h.metrics = telemetry.NewMetrics()
	h.courier = async.New(async.Config{
		Queues: h.broker, Wrap: c.Queue, Store: store, Catalog: h.catalog, Book: h.book, Logger: c.Logger,
		Invoker: func() host.Invoker { return h.invoker },
	})
	h.intake = inbound.New(inbound.Config{
		Catalog: h.catalog, Store: store, Types: standard.Sources(), Book: h.book, Logger: c.Logger, Dir: dir("connections"),
		Invoker: func() host.Invoker { return h.invoker },
	})
	h.kv = kv.New(store)
	h.pool = pool.New(h.catalog, dir("connections"), c.Logger, standard.Connectors()...)
	h.onClose(h.pool.Close)
	h.metrics.SetConnections(h.pool.Measure)
	h.connect()
	return h, h.expose()
}

// connect makes the parts that run calls.
func (h *hosted) connect() {
	ops := connector.Builtins(
		config.Connector(h.catalog), seal.Connector(sealing(h.catalog)), kv.Connector(h.kv), lock.Connector(lock.New()),
		invoke.Connector(invoke.Services{Now: func() host.Invoker { return h.invoker }, Later: h.courier}),
	)
	ops = append(ops, h.pool.Ops()...)
	if h.config.Ops != nil {
		ops = h.config.Ops(ops)
	}
	ops = h.tracer.Ops(ops)
	h.dispatcher = dispatch.New(dispatch.Config{
		Catalog: h.catalog, Loader: h.runtime, Ops: connector.NewRegistry(ops...),
		Book: h.book, Metrics: h.metrics, Logger: h.config.Logger,
		Guests: h.config.Guests, Memory: h.config.Memory, Waiting: h.config.Guests,
	})
	h.onClose(h.dispatcher.Close)
	h.invoker = h.tracer.Invoker(h.dispatcher)
	h.deployer = deploy.New(deploy.Config{
		Catalog: h.catalog, Runtime: h.runtime, Switcher: h.dispatcher, Book: h.book, OnChange: h.reload,
	})
}

// expose makes the parts that clients talk to.
func (h *hosted) expose() error {
	h.gateway = gateway.New(gateway.Config{Invoker: h.invoker, Logger: h.config.Logger})
	if err := h.metrics.Register(telemetry.ChannelCollector(h.intake.States)); err != nil {
		return err
	}
	return h.metrics.Register(h.gateway)
}

func (h *hosted) makeControl(gatewayAddr string) (err error) {
	h.control, err = control.New(control.Config{
		Catalog: tenants{h.catalog, h.config.Engine}, Deployer: h.deployer, Invoker: h.invoker,
		Applier: apply.New(apply.Config{Catalog: h.catalog, Deployer: h.deployer, CheckConnection: h.checkConnection, CheckChannel: h.validateChannel, Suits: h.intake.Suits}),
		Book:    h.book, KV: h.kv, Metrics: h.metrics.Registry(),
		OperatorTokenHash: security.HashToken(h.token),
		CheckConnection:   h.checkStored,
		CheckChannel:      h.checkChannel,
		Intake:            h.intake,
		Ping:              h.ping,
		ConnectionState:   h.pool.State,
		OnChange:          h.reload,
		Forget:            h.forget,
		About: control.About{
			Version: h.config.Version, Engine: h.config.Engine, Runtime: runtime.PythonVersion(),
			Go: goruntime.Version(), Platform: platform(), Gateway: gatewayAddr,
		},
		Log: h.config.Logger,
	})
	return err
}

// start loads the routes and prepares CPython in the background.
func (h *hosted) start(gatewayAddr string) error {
	if err := h.makeControl(gatewayAddr); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := h.reload(ctx); err != nil {
		cancel()
		return err
	}
	var warming sync.WaitGroup
	warming.Go(func() {
		if err := h.runtime.Warm(ctx); err != nil && ctx.Err() == nil {
			h.config.Logger.Error("preparing CPython", "error", err)
		}
	})
	h.onClose(func() error {
		cancel()
		warming.Wait()
		return nil
	})
	return nil
}

// serveGateway serves until ctx ends, which may be before it began.
func (h *hosted) serveGateway(ctx context.Context, l net.Listener) error {
	err := h.gateway.Serve(l)
	if ctx.Err() != nil && (errors.Is(err, gateway.ErrClosed) || errors.Is(err, net.ErrClosed)) {
		return nil
	}
	return err
}

// reload makes the gateway serve the catalogue's routes and definitions.
func (h *hosted) reload(ctx context.Context) error {
	h.pool.Invalidate()
	h.pool.Sweep(ctx)
	h.routes.Lock()
	defer h.routes.Unlock()
	sources, err := h.catalog.Sources(ctx)
	if err != nil {
		return err
	}
	h.intake.Set(ctx, sources)
	bindings, err := h.catalog.Bindings(ctx)
	if err != nil {
		return fmt.Errorf("reading routes: %w", err)
	}
	all, err := h.catalog.Tenants(ctx)
	if err != nil {
		return fmt.Errorf("reading tenants: %w", err)
	}
	var definitions []host.AuthDefinition
	for _, t := range all {
		auths, err := h.catalog.Auths(ctx, t.Name)
		if err != nil {
			return fmt.Errorf("reading security definitions: %w", err)
		}
		definitions = append(definitions, auths...)
		h.dispatcher.SetQuota(t.Name, t.Quota)
	}
	routes := make([]gateway.Binding, len(bindings))
	for i, b := range bindings {
		routes[i] = gateway.Binding(b)
	}
	// A route that cannot be served does not keep the others from being served.
	if err := h.gateway.SetBindings(routes, gateway.NewDefinitions(definitions)); err != nil {
		h.config.Logger.Error("leaving out routes", "error", err)
	}
	return nil
}

// forget drops what is kept in memory of a service, or of a tenant.
func (h *hosted) forget(tenant, service string) {
	if service != "" {
		h.dispatcher.Forget(tenant, service)
		return
	}
	h.dispatcher.ForgetServices(tenant)
	if err := h.courier.Forget(context.Background(), tenant); err != nil {
		h.config.Logger.Error("dropping the asynchronous calls of a tenant", "tenant", tenant, "error", err)
	}
	h.pool.Forget(tenant, "")
	h.book.Forget(tenant, "")
	h.metrics.Forget(tenant, "")
}

// sweep removes files that no version needs. It runs before the host
// serves, so no deploy is about to need them.
func (h *hosted) sweep(ctx context.Context) error {
	digests, err := h.catalog.Digests(ctx)
	if err != nil {
		return fmt.Errorf("listing the files in use: %w", err)
	}
	used := make(map[string]bool, len(digests))
	for _, d := range digests {
		used[d] = true
	}
	base := runtime.BaseImages(filepath.Join(h.config.DataDir, "runtime"))
	keep := func(digest string) bool { return used[digest] || base[digest] }
	return errors.Join(h.blobs.Sweep(keep), h.images.Sweep(keep))
}

func (h *hosted) ensureDefaultTenant(ctx context.Context) error {
	_, hash := security.NewToken() // nobody knows it: the operator acts for the default tenant
	err := h.catalog.CreateTenant(ctx, host.Tenant{Name: host.DefaultTenant, Quota: host.DefaultQuota(), TokenHash: hash})
	if host.CodeOf(err) == abi.Conflict {
		return nil
	}
	return err
}

func newEngine(ctx context.Context, c Config, functions []engine.HostFunc) (engine.Engine, error) {
	switch c.Engine {
	case "wasmtime":
		return newWasmtime(ctx, c, functions)
	case "wazero":
		return wazero.New(ctx, wazero.Config{CacheDir: c.CacheDir, Host: functions})
	default:
		return nil, host.FieldErrorf("engine", "engine %q: use wasmtime or wazero", host.Clip(c.Engine))
	}
}

// tenants is the catalogue as the control API may use it: a host on wazero
// cannot bound hostile guests, so it has one tenant only.
type tenants struct {
	*catalog.Catalog
	engine string
}

// CreateTenant shadows the catalogue's.
func (t tenants) CreateTenant(ctx context.Context, n host.Tenant) error {
	if t.engine == "wazero" {
		return host.Errorf(abi.Denied, "this host runs on wazero, which cannot bound untrusted guests, so it has the tenant %q only; run it with --engine wasmtime for more", host.DefaultTenant)
	}
	return t.Catalog.CreateTenant(ctx, n)
}

func (h *hosted) onClose(f func() error) { h.closers = append(h.closers, f) }

// close releases the parts, the last one first.
func (h *hosted) close() error {
	var errs []error
	for _, v := range slices.Backward(h.closers) {
		errs = append(errs, v())
	}
	h.closers = nil
	return errors.Join(errs...)
}
