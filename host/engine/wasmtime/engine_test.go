//go:build cgo

package wasmtime_test

import (
	"testing"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/enginetest"
	"github.com/seraihost/serai/host/engine/wasmtime"
)

func newEngine(t testing.TB, host []engine.HostFunc) engine.Engine {
	t.Helper()
	e, err := wasmtime.New(wasmtime.Config{CacheDir: t.TempDir(), Host: host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestEngine(t *testing.T) {
	enginetest.Run(t, newEngine, enginetest.Features{Interrupt: true, HoldsNoThread: true})
}
