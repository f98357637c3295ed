//go:build cgo

package wasmtime

// #include <stdlib.h>
// #include "guest.h"
import "C"

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasm"
)

// Module is an [engine.Module].
type Module struct {
	engine *Engine
	info   *wasm.Module
	kinds  map[string]exportKinds

	mu     sync.RWMutex // held for reading while code is used
	code   code
	tier   atomic.Int32 // changes when code does
	closed bool
}

var _ engine.Module = (*Module)(nil)

// code is a compiled module, ready for instances.
type code struct {
	engine *C.wasm_engine_t
	ptr    *C.wasmtime_module_t
	pre    *C.wasmtime_instance_pre_t
}

func (c code) free() {
	C.wasmtime_instance_pre_delete(c.pre)
	C.wasmtime_module_delete(c.ptr)
}

// exportKinds is how an export is called.
type exportKinds struct {
	params  []byte
	results int
}

// Compile implements [engine.Engine]. A compiled module is kept as a file,
// which the next process maps in a millisecond.
func (e *Engine) Compile(_ context.Context, m *wasm.Module) (engine.Module, error) {
	mod := &Module{engine: e, info: m, kinds: callable(m)}
	path := e.cachePath(m)
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	// A file of another version or processor is refused by wasmtime itself.
	var (
		ptr  *C.wasmtime_module_t
		cerr error
	)
	err := C.wasmtime_module_deserialize_file(e.full.ptr, cpath, &ptr)
	switch {
	case err == nil:
		used(path)
		mod.code, cerr = e.full.link(ptr)
	case len(m.Code) < e.quickFrom:
		C.wasmtime_error_delete(err)
		mod.code, cerr = e.full.compile(m, path)
	default:
		C.wasmtime_error_delete(err)
		mod.code, cerr = e.quick.compile(m, "")
	}
	if cerr != nil {
		return nil, cerr
	}
	if mod.code.engine == e.quick.ptr {
		e.background.Go(func() { e.improve(mod, path) })
	}
	return mod, nil
}

// improve compiles a module well, in the background. Others come first: it
// begins once the host has had time to start and does one module at a time.
func (e *Engine) improve(mod *Module, path string) {
	select {
	case <-time.After(improveAfter):
	case <-e.closing:
		return
	}
	e.improving.Lock()
	defer e.improving.Unlock()
	if c, err := e.full.compile(mod.info, path); err == nil {
		mod.improve(c)
	} // otherwise the quick code stays, and the next start tries again
}

func (e *Engine) cachePath(m *wasm.Module) string {
	sum := sha256.Sum256(m.Code)
	return filepath.Join(e.cacheDir, "wasmtime-"+hex.EncodeToString(sum[:])+cacheSuffix)
}

// improve replaces the code for new instances.
func (m *Module) improve(c code) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		c.free()
		return
	}
	m.code.free() // instances keep what they need of it
	m.code = c
	m.tier.Add(1)
}

// compile compiles a module and keeps the result at path, unless that is "".
func (t *tier) compile(m *wasm.Module, path string) (code, error) {
	var ptr *C.wasmtime_module_t
	err := C.wasmtime_module_new(t.ptr, (*C.uint8_t)(unsafe.SliceData(m.Code)), C.size_t(len(m.Code)), &ptr)
	if err != nil {
		msg := strings.Join(strings.Fields(takeError(err).Error()), " ")
		return code{}, &host.Error{Code: abi.Invalid, Field: "module", Message: "the module does not compile: " + msg}
	}
	if path != "" {
		_ = save(ptr, path) // a cache that cannot be written costs time, not function
	}
	return t.link(ptr)
}

// link takes ptr over and resolves its imports.
func (t *tier) link(ptr *C.wasmtime_module_t) (code, error) {
	c := code{engine: t.ptr, ptr: ptr}
	var pre *C.wasmtime_instance_pre_t
	if err := C.wasmtime_linker_instantiate_pre(t.linker, ptr, &pre); err != nil {
		C.wasmtime_module_delete(ptr)
		return code{}, &host.Error{Code: abi.Invalid, Field: "module", Message: "linking the module: " + takeError(err).Error()}
	}
	c.pre = pre
	return c, nil
}

func save(ptr *C.wasmtime_module_t, path string) error {
	var bytes C.wasm_byte_vec_t
	if err := C.wasmtime_module_serialize(ptr, &bytes); err != nil {
		return fmt.Errorf("serialising module: %w", takeError(err))
	}
	defer C.wasm_byte_vec_delete(&bytes)
	if err := keep(path, unsafe.Slice((*byte)(unsafe.Pointer(bytes.data)), int(bytes.size))); err != nil {
		return fmt.Errorf("keeping compiled module: %w", err)
	}
	return nil
}

// callable lists the exports that [Instance.Call] can call.
func callable(m *wasm.Module) map[string]exportKinds {
	out := make(map[string]exportKinds, len(m.Exports))
	for _, x := range m.Exports {
		params, results := valueKinds(x.Params), valueKinds(x.Results)
		if params != nil && results != nil && len(x.Params) <= C.SERAI_MAX_ARGS && len(x.Results) <= 1 {
			out[x.Name] = exportKinds{params, len(x.Results)}
		}
	}
	if m.StartExport != "" {
		out[m.StartExport] = exportKinds{params: make([]byte, 0, 1)}
	}
	return out
}

// Instantiate implements [engine.Module].
func (m *Module) Instantiate(_ context.Context, im *image.Image, maxMemory uint64) (engine.Instance, error) {
	if m.info.MemoryMax > 0 {
		maxMemory = min(maxMemory, m.info.MemoryMax)
	}
	if im.Size() > maxMemory {
		return nil, host.Errorf(abi.Limit, "the service needs %s of memory, its limit is %s",
			host.Bytes(im.Size()), host.Bytes(maxMemory))
	}
	mem, err := image.NewMemory(im, maxMemory, reservation+guard)
	if err != nil {
		return nil, host.Errorf(abi.Unavailable, "starting an instance: %w", err)
	}
	n := len(m.info.Globals)
	m.mu.RLock()
	i := &Instance{module: m, mem: mem, tier: m.tier.Load()}
	i.guest = C.serai_guest_new(m.code.engine, m.code.pre, m.engine.budget, mem.Base(), C.uint64_t(im.Size()), C.uint64_t(maxMemory), C.uint32_t(n))
	m.mu.RUnlock()
	if i.guest == nil {
		_ = mem.Close()
		return nil, errors.New("starting an instance: out of memory")
	}
	if i.guest.error != nil || i.guest.trap != nil {
		err := i.failure()
		_ = i.Close()
		return nil, host.Errorf(abi.Unavailable, "starting an instance: %w", err)
	}
	for k, g := range m.info.Globals {
		if !C.serai_guest_find_global(i.guest, C.uint32_t(k), text(g.Export), C.size_t(len(g.Export))) {
			_ = i.Close()
			return nil, fmt.Errorf("starting an instance: no global %q", g.Export)
		}
	}
	if err := i.setGlobals(im.Globals()); err != nil {
		_ = i.Close()
		return nil, err
	}
	return i, nil
}

// Close implements [engine.Module]. Instances that still exist keep what
// they need.
func (m *Module) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		m.code.free()
	}
	return nil
}
