package enginetest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/wasi"
)

// wasiProgram is a Go program that uses files, the environment, clocks and
// standard streams. It is the same in every package that runs the suite.
const wasiProgram = `package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

func main() {
	in, _ := io.ReadAll(os.Stdin)
	fmt.Println("args", os.Args, "env", os.Getenv("COLOUR"), "stdin", string(in))
	filepath.WalkDir("/", func(p string, d os.DirEntry, err error) error {
		if err != nil {
			fmt.Println(p, err)
			return nil
		}
		info, err := d.Info()
		fmt.Println(p, d.IsDir(), info.Size(), err)
		return nil
	})
	b, err := os.ReadFile("/lib/deep/hello.txt")
	fmt.Printf("%q %v\n", b, err)
	f, err := os.Open("/app/numbers")
	if err != nil {
		fmt.Println(err)
	}
	f.Seek(-3, io.SeekEnd)
	b, err = io.ReadAll(f)
	fmt.Printf("%q %v\n", b, err)
	n, err := f.ReadAt(make([]byte, 4), 8)
	fmt.Println(n, err, f.Close())
	_, err = os.Open("/absent")
	fmt.Println(err)
	fmt.Println(os.WriteFile("/new", nil, 0o644))
	fmt.Println(os.WriteFile("/app/numbers", nil, 0o644))
	fmt.Println(os.Remove("/app/numbers"))
	fmt.Println(os.Mkdir("/dir", 0o755))
	start := time.Now()
	time.Sleep(30 * time.Millisecond)
	slept := time.Since(start)
	fmt.Println(slept >= 30*time.Millisecond, slept < 20*time.Second, start.Year() > 2023)
	fmt.Fprintln(os.Stderr, "to stderr")
	os.Exit(3)
}
`

const wasiOutput = `args [prog one two] env blue stdin the body
/ true 0 <nil>
/app true 0 <nil>
/app/numbers false 10 <nil>
/lib true 0 <nil>
/lib/deep true 0 <nil>
/lib/deep/hello.txt false 5 <nil>
"hello" <nil>
"789" <nil>
2 EOF <nil>
open /absent: No such file or directory
open /new: Read-only file system
open /app/numbers: Read-only file system
remove /app/numbers: Read-only file system
mkdir /dir: Read-only file system
true true true
`

// BuildWASI compiles a Go program for WASI preview 1 and returns its code.
// It skips the test where there is no Go tool.
func BuildWASI(t testing.TB, source string) []byte {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("finding the Go tool: %v", err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "main.go"), filepath.Join(dir, "main.wasm")
	if err := os.WriteFile(in, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), tool, "build", "-o", out, in)
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, text)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func testWASI(t *testing.T, s *suite) {
	if testing.Short() {
		t.Skip("compiles a Go program")
	}
	when := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	tree, err := wasi.NewTree(
		wasi.Mount{Path: "/lib", FS: fstest.MapFS{"deep/hello.txt": {Data: []byte("hello"), ModTime: when}}},
		wasi.Mount{Path: "/app", FS: fstest.MapFS{"numbers": {Data: []byte("0123456789"), ModTime: when}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	g := s.compile(t, BuildWASI(t, wasiProgram))
	for range 2 { // each call with a new system
		var stdout, stderr bytes.Buffer
		state := &State{System: wasi.System{
			Args: []string{"prog", "one", "two"}, Env: []string{"COLOUR=blue"}, FS: tree,
			Stdin: bytes.NewReader([]byte("the body")), Stdout: &stdout, Stderr: &stderr,
		}}
		var exit *engine.Exit
		_, err := g.start(t, g.Image, 512<<20).Call(t.Context(), &engine.Call{State: state}, "_start")
		if !errors.As(err, &exit) || exit.Status != 3 {
			t.Fatalf("error %v, want exit with status 3", err)
		}
		if diff := cmp.Diff(wasiOutput, stdout.String()); diff != "" {
			t.Errorf("standard output (-want +got):\n%s", diff)
		}
		if got := stderr.String(); got != "to stderr\n" {
			t.Errorf("standard error %q", got)
		}
	}
}
