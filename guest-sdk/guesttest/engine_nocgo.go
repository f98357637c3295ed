//go:build !cgo

package guesttest

import (
	"testing"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wazero"
)

// newEngine returns the engine of builds without cgo.
func newEngine(t testing.TB, functions []engine.HostFunc) (engine.Engine, error) {
	return wazero.New(t.Context(), wazero.Config{CacheDir: t.TempDir(), Host: functions})
}
