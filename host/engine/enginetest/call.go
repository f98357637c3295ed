package enginetest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/engine/wasm"
)

func testCall(t *testing.T, s *suite) {
	i := s.guest(t).Start(t)
	for _, test := range []struct {
		function string
		args     []uint64
		want     uint64
	}{
		{"echo", []uint64{1<<63 + 5}, 1<<63 + 5},
		{"negative", nil, 0xffff_ffff},
		{"nothing", nil, 0},
		{"good", nil, 42},
		{"divide", []uint64{100, 7}, 14},
		{"tree", []uint64{10}, 1024},
	} {
		got := call(t, i, test.function, test.args...)
		if test.function == "negative" {
			got &= 0xffff_ffff // an i32 is in the lower half
		}
		if got != test.want {
			t.Errorf("%s%v = %d, want %d", test.function, test.args, got, test.want)
		}
	}
}

func testCallUnknown(t *testing.T, s *suite) {
	i := s.guest(t).Start(t)
	for _, test := range []struct {
		function string
		args     []uint64
	}{{"absent", nil}, {"memory", nil}, {"echo", nil}, {"echo", []uint64{1, 2}}, {"", nil}} {
		if _, err := i.Call(t.Context(), newCall(), test.function, test.args...); err == nil {
			t.Errorf("%q%v succeeded", test.function, test.args)
		}
	}
	if got := call(t, i, "echo", 3); got != 3 {
		t.Errorf("echo(3) = %d afterwards", got)
	}
}

func testHostFunctions(t *testing.T, s *suite) {
	i := s.guest(t).Start(t)
	for range 100 {
		if got := call(t, i, "add", 0xffff_ffff, 1<<40); got != 0xffff_ffff+1<<40 {
			t.Fatalf("add = %#x", got)
		}
		if got := call(t, i, "eight", 1, 2, 3, 4, 5, 6, 7, 8); got != 12345678 {
			t.Fatalf("eight = %d", got)
		}
	}
	if got := call(t, i, "host_fill", 200, 4, 0xab); got != 1 {
		t.Fatalf("host_fill = %d", got)
	}
	if got := call(t, i, "load", 200); uint32(got) != 0xabababab {
		t.Fatalf("load = %#x", got)
	}
}

func testHostError(t *testing.T, s *suite) {
	g := s.guest(t)
	i := g.Start(t)
	if _, err := i.Call(t.Context(), newCall(), "fail"); !errors.Is(err, errHost) {
		t.Fatalf("error %v, want the host function's", err)
	}
	closing(t, i.Close)
	if got := call(t, g.Start(t), "echo", 9); got != 9 {
		t.Fatalf("echo = %d in a new instance", got)
	}
}

func testContextEndsHostCall(t *testing.T, s *suite) {
	g := s.guest(t)
	t.Run("cancel", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		state := &State{Entered: make(chan struct{}, 1)}
		go func() {
			<-state.Entered
			cancel()
		}()
		start := time.Now()
		_, err := g.Start(t).Call(ctx, &engine.Call{State: state}, "wait", 60_000)
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want context.Canceled", err)
		}
		soon(t, start, 0)
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), shortDeadline)
		defer cancel()
		start := time.Now()
		_, err := g.Start(t).Call(ctx, newCall(), "wait", 60_000)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v, want context.DeadlineExceeded", err)
		}
		soon(t, start, shortDeadline)
	})
}

func testContextAlreadyDone(t *testing.T, s *suite) {
	i := s.guest(t).Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.Call(ctx, newCall(), "spin"); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
}

func testExit(t *testing.T, s *suite) {
	g := s.guest(t)
	for _, status := range []uint64{0, 3, 0xffff_ffff} {
		var exit *engine.Exit
		_, err := g.Start(t).Call(t.Context(), newCall(), "exit", status)
		if !errors.As(err, &exit) || uint64(exit.Status) != status {
			t.Errorf("error %v, want exit with status %d", err, status)
		}
	}
}

