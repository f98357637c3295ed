package hosttest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/engine/enginetest"
	"github.com/seraihost/serai/host/hosttest"
)

// command is a WASI program that does what its query says.
const command = `package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"
)

var calls int

func main() {
	calls++
	switch q := os.Getenv("QUERY_STRING"); q {
	case "env":
		env := os.Environ()
		sort.Strings(env)
		fmt.Print(strings.Join(env, "\n"))
	case "exit3":
		fmt.Print("half an answer")
		fmt.Fprintln(os.Stderr, "why it ended")
		os.Exit(3)
	case "exit0":
		fmt.Print("all of it")
		os.Exit(0)
	case "panic":
		panic("as asked")
	case "big":
		for range 5 << 10 {
			fmt.Print(strings.Repeat("x", 1024))
		}
	case "deadlock":
		select {}
	case "sleep":
		time.Sleep(time.Hour)
	case "spin":
		for {
			calls++
		}
	case "memory":
		var all [][]byte
		for {
			all = append(all, make([]byte, 1<<20))
		}
	case "files":
		entries, err := os.ReadDir("/")
		fmt.Print(len(entries), err)
		_, err = os.ReadFile("/etc/passwd")
		fmt.Print(" ", err != nil, os.WriteFile("/x", nil, 0o600) != nil)
	case "calls":
		fmt.Print(calls, len(os.Args), " ", os.Args[0])
	default:
		b, err := io.ReadAll(os.Stdin)
		fmt.Print(strings.ToUpper(string(b)), err)
	}
}
`

// TestCommands runs an ordinary WASI program.
func TestCommands(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a Go program")
	}
	h := hosttest.Start(t, nil)
	r := h.Deploy("command", hosttest.Module(enginetest.BuildWASI(t, command)), limits("* /command/{part}", func(l *client.Limits) {
		l.Timeout = duration(10 * time.Second)
		l.Memory = new(64 * host.MiB)
	}))
	if r.Kind != host.KindWASI {
		t.Errorf("kind %s", r.Kind)
	}
	call := func(query, body string, headers ...string) hosttest.Reply {
		return h.Call("POST", "/command/p%20q?"+query, body, headers...)
	}
	ok(t, call("", "stdin"), "STDIN<nil>")
	ok(t, call("x=1", strings.Repeat("a", 1<<20)), strings.Repeat("A", 1<<20)+"<nil>")
	ok(t, call("exit0", ""), "all of it")
	ok(t, call("files", ""), "0 <nil> true true")
	for range 3 {
		ok(t, call("calls", ""), "1 1 command")
	}
	exit := call("exit3", "")
	refused(t, exit, 500, "failed")
	if text := logText(t, h, host.DefaultTenant, exit); !strings.Contains(text, "status 3") || !strings.Contains(text, "why it ended") || strings.Contains(exit.Body, "half") {
		t.Errorf("reply %s, log %s", exit.Body, text)
	}
	panics := call("panic", "")
	refused(t, panics, 500, "failed")
	if text := logText(t, h, host.DefaultTenant, panics); !strings.Contains(text, "panic: as asked") || !strings.Contains(text, "main.main") {
		t.Errorf("log %s", text)
	}
	refused(t, call("big", ""), 500, "limit")
	refused(t, call("deadlock", ""), 500, "failed")
	refused(t, call("memory", ""), 500, "failed")

	env := strings.Split(call("env", "12345", "Content-Type: text/x", "X-Some-Header: some value", "Proxy: evil").Body, "\n")
	have := make(map[string]string)
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		have[name] = value
	}
	for name, want := range map[string]string{
		"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST", "PATH_INFO": "/command/p q", "QUERY_STRING": "env", "SCRIPT_NAME": "",
		"CONTENT_LENGTH": "5", "CONTENT_TYPE": "text/x", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1",
		"HTTP_X_SOME_HEADER": "some value", "PARAM_PART": "p q", "SERAI_SERVICE": "command", "SERAI_TENANT": "default",
	} {
		if got, there := have[name]; !there || got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if _, evil := have["HTTP_PROXY"]; evil {
		t.Error("a client set HTTP_PROXY")
	}
	if port := have["SERVER_PORT"]; port == "" || !strings.HasSuffix(h.URL, ":"+port) {
		t.Errorf("SERVER_PORT %q", port)
	}
}

// TestEndlessCommands ends programs at their deadline.
func TestEndlessCommands(t *testing.T) {
	t.Parallel()
	hostileOnly(t)
	if testing.Short() {
		t.Skip("compiles a Go program")
	}
	const timeout = 600 * time.Millisecond
	h := hosttest.Start(t, nil)
	h.Deploy("command", hosttest.Module(enginetest.BuildWASI(t, command)), limits("* /command", func(l *client.Limits) {
		l.Timeout, l.CPU = duration(timeout), duration(time.Minute)
	}))
	for _, query := range []string{"sleep", "spin"} {
		start := time.Now()
		refused(t, h.Call("POST", "/command?"+query, ""), 504, "timeout")
		took := time.Since(start)
		t.Logf("%s: %v after the deadline", query, took-timeout)
		if took > timeout+slack {
			t.Errorf("%s: took %v", query, took)
		}
	}
}

// TestExamples deploys what modules/examples shows, as it is.
func TestExamples(t *testing.T) {
	t.Parallel()
	const examples = "../../modules/examples/"
	h := hosttest.Start(t, nil)
	h.Deploy("hello", hosttest.Python(string(read(t, examples+"python-hello/service.py"))), hosttest.Routes("* /python"))
	h.Deploy("counter", hosttest.Python(string(read(t, examples+"python-counter/service.py"))), hosttest.Routes("GET /count/{page}"))
	h.Deploy("c", hosttest.Module(read(t, examples+"c-hello/hello.wasm")), hosttest.Routes("* /c"))
	for _, path := range []string{"/python", "/count/home", "/c"} {
		if r := h.Call("GET", path, `{"name": "World"}`, "Content-Type: application/json"); r.Status != 200 || r.Body == "" {
			t.Errorf("%s: %d %s\n%s", path, r.Status, r.Body, logText(t, h, host.DefaultTenant, r))
		}
	}
	if testing.Short() {
		t.Skip("compiles Go programs")
	}
	for name, mode := range map[string]string{"go-hello": "-buildmode=c-shared", "wasi-upper": "-buildmode=default"} {
		h.Deploy(name, hosttest.Module(build(t, examples+name, mode)), hosttest.Routes("* /"+name))
		if r := h.Call("POST", "/"+name, `{"name": "World"}`, "Content-Type: application/json"); r.Status != 200 || r.Body == "" {
			t.Errorf("%s: %d %s\n%s", name, r.Status, r.Body, logText(t, h, host.DefaultTenant, r))
		}
	}
}

// build compiles a folder with Go for WASI.
func build(t testing.TB, dir, mode string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", mode, "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", dir, err, text)
	}
	return read(t, out)
}
