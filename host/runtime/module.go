package runtime

import (
	"context"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/extism"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasm"
	"github.com/seraihost/serai/host/guest"
)

// buildModule builds an uploaded WebAssembly module.
func (r *Runtime) buildModule(ctx context.Context, src Source) (*Built, error) {
	if extism.IsPlugin(src.Content) {
		return r.buildExtism(ctx, src)
	}
	m, err := r.inspect(src.Content)
	if err != nil {
		return nil, err
	}
	if isPluginExport(m, src.Settings.Export) {
		return r.buildExtism(ctx, src)
	}
	kind, _, err := kindOf(m, src.Settings.Export)
	if err != nil {
		return nil, err
	}
	// Before anything is made of that size.
	if most := src.Settings.Limits.Memory; m.MemoryMin > uint64(most) { //nolint:gosec // not negative
		return nil, host.FieldErrorf("limits.memory", "the module needs %s of memory to start, its limit is %s; raise it with --memory",
			host.Bytes(m.MemoryMin), most) //nolint:gosec // at most 4 GiB
	}
	c, err := r.modules.get(ctx, m)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.modules.put(c) }()
	first, err := initialImage(m)
	if err != nil {
		return nil, err
	}
	defer first.Release()
	in, err := r.initialised(ctx, c, first, src, moduleInit(m, kind, src.Service), nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()

	mem, globals := in.Memory(), in.Globals()
	if m.Fresh { // the image is the module before its initialisation
		mem, globals = first.Bytes(), first.Globals()
	}
	im, err := r.Images.Freeze(nil, mem, globals)
	if err != nil {
		return nil, err
	}
	defer im.Release()
	source, err := r.Blobs.Put(src.Content)
	if err != nil {
		return nil, err
	}
	return &Built{
		Kind: kind, Source: source, Image: im.Digest(), Fresh: m.Fresh,
		ImageBytes: int64(im.Size()), OwnBytes: im.OwnBytes(), //nolint:gosec // at most 4 GiB
	}, nil
}

// buildExtism builds an uploaded Extism plugin. It has no image: every call
// starts a new instance.
func (r *Runtime) buildExtism(ctx context.Context, src Source) (*Built, error) {
	p, err := newExtism(ctx, src.Content, src.Settings, r.CacheDir)
	if err != nil {
		return nil, err
	}
	if err := p.Close(); err != nil {
		return nil, fmt.Errorf("closing plugin: %w", err)
	}
	source, err := r.Blobs.Put(src.Content)
	if err != nil {
		return nil, err
	}
	return &Built{Kind: host.KindExtism, Source: source, OwnBytes: int64(len(src.Content))}, nil
}

// loadModule loads a version of kind core or wasi.
func (r *Runtime) loadModule(ctx context.Context, v host.Version) (Program, error) {
	code, err := r.Blobs.Get(v.Source)
	if err != nil {
		return nil, err
	}
	m, err := r.inspect(code)
	if err != nil {
		return nil, err
	}
	_, export, err := kindOf(m, v.Settings.Export)
	if err != nil {
		return nil, err
	}
	c, err := r.modules.get(ctx, m)
	if err != nil {
		return nil, err
	}
	im, err := r.Images.Open(v.Image)
	if err != nil {
		_ = r.modules.put(c)
		return nil, err
	}
	l := r.newLayout(im)
	p := &imaged{
		rt: r, module: c, layout: l, limits: v.Settings.Limits,
		fresh: v.Fresh, init: moduleInit(m, v.Kind, v.Service), serve: serveABI(export),
		leave: func() error {
			l.close()
			return r.modules.put(c)
		},
	}
	if v.Kind == host.KindWASI {
		p.serve = serveCommand
	}
	return p, nil
}

// initialImage is the state of a module before anything of it ran.
func initialImage(m *wasm.Module) (*image.Image, error) {
	mem := make([]byte, m.MemoryMin)
	if err := m.InitialMemory(mem); err != nil {
		return nil, &host.Error{Code: abi.Invalid, Field: "module", Message: err.Error(), Err: err}
	}
	return image.FromMemory(mem, m.InitialGlobals())
}

// moduleInit runs what a module has to initialise itself: its start
// function, the WASI reactor's _initialize and serai_init.
func moduleInit(m *wasm.Module, kind host.Kind, service string) func(context.Context, engine.Instance, *guest.Session, *engine.Call) error {
	return func(ctx context.Context, in engine.Instance, s *guest.Session, c *engine.Call) error {
		if m.StartExport != "" {
			if _, err := in.Call(ctx, c, m.StartExport); err != nil {
				return err
			}
		}
		if kind == host.KindWASI {
			return nil // a command is initialised by _start, in the call
		}
		if m.HasExport(abi.ExportInitialize) {
			if _, err := in.Call(ctx, c, abi.ExportInitialize); err != nil {
				return err
			}
		}
		if !m.HasExport(abi.ExportInit) {
			return nil
		}
		return callInit(ctx, in, s, c, abi.Envelope{{Name: abi.FieldService, Value: service}})
	}
}

// callInit calls serai_init with the envelope.
func callInit(ctx context.Context, in engine.Instance, s *guest.Session, c *engine.Call, e abi.Envelope) error {
	env, body := s.SetRequest(e, nil)
	code, err := in.Call(ctx, c, abi.ExportInit, env, body)
	if err != nil {
		return err
	}
	if code != uint64(abi.OK) {
		fail := s.Failure(code)
		fail.Code = abi.Invalid
		fail.Message = "the service cannot be initialised"
		if d := fail.Detail; d.Message != "" {
			fail.Message = fmt.Sprintf("the service cannot be initialised: %s: %s", d.Type, d.Message)
		}
		return fail
	}
	return nil
}