func testUsed(t *testing.T, s *suite) {
	i := s.guest(t).Start(t)
	c := newCall()
	if _, err := i.Call(t.Context(), c, "count", 3_000_000); err != nil {
		t.Fatal(err)
	}
	busy := c.Used
	if busy <= 0 {
		t.Errorf("a busy guest used %v", busy)
	}
	c = newCall()
	if _, err := i.Call(t.Context(), c, "wait", 200); err != nil {
		t.Fatal(err)
	}
	if c.Used >= 150*time.Millisecond {
		t.Errorf("a guest that waited 200 ms used %v", c.Used)
	}
}

func testCompile(t *testing.T, s *suite) {
	e := s.newEngine(t, HostFuncs())
	if e.Name() == "" {
		t.Error("the engine has no name")
	}
	m := wt.New(1, 0)
	m.Func(wt.Func{Export: "f", Results: []byte{wt.I32}, Body: wt.I64Const(1)})
	info, err := wasm.Inspect(m.Bytes(), Known)
	if err != nil {
		t.Fatal(err)
	}
	var he *host.Error
	if _, err := e.Compile(t.Context(), info); !errors.As(err, &he) || he.Code != abi.Invalid || he.Field != "module" {
		t.Errorf("a module with a type error: %v, want *host.Error about field module", err)
	}
	// Closing one of two equal modules leaves the other usable.
	one, two := NewGuest(t, e, Program()), NewGuest(t, e, Program())
	closing(t, one.Module.Close)
	if got := call(t, two.Start(t), "echo", 4); got != 4 {
		t.Errorf("echo = %d", got)
	}
}

func testInstantiateOverLimit(t *testing.T, s *suite) {
	g := s.guest(t)
	var he *host.Error
	_, err := g.Module.Instantiate(t.Context(), g.Image, (pages-1)*wasm.PageSize)
	if !errors.As(err, &he) || he.Code != abi.Limit {
		t.Errorf("error %v, want *host.Error with code limit", err)
	}
	i := g.start(t, g.Image, pages*wasm.PageSize)
	if got := call(t, i, "size"); got != pages {
		t.Errorf("size = %d", got)
	}
}

func testClose(t *testing.T, s *suite) {
	e := s.newEngine(t, HostFuncs())
	g := NewGuest(t, e, Program())
	i := g.Start(t)
	call(t, i, "echo", 1)
	for range 2 {
		closing(t, i.Close)
	}
	unused := g.Start(t) // closed without a call
	closing(t, unused.Close)
	for range 2 {
		closing(t, g.Module.Close)
	}
	for range 2 {
		closing(t, e.Close)
	}
}

func testWaitingHoldsNoThread(t *testing.T, s *suite) {
	if !s.features.HoldsNoThread {
		t.Skip("the engine does not promise it")
	}
	const guests = 300
	g := s.guest(t)
	before := threads(t)
	entered, ctx := make(chan struct{}, guests), t.Context()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range guests {
		i := g.Start(t)
		wg.Go(func() {
			_, err := i.Call(ctx, &engine.Call{State: &State{Entered: entered}}, "wait", 600_000)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want context.Canceled", err)
			}
		})
	}
	for range guests {
		<-entered
	}
	during := threads(t)
	cancel()
	wg.Wait()
	if during > before+50 {
		t.Errorf("%d threads while %d guests wait, %d before", during, guests, before)
	}
}

// threads counts the threads of the process.
func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skipf("counting threads: %v", err)
	}
	return len(tasks)
}

// shortDeadline is the time that tests give to guests which never end.
const shortDeadline = 100 * time.Millisecond

// soon fails unless what began at start was over within the deadline and
// what a busy machine adds.
func soon(t *testing.T, start time.Time, deadline time.Duration) {
	t.Helper()
	const slack = 3 * time.Second
	took := time.Since(start)
	if took > deadline+slack {
		t.Errorf("took %v, deadline %v", took, deadline)
	}
	t.Logf("ended %v after its deadline", took-deadline)
}
