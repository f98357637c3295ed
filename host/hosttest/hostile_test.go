package hosttest_test

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// attacked is how a call of testdata/hostile.py must end.
type attacked struct {
	attack string
	status int
	code   string // of the problem document, "" for a reply
	log    string // a part of what the log says
}

// hostile deploys testdata/hostile.py and a neighbour, and returns how to
// attack: afterwards the service and the neighbour must be as they were.
func hostile(t *testing.T, edit func(*client.Limits)) (*hosttest.Host, func(*testing.T, attacked) (hosttest.Reply, time.Duration)) {
	t.Helper()
	hostileOnly(t)
	h := hosttest.Start(t, nil)
	s := limits("POST /hostile/{attack}", edit)
	s.Routes = append(s.Routes, host.Route{Method: "GET", Path: "/probe"})
	h.Deploy("hostile", hosttest.Python(string(read(t, "testdata/hostile.py"))), s)
	h.Deploy("neighbour", hosttest.Python("def handle(request):\n    return 'unharmed'\n"), hosttest.Routes("GET /neighbour"))
	before := decode[map[string]any](t, h.Call("GET", "/probe", "").Body)
	return h, func(t *testing.T, a attacked) (hosttest.Reply, time.Duration) {
		t.Helper()
		start := time.Now()
		r := h.Call("POST", "/hostile/"+a.attack, "")
		took := time.Since(start)
		if a.code != "" {
			refused(t, r, a.status, a.code)
		} else if r.Status != a.status {
			t.Errorf("status %d with %s, want %d", r.Status, short(r.Body), a.status)
		}
		if a.log != "" {
			if text := logText(t, h, host.DefaultTenant, r); !strings.Contains(text, a.log) {
				t.Errorf("the log does not say %q:\n%s", a.log, short(text))
			}
		}
		probe := h.Call("GET", "/probe", "")
		if diff := cmp.Diff(before, decode[map[string]any](t, probe.Body)); diff != "" {
			t.Errorf("the next call finds (-before +after):\n%s", diff)
		}
		ok(t, h.Call("GET", "/neighbour", ""), "unharmed")
		return r, took
	}
}

// TestHostileWithoutEnd has calls that never return by themselves.
func TestHostileWithoutEnd(t *testing.T) {
	const timeout = 400 * time.Millisecond
	_, attack := hostile(t, func(l *client.Limits) { l.Timeout = duration(timeout); l.CPU = duration(time.Minute) })
	for name := range strings.FieldsSeq(`spin spin_and_catch tree regex power sum all contains finaliser message
		sleep async log_forever memory_forever`) {
		t.Run(name, func(t *testing.T) {
			_, took := attack(t, attacked{name, 504, "timeout", "did not answer within"})
			t.Logf("%v after the deadline", took-timeout)
			if took < timeout || took > timeout+slack {
				t.Errorf("ended after %v, the limit is %v", took, timeout)
			}
		})
	}
}

// TestHostileCPU has the budget of processor time end calls, not the deadline.
func TestHostileCPU(t *testing.T) {
	const budget = 300 * time.Millisecond
	_, attack := hostile(t, func(l *client.Limits) { l.Timeout = duration(time.Minute); l.CPU = duration(budget) })
	for _, name := range []string{"spin", "tree", "regex", "all"} {
		t.Run(name, func(t *testing.T) {
			_, took := attack(t, attacked{name, 500, "limit", "processor time"})
			t.Logf("took %v of wall time for %v of processor time", took, budget)
			if took > 30*time.Second {
				t.Errorf("ended after %v", took)
			}
		})
	}
}

