package wazero_test

import (
	"testing"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/enginetest"
	"github.com/seraihost/serai/host/engine/wazero"
)

// make returns a constructor for the suite.
func newEngine(interpret bool) enginetest.Make {
	return func(t testing.TB, host []engine.HostFunc) engine.Engine {
		t.Helper()
		e, err := wazero.New(t.Context(), wazero.Config{CacheDir: t.TempDir(), Host: host, Interpret: interpret})
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
}

func TestEngine(t *testing.T) {
	enginetest.Run(t, newEngine(false), enginetest.Features{})
}
