package wasi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasi"
)

const (
	badFD       = 8
	exist       = 20
	fault       = 21
	illegalSeq  = 25
	invalid     = 28
	isDir       = 31
	tooManyOpen = 33
	nameTooLong = 37
	notExist    = 44
	noSys       = 52
	notDir      = 54
	notSocket   = 57
	readOnly    = 69
	seekPipe    = 70
	notCapable  = 76
)

// TestFunctions compares the functions with the interface definition.
func TestFunctions(t *testing.T) {
	var got []string
	for _, f := range wasi.Functions() {
		if f.Module != "wasi_snapshot_preview1" || f.Do == nil {
			t.Errorf("%s.%s", f.Module, f.Name)
		}
		s := f.Name + " "
		for _, p := range f.Params {
			s += map[byte]string{engine.I32: "i", engine.I64: "I"}[p]
		}
		got = append(got, s+map[int]string{1: " i"}[len(f.Results)])
	}
	want := []string{
		"args_get ii i", "args_sizes_get ii i", "environ_get ii i", "environ_sizes_get ii i",
		"clock_res_get ii i", "clock_time_get iIi i", "fd_advise iIIi i", "fd_allocate iII i",
		"fd_close i i", "fd_datasync i i", "fd_fdstat_get ii i", "fd_fdstat_set_flags ii i",
		"fd_fdstat_set_rights iII i", "fd_filestat_get ii i", "fd_filestat_set_size iI i",
		"fd_filestat_set_times iIIi i", "fd_pread iiiIi i", "fd_prestat_dir_name iii i",
		"fd_prestat_get ii i", "fd_pwrite iiiIi i", "fd_read iiii i", "fd_readdir iiiIi i",
		"fd_renumber ii i", "fd_seek iIii i", "fd_sync i i", "fd_tell ii i", "fd_write iiii i",
		"path_create_directory iii i", "path_filestat_get iiiii i", "path_filestat_set_times iiiiIIi i",
		"path_link iiiiiii i", "path_open iiiiiIIii i", "path_readlink iiiiii i",
		"path_remove_directory iii i", "path_rename iiiiii i", "path_symlink iiiii i",
		"path_unlink_file iii i", "poll_oneoff iiii i", "proc_exit i", "proc_raise i i",
		"random_get ii i", "sched_yield  i", "sock_accept iii i", "sock_recv iiiiii i",
		"sock_send iiiii i", "sock_shutdown ii i",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
}

func TestArguments(t *testing.T) {
	g := newGuest(t)
	g.sys.Args, g.sys.Env = []string{"a", "", "bc"}, []string{"X=1"}
	g.want(0, "args_sizes_get", 0, 4)
	if g.u32(0) != 3 || g.u32(4) != 6 {
		t.Errorf("sizes %d, %d", g.u32(0), g.u32(4))
	}
	g.want(0, "args_get", 100, 200)
	if g.u32(100) != 200 || g.u32(104) != 202 || g.u32(108) != 203 || string(g.mem[200:206]) != "a\x00\x00bc\x00" {
		t.Errorf("arguments %d %d %d %q", g.u32(100), g.u32(104), g.u32(108), g.mem[200:206])
	}
	g.want(0, "environ_sizes_get", 0, 4)
	g.want(0, "environ_get", 100, 200)
	if g.u32(0) != 1 || g.u32(4) != 4 || string(g.mem[200:204]) != "X=1\x00" {
		t.Errorf("environment %d %d %q", g.u32(0), g.u32(4), g.mem[200:204])
	}
	g.want(fault, "args_get", memorySize-11, 0)
	g.want(fault, "args_get", 0, memorySize-5)
	g.want(fault, "args_sizes_get", 0, 0xffff_ffff)
}

func TestClocks(t *testing.T) {
	g := newGuest(t)
	g.sys.Realtime = func() int64 { return 1_700_000_000_000_000_001 }
	g.sys.Monotonic = func() int64 { return 42 }
	g.sys.CPUTime = func() int64 { return 7 }
	for id, want := range []uint64{1_700_000_000_000_000_001, 42, 7, 7} {
		g.want(0, "clock_time_get", uint64(id), 1, resultAt)
		if got := g.u64(resultAt); got != want {
			t.Errorf("clock %d: %d, want %d", id, got, want)
		}
		g.want(0, "clock_res_get", uint64(id), resultAt)
	}
	g.want(invalid, "clock_time_get", 4, 1, resultAt)
	g.want(invalid, "clock_res_get", 4, resultAt)
	g.want(fault, "clock_time_get", 0, 1, memorySize-7)
	g.sys = &wasi.System{}
	g.want(0, "clock_time_get", 0, 0, resultAt)
	if d := time.Since(time.Unix(0, int64(g.u64(resultAt)))); d < 0 || d > time.Minute {
		t.Errorf("the default clock is off by %v", d)
	}
}

func TestRandom(t *testing.T) {
	g := newGuest(t)
	g.want(0, "random_get", 100, 200)
	if bytes.Equal(g.mem[100:300], make([]byte, 200)) || !bytes.Equal(g.mem[300:], make([]byte, memorySize-300)) {
		t.Error("not the range that was asked for")
	}
	g.want(0, "random_get", memorySize, 0)
	g.want(fault, "random_get", memorySize-1, 2)
	g.sys.Random = strings.NewReader("abc")
	if _, err := g.try("random_get", 0, 4); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v of a source that ends", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.ctx = ctx
	if _, err := g.try("random_get", 0, 4); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the call ended", err)
	}
}

