package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/guest"
)

// plugin loads the example that is an Extism plugin.
func plugin(t *testing.T, export string, limits host.Limits) Program {
	t.Helper()
	code, err := os.ReadFile(filepath.FromSlash("../../modules/examples/extism-go/vowels.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := newExtism(t.Context(), code, host.Settings{Export: export, Limits: limits}, t.TempDir())
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

// variables are operations over a map, and a system that answers with what
// it was asked for.
func variables() *connector.Registry {
	kv := map[string][]byte{}
	missing := func(context.Context, *connector.Request) (*connector.Result, error) {
		return nil, host.Errorf(abi.NotFound, "it does not exist")
	}
	return connector.NewRegistry(
		connector.Op{Name: abi.OpConfigGet, Do: missing},
		connector.Op{Name: abi.OpKVGet, Do: func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
			if v, ok := kv[r.Envelope.Get(abi.FieldKey)]; ok {
				return &connector.Result{Body: v}, nil
			}
			return missing(ctx, r)
		}},
		connector.Op{Name: abi.OpKVSet, Do: func(_ context.Context, r *connector.Request) (*connector.Result, error) {
			kv[r.Envelope.Get(abi.FieldKey)] = r.Body
			return &connector.Result{}, nil
		}},
		connector.Op{Name: abi.OpHTTPRequest, Do: func(_ context.Context, r *connector.Request) (*connector.Result, error) {
			env := abi.Envelope{{Name: abi.FieldStatus, Value: "200"}}
			return &connector.Result{Envelope: env, Body: []byte(r.Scope.Tenant + " " + r.Envelope.Get(abi.FieldURL))}, nil
		}},
	)
}

func runPlugin(t *testing.T, p Program, s *guest.Session, body string) (*host.Reply, error) {
	t.Helper()
	in, err := p.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := &engine.Call{Key: "a", CPU: time.Minute}
	reply, err := in.Run(t.Context(), &host.Call{Tenant: "a", Service: "svc", CID: "c", Body: []byte(body)}, s, c)
	if c.Used <= 0 || in.MemoryBytes() <= 0 {
		t.Errorf("used %s and %d bytes", c.Used, in.MemoryBytes())
	}
	if _, err := in.Reset(); err == nil {
		t.Error("a plugin was reset in place")
	}
	return reply, err
}

func TestExtism(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the runtime of Go, which takes minutes under the race detector")
	}
	limits := host.DefaultLimits()
	p := plugin(t, "count_vowels", limits)
	ops := variables()
	var log []string
	session := func() *guest.Session {
		return &guest.Session{
			Scope: connector.Scope{Tenant: "a", Service: "svc", Limits: limits, Quota: host.DefaultQuota()},
			Ops:   ops,
			Log:   func(level int, message string) { log = append(log, strconv.Itoa(level)+" "+message) },
		}
	}
	for _, want := range []string{`{"count":1,"total":1}`, `{"count":1,"total":2}`} {
		reply, err := runPlugin(t, p, session(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&host.Reply{Status: 200, Headers: []abi.Field{{Name: "content-type", Value: "application/json"}}, Body: []byte(want)}, reply); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff([]string{"20 counted 1", "20 counted 1"}, log); diff != "" {
		t.Error(diff)
	}
	reply, err := runPlugin(t, plugin(t, "fetch", limits), session(), "https://example.com/x")
	if err != nil || string(reply.Body) != "a https://example.com/x" || reply.Headers[0].Value != "text/plain; charset=utf-8" {
		t.Errorf("%+v, %v", reply, err)
	}
	s := session()
	s.Scope.Limits.ReplyBytes = 10
	if _, err := runPlugin(t, p, s, "a"); host.CodeOf(err) != abi.TooLarge {
		t.Errorf("a reply over its limit: %v", err)
	}
	s = session()
	s.Ops = nil
	_, err = runPlugin(t, p, s, "a")
	var e *host.Error
	if !errors.As(err, &e) || e.Code != abi.Failed || e.Detail == nil || e.Detail.Type != "denied" {
		t.Errorf("operations during initialisation: %v", err)
	}
}

func TestExtismSettings(t *testing.T) {
	code, err := os.ReadFile(filepath.FromSlash("../../modules/examples/extism-go/vowels.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	limits := host.DefaultLimits()
	_, err = newExtism(t.Context(), code, host.Settings{Limits: limits}, "")
	var e *host.Error
	if !errors.As(err, &e) || e.Field != "export" || e.Message != "the plugin exports several functions; choose one with --export: count_vowels, fetch" {
		t.Errorf("no export: %v", err)
	}
	limits.Memory = host.MiB
	if _, err = newExtism(t.Context(), code, host.Settings{Export: "fetch", Limits: limits}, ""); host.CodeOf(err) != abi.Limit {
		t.Errorf("little memory: %v", err)
	}
}
