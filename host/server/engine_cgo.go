//go:build cgo

package server

import (
	"context"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasmtime"
)

// DefaultEngine is the engine that a host uses unless told otherwise.
const DefaultEngine = "wasmtime"

func newWasmtime(_ context.Context, cacheDir string, host []engine.HostFunc) (engine.Engine, error) {
	return wasmtime.New(wasmtime.Config{CacheDir: cacheDir, Host: host})
}
