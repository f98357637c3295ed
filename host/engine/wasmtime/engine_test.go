//go:build cgo

package wasmtime_test

import (
	"errors"
	"testing"
	"time"

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

// TestTiers compiles quickly first: instances work at once, and are replaced
// once the module is compiled well.
func TestTiers(t *testing.T) {
	dir := t.TempDir()
	e, err := wasmtime.New(wasmtime.Config{CacheDir: dir, Host: enginetest.HostFuncs(), QuickFrom: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(e.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	}()
	g := enginetest.NewGuest(t, e, enginetest.Program())
	call := func(i engine.Instance) {
		t.Helper()
		v, err := i.Call(t.Context(), &engine.Call{State: &enginetest.State{}}, "add", 40, 2)
		if err != nil || v != 42 {
			t.Fatalf("40 + 2 is %d, %v", v, err)
		}
	}
	i := g.Start(t)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		call(i)
		if _, err := i.Reset(); err != nil {
			break // the better code is there
		}
		if time.Now().After(deadline) {
			t.Fatal("the instance was never outdated")
		}
	}
	i = g.Start(t)
	call(i)
	if _, err := i.Reset(); err != nil {
		t.Errorf("an instance of the better code: %v", err)
	}
}