// TestHostile has calls that harm their instance in every other way.
func TestHostile(t *testing.T) {
	_, attack := hostile(t, func(l *client.Limits) { l.Timeout = duration(5 * time.Minute); l.Memory = new(96 * host.MiB) })
	for _, a := range []attacked{
		// Too deep.
		{"recursion", 500, "failed", "RecursionError"},
		{"json", 500, "failed", "RecursionError"},
		{"dumps", 500, "failed", "RecursionError"},
		{"repr", 500, "failed", "RecursionError"},
		{"parse", 500, "failed", "Error"},
		{"operators", 500, "failed", "Error"},
		{"re_nested", 500, "failed", "RecursionError"},
		{"pickle", 500, "failed", "RecursionError"},
		{"copy", 500, "failed", "RecursionError"},
		{"compare", 500, "failed", "RecursionError"},
		{"no_limit", 500, "failed", ""},
		{"no_limit_in_c", 500, "failed", ""},
		{"deallocate", 200, "", ""},
		{"circle", 500, "failed", "ValueError"},
		// Too much.
		{"one_string", 500, "failed", "Error"},
		{"many", 500, "failed", "MemoryError"},
		{"double", 500, "failed", "MemoryError"},
		{"bytes", 500, "failed", "MemoryError"},
		{"inflate", 500, "failed", "MemoryError"},
		{"format", 500, "failed", "MemoryError"},
		{"reply", 500, "limit", "over the limit"},
		{"reply_json", 500, "limit", "over the limit"},
		{"log", 200, "", "the rest is dropped"},
		{"print", 200, "", "the rest is dropped"},
		{"log_record", 200, "", "zzz [cut]"},
		{"traceback", 500, "failed", "Exception"},
		// Malformed replies.
		{"header_line", 500, "failed", "header"},
		{"header_name", 500, "failed", "refused"},
		{"status", 500, "failed", "status"},
		{"status_text", 500, "failed", "ValueError"},
		{"object", 500, "failed", "TypeError"},
		{"surrogate", 500, "failed", "UnicodeEncodeError"},
		{"type", 500, "failed", "header"},
		{"headers", 500, "failed", ""},
		// Endings.
		{"exit", 500, "failed", "SystemExit"},
		{"exit_text", 500, "failed", "SystemExit"},
		{"os_exit", 500, "failed", "os._exit"},
		{"abort", 500, "failed", "_exit"},
		{"interrupt", 500, "failed", "KeyboardInterrupt"},
		{"generator_exit", 500, "failed", "GeneratorExit"},
		{"raise_signal", 500, "failed", ""},
		{"bytecode", 500, "failed", ""},
		{"bad_exception", 500, "failed", ""},
		{"group", 500, "failed", ""},
		{"cause", 500, "failed", ""},
		{"no_output", 500, "failed", "without streams"},
		// What a sandbox has not.
		{"ctypes", 500, "failed", "ctypes"},
		{"thread", 500, "failed", "self.invoke_async"},
		{"pool", 500, "failed", "self.invoke_async"},
		{"socket", 500, "failed", "self.out.rest"},
		{"urlopen", 500, "failed", "--grant connection:NAME"},
		{"ssl", 500, "failed", "self.out.rest"},
		{"subprocess", 500, "failed", "self.invoke"},
		{"system", 500, "failed", "self.invoke"},
		{"fork", 500, "failed", "self.invoke"},
		{"multiprocessing", 500, "failed", "self.invoke"},
		{"write_file", 500, "failed", "Error"},
		{"fill_tmp", 500, "failed", "MemoryError"},
		{"write_library", 500, "failed", "Read-only"},
		{"write_app", 500, "failed", "Read-only"},
		{"unlink", 500, "failed", "Read-only"},
		{"escape", 500, "failed", "PermissionError"},
		{"proc", 500, "failed", "FileNotFoundError"},
		{"walk", 200, "", ""},
		// State that must not stay.
		{"state", 200, "", ""},
		{"freeze", 200, "", ""},
		{"generator", 200, "", ""},
		{"open_files", 200, "", ""},
		{"close_descriptors", 200, "", ""},
		{"atexit", 200, "", ""},
		{"on_restore", 200, "", ""},
		{"call_stats", 500, "failed", ""},
		{"raw_backend", 200, "", ""},
		{"reply_twice", 200, "", ""},
		{"set_errors", 500, "failed", ""},
	} {
		t.Run(a.attack, func(t *testing.T) {
			r, took := attack(t, a)
			if took > 2*time.Second {
				t.Logf("took %v", took)
			}
			if a.attack == "walk" && r.Body != `["/", "/app", "/lib"]` {
				t.Errorf("a service sees the folders %s", r.Body)
			}
		})
	}
	if rss := residentBytes(t); rss > 2<<30 && !racing {
		t.Errorf("the host holds %d MiB after the attacks", rss>>20)
	}
}

