//go:build cgo

package enginetest_test

import (
	"testing"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/enginetest"
	"github.com/seraihost/serai/host/engine/wasmtime"
	"github.com/seraihost/serai/host/engine/wazero"
)

func newWasmtime(t testing.TB, host []engine.HostFunc) engine.Engine {
	t.Helper()
	e, err := wasmtime.New(wasmtime.Config{CacheDir: t.TempDir(), Host: host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func newWazero(t testing.TB, host []engine.HostFunc) engine.Engine {
	t.Helper()
	e, err := wazero.New(t.Context(), wazero.Config{CacheDir: t.TempDir(), Host: host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// TestMove runs images of one engine on the other.
func TestMove(t *testing.T) {
	one, two := newWasmtime(t, enginetest.HostFuncs()), newWazero(t, enginetest.HostFuncs())
	t.Run("from wasmtime", func(t *testing.T) { enginetest.Move(t, one, two) })
	t.Run("from wazero", func(t *testing.T) { enginetest.Move(t, two, one) })
}
