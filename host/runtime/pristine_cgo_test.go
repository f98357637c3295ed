//go:build cgo

package runtime

import (
	"context"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasmtime"
)

func init() {
	testEngines["wasmtime"] = func(_ context.Context, cacheDir string, host []engine.HostFunc) (engine.Engine, error) {
		return wasmtime.New(wasmtime.Config{CacheDir: cacheDir, Host: host})
	}
}
