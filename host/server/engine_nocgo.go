//go:build !cgo

package server

import (
	"context"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
)

// DefaultEngine is the engine that a host uses unless told otherwise.
const DefaultEngine = "wazero"

func newWasmtime(context.Context, Config, []engine.HostFunc) (engine.Engine, error) {
	return nil, host.Errorf(abi.Unsupported, "engine %q: this binary was built without cgo and has wazero only; build it with CGO_ENABLED=1", "wasmtime")
}
