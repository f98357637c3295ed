package extism_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/engine/extism"
)

var i32 = []byte{wasmtest.I32}

// spin is a plugin that never ends.
func spin() []byte {
	m := wasmtest.New(1, 0)
	m.Func(wasmtest.Func{Export: "run", Results: i32, Body: wasmtest.Code(
		wasmtest.Loop, wasmtest.Br(0), wasmtest.End, wasmtest.I32Const(0))})
	return m.Bytes()
}

// recurse is a plugin that calls itself twice to a depth of 60, without a loop.
func recurse() []byte {
	m := wasmtest.New(1, 0)
	self := m.Next()
	m.Func(wasmtest.Func{Params: i32, Body: wasmtest.Code(
		wasmtest.LocalGet(0), wasmtest.I32Eqz, wasmtest.If, wasmtest.Return, wasmtest.End,
		wasmtest.LocalGet(0), wasmtest.I32Const(1), wasmtest.I32Sub, wasmtest.Call(self),
		wasmtest.LocalGet(0), wasmtest.I32Const(1), wasmtest.I32Sub, wasmtest.Call(self))})
	m.Func(wasmtest.Func{Export: "run", Results: i32, Body: wasmtest.Code(
		wasmtest.I32Const(60), wasmtest.Call(self), wasmtest.I32Const(0))})
	return m.Bytes()
}

// fan is a plugin of 60 functions, each of which calls the next one twice.
func fan() []byte {
	m := wasmtest.New(1, 0)
	last := m.Func(wasmtest.Func{})
	for range 60 {
		last = m.Func(wasmtest.Func{Body: wasmtest.Code(wasmtest.Call(last), wasmtest.Call(last))})
	}
	m.Func(wasmtest.Func{Export: "run", Results: i32, Body: wasmtest.Code(wasmtest.Call(last), wasmtest.I32Const(0))})
	return m.Bytes()
}

// fills is a plugin that fills its 32 MiB 1,000 times in a straight line.
func fills() []byte {
	m := wasmtest.New(512, 0)
	one := wasmtest.Code(wasmtest.I32Const(0), wasmtest.I32Const(7), wasmtest.I32Const(32<<20), wasmtest.MemoryFill)
	var body []byte
	for range 1_000 {
		body = append(body, one...)
	}
	m.Func(wasmtest.Func{Export: "run", Results: i32, Body: wasmtest.Code(body, wasmtest.I32Const(0))})
	return m.Bytes()
}

// logs is a plugin that logs without end, by hand-made blocks.
func logs() []byte {
	m := wasmtest.New(1, 0)
	alloc := m.Import("extism:host/env", "alloc", []byte{wasmtest.I64}, []byte{wasmtest.I64})
	info := m.Import("extism:host/env", "log_info", []byte{wasmtest.I64}, nil)
	m.Func(wasmtest.Func{Export: "run", Results: i32, Body: wasmtest.Code(
		wasmtest.Loop, wasmtest.I64Const(10), wasmtest.Call(alloc), wasmtest.Call(info), wasmtest.Br(0), wasmtest.End, wasmtest.I32Const(0))})
	return m.Bytes()
}

