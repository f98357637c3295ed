package enginetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasi"
	"github.com/seraihost/serai/host/engine/wasm"
)

// Guest is a compiled module and the image of its first start.
type Guest struct {
	Info   *wasm.Module
	Module engine.Module
	Image  *image.Image
}

// NewGuest inspects and compiles code. What it makes is closed with t.
func NewGuest(t testing.TB, e engine.Engine, code []byte) *Guest {
	t.Helper()
	info, err := wasm.Inspect(code, Known)
	if err != nil {
		t.Fatal(err)
	}
	module, err := e.Compile(t.Context(), info)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closing(t, module.Close) })
	mem := make([]byte, info.MemoryMin)
	if err := info.InitialMemory(mem); err != nil {
		t.Fatal(err)
	}
	return &Guest{info, module, newImage(t, mem, info.InitialGlobals())}
}

func newImage(t testing.TB, mem []byte, globals []uint64) *image.Image {
	t.Helper()
	im, err := image.FromMemory(mem, globals)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(im.Release)
	return im
}

func closing(t testing.TB, closeIt func() error) {
	t.Helper()
	if err := closeIt(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// defaultMemory is the limit of instances that a test does not care about.
const defaultMemory = 16 << 20

// Start starts an instance of the image, which is closed with t.
func (g *Guest) Start(t testing.TB) engine.Instance { return g.start(t, g.Image, defaultMemory) }

func (g *Guest) start(t testing.TB, im *image.Image, maxMemory uint64) engine.Instance {
	t.Helper()
	i, err := g.Module.Instantiate(t.Context(), im, maxMemory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closing(t, i.Close) })
	return i
}

// call calls a function that must succeed.
func call(t testing.TB, i engine.Instance, function string, args ...uint64) uint64 {
	t.Helper()
	v, err := i.Call(t.Context(), newCall(), function, args...)
	if err != nil {
		t.Fatalf("%s%v: %v", function, args, err)
	}
	return v
}

func newCall() *engine.Call { return &engine.Call{State: &State{}, Key: "test"} }

// State is the state of the calls that the suite makes.
type State struct {
	System  wasi.System
	Entered chan struct{} // gets a value when a guest begins to wait
}

// WASI implements wasi.Provider.
func (s *State) WASI() *wasi.System { return &s.System }

// errHost is what the host function test.fail returns.
var errHost = errors.New("the host function's own error")

// HostFuncs returns what guests of the suite import: the module "test" and WASI.
func HostFuncs() []engine.HostFunc {
	i32, i64 := engine.I32, engine.I64
	types := func(ts ...engine.ValueType) []engine.ValueType { return ts }
	return append([]engine.HostFunc{
		{Module: "test", Name: "none", Do: func(context.Context, engine.Guest, []uint64) error { return nil }},
		{Module: "test", Name: "add", Params: types(i32, i64), Results: types(i64), Do: hostAdd},
		{Module: "test", Name: "fail", Do: func(context.Context, engine.Guest, []uint64) error { return errHost }},
		{Module: "test", Name: "wait", Params: types(i32), Results: types(i32), Blocks: true, Do: hostWait},
		{Module: "test", Name: "fill", Params: types(i32, i32, i32), Results: types(i32), Do: hostFill},
		{Module: "test", Name: "eight", Params: types(i32, i64, i32, i64, i32, i64, i32, i64), Results: types(i64), Do: hostEight},
	}, wasi.Functions()...)
}

// Known tells wasm.Inspect of HostFuncs.
func Known(module, name string) (params, results []byte, ok bool) {
	for _, f := range HostFuncs() {
		if f.Module == module && f.Name == name {
			return f.Params, f.Results, true
		}
	}
	return nil, nil, false
}

// hostAdd is add(a i32, b i64) i64.
func hostAdd(_ context.Context, _ engine.Guest, stack []uint64) error {
	stack[0] = uint64(uint32(stack[0])) + stack[1]
	return nil
}

// hostEight is eight(i32, i64, ...) i64: its parameters as decimal digits.
func hostEight(_ context.Context, _ engine.Guest, stack []uint64) error {
	var v uint64
	for _, p := range stack[:8] {
		v = v*10 + p&0xf
	}
	stack[0] = v
	return nil
}

// hostWait is wait(milliseconds i32) i32.
func hostWait(ctx context.Context, g engine.Guest, stack []uint64) error {
	if s, ok := g.State().(*State); ok && s.Entered != nil {
		s.Entered <- struct{}{}
	}
	timer := time.NewTimer(time.Duration(uint32(stack[0])) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		stack[0] = 1
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hostFill is fill(ptr, len, value i32) i32: 1 if the range is in memory.
func hostFill(_ context.Context, g engine.Guest, stack []uint64) error {
	mem, ptr, n := g.Memory(), uint64(uint32(stack[0])), uint64(uint32(stack[1]))
	if ptr+n > uint64(len(mem)) {
		stack[0] = 0
		return nil
	}
	for i := range mem[ptr : ptr+n] {
		mem[ptr+uint64(i)] = byte(stack[2])
	}
	stack[0] = 1
	return nil
}