func TestProcess(t *testing.T) {
	g := newGuest(t)
	var exit *engine.Exit
	if _, err := g.try("proc_exit", 7); !errors.As(err, &exit) || exit.Status != 7 {
		t.Errorf("proc_exit: %v", err)
	}
	g.want(noSys, "proc_raise", 9)
	g.want(0, "sched_yield")
	g.want(notSocket, "sock_shutdown", 1, 0)
	g.want(badFD, "sock_accept", 99, 0, 0)
	g.want(notSocket, "sock_recv", 0, 0, 0, 0, 0, 0)
	g.want(notSocket, "sock_send", 0, 0, 0, 0, 0)
}

func TestNoSystem(t *testing.T) {
	g := newGuest(t)
	g.sys = nil
	if _, err := g.try("sched_yield"); err == nil {
		t.Error("a function without a system succeeded")
	}
}

// subscription encodes one that waits for a clock.
func subscription(userdata uint64, clock uint32, timeout uint64, flags uint16) []byte {
	b := make([]byte, 48)
	binary.LittleEndian.PutUint64(b, userdata)
	binary.LittleEndian.PutUint32(b[16:], clock)
	binary.LittleEndian.PutUint64(b[24:], timeout)
	binary.LittleEndian.PutUint16(b[40:], flags)
	return b
}

// descriptorSubscription encodes one that waits for a descriptor.
func descriptorSubscription(userdata uint64, tag byte, fd uint32) []byte {
	b := make([]byte, 48)
	binary.LittleEndian.PutUint64(b, userdata)
	b[8] = tag
	binary.LittleEndian.PutUint32(b[16:], fd)
	return b
}

type event struct {
	Userdata uint64
	Errno    uint16
	Type     byte
	Bytes    uint64
}

// poll polls and returns the events; in and out overlap on purpose.
func (g *guest) poll(subscriptions ...[]byte) []event {
	g.t.Helper()
	copy(g.mem[bufferAt:], bytes.Join(subscriptions, nil))
	g.want(0, "poll_oneoff", bufferAt, bufferAt, uint64(len(subscriptions)), resultAt)
	events := make([]event, g.u32(resultAt))
	for i := range events {
		b := g.mem[bufferAt+32*i:]
		events[i] = event{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint16(b[8:]), b[10], binary.LittleEndian.Uint64(b[16:])}
	}
	return events
}

func TestPollClocks(t *testing.T) {
	g := newGuest(t)
	start := time.Now()
	got := g.poll(subscription(1, 1, uint64(20*time.Millisecond), 0), subscription(2, 1, uint64(time.Hour), 0))
	if diff := cmp.Diff([]event{{Userdata: 1}}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if took := time.Since(start); took < 20*time.Millisecond {
		t.Errorf("slept %v", took)
	}
	g.sys.Monotonic = func() int64 { return 1000 }
	got = g.poll(subscription(3, 1, 900, 1)) // absolute, in the past
	if diff := cmp.Diff([]event{{Userdata: 3}}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	got = g.poll(subscription(4, 99, 1, 0), subscription(5, 0, 0, 0), descriptorSubscription(6, 9, 0))
	if diff := cmp.Diff([]event{{4, invalid, 0, 0}, {5, 0, 0, 0}, {6, invalid, 9, 0}}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPollDescriptors(t *testing.T) {
	g := newGuest(t)
	fd := uint32(g.mustOpen("app/main.py"))
	got := g.poll(
		subscription(1, 0, uint64(time.Hour), 0),
		descriptorSubscription(2, 1, fd), descriptorSubscription(3, 1, 0), descriptorSubscription(4, 2, 1),
		descriptorSubscription(5, 2, fd), descriptorSubscription(6, 1, 77),
	)
	want := []event{{2, 0, 1, 8}, {3, 0, 1, 1}, {4, 0, 2, 16 << 20}, {5, badFD, 2, 0}, {6, badFD, 1, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPollBounds(t *testing.T) {
	g := newGuest(t)
	g.want(invalid, "poll_oneoff", 0, 0, 0, resultAt)
	g.want(invalid, "poll_oneoff", 0, 0, 1025, resultAt)
	g.want(invalid, "poll_oneoff", 0, 0, 0xffff_ffff, resultAt)
	g.want(fault, "poll_oneoff", memorySize-47, 0, 1, resultAt)
	g.want(fault, "poll_oneoff", 0, memorySize-31, 1, resultAt)
	g.want(fault, "poll_oneoff", 0, 0, 1, memorySize)
}

func TestPollEnds(t *testing.T) {
	g := newGuest(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	g.ctx = ctx
	copy(g.mem[bufferAt:], subscription(1, 1, 1<<63, 0))
	if _, err := g.try("poll_oneoff", bufferAt, 0, 1, resultAt); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
}

func TestUnusedSystemIsFree(t *testing.T) {
	g := newGuest(t)
	g.sys.Stdout = io.Discard
	ptr, n := g.vectors(bufferAt, 5)
	f := functions["fd_write"]
	stack := make([]uint64, 4)
	allocs := testing.AllocsPerRun(100, func() {
		g.sys.Close()
		copy(stack, []uint64{1, ptr, n, resultAt})
		_ = f.Do(g.ctx, g, stack)
	})
	if allocs > 1 {
		t.Errorf("%v allocations to write a line in a new system", allocs)
	}
}
