package wazero

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasm"
)

// features are what wasm.Inspect lets through.
const features = (api.CoreFeaturesV2 &^ api.CoreFeatureSIMD) | experimental.CoreFeaturesExtendedConst

// Config says how to set up an [Engine].
type Config struct {
	// CacheDir keeps compiled modules; "" keeps them in memory only.
	// Whoever can write to it can run native code in the host.
	CacheDir string
	// Host are the functions that guests can import.
	Host []engine.HostFunc
	// Interpret runs guests in the interpreter even where there is a
	// compiler, for tests.
	Interpret bool
}

// Engine is an [engine.Engine]. Create it with [New].
type Engine struct {
	runtime wazero.Runtime
	cache   wazero.CompilationCache
	close   sync.Once
	err     error // of close
}

var _ engine.Engine = (*Engine)(nil)

// New returns an engine whose modules can import the host functions. It
// compiles guests where wazero has a compiler for the processor and
// interprets them elsewhere.
func New(ctx context.Context, c Config) (*Engine, error) {
	rc := wazero.NewRuntimeConfig()
	if c.Interpret {
		rc = wazero.NewRuntimeConfigInterpreter()
	}
	cache := wazero.NewCompilationCache()
	if c.CacheDir != "" {
		var err error
		if cache, err = wazero.NewCompilationCacheWithDir(c.CacheDir); err != nil {
			return nil, fmt.Errorf("opening cache of compiled modules: %w", err)
		}
	}
	e := &Engine{cache: cache, runtime: wazero.NewRuntimeWithConfig(ctx, rc.
		WithCoreFeatures(features).
		WithCompilationCache(cache).
		WithCloseOnContextDone(true).
		WithDebugInfoEnabled(false))}
	if err := e.define(ctx, c.Host); err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

// define makes the host functions importable, module by module.
func (e *Engine) define(ctx context.Context, functions []engine.HostFunc) error {
	builders := map[string]wazero.HostModuleBuilder{}
	for _, f := range functions {
		b, ok := builders[f.Module]
		if !ok {
			b = e.runtime.NewHostModuleBuilder(f.Module)
			builders[f.Module] = b
		}
		if !integers(f.Params) || !integers(f.Results) || len(f.Results) > 1 {
			return fmt.Errorf("defining host function %s.%s: it may have integers only", f.Module, f.Name)
		}
		b.NewFunctionBuilder().WithGoModuleFunction(hostCall(f), f.Params, f.Results).Export(f.Name)
	}
	for name, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("defining host functions of %s: %w", name, err)
		}
	}
	return nil
}

func integers(types []engine.ValueType) bool {
	for _, t := range types {
		if t != engine.I32 && t != engine.I64 {
			return false
		}
	}
	return true
}

// Name is "wazero".
func (e *Engine) Name() string { return "wazero" }

// Compile implements [engine.Engine].
func (e *Engine) Compile(ctx context.Context, m *wasm.Module) (engine.Module, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	compiled, err := e.runtime.CompileModule(ctx, m.Code)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &host.Error{
			Code: abi.Invalid, Field: "module",
			Message: "the module does not compile: " + strings.Join(strings.Fields(err.Error()), " "),
		}
	}
	return &Module{engine: e, info: m, compiled: compiled, callable: callable(m)}, nil
}

// Close implements [engine.Engine]. Closing twice is fine.
func (e *Engine) Close() error {
	e.close.Do(func() {
		ctx := context.Background()
		if err := errors.Join(e.runtime.Close(ctx), e.cache.Close(ctx)); err != nil {
			e.err = fmt.Errorf("closing wazero: %w", err)
		}
	})
	return e.err
}
