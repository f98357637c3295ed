//go:build cgo

package wasmtime

// #cgo CFLAGS: -std=gnu11 -O2 -Wall
// #include <stdlib.h>
// #include "guest.h"
// #include "clock.h"
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"
	"unsafe"

	// The library that capi.h declares.
	_ "github.com/bytecodealliance/wasmtime-go/v39"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/fair"
)

const (
	// tick is the length of a time slice.
	tick = time.Millisecond
	// wasmStack bounds the native stack of a guest's calls: enough for
	// CPython's own recursion limit. Quickly compiled code has larger frames.
	// The fiber adds room for wasmtime itself; fibers of both kinds have one
	// size, so that they can share their stacks.
	wasmStack  = 2 << 20
	quickStack = 8 << 20
	fiberStack = quickStack + 256<<10
	// improveAfter is when a quickly compiled module is compiled well.
	improveAfter = 2 * time.Second
	// With all that a 32-bit address and a static offset can reach reserved,
	// the compiled code needs no bounds checks.
	reservation = 4 << 30
	guard       = 32 << 20
)

// Config says how to set up an [Engine].
type Config struct {
	// CacheDir keeps compiled modules. Whoever can write to it can run
	// native code in the host.
	CacheDir string
	// Host are the functions that guests can import.
	Host []engine.HostFunc
	// Processors is the number of guests that run at a time; 0 is one per
	// processor that Go uses.
	Processors int
	// QuickFrom is the size of a module in bytes from which it is compiled
	// quickly first and well in the background; 0 is 1 MiB.
	QuickFrom int
	// Growth is what all guests together may grow by beyond their images, in
	// bytes; a guest that wants more gets none. 0 is no bound.
	Growth int64
}

// Engine is an [engine.Engine]. Create it with [New].
type Engine struct {
	cacheDir  string
	quickFrom int
	host      []engine.HostFunc
	turns     *fair.Gate // for the processors

	full, quick tier
	clock       *C.serai_clock
	budget      *C.serai_budget
	background  sync.WaitGroup // compilations for the full tier
	improving   sync.Mutex     // held by the one that runs
	closing     chan struct{}
	close       sync.Once
}

// tier is a way to compile. Compiling CPython well takes seconds; so a large
// module is compiled quickly first, and well in the background.
type tier struct {
	ptr    *C.wasm_engine_t
	linker *C.wasmtime_linker_t
}

var (
	_ engine.Engine    = (*Engine)(nil)
	_ engine.TurnTaker = (*Engine)(nil)
)

// New returns an engine whose modules can import the host functions.
func New(c Config) (*Engine, error) {
	if c.Processors <= 0 {
		c.Processors = runtime.GOMAXPROCS(0)
	}
	if c.QuickFrom <= 0 {
		c.QuickFrom = 1 << 20
	}
	e := &Engine{
		closing: make(chan struct{}), cacheDir: c.CacheDir, quickFrom: c.QuickFrom, host: c.Host,
		turns: fair.NewGate(int64(c.Processors), math.MaxInt64),
	}
	growth := C.uint64_t(math.MaxInt64)
	if c.Growth > 0 {
		growth = C.uint64_t(c.Growth)
	}
	if e.budget = C.serai_budget_new(growth); e.budget == nil {
		return nil, errors.New("creating wasmtime engine: out of memory")
	}
	for _, t := range []*tier{&e.full, &e.quick} {
		if err := t.open(t == &e.quick, c.Host); err != nil {
			e.free()
			return nil, err
		}
	}
	if e.clock = C.serai_clock_new(e.full.ptr, e.quick.ptr, C.long(tick)); e.clock == nil {
		e.free()
		return nil, errors.New("creating wasmtime engine: no thread for the clock")
	}
	return e, nil
}

func (t *tier) open(quick bool, functions []engine.HostFunc) error {
	stack := C.uint64_t(wasmStack)
	if quick {
		stack = quickStack
	}
	if t.ptr = C.serai_engine_new(C.bool(quick), stack, fiberStack, reservation, guard); t.ptr == nil {
		return errors.New("creating wasmtime engine: out of memory")
	}
	t.linker = C.wasmtime_linker_new(t.ptr)
	for i := range functions {
		if err := t.define(i, &functions[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tier) close() {
	if t.linker != nil {
		C.wasmtime_linker_delete(t.linker)
	}
	if t.ptr != nil {
		C.wasm_engine_delete(t.ptr)
	}
}

func (t *tier) define(i int, f *engine.HostFunc) error {
	params, results := valueKinds(f.Params), valueKinds(f.Results)
	if params == nil || results == nil {
		return fmt.Errorf("defining host function %s.%s: it may have integers only", f.Module, f.Name)
	}
	err := C.serai_linker_define(t.linker,
		text(f.Module), C.size_t(len(f.Module)), text(f.Name), C.size_t(len(f.Name)),
		(*C.uint8_t)(unsafe.SliceData(params)), C.size_t(len(f.Params)),
		(*C.uint8_t)(unsafe.SliceData(results)), C.size_t(len(f.Results)), C.uint32_t(i))
	if err != nil {
		return fmt.Errorf("defining host function %s.%s: %w", f.Module, f.Name, takeError(err))
	}
	return nil
}

// valueKinds translates value types into those of the C API. The result
// always has a byte to point at; it is nil if a type is no integer.
func valueKinds(types []engine.ValueType) []byte {
	kinds := make([]byte, len(types), len(types)+1)
	for i, t := range types {
		switch t {
		case engine.I32:
			kinds[i] = C.WASMTIME_I32
		case engine.I64:
			kinds[i] = C.WASMTIME_I64
		default:
			return nil
		}
	}
	return kinds
}

// text points at a string's bytes, for functions that take a length.
func text(s string) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s)))
}

// takeError turns a C error into a Go one and frees it.
func takeError(err *C.wasmtime_error_t) error {
	var msg C.wasm_name_t
	C.wasmtime_error_message(err, &msg)
	s := C.GoStringN(msg.data, C.int(msg.size))
	C.wasm_byte_vec_delete(&msg)
	C.wasmtime_error_delete(err)
	return errors.New(s)
}

// Turns implements [engine.TurnTaker].
func (e *Engine) Turns() *fair.Gate { return e.turns }

// Name is "wasmtime".
func (e *Engine) Name() string { return "wasmtime" }

// Close releases the engine. Closing twice is fine. A compilation in the
// background cannot be stopped; Close does not wait for it.
func (e *Engine) Close() error {
	e.close.Do(func() {
		close(e.closing)
		go func() {
			e.background.Wait()
			e.free()
		}()
	})
	return nil
}

func (e *Engine) free() {
	if e.clock != nil {
		C.serai_clock_delete(e.clock)
	}
	e.full.close()
	e.quick.close()
	C.serai_budget_delete(e.budget)
}
