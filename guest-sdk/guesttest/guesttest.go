// Package guesttest runs modules for the tests of guest SDKs and examples:
// on a real engine, with the real host functions, each call from the frozen
// image, and without the rest of a host.
package guesttest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasi"
	"github.com/seraihost/serai/host/engine/wasm"
	"github.com/seraihost/serai/host/guest"
)

const maxMemory = 256 << 20

// BuildGo builds the Go package in dir for wasip1, as a reactor or, with
// command, as a program, and returns the module.
func BuildGo(t testing.TB, dir string, command bool, flags ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out}
	if !command {
		args = append(args, "-buildmode=c-shared")
	}
	cmd := exec.CommandContext(t.Context(), "go", append(append(args, flags...), ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", dir, err, msg)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Service is a module that is ready for calls.
type Service struct {
	t      testing.TB
	info   *wasm.Module
	module engine.Module
	image  *image.Image
	ops    *connector.Registry

	mu  sync.Mutex
	log []string
}

// Start compiles a module and, unless it is a WASI command, initialises and
// freezes it. Its calls may use the operations, for a scope with all grants.
func Start(t testing.TB, code []byte, ops ...connector.Op) *Service {
	t.Helper()
	s := compile(t, code, ops)
	if s.info.HasExport("_start") {
		return s
	}
	if err := s.initialize(); err != nil {
		t.Fatalf("initialising: %v, %+v\n%s", err, err.Detail, s.Log())
	}
	return s
}

// Refused returns with which error a module refuses to be initialised, nil
// if it does not.
func Refused(t testing.TB, code []byte) *host.Error {
	t.Helper()
	return compile(t, code, nil).initialize()
}

func compile(t testing.TB, code []byte, ops []connector.Op) *Service {
	t.Helper()
	functions := append(guest.Functions(), wasi.Functions()...)
	e, err := newEngine(t, functions)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	info, err := wasm.Inspect(code, known(functions))
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{t: t, info: info, ops: connector.NewRegistry(ops...)}
	if s.module, err = e.Compile(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.module.Close() })
	mem := make([]byte, info.MemoryMin)
	if err := info.InitialMemory(mem); err != nil {
		t.Fatal(err)
	}
	s.freeze(mem, info.InitialGlobals())
	return s
}

func known(functions []engine.HostFunc) wasm.Known {
	return func(module, name string) (params, results []byte, ok bool) {
		for _, f := range functions {
			if f.Module == module && f.Name == name {
				return f.Params, f.Results, true
			}
		}
		return nil, nil, false
	}
}

func (s *Service) freeze(mem []byte, globals []uint64) {
	im, err := image.FromMemory(bytes.Clone(mem), globals)
	if err != nil {
		s.t.Fatal(err)
	}
	s.image = im
	s.t.Cleanup(im.Release)
}

func (s *Service) initialize() *host.Error {
	s.t.Helper()
	in := s.instantiate()
	defer in.Close()
	session := s.session(nil)
	lens := [2]uint64{}
	lens[0], lens[1] = session.SetRequest(abi.Envelope{{Name: abi.FieldService, Value: "svc"}}, nil)
	for _, f := range []struct {
		name string
		args []uint64
	}{{abi.ExportInitialize, nil}, {abi.ExportInit, lens[:]}} {
		if !s.info.HasExport(f.name) {
			continue
		}
		code, err := in.Call(s.t.Context(), &engine.Call{State: session}, f.name, f.args...)
		switch {
		case err != nil:
			return host.Errorf(abi.Failed, "calling %s: %w", f.name, err)
		case uint32(code) != 0:
			return session.Failure(code)
		}
	}
	s.freeze(in.Memory(), in.Globals())
	return nil
}

func (s *Service) instantiate() engine.Instance {
	s.t.Helper()
	in, err := s.module.Instantiate(s.t.Context(), s.image, maxMemory)
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

func (s *Service) session(ops *connector.Registry) *guest.Session {
	limits := host.DefaultLimits()
	session := &guest.Session{
		Ops: ops,
		Scope: connector.Scope{
			Tenant: "a", Service: "svc", CID: "cid-1", Limits: limits, Quota: host.DefaultQuota(),
			Grants: host.Grants{Connections: []string{"*"}},
		},
		Log: func(_ int, message string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, message)
		},
	}
	session.System.Stdout, session.System.Stderr = session.Lines(abi.LevelInfo), session.Lines(abi.LevelWarning)
	return session
}

// Call serves one call from the image. fields are names and values to go
// into the envelope. An error is a *host.Error whose Detail the guest filled.
func (s *Service) Call(body string, fields ...string) (*host.Reply, error) {
	s.t.Helper()
	env := abi.Envelope{{Name: abi.FieldCID, Value: "cid-1"}, {Name: abi.FieldService, Value: "svc"}}
	for i := 0; i+1 < len(fields); i += 2 {
		env.Add(fields[i], fields[i+1])
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	in := s.instantiate()
	defer in.Close()
	session := s.session(s.ops)
	if s.info.HasExport("_start") {
		return s.command(ctx, in, session, body)
	}
	e, b := session.SetRequest(env, &host.Call{Body: []byte(body)})
	code, err := in.Call(ctx, &engine.Call{State: session}, abi.ExportHandle, e, b)
	switch {
	case err != nil:
		return nil, err
	case uint32(code) != 0:
		return nil, session.Failure(code)
	default:
		return session.Reply(), nil
	}
}

func (s *Service) command(ctx context.Context, in engine.Instance, session *guest.Session, body string) (*host.Reply, error) {
	var out bytes.Buffer
	session.System.Stdin, session.System.Stdout = strings.NewReader(body), &out
	session.System.Args = []string{"svc"}
	_, err := in.Call(ctx, &engine.Call{State: session}, "_start")
	var exit *engine.Exit
	if err != nil && (!errors.As(err, &exit) || exit.Status != 0) {
		return nil, err
	}
	return &host.Reply{Status: 200, Body: out.Bytes()}, nil
}

// Log returns what the service has logged so far, line by line.
func (s *Service) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}
