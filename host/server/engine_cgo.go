//go:build cgo

package server

import (
	"context"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasmtime"
)

// DefaultEngine is the engine that a host uses unless told otherwise.
const DefaultEngine = "wasmtime"

// newWasmtime bounds what guests grow by to half more than what calls are
// admitted for: growth counts from the first byte, whether it is used or not.
func newWasmtime(_ context.Context, c Config, functions []engine.HostFunc) (engine.Engine, error) {
	return wasmtime.New(wasmtime.Config{CacheDir: c.CacheDir, Host: functions, Growth: int64(c.Memory) * 3 / 2})
}
