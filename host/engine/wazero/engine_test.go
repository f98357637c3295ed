package wazero_test

import (
	"testing"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/enginetest"
	"github.com/seraihost/serai/host/engine/wazero"
)

// newEngine returns a constructor for the suite.
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

// TestInterpreter runs the suite where wazero has no compiler.
func TestInterpreter(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	enginetest.Run(t, newEngine(true), enginetest.Features{})
}

// TestCache compiles with the cache that another engine has left.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		e, err := wazero.New(t.Context(), wazero.Config{CacheDir: dir, Host: enginetest.HostFuncs()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		i := enginetest.NewGuest(t, e, enginetest.Program()).Start(t)
		if got, err := i.Call(t.Context(), &engine.Call{}, "good"); err != nil || got != 42 {
			t.Errorf("good = %d, %v", got, err)
		}
	}
	if _, err := wazero.New(t.Context(), wazero.Config{CacheDir: "/dev/null/x"}); err == nil {
		t.Error("a cache directory that cannot be is accepted")
	}
}

// TestHostTypes refuses host functions that have no place on the stack.
func TestHostTypes(t *testing.T) {
	const f32 = 0x7d
	for _, f := range []engine.HostFunc{
		{Module: "m", Name: "f", Params: []byte{f32}},
		{Module: "m", Name: "f", Results: []byte{f32}},
		{Module: "m", Name: "f", Results: []byte{engine.I32, engine.I32}},
	} {
		if _, err := wazero.New(t.Context(), wazero.Config{Host: []engine.HostFunc{f}}); err == nil {
			t.Errorf("%v is accepted", f)
		}
	}
}
