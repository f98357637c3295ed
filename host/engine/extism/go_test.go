package extism_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// goPlugin is the example in modules/examples/extism-go, built with Go.
func goPlugin(t testing.TB) []byte {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles the runtime of Go, which takes minutes under the race detector")
	}
	code, err := os.ReadFile(filepath.FromSlash("../../../modules/examples/extism-go/vowels.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestGoPluginIsReproducible builds the plugin again. It can only be the same
// with the same Go, and where the PDK can be had.
func TestGoPluginIsReproducible(t *testing.T) {
	dir := filepath.FromSlash("../../../modules/examples/extism-go")
	version, err := os.ReadFile(filepath.Join(dir, "toolchain.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(version)); got != runtime.Version() {
		t.Skipf("the plugin was built with %s, this is %s", got, runtime.Version())
	}
	out := filepath.Join(t.TempDir(), "plugin.wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("the plugin cannot be built here: %v\n%s", err, text)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, goPlugin(t)) {
		t.Errorf("building the plugin gives %d other bytes; run go generate in modules/examples/extism-go", len(got))
	}
}

func TestGoPlugin(t *testing.T) {
	f := newFake()
	p := compile(t, goPlugin(t), "count_vowels")
	for _, want := range []string{`{"count":3,"total":3}`, `{"count":3,"total":6}`} {
		if out, err := call(t.Context(), t, p, f, "Yellow, World!"); err != nil || out != want {
			t.Errorf("output %q, %v; want %q", out, err, want)
		}
	}
	if got := f.log.String(); got != "20 counted 3\n20 counted 3\n" {
		t.Errorf("log %q", got)
	}
	f.config["vowels"] = "W"
	if out, err := call(t.Context(), t, p, f, "Yellow, World!"); err != nil || out != `{"count":1,"total":7}` {
		t.Errorf("output %q, %v", out, err)
	}
}

func TestGoPluginHTTP(t *testing.T) {
	f := newFake()
	p := compile(t, goPlugin(t), "fetch")
	status := "200"
	f.http = func(op abi.Envelope, _ []byte) (abi.Envelope, []byte, error) {
		return abi.Envelope{{Name: "status", Value: status}}, []byte(op.Get(abi.FieldURL)), nil
	}
	if out, err := call(t.Context(), t, p, f, "https://api.example.com/v1"); err != nil || out != "https://api.example.com/v1" {
		t.Errorf("output %q, %v", out, err)
	}
	status = "503"
	_, err := call(t.Context(), t, p, f, "https://api.example.com/v1")
	var e *host.Error
	if !errors.As(err, &e) || e.Detail == nil || e.Detail.Message != "the system answered 503" {
		t.Errorf("error %v", err)
	}
}
