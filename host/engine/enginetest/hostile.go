package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/host/engine"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/engine/wasm"
)

func testTrap(t *testing.T, s *suite) {
	g := s.guest(t)
	for _, test := range []struct {
		function string
		args     []uint64
		reason   string
	}{
		{"unreachable", nil, "unreachable executed"},
		{"divide", []uint64{1, 0}, "integer division by zero"},
		{"divide", []uint64{1 << 31, failed}, "integer overflow"},
		{"truncate", nil, "integer overflow"},
		{"nan", nil, "bad conversion to integer"},
		{"beyond", nil, "out of bounds memory access"},
		{"load", []uint64{pages * wasm.PageSize}, "out of bounds memory access"},
		{"load", []uint64{pages*wasm.PageSize - 3}, "out of bounds memory access"},
		{"store", []uint64{failed, 1}, "out of bounds memory access"},
		{"fill", []uint64{1, 0, pages * wasm.PageSize}, "out of bounds memory access"},
		{"copy", []uint64{0, failed, 2}, "out of bounds memory access"},
		{"indirect", []uint64{1}, "indirect call with another signature"},
		{"indirect", []uint64{4}, "out of bounds table access"},
		{"indirect", []uint64{2}, ""}, // a null element: engines differ in their words
		{"recurse", nil, "call stack exhausted"},
	} {
		t.Run(fmt.Sprint(test.function, test.args), func(t *testing.T) {
			i := g.Start(t)
			var trap *engine.Trap
			_, err := i.Call(t.Context(), newCall(), test.function, test.args...)
			if !errors.As(err, &trap) {
				t.Fatalf("error %v, want *engine.Trap", err)
			}
			if trap.Reason == "" || test.reason != "" && trap.Reason != test.reason {
				t.Errorf("reason %q, want %q", trap.Reason, test.reason)
			}
			closing(t, i.Close)
		})
	}
	if got := call(t, g.Start(t), "indirect", 0); got != 42 {
		t.Errorf("indirect(0) = %d afterwards", got)
	}
}

func testTrapBacktrace(t *testing.T, s *suite) {
	var trap *engine.Trap
	_, err := s.guest(t).Start(t).Call(t.Context(), newCall(), "outer")
	if !errors.As(err, &trap) {
		t.Fatalf("error %v, want *engine.Trap", err)
	}
	if trap.Backtrace != "inner\nouter\n" {
		t.Errorf("backtrace %q, want inner, outer", trap.Backtrace)
	}
}

// endless calls a function that never ends under a short deadline.
func endless(t *testing.T, i engine.Instance, function string, args ...uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), shortDeadline)
	defer cancel()
	start := time.Now()
	_, err := i.Call(ctx, newCall(), function, args...)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: error %v, want context.DeadlineExceeded", function, err)
	}
	soon(t, start, shortDeadline)
	closing(t, i.Close)
}

func testHostileLoops(t *testing.T, s *suite) {
	g := s.guest(t)
	for _, function := range []string{"spin", "spin_host", "spin_fill", "spin_copy"} {
		t.Run(function, func(t *testing.T) { endless(t, g.Start(t), function) })
	}
	t.Run("cancel", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(shortDeadline, cancel)
		defer timer.Stop()
		start := time.Now()
		if _, err := g.Start(t).Call(ctx, newCall(), "spin"); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
		soon(t, start, shortDeadline)
	})
	if got := call(t, g.Start(t), "echo", 8); got != 8 {
		t.Errorf("echo = %d afterwards", got)
	}
}

func testHostileStart(t *testing.T, s *suite) {
	m := wt.New(1, 0)
	m.Start(m.Func(wt.Func{Body: wt.Code(wt.Loop, wt.Br(0), wt.End)}))
	g := s.compile(t, m.Bytes())
	endless(t, g.Start(t), g.Info.StartExport)
}

