package extism_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/extism"
)

// sdkPlugins is the folder of the plugins that the SDK is tested with.
var sdkPlugins = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/extism/go-sdk").Output()
	return filepath.Join(strings.TrimSpace(string(out)), "wasm"), err
})

func sdkPlugin(t testing.TB, name string) []byte {
	t.Helper()
	dir, err := sdkPlugins()
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// fake is a host that keeps variables and configuration in memory.
type fake struct {
	mu     sync.Mutex
	kv     map[string]string
	config map[string]string
	log    strings.Builder
	ops    []string
	http   func(op abi.Envelope, body []byte) (abi.Envelope, []byte, error)
}

func (f *fake) Do(ctx context.Context, op abi.Envelope, body []byte) (abi.Envelope, []byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name, key := op.Get(abi.FieldOp), op.Get(abi.FieldKey)
	f.ops = append(f.ops, strings.TrimSpace(name+" "+key+op.Get(abi.FieldURL)))
	missing := host.Errorf(abi.NotFound, "key %q does not exist", key)
	switch name {
	case abi.OpKVGet:
		if v, ok := f.kv[key]; ok {
			return nil, []byte(v), nil
		}
		return nil, nil, missing
	case abi.OpKVSet:
		f.kv[key] = string(body)
		return nil, nil, nil
	case abi.OpKVDelete:
		delete(f.kv, key)
		return nil, nil, nil
	case abi.OpConfigGet:
		if v, ok := f.config[key]; ok {
			return nil, []byte(v), nil
		}
		return nil, nil, missing
	case abi.OpHTTPRequest:
		if f.http != nil {
			return f.http(op, body)
		}
		return nil, nil, host.Errorf(abi.Denied, "no connection covers it")
	default:
		return nil, nil, host.Errorf(abi.Unsupported, "operation %q", name)
	}
}

func (f *fake) Print(level int, message string) { fmt.Fprintf(&f.log, "%d %s\n", level, message) }

func newFake() *fake { return &fake{kv: map[string]string{}, config: map[string]string{}} }

const memory = 64 << 20

// cache is a folder of compiled code that all tests share, so that each
// plugin is compiled once.
var cache string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "extism")
	if err != nil {
		panic(err)
	}
	cache = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func compile(t testing.TB, code []byte, export string) *extism.Program {
	t.Helper()
	p, err := extism.Compile(t.Context(), code, extism.Options{Export: export, MaxMemory: memory, CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// call calls a new instance.
func call(ctx context.Context, t testing.TB, p *extism.Program, f *fake, input string) (string, error) {
	t.Helper()
	in, err := p.Start(ctx)
	if err != nil {
		return "", err
	}
	out, err := in.Call(ctx, &extism.Call{Host: f, Service: "svc", Input: []byte(input)})
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	return string(out), err
}

// slow are plugins with functions that take long to compile.
var slow = map[string]bool{"count_vowels_std.wasm": true, "hello_haskell.wasm": true, "std_command.wasm": true}

// TestPlugins runs the plugins that the SDK is tested with, which are made
// with the PDKs of several languages.
func TestPlugins(t *testing.T) {
	const longText = "this is a test"
	tests := []struct {
		file, export, input, want string
		config                    map[string]string
		log                       string
		kv                        map[string]string
	}{
		{file: "count_vowels.wasm", input: "Yellow, World!", want: `{"count":3,"total":3,"vowels":"aeiouAEIOU"}`, kv: map[string]string{"extism/svc/total": "3"}},
		{file: "count_vowels.wasm", input: "Yellow, World!", want: `{"count":4,"total":4,"vowels":"aeiouY"}`, config: map[string]string{"vowels": "aeiouY"}, kv: map[string]string{"extism/svc/total": "4"}},
		{file: "count_vowels_std.wasm", input: longText, want: `{"count": 4, "config": "blue", "a": "this is var a"}`, config: map[string]string{"thing": "blue"}, kv: map[string]string{"extism/svc/a": "this is var a"}},
		{file: "config.wasm", want: `{"config": "<unset by host>"}`},
		{file: "config.wasm", want: `{"config": "on"}`, config: map[string]string{"thing": "on"}},
		{file: "hello.wasm", want: "Hello, world!"},
		{file: "hello_haskell.wasm", input: longText, want: "Hello, this is a test"},
		{file: "hello_haskell.wasm", input: longText, want: "Howdy, this is a test", config: map[string]string{"greeting": "Howdy"}},
		{file: "input_offset.wasm", input: longText, want: "\x0e\x00\x00\x00\x00\x00\x00\x00"},
		{file: "log.wasm", log: "10 this is a trace log\n10 this is a debug log\n20 this is an info log\n30 this is a warning log\n40 this is an error log\n"},
		{file: "println.wasm", input: longText, log: "20 this was printed from the plugin this is a test\n"},
		{file: "replace.wasm", input: longText, want: "this is a wasm"},
		{file: "std_command.wasm", input: "world", want: "hello world"},
		{file: "noop.wasm"},
		{file: "exit.wasm", config: map[string]string{"code": "0"}},
		{file: "sleep.wasm", config: map[string]string{"duration": "0"}, want: "slept for 0 seconds"},
		{file: "read_write.wasm", export: "try_read", want: ""},
	}
	for _, c := range tests {
		t.Run(c.file, func(t *testing.T) {
			if testing.Short() && slow[c.file] {
				t.Skip("is compiled for a minute under the race detector")
			}
			p := compile(t, sdkPlugin(t, c.file), c.export)
			f := newFake()
			if c.config != nil {
				f.config = c.config
			}
			out, err := call(t.Context(), t, p, f, c.input)
			if c.file == "read_write.wasm" { // it reads a file, and there is none
				if err == nil {
					t.Errorf("a plugin read a file: %q", out)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if out != c.want {
				t.Errorf("output %q, want %q", out, c.want)
			}
			if got := f.log.String(); got != c.log {
				t.Errorf("log %q, want %q", got, c.log)
			}
			if c.kv != nil {
				if diff := cmp.Diff(c.kv, f.kv); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// TestVariables counts over calls: an instance keeps nothing, the store does.
func TestVariables(t *testing.T) {
	p := compile(t, sdkPlugin(t, "count_vowels.wasm"), "")
	f := newFake()
	for i := 1; i <= 3; i++ {
		out, err := call(t.Context(), t, p, f, "aa")
		if want := fmt.Sprintf(`{"count":2,"total":%d,"vowels":"aeiouAEIOU"}`, 2*i); err != nil || out != want {
			t.Errorf("call %d: %q, %v; want %q", i, out, err, want)
		}
	}
}

func TestHTTP(t *testing.T) {
	p := compile(t, sdkPlugin(t, "http.wasm"), "")
	f := newFake()
	var seen abi.Envelope
	f.http = func(op abi.Envelope, _ []byte) (abi.Envelope, []byte, error) {
		seen = op
		return abi.Envelope{{Name: "status", Value: "200"}, {Name: "header.x-a", Value: "1"}}, []byte(`{"id": 7}`), nil
	}
	out, err := call(t.Context(), t, p, f, "")
	if err != nil || out != `{"id": 7}` {
		t.Errorf("output %q, %v", out, err)
	}
	if seen.Get(abi.FieldMethod) != "GET" || seen.Get(abi.FieldURL) != "https://jsonplaceholder.typicode.com/todos/1" || seen.Get("header.some-name") != "some-value" {
		t.Errorf("operation %v", seen)
	}
	p = compile(t, sdkPlugin(t, "http_headers.wasm"), "")
	f.http = func(abi.Envelope, []byte) (abi.Envelope, []byte, error) {
		return abi.Envelope{{Name: "status", Value: "200"}, {Name: "header.content-type", Value: "a"}, {Name: "header.content-type", Value: "b"}}, nil, nil
	}
	out, err = call(t.Context(), t, p, f, `{"url":"https://example.com","method":"POST"}`)
	if err != nil || out != `{"content-type":"a,b"}` {
		t.Errorf("headers %q, %v", out, err)
	}
	f.http = nil
	_, err = call(t.Context(), t, p, f, `{"url":"https://example.com"}`)
	var e *host.Error
	if !errors.As(err, &e) || e.Code != abi.Failed || e.Detail == nil || e.Detail.Type != "denied" || e.Detail.Message != "no connection covers it" {
		t.Errorf("error %+v", err)
	}
}

func TestFailures(t *testing.T) {
	_, err := call(t.Context(), t, compile(t, sdkPlugin(t, "fail.wasm"), ""), newFake(), "")
	var e *host.Error
	if !errors.As(err, &e) || e.Code != abi.Failed || e.Detail == nil || e.Detail.Message != "Some error message" {
		t.Errorf("error %+v", err)
	}
	f := newFake()
	f.config["code"] = "7"
	_, err = call(t.Context(), t, compile(t, sdkPlugin(t, "exit.wasm"), ""), f, "")
	var exit *engine.Exit
	if !errors.As(err, &exit) || exit.Status != 7 {
		t.Errorf("exit: %v", err)
	}
	f.config["duration"] = "3600"
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := call(ctx, t, compile(t, sdkPlugin(t, "sleep.wasm"), ""), f, ""); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("sleep: %v after %s", err, time.Since(began))
	}
}

// TestWarm calls one instance again, also after it ended itself.
func TestWarm(t *testing.T) {
	f := newFake()
	f.config["code"] = "0"
	for _, file := range []string{"hello.wasm", "exit.wasm", "count_vowels.wasm"} {
		in, err := compile(t, sdkPlugin(t, file), "").Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := in.Call(t.Context(), &extism.Call{Host: f, Service: "svc", Input: []byte("x")}); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			if in.MemoryBytes() <= 0 {
				t.Errorf("%s: %d bytes of memory", file, in.MemoryBytes())
			}
		}
		for range 2 {
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := in.Call(t.Context(), &extism.Call{Host: f}); err == nil {
			t.Errorf("%s: a closed instance was called", file)
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct{ file, export, field, message string }{
		{"host.wasm", "", "module", "extism:host/user.mult"},
		{"host_multiple.wasm", "", "module", "extism:host/user.hostGreenMessage"},
		{"host_memory.wasm", "", "module", "host.to_upper"},
		{"main.wasm", "", "module", "lib.capitalize"},
		{"read_write.wasm", "", "export", "--export: try_read, try_write"},
		{"hello.wasm", "nothing", "export", "nothing"},
	}
	for _, c := range tests {
		_, err := extism.Compile(t.Context(), sdkPlugin(t, c.file), extism.Options{Export: c.export, MaxMemory: memory, CacheDir: cache})
		var e *host.Error
		if !errors.As(err, &e) || e.Code != abi.Invalid || e.Field != c.field || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %v, want field %q and %q", c.file, err, c.field, c.message)
		}
	}
	_, err := extism.Compile(t.Context(), sdkPlugin(t, "hello.wasm"), extism.Options{MaxMemory: 64 << 10})
	if host.CodeOf(err) != abi.Limit {
		t.Errorf("too little memory: %v", err)
	}
}
