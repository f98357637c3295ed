package extism

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	sdk "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine/wasm"
)

// Options say how a plugin is compiled.
type Options struct {
	// Export is the function to call; "" is the only one that can be called.
	Export string
	// MaxMemory bounds the memory of an instance in bytes, what the kernel
	// holds of input, output and variables included.
	MaxMemory uint64
	// CacheDir keeps compiled code; "" keeps none. Whoever can write to it
	// can run native code in the host.
	CacheDir string
}

// features are what the rewriting understands.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst

// Program is a compiled plugin. It is safe for concurrent use.
type Program struct {
	export   string
	limit    uint64
	cache    wazero.CompilationCache
	compiled *sdk.CompiledPlugin
	close    sync.Once
	err      error // of close
}

// Compile checks and compiles a plugin. An error about the plugin is a
// *[host.Error] about field "module", or about "export" when the function to
// call cannot be found; it lists those that can.
func Compile(ctx context.Context, code []byte, o Options) (*Program, error) {
	code, m, err := rewrite(code)
	if err != nil {
		return nil, err
	}
	p := &Program{limit: o.MaxMemory}
	if p.export, err = pick(m, o.Export); err != nil {
		return nil, err
	}
	if m.memoryMin > o.MaxMemory {
		return nil, p.needs(m.memoryMin)
	}
	p.cache = wazero.NewCompilationCache()
	if o.CacheDir != "" {
		if p.cache, err = wazero.NewCompilationCacheWithDir(o.CacheDir); err != nil {
			return nil, fmt.Errorf("opening cache of compiled plugins: %w", err)
		}
	}
	if err := p.compile(ctx, code); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Program) compile(ctx context.Context, code []byte) error {
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(features).
		WithCompilationCache(p.cache).
		WithCloseOnContextDone(true).
		WithDebugInfoEnabled(false)
	manifest := sdk.Manifest{
		Wasm: []sdk.Wasm{sdk.WasmData{Data: code}},
		Memory: &sdk.ManifestMemory{
			MaxPages: uint32(min(max(p.limit/wasm.PageSize, 1), 1<<16)),
		},
	}
	var err error
	p.compiled, err = sdk.NewCompiledPlugin(ctx, manifest, sdk.PluginConfig{RuntimeConfig: config, EnableWasi: true}, hostFunctions())
	if err == nil {
		var in *Instance // what cannot start is refused now
		if in, err = p.Start(ctx); err == nil {
			return in.Close()
		}
	}
	var coded *host.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &coded):
		return err
	}
	return &host.Error{
		Code: abi.Invalid, Field: "module",
		Message: "the plugin cannot be started: " + strings.Join(strings.Fields(err.Error()), " "),
	}
}

func (p *Program) needs(bytes uint64) error {
	return host.Errorf(abi.Limit, "the plugin needs more than %s of memory, its limit is %s; raise it with --memory",
		host.Bytes(bytes), host.Bytes(p.limit)) //nolint:gosec // at most 4 GiB
}

// Close releases the compiled code, after all instances. Closing twice is fine.
func (p *Program) Close() error {
	p.close.Do(func() {
		ctx := context.Background()
		var err error
		if p.compiled != nil {
			err = p.compiled.Close(ctx)
		}
		if err = errors.Join(err, p.cache.Close(ctx)); err != nil {
			p.err = fmt.Errorf("closing plugin: %w", err)
		}
	})
	return p.err
}

// pick returns the name of the function to call.
func pick(m *module, chosen string) (string, error) {
	var all []string
	for _, x := range m.exports {
		if callable(x) && !initialises(x.Name) {
			all = append(all, x.Name)
		}
	}
	if len(all) == 0 && slices.ContainsFunc(m.exports, func(x wasm.Export) bool { return x.Name == "_start" && callable(x) }) {
		all = []string{"_start"}
	}
	switch {
	case chosen == "" && len(all) == 1:
		return all[0], nil
	case chosen == "" && len(all) == 0:
		return "", host.FieldErrorf("module", "the plugin exports no function without parameters, and with an i32 or nothing as its result")
	case chosen == "":
		return "", host.FieldErrorf("export", "the plugin exports several functions; choose one with --export: %s", list(all))
	}
	for _, x := range m.exports {
		if x.Name != chosen {
			continue
		}
		if !callable(x) {
			return "", host.FieldErrorf("export", "export %q has the signature %s; a plugin's function has no parameters, and an i32 or nothing as its result",
				host.Clip(chosen), wasm.Signature(x.Params, x.Results))
		}
		return chosen, nil
	}
	return "", host.FieldErrorf("export", "the plugin exports no function %q; choose one of these with --export: %s", host.Clip(chosen), list(all))
}

func callable(x wasm.Export) bool {
	return len(x.Params) == 0 && (len(x.Results) == 0 || len(x.Results) == 1 && x.Results[0] == wasm.I32)
}

// initialises reports whether a name belongs to a language's own runtime.
func initialises(name string) bool {
	return strings.HasPrefix(name, "_") || strings.HasPrefix(name, "hs_") || strings.HasPrefix(name, "asyncify_") ||
		strings.HasPrefix(name, "wizer.")
}

func list(names []string) string {
	const most = 20
	shown := make([]string, 0, most+1)
	for _, n := range names {
		if len(shown) == most {
			shown = append(shown, "…")
			break
		}
		shown = append(shown, host.Clip(n))
	}
	return strings.Join(shown, ", ")
}