func TestEndless(t *testing.T) {
	for name, code := range map[string][]byte{"loop": spin(), "recursion": recurse(), "fan": fan(), "fills": fills(), "logs": logs()} {
		t.Run(name, func(t *testing.T) {
			p := compile(t, code, "")
			for _, budget := range []time.Duration{0, 50 * time.Millisecond} {
				in, err := p.Start(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				timeout, want := 100*time.Millisecond, context.DeadlineExceeded
				if budget > 0 {
					timeout, want = time.Minute, engine.ErrCPU
				}
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				began := time.Now()
				c := &extism.Call{Host: quiet{}, CPU: budget}
				_, err = in.Call(ctx, c)
				took := time.Since(began)
				cancel()
				if !errors.Is(err, want) || took > 2*time.Second {
					t.Errorf("budget %s: %v after %s", budget, err, took)
				}
				if c.Used <= 0 || c.Used > took {
					t.Errorf("used %s of %s", c.Used, took)
				}
				t.Logf("%v after %s", err, took)
				if err := in.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestSameDeadline tells a deadline from a budget that is as long: the
// deadline is what the author set.
func TestSameDeadline(t *testing.T) {
	p := compile(t, spin(), "")
	for range 10 {
		in, err := p.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err = in.Call(ctx, &extism.Call{Host: quiet{}, CPU: 20 * time.Millisecond})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTraps(t *testing.T) {
	deep := wasmtest.New(1, 0)
	deep.Func(wasmtest.Func{Export: "run", Body: wasmtest.Call(deep.Next())})
	trap := wasmtest.New(1, 0)
	trap.Func(wasmtest.Func{Export: "run", Body: wasmtest.Unreachable})
	for reason, m := range map[string]*wasmtest.Module{"call stack exhausted": deep, "unreachable": trap} {
		_, err := call(t.Context(), t, compile(t, m.Bytes(), ""), newFake(), "")
		var got *engine.Trap
		if !errors.As(err, &got) || got.Reason != reason {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

// quiet is a host that drops what is logged.
type quiet struct{}

func (quiet) Do(context.Context, abi.Envelope, []byte) (abi.Envelope, []byte, error) {
	return nil, nil, host.Errorf(abi.Denied, "nothing is granted")
}
func (quiet) Print(int, string) {}

// TestCollector lets Go collect its garbage while a plugin spins.
func TestCollector(t *testing.T) {
	in, err := compile(t, spin(), "").Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := in.Call(ctx, &extism.Call{Host: quiet{}})
		ended <- err
	}()
	began := time.Now()
	for range 5 {
		runtime.GC()
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("five collections took %s", took)
	} else {
		t.Logf("five collections took %s", took)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

// TestStartFunction refuses plugins whose start function does not end, or
// calls the host.
func TestStartFunction(t *testing.T) {
	m := wasmtest.New(1, 0)
	m.Start(m.Func(wasmtest.Func{Export: "run", Body: wasmtest.Code(wasmtest.Loop, wasmtest.Br(0), wasmtest.End)}))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := extism.Compile(ctx, m.Bytes(), extism.Options{MaxMemory: memory}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("endless start function: %v", err)
	}
	for _, name := range []string{"get_log_level", "memory_bytes"} {
		m = wasmtest.New(1, 0)
		result := i32
		if name == "memory_bytes" {
			result = []byte{wasmtest.I64}
		}
		f := m.Import("extism:host/env", name, nil, result)
		m.Start(m.Func(wasmtest.Func{Export: "run", Body: wasmtest.Code(wasmtest.Call(f), wasmtest.Drop)}))
		if _, err := extism.Compile(t.Context(), m.Bytes(), extism.Options{MaxMemory: memory}); host.CodeOf(err) != abi.Invalid {
			t.Errorf("start function that calls %s: %v", name, err)
		}
	}
}

// TestMemory bounds the plugin's memory and the kernel's together.
func TestMemory(t *testing.T) {
	m := wasmtest.New(1, 0)
	alloc := m.Import("extism:host/env", "alloc", []byte{wasmtest.I64}, []byte{wasmtest.I64})
	m.Func(wasmtest.Func{Export: "own", Results: i32, Body: wasmtest.Code(
		wasmtest.Loop, wasmtest.I32Const(16), wasmtest.MemoryGrow, wasmtest.I32Const(-1), wasmtest.I32Eq, wasmtest.If, wasmtest.Unreachable, wasmtest.End, wasmtest.Br(0), wasmtest.End,
		wasmtest.I32Const(0))})
	m.Func(wasmtest.Func{Export: "kernel", Results: i32, Body: wasmtest.Code(
		wasmtest.Loop, wasmtest.I64Const(1<<20), wasmtest.Call(alloc), wasmtest.I32WrapI64, wasmtest.I32Eqz, wasmtest.If, wasmtest.Unreachable, wasmtest.End, wasmtest.Br(0), wasmtest.End,
		wasmtest.I32Const(0))})
	for _, export := range []string{"own", "kernel"} {
		in, err := compile(t, m.Bytes(), export).Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err = in.Call(ctx, &extism.Call{Host: quiet{}})
		cancel()
		if host.CodeOf(err) != abi.Limit {
			t.Errorf("%s: %v", export, err)
		}
		if n := in.MemoryBytes(); n > memory || n < memory/2 {
			t.Errorf("%s: %d bytes", export, n)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
	in, err := compile(t, spin(), "").Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Call(t.Context(), &extism.Call{Host: quiet{}, Input: make([]byte, memory)}); host.CodeOf(err) != abi.Limit {
		t.Errorf("large input: %v", err)
	}
	_ = in.Close()
}

// TestKernelDamage lets plugins write all over the kernel's memory and then
// use it: whatever follows, the call ends.
func TestKernelDamage(t *testing.T) {
	i64 := []byte{wasmtest.I64}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		m := wasmtest.New(1, 0)
		store := m.Import("extism:host/env", "store_u64", []byte{wasmtest.I64, wasmtest.I64}, nil)
		alloc := m.Import("extism:host/env", "alloc", i64, i64)
		get := m.Import("extism:host/env", "var_get", i64, i64)
		http := m.Import("extism:host/env", "http_request", []byte{wasmtest.I64, wasmtest.I64}, i64)
		output := m.Import("extism:host/env", "output_set", []byte{wasmtest.I64, wasmtest.I64}, nil)
		fail := m.Import("extism:host/env", "error_set", i64, nil)
		value := func() []byte {
			switch random.IntN(4) {
			case 0:
				return wasmtest.I64Const(random.Int64N(256))
			case 1:
				return wasmtest.I64Const(random.Int64N(1 << 17))
			case 2:
				return wasmtest.I64Const(-random.Int64N(1 << 40))
			default:
				return wasmtest.I64Const(int64(random.Uint64()))
			}
		}
		var body []byte
		for range 20 {
			body = append(body, wasmtest.Code(wasmtest.I64Const(random.Int64N(4096)), value(), wasmtest.Call(store))...)
		}
		switch random.IntN(5) {
		case 0:
			body = append(body, wasmtest.Code(value(), wasmtest.Call(alloc), wasmtest.Drop)...)
		case 1:
			body = append(body, wasmtest.Code(value(), wasmtest.Call(get), wasmtest.Drop)...)
		case 2:
			body = append(body, wasmtest.Code(value(), value(), wasmtest.Call(http), wasmtest.Drop)...)
		case 3:
			body = append(body, wasmtest.Code(value(), value(), wasmtest.Call(output))...)
		case 4:
			body = append(body, wasmtest.Code(value(), wasmtest.Call(fail))...)
		}
		m.Func(wasmtest.Func{Export: "run", Results: i32, Body: wasmtest.Code(body, wasmtest.I32Const(0))})
		p := compile(t, m.Bytes(), "")
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		_, _ = call(ctx, t, p, newFake(), "input")
		cancel()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the call took %s", took)
		}
	}
}