func testHostileGrowth(t *testing.T, s *suite) {
	g := s.guest(t)
	i := g.start(t, g.Image, 64*wasm.PageSize)
	ctx, cancel := context.WithTimeout(t.Context(), shortDeadline)
	defer cancel()
	if _, err := i.Call(ctx, newCall(), "spin_grow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
	if n := len(i.Memory()); n > 64*wasm.PageSize {
		t.Errorf("the guest got %d bytes of memory", n)
	}
}

func testHostileRecursion(t *testing.T, s *suite) {
	if !s.features.Interrupt {
		t.Skip("the engine does not promise to end recursion")
	}
	endless(t, s.guest(t).Start(t), "tree", 62)
}

// testHostilePointers gives the host functions of WASI wild pointers.
func testHostilePointers(t *testing.T, s *suite) {
	m := wt.New(1, 0)
	write := m.Import("wasi_snapshot_preview1", "fd_write", []byte{wt.I32, wt.I32, wt.I32, wt.I32}, oneI32)
	random := m.Import("wasi_snapshot_preview1", "random_get", twoI32, oneI32)
	m.Func(wt.Func{Export: "write", Params: []byte{wt.I32, wt.I32, wt.I32, wt.I32}, Results: oneI32, Body: wt.Code(
		wt.LocalGet(0), wt.LocalGet(1), wt.LocalGet(2), wt.LocalGet(3), wt.Call(write))})
	m.Func(wt.Func{Export: "random", Params: twoI32, Results: oneI32, Body: wt.Code(
		wt.LocalGet(0), wt.LocalGet(1), wt.Call(random))})
	i := s.compile(t, m.Bytes()).Start(t)
	const fault = 21
	for _, ptr := range []uint64{wasm.PageSize, wasm.PageSize - 1, 1 << 31, failed} {
		if got := call(t, i, "write", 1, ptr, 1, 0); got != fault {
			t.Errorf("fd_write with its vector at %d = %d, want %d", ptr, got, fault)
		}
		if got := call(t, i, "random", ptr, 2); got != fault {
			t.Errorf("random_get at %d = %d, want %d", ptr, got, fault)
		}
	}
	if got := call(t, i, "random", 0, failed); got != fault {
		t.Errorf("random_get of 4 GiB = %d, want %d", got, fault)
	}
}

// testHostileBranches compiles and runs deep nesting and a wide br_table.
func testHostileBranches(t *testing.T, s *suite) {
	const depth = 2000
	labels := make([]uint32, 0, 20_000)
	for k := range cap(labels) {
		labels = append(labels, uint32(k%depth))
	}
	var body []byte
	for range depth {
		body = append(body, wt.Block...)
	}
	body = append(body, wt.Code(wt.LocalGet(0), wt.BrTable(labels...))...)
	for range depth {
		body = append(body, wt.End...)
	}
	m := wt.New(1, 0)
	m.Func(wt.Func{Export: "jump", Params: oneI32, Results: oneI32, Body: append(body, wt.LocalGet(0)...)})
	i := s.compile(t, m.Bytes()).Start(t)
	for _, v := range []uint64{0, 1999, 19_999, failed} {
		if got := call(t, i, "jump", v) & failed; got != v {
			t.Errorf("jump(%d) = %d", v, got)
		}
	}
}

func testCPUBudget(t *testing.T, s *suite) {
	g := s.guest(t)
	c := newCall()
	c.CPU = shortDeadline
	start := time.Now()
	if _, err := g.Start(t).Call(t.Context(), c, "spin"); !errors.Is(err, engine.ErrCPU) {
		t.Errorf("error %v, want engine.ErrCPU", err)
	}
	soon(t, start, shortDeadline)
	if c.Used < shortDeadline/2 {
		t.Errorf("used %v of a budget of %v", c.Used, c.CPU)
	}
	// Waiting costs no processor time.
	c = newCall()
	c.CPU = shortDeadline
	if got, err := g.Start(t).Call(t.Context(), c, "wait", 300); err != nil || got != 1 {
		t.Errorf("wait = %d, %v", got, err)
	}
}

// testTurns has guests of one tenant spin while another's wants to answer.
func testTurns(t *testing.T, s *suite) {
	if !s.features.Interrupt {
		t.Skip("the engine does not promise that guests take turns")
	}
	g := s.guest(t)
	ctx, cancel := context.WithCancel(t.Context())
	const hogs = 8
	entered := make(chan struct{}, hogs)
	var wg sync.WaitGroup
	for range hogs {
		i := g.Start(t)
		wg.Go(func() {
			_, _ = i.Call(ctx, &engine.Call{State: &State{Entered: entered}, Key: "hog"}, "spin_entered")
		})
	}
	i := g.Start(t)
	for range hogs {
		<-entered
	}
	start := time.Now()
	for range 20 {
		if _, err := i.Call(ctx, &engine.Call{State: &State{}, Key: "other"}, "count", 1000); err != nil {
			t.Error(err)
		}
	}
	took := time.Since(start)
	cancel()
	wg.Wait()
	t.Logf("20 calls beside spinning guests took %v", took)
	if took > 10*time.Second {
		t.Errorf("20 calls beside spinning guests took %v", took)
	}
}