// TestLogOfACallIsBounded floods the log and finds as much as the limit
// allows, with a note.
func TestLogOfACallIsBounded(t *testing.T) {
	t.Parallel()
	h, attack := hostile(t, func(l *client.Limits) { l.LogBytes = new(10 * host.KiB) })
	for _, name := range []string{"log", "print"} {
		r, _ := attack(t, attacked{name, 200, "", "log limit of 10KiB"})
		if n := len(logText(t, h, host.DefaultTenant, r)); n < 5<<10 || n > 12<<10 {
			t.Errorf("%s: %d bytes in the log", name, n)
		}
	}
}

// TestHostileImports has services that attack while they are deployed: they
// are refused in time, and what ran goes on.
func TestHostileImports(t *testing.T) {
	t.Parallel()
	hostileOnly(t)
	h := hosttest.Start(t, nil)
	s := limits("GET /s", func(l *client.Limits) { l.Timeout = duration(time.Second); l.Memory = new(64 * host.MiB) })
	h.Deploy("s", hosttest.Python("def handle(request):\n    return 'good'\n"), s)
	var wg sync.WaitGroup
	for name, source := range map[string]string{
		"spin":        "while True: pass",
		"catch":       "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
		"sleep":       "import time; time.sleep(3600)",
		"regex":       "import re; re.match('(a+)+$', 'a' * 64 + 'b')",
		"recursion":   "def f(): f()\nf()",
		"memory":      "x = []\nwhile True: x.append(bytearray(1 << 20))",
		"big image":   "x = 'x' * (60 << 20)",
		"exit":        "import sys; sys.exit(0)",
		"os exit":     "import os; os._exit(0)",
		"abort":       "import os; os.abort()",
		"operation":   "import serai\nserai.kv.set('a', b'b')",
		"thread":      "import threading; threading.Thread(target=print).start()",
		"bytecode":    "def f(): pass\nf.__code__ = f.__code__.replace(co_code=bytes([83, 0, 151, 255] * 100))\nf()",
		"finaliser":   "class X:\n    def __del__(self):\n        while True: pass\nX()",
		"metaclass":   "class M(type):\n    def __init__(cls, *a):\n        while True: pass\nclass X(metaclass=M): pass",
		"coding":      "# coding: no-such-codec\nx = 1",
		"null byte":   "x = 1\x00",
		"indentation": "def handle(request):\nreturn 1",
		"parentheses": "x = " + strings.Repeat("(", 10_000),
		"minus":       "x = " + strings.Repeat("-", 100_000) + "1",
		"no module":   "from . import x",
		"empty":       "",
	} {
		wg.Go(func() {
			start := time.Now()
			_, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "s", hosttest.Python(source), s)
			took := time.Since(start)
			e, known := err.(*client.Error) //nolint:errorlint // as above
			if !known || e.Code == "internal" || e.Message == "" {
				t.Errorf("%s: error %v, want one that says why", name, err)
			}
			if took > 2*time.Second+slack {
				t.Errorf("%s: refused after %v", name, took)
			}
		})
	}
	wg.Wait()
	ok(t, h.Call("GET", "/s", ""), "good")
	if v, err := h.Operator.Versions(t.Context(), host.DefaultTenant, "s"); err != nil || len(v) != 1 {
		t.Errorf("%d versions, %v", len(v), err)
	}
}

func residentBytes(t testing.TB) int64 {
	t.Helper()
	fields := strings.Fields(string(read(t, "/proc/self/statm")))
	if len(fields) < 2 {
		t.Fatal("no resident size")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
