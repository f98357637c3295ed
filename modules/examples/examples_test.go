package examples

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seraihost/serai/guest-sdk/guesttest"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/kv"
	"github.com/seraihost/serai/storage/badger"
)

func space(t *testing.T) *kv.Space {
	t.Helper()
	store, err := badger.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return kv.New(store)
}

func answers(t *testing.T, s *guesttest.Service, want, body string, fields ...string) {
	t.Helper()
	r, err := s.Call(body, fields...)
	if err != nil || r.Status != 200 || string(r.Body) != want {
		t.Errorf("%q %q: reply %+v, %v; want %q", body, fields, r, err, want)
	}
}

func TestGoHello(t *testing.T) {
	s := guesttest.Start(t, guesttest.BuildGo(t, "go-hello", false), connector.Builtins(kv.Connector(space(t)))...)
	answers(t, s, `{"hello":"world","count":1}`, "")
	answers(t, s, `{"hello":"Ann","count":1}`, "", "param.name", "Ann")
	answers(t, s, `{"hello":"Ann","count":2}`, "", "param.name", "Ann")
	if !strings.Contains(s.Log(), "greeting Ann for the 2. time") {
		t.Errorf("log: %s", s.Log())
	}
}

func TestWASIUpper(t *testing.T) {
	s := guesttest.Start(t, guesttest.BuildGo(t, "wasi-upper", true))
	answers(t, s, "", "")
	answers(t, s, "GRÜEZI\n", "grüezi\n")
	large := strings.Repeat("a", 1<<20)
	answers(t, s, strings.ToUpper(large), large)
}

func TestCHello(t *testing.T) {
	code, err := os.ReadFile("c-hello/hello.wasm")
	if err != nil {
		t.Fatal(err)
	}
	sp := space(t)
	s := guesttest.Start(t, code, connector.Builtins(kv.Connector(sp))...)
	answers(t, s, "Hello, world!\n", "")
	if _, err := sp.Set(t.Context(), "a", "greeting", []byte("Grüezi"), kv.SetOptions{}); err != nil {
		t.Fatal(err)
	}
	answers(t, s, "Grüezi, Ann!\n", "", "param.name", "Ann")
	if s.Log() != "greeting from C\ngreeting from C" {
		t.Errorf("log: %q", s.Log())
	}
	if _, err := s.Call(strings.Repeat("x", 64<<10)); err == nil || !strings.Contains(err.Error(), "failed") {
		t.Errorf("a request over the service's buffer: %v", err)
	}
	denied := guesttest.Start(t, code, connector.Op{Name: "kv.get", Do: func(context.Context, *connector.Request) (*connector.Result, error) {
		return nil, host.Errorf(3, "no")
	}})
	_, err = denied.Call("")
	if host.CodeOf(err) != 3 {
		t.Errorf("a refused operation: %v", err)
	}
}

// TestCHelloIsReproducible builds hello.wasm again, with the same compiler.
func TestCHelloIsReproducible(t *testing.T) {
	want, err := os.ReadFile("c-hello/toolchain.txt")
	if err != nil {
		t.Fatal(err)
	}
	version, err := exec.CommandContext(t.Context(), "clang-19", "--version").Output()
	if err != nil || !bytes.HasPrefix(version, want) {
		t.Skipf("hello.wasm was built with %s", want)
	}
	// The linker is called itself: clang would run whatever wasm-opt it finds.
	object, out := filepath.Join(t.TempDir(), "hello.o"), filepath.Join(t.TempDir(), "hello.wasm")
	for _, args := range [][]string{
		{"clang-19", "--target=wasm32", "-Os", "-ffreestanding", "-fno-builtin", "-I../../../guest-sdk/c", "-c", "-o", object, "hello.c"},
		{"wasm-ld-19", "--no-entry", "--strip-all", "-z", "stack-size=16384", "-o", out, object},
	} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = "c-hello"
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("%s cannot build WebAssembly here: %v\n%s", args[0], err, msg)
		}
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if have, _ := os.ReadFile("c-hello/hello.wasm"); !bytes.Equal(got, have) {
		t.Error("building hello.wasm gives other bytes; run: go generate ./modules/examples")
	}
}
