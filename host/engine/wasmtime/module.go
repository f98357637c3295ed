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
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasm"
)

// Module is an [engine.Module].
type Module struct {
	engine  *Engine
	info    *wasm.Module
	kinds   map[string]exportKinds
	ptr     *C.wasmtime_module_t
	pre     *C.wasmtime_instance_pre_t
	release sync.Once
}

var _ engine.Module = (*Module)(nil)

// exportKinds is how an export is called.
type exportKinds struct {
	params  []byte
	results int
}

// Compile implements [engine.Engine]. A compiled module is kept as a file,
// which the next process maps in a millisecond.
func (e *Engine) Compile(_ context.Context, m *wasm.Module) (engine.Module, error) {
	sum := sha256.Sum256(m.Code)
	path := filepath.Join(e.cacheDir, "wasmtime-"+hex.EncodeToString(sum[:])+".cwasm")
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	// A file of another version or processor is refused by wasmtime itself.
	var ptr *C.wasmtime_module_t
	if err := C.wasmtime_module_deserialize_file(e.ptr, cpath, &ptr); err != nil {
		C.wasmtime_error_delete(err)
		var cerr error
		if ptr, cerr = e.compile(m, path); cerr != nil {
			return nil, cerr
		}
	}
	var pre *C.wasmtime_instance_pre_t
	if err := C.wasmtime_linker_instantiate_pre(e.linker, ptr, &pre); err != nil {
		C.wasmtime_module_delete(ptr)
		return nil, &host.Error{Code: abi.Invalid, Field: "module", Message: "linking the module: " + takeError(err).Error()}
	}
	return &Module{engine: e, info: m, kinds: callable(m), ptr: ptr, pre: pre}, nil
}

func (e *Engine) compile(m *wasm.Module, path string) (*C.wasmtime_module_t, error) {
	var ptr *C.wasmtime_module_t
	err := C.wasmtime_module_new(e.ptr, (*C.uint8_t)(unsafe.SliceData(m.Code)), C.size_t(len(m.Code)), &ptr)
	if err != nil {
		msg := strings.Join(strings.Fields(takeError(err).Error()), " ")
		return nil, &host.Error{Code: abi.Invalid, Field: "module", Message: "the module does not compile: " + msg}
	}
	var bytes C.wasm_byte_vec_t
	if err := C.wasmtime_module_serialize(ptr, &bytes); err != nil {
		C.wasmtime_module_delete(ptr)
		return nil, fmt.Errorf("serialising module: %w", takeError(err))
	}
	defer C.wasm_byte_vec_delete(&bytes)
	if err := keep(path, unsafe.Slice((*byte)(unsafe.Pointer(bytes.data)), int(bytes.size))); err != nil {
		C.wasmtime_module_delete(ptr)
		return nil, fmt.Errorf("keeping compiled module: %w", err)
	}
	return ptr, nil
}

// keep writes a cache file that is either whole or absent.
func keep(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
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
			host.Bytes(im.Size()), host.Bytes(maxMemory)) //nolint:gosec // at most 4 GiB
	}
	mem, err := image.NewMemory(im, maxMemory, reservation+guard)
	if err != nil {
		return nil, host.Errorf(abi.Unavailable, "starting an instance: %w", err)
	}
	n := len(m.info.Globals)
	i := &Instance{module: m, mem: mem}
	i.guest = C.serai_guest_new(m.engine.ptr, m.pre, mem.Base(), C.uint64_t(im.Size()), C.uint64_t(maxMemory), C.uint32_t(n)) //nolint:gosec // bounded by wasm.Inspect
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
		if !C.serai_guest_find_global(i.guest, C.uint32_t(k), text(g.Export), C.size_t(len(g.Export))) { //nolint:gosec // a slice index
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
	m.release.Do(func() {
		C.wasmtime_instance_pre_delete(m.pre)
		C.wasmtime_module_delete(m.ptr)
	})
	return nil
}
