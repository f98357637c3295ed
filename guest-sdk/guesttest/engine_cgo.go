//go:build cgo

package guesttest

import (
	"testing"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasmtime"
)

// newEngine returns the default engine.
func newEngine(t testing.TB, functions []engine.HostFunc) (engine.Engine, error) {
	return wasmtime.New(wasmtime.Config{CacheDir: t.TempDir(), Host: functions})
}
