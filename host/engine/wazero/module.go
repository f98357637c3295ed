package wazero

import (
	"context"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasm"
)

// Module is an [engine.Module].
type Module struct {
	engine   *Engine
	info     *wasm.Module
	compiled wazero.CompiledModule
	callable map[string]kinds
	close    sync.Once
	err      error // of close
}

var _ engine.Module = (*Module)(nil)

// kinds are the numbers of parameters and results of an export.
type kinds struct {
	params, results int
	narrow          bool // the result is an i32
}

// callable lists the exports that [Instance.Call] can call.
func callable(m *wasm.Module) map[string]kinds {
	out := make(map[string]kinds, len(m.Exports)+1)
	for _, x := range m.Exports {
		if integers(x.Params) && integers(x.Results) && len(x.Results) <= 1 {
			out[x.Name] = kinds{len(x.Params), len(x.Results), len(x.Results) == 1 && x.Results[0] == engine.I32}
		}
	}
	if m.StartExport != "" {
		out[m.StartExport] = kinds{}
	}
	return out
}

// Instantiate implements [engine.Module].
func (m *Module) Instantiate(ctx context.Context, im *image.Image, maxMemory uint64) (engine.Instance, error) {
	if m.info.MemoryMax > 0 {
		maxMemory = min(maxMemory, m.info.MemoryMax)
	}
	switch {
	case im.Size() > maxMemory:
		return nil, host.Errorf(abi.Limit, "the service needs %s of memory, its limit is %s",
			host.Bytes(im.Size()), host.Bytes(maxMemory)) //nolint:gosec // at most 4 GiB
	case im.Size() < m.info.MemoryMin:
		return nil, fmt.Errorf("starting an instance: the image has %d bytes of memory, the module %d", im.Size(), m.info.MemoryMin)
	case len(im.Globals()) != len(m.info.Globals):
		return nil, fmt.Errorf("starting an instance: the image has %d globals, the module %d", len(im.Globals()), len(m.info.Globals))
	}
	mem, err := image.NewMemory(im, maxMemory, maxMemory)
	if err != nil {
		return nil, host.Errorf(abi.Unavailable, "starting an instance: %w", err)
	}
	i := &Instance{module: m, mem: mem, functions: map[string]api.Function{}}
	allocator := experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory { return linear{mem} })
	i.guest, err = m.engine.runtime.InstantiateModule(
		experimental.WithMemoryAllocator(ctx, allocator), m.compiled,
		wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		_ = mem.Close()
		return nil, host.Errorf(abi.Unavailable, "starting an instance: %w", err)
	}
	for _, g := range m.info.Globals {
		global, ok := i.guest.ExportedGlobal(g.Export).(api.MutableGlobal)
		if !ok {
			_ = i.Close()
			return nil, fmt.Errorf("starting an instance: no global %q", g.Export)
		}
		i.globals = append(i.globals, global)
	}
	i.setGlobals()
	return i, nil
}

// Close implements [engine.Module]. Closing twice is fine.
func (m *Module) Close() error {
	m.close.Do(func() {
		if err := m.compiled.Close(context.Background()); err != nil {
			m.err = fmt.Errorf("closing module: %w", err)
		}
	})
	return m.err
}

// linear lends an image's memory to wazero.
type linear struct{ mem *image.Memory }

// Reallocate implements [experimental.LinearMemory]. An image may be larger
// than the module's initial memory, so the whole of it is the answer to the
// first, smaller wish.
func (l linear) Reallocate(size uint64) []byte {
	if size > l.mem.Size() && !l.mem.Grow(size) {
		return nil
	}
	return l.mem.Bytes()
}

// Free implements [experimental.LinearMemory]; the instance closes the memory.
func (linear) Free() {}
