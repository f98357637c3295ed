//go:build cgo

package wasmtime

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	wt "github.com/bytecodealliance/wasmtime-go/v39"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasm"
)

const guestText = `(module
  (import "t" "add" (func $add (param i32 i64) (result i64)))
  (import "t" "wait" (func $wait (param i32) (result i32)))
  (memory (export "memory") 2)
  (global $g (mut i32) (i32.const 5))
  (data (i32.const 100) "hello")
  (func (export "run") (param i32) (result i64)
    (i32.store (i32.const 70000) (local.get 0))
    (global.set $g (i32.add (global.get $g) (i32.const 1)))
    (call $add (global.get $g) (i64.const 37)))
  (func (export "waits") (param i32) (result i32) (call $wait (local.get 0)))
  (func (export "spin") (loop (br 0)))
  (func $rec (export "rec") (param i32) (result i32)
    (i32.add (call $rec (i32.add (local.get 0) (i32.const 1))) (call $rec (local.get 0))))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "oob") (param i32) (result i32) (i32.load (local.get 0)))
)`

func setup(t testing.TB) (*Engine, engine.Module, *image.Image) {
	code, err := wt.Wat2Wasm(guestText)
	if err != nil {
		t.Fatal(err)
	}
	hostFuncs := []engine.HostFunc{
		{Module: "t", Name: "add", Params: []byte{engine.I32, engine.I64}, Results: []byte{engine.I64},
			Do: func(_ context.Context, _ engine.Guest, s []uint64) error { s[0] += s[1]; return nil }},
		{Module: "t", Name: "wait", Params: []byte{engine.I32}, Results: []byte{engine.I32}, Blocks: true,
			Do: func(ctx context.Context, _ engine.Guest, s []uint64) error {
				select {
				case <-time.After(time.Duration(s[0]) * time.Millisecond):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}},
	}
	e, err := New(Config{CacheDir: t.TempDir(), Host: hostFuncs})
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Inspect(code, func(mod, name string) (p, r []byte, ok bool) {
		for _, f := range hostFuncs {
			if f.Module == mod && f.Name == name {
				return f.Params, f.Results, true
			}
		}
		return nil, nil, false
	})
	if err != nil {
		t.Fatal(err)
	}
	mod, err := e.Compile(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	mem := make([]byte, m.MemoryMin)
	if err := m.InitialMemory(mem); err != nil {
		t.Fatal(err)
	}
	im, err := image.FromMemory(mem, m.InitialGlobals())
	if err != nil {
		t.Fatal(err)
	}
	return e, mod, im
}

func TestSmoke(t *testing.T) {
	_, mod, im := setup(t)
	ctx := context.Background()
	i, err := mod.Instantiate(ctx, im, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		v, err := i.Call(ctx, &engine.Call{}, "run", 7)
		if err != nil || v != 43 {
			t.Fatal(v, err)
		}
		st, err := i.Reset()
		t.Log(st, err, i.Globals())
		if !bytes.Equal(i.Memory(), im.Bytes()) || i.Globals()[0] != 5 {
			t.Fatal("not reset")
		}
	}
	var trap *engine.Trap
	if _, err := i.Call(ctx, &engine.Call{}, "oob", 1<<20); !errors.As(err, &trap) {
		t.Fatal(err)
	}
	t.Log(trap, trap.Backtrace)
	_ = i.Close()
	for _, f := range []string{"spin", "rec"} {
		i, err = mod.Instantiate(ctx, im, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		c, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		start := time.Now()
		if f == "spin" {
			_, err = i.Call(c, &engine.Call{}, f)
		} else {
			_, err = i.Call(c, &engine.Call{}, f, 1)
		}
		t.Log(f, err, time.Since(start))
		cancel()
		_ = i.Close()
	}
}

func BenchmarkCall(b *testing.B) {
	_, mod, im := setup(b)
	i, err := mod.Instantiate(b.Context(), im, 1<<20)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("call+host", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = i.Call(b.Context(), &engine.Call{}, "run", 7)
		}
	})
	b.Run("reset", func(b *testing.B) {
		for b.Loop() {
			_, _ = i.Reset()
		}
	})
	b.Run("instantiate", func(b *testing.B) {
		for b.Loop() {
			i, _ := mod.Instantiate(b.Context(), im, 1<<20)
			_ = i.Close()
		}
	})
}
