package runtime

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/blob"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasm"
	"github.com/seraihost/serai/host/guest"
)

// Config says what a [Runtime] is made of.
type Config struct {
	Engine engine.Engine
	Host   []engine.HostFunc // the functions that Engine was made with
	Images *image.Store
	Blobs  *blob.Store
	// StateDir keeps the name of the base image; CacheDir what plugins compile to.
	StateDir, CacheDir string
	// Library is what Python services see at /lib; nil is what ships with
	// this version of Serai.
	Library fs.FS
}

// Runtime builds and loads programs. It is safe for concurrent use.
type Runtime struct {
	Config
	modules modules
	known   map[[2]string]engine.HostFunc
	python  pythonBase
	apps    apps
	hot     atomic.Int64 // bytes of all hot layouts
	closing sync.Once
}

// New returns a runtime. It does nothing yet; the first Python service, or
// [Runtime.Warm], prepares CPython.
func New(c Config) *Runtime {
	r := &Runtime{
		Config:  c,
		modules: modules{engine: c.Engine, live: make(map[string]*compiled)},
		known:   make(map[[2]string]engine.HostFunc, len(c.Host)),
	}
	for _, f := range c.Host {
		r.known[[2]string{f.Module, f.Name}] = f
	}
	return r
}

// Close releases what the runtime keeps, after all programs.
func (r *Runtime) Close() error {
	var err error
	r.closing.Do(func() { err = r.python.close(r) })
	return err
}

// Source is an upload.
type Source struct {
	Tenant string
	// Service is the name that the upload's only service was given. Without
	// it, the upload holds services with names of their own (Python).
	Service     string
	FileName    string
	ContentType string // one of host.Type…
	Content     []byte
	Settings    host.Settings
	Quota       host.Quota
	// Log receives what the service logs while it is initialised.
	Log guest.Log
}

// Built is what a [Source] became.
type Built struct {
	Kind       host.Kind
	Source     string // digest of the blob
	Runtime    string // digest of the language runtime, "" if none
	Image      string // digest, "" if the kind has none
	Fresh      bool
	ImageBytes int64
	OwnBytes   int64
	Upload     string  // see host.Version
	Services   []Offer // of a Python upload, sorted by name
}

// Offer is a service that an upload holds.
type Offer struct {
	Name string
	host.About
}

// Build validates a source, initialises it in the sandbox under its limits,
// without operations, and saves source and image. An error is a *[host.Error]
// that the author can act on.
func (r *Runtime) Build(ctx context.Context, src Source) (*Built, error) {
	switch src.ContentType {
	case host.TypeWASM:
		if src.Service == "" {
			return nil, host.FieldErrorf("service", "a module has no name of its own: give the service one")
		}
		return r.buildModule(ctx, src)
	case host.TypePython, host.TypeTar:
		return r.buildPython(ctx, src)
	default:
		return nil, host.FieldErrorf("module", "content type %q: upload a module as %s, a Python file as %s or a folder as %s",
			host.Clip(src.ContentType), host.TypeWASM, host.TypePython, host.TypeTar)
	}
}

// Load makes a version's program ready. It is cheap: nothing is compiled
// that was compiled before, and the image is only mapped.
func (r *Runtime) Load(ctx context.Context, v host.Version) (Program, error) {
	switch v.Kind {
	case host.KindPython:
		return r.loadPython(ctx, v)
	case host.KindCore, host.KindWASI:
		return r.loadModule(ctx, v)
	case host.KindExtism:
		code, err := r.Blobs.Get(v.Source)
		if err != nil {
			return nil, err
		}
		return newExtism(ctx, code, v.Settings, r.CacheDir)
	default:
		return nil, fmt.Errorf("version %s has the unknown kind %q", v.Digest, v.Kind)
	}
}

// inspect accepts modules that import what this host offers.
func (r *Runtime) inspect(code []byte) (*wasm.Module, error) {
	return wasm.Inspect(code, func(module, name string) (params, results []byte, ok bool) {
		f, ok := r.known[[2]string{module, name}]
		return f.Params, f.Results, ok
	})
}

// initialised starts an instance from the image and runs init in it.
func (r *Runtime) initialised(ctx context.Context, c *compiled, im *image.Image, src Source,
	init func(context.Context, engine.Instance, *guest.Session, *engine.Call) error,
	prepare func(*guest.Session),
) (engine.Instance, error) {
	limits := initLimits(src)
	in, err := c.module.Instantiate(ctx, im, uint64(limits.Memory)) //nolint:gosec // not negative
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(limits.Timeout))
	defer cancel()
	s := &guest.Session{Scope: scopeOf(src), Log: src.Log}
	out, errs := s.Lines(abi.LevelInfo), s.Lines(abi.LevelWarning)
	s.System.Stdout, s.System.Stderr = out, errs
	if prepare != nil {
		prepare(s)
	}
	err = init(ctx, in, s, &engine.Call{State: s, Key: src.Tenant, CPU: time.Duration(limits.CPU)})
	out.Flush()
	errs.Flush()
	s.System.Close()
	if err != nil {
		_ = in.Close()
		return nil, Failure(err, "become ready", limits)
	}
	return in, nil
}

// initTime is what a service gets to initialise itself even where its calls
// get less, as far as the tenant's quota allows.
const initTime = host.Duration(2 * time.Second)

func initLimits(src Source) host.Limits {
	l := src.Settings.Limits
	least := initTime
	if q := src.Quota.Timeout; q > 0 {
		least = min(least, q)
	}
	l.Timeout, l.CPU = max(l.Timeout, least), max(l.CPU, least)
	return l
}

// scopeOf is on whose behalf a service is initialised. What it says of itself
// is no reply to a client, and has a bound of its own.
func scopeOf(src Source) connector.Scope {
	src.Settings.Limits.ReplyBytes = maxOffers
	return connector.Scope{
		Tenant: src.Tenant, Service: src.Service,
		Limits: src.Settings.Limits, Quota: src.Quota, Grants: src.Settings.Grants,
	}
}
