//go:build cgo

package wasmtime_test

import (
	"testing"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/enginetest"
	"github.com/seraihost/serai/host/engine/wasmtime"
)

// TestGrowth bounds what guests grow by together; what is closed is free again.
func TestGrowth(t *testing.T) {
	const pages = 10
	e, err := wasmtime.New(wasmtime.Config{CacheDir: t.TempDir(), Host: enginetest.HostFuncs(), Growth: pages << 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	g := enginetest.NewGuest(t, e, enginetest.Program())
	grow := func(i engine.Instance, by uint64) bool {
		t.Helper()
		v, err := i.Call(t.Context(), &engine.Call{State: &enginetest.State{}, Key: "test"}, "grow", by)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(v) != 0xffffffff
	}
	first, second := g.Start(t), g.Start(t)
	if !grow(first, pages-1) || grow(second, 2) || !grow(second, 1) || grow(first, 1) {
		t.Error("guests grow beyond what is there, or not up to it")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if !grow(second, pages-1) || grow(second, 1) {
		t.Error("what a closed guest had is not free again")
	}
}
