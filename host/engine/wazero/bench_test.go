package wazero_test

import (
	"context"
	"testing"

	wz "github.com/tetratelabs/wazero"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/enginetest"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
)

// loops is a guest without imports: a tight loop, and a loop with calls.
func loops() []byte {
	m := wt.New(1, 0)
	i32 := []byte{wt.I32}
	step := m.Func(wt.Func{Params: i32, Results: i32, Body: wt.Code(
		wt.LocalGet(0), wt.I32Const(0), wt.I32Load(0), wt.I32Sub, wt.I32Const(1), wt.I32Sub)})
	m.Func(wt.Func{Export: "tight", Params: i32, Results: i32, Body: wt.Code(
		wt.Loop, wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.LocalTee(0), wt.BrIf(0), wt.End, wt.LocalGet(0))})
	m.Func(wt.Func{Export: "calls", Params: i32, Results: i32, Body: wt.Code(
		wt.Loop, wt.LocalGet(0), wt.Call(step), wt.LocalTee(0), wt.BrIf(0), wt.End, wt.LocalGet(0))})
	self := m.Next()
	m.Func(wt.Func{Export: "fib", Params: i32, Results: i32, Body: wt.Code(
		wt.LocalGet(0), wt.I32Const(2), wt.I32LtU, wt.If, wt.LocalGet(0), wt.Return, wt.End,
		wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.Call(self),
		wt.LocalGet(0), wt.I32Const(2), wt.I32Sub, wt.Call(self), wt.I32Add)})
	return m.Bytes()
}

// BenchmarkLoop compares guests with and without the checks for a deadline.
func BenchmarkLoop(b *testing.B) {
	for _, f := range []struct {
		name string
		n    uint64
	}{{"tight", 1_000_000}, {"calls", 1_000_000}, {"fib", 25}} {
		b.Run(f.name+"/checked", func(b *testing.B) {
			i := enginetest.NewGuest(b, newEngine(false)(b, nil), loops()).Start(b)
			for b.Loop() {
				if _, err := i.Call(b.Context(), &engine.Call{}, f.name, f.n); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(f.name+"/unchecked", func(b *testing.B) {
			ctx := context.Background()
			r := wz.NewRuntime(ctx)
			defer func() { _ = r.Close(ctx) }()
			m, err := r.Instantiate(ctx, loops())
			if err != nil {
				b.Fatal(err)
			}
			fn := m.ExportedFunction(f.name)
			for b.Loop() {
				if _, err := fn.Call(ctx, f.n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCall(b *testing.B) {
	i := enginetest.NewGuest(b, newEngine(false)(b, enginetest.HostFuncs()), enginetest.Program()).Start(b)
	for _, f := range []string{"good", "nothing"} {
		b.Run(f, func(b *testing.B) {
			b.ReportAllocs()
			c := &engine.Call{State: &enginetest.State{}}
			for b.Loop() {
				if _, err := i.Call(b.Context(), c, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPristine makes a call and brings the instance back to its image;
// BenchmarkInstance makes one instead.
func BenchmarkPristine(b *testing.B) {
	i := enginetest.NewGuest(b, newEngine(false)(b, enginetest.HostFuncs()), enginetest.Program()).Start(b)
	b.ReportAllocs()
	c := &engine.Call{State: &enginetest.State{}}
	for b.Loop() {
		if _, err := i.Call(b.Context(), c, "bump"); err != nil {
			b.Fatal(err)
		}
		if _, err := i.Reset(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInstance(b *testing.B) {
	g := enginetest.NewGuest(b, newEngine(false)(b, enginetest.HostFuncs()), enginetest.Program())
	b.ReportAllocs()
	c := &engine.Call{State: &enginetest.State{}}
	for b.Loop() {
		i, err := g.Module.Instantiate(b.Context(), g.Image, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := i.Call(b.Context(), c, "bump"); err != nil {
			b.Fatal(err)
		}
		if err := i.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
