//go:build cgo

package wasmtime_test

import (
	"testing"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/enginetest"
)

func BenchmarkInstance(b *testing.B) {
	e := newEngine(b, enginetest.HostFuncs())
	g := enginetest.NewGuest(b, e, enginetest.Program())
	i := g.Start(b)
	c := &engine.Call{State: &enginetest.State{}, Key: "bench"}
	b.Run("call", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := i.Call(b.Context(), c, "echo", 7); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("call with host call", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := i.Call(b.Context(), c, "add", 7, 8); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reset", func(b *testing.B) {
		for b.Loop() {
			if _, err := i.Reset(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("instantiate", func(b *testing.B) {
		for b.Loop() {
			i, err := g.Module.Instantiate(b.Context(), g.Image, 1<<24)
			if err != nil {
				b.Fatal(err)
			}
			_ = i.Close()
		}
	})
}
