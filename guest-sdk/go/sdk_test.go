//go:build !wasip1

package serai_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
	"github.com/seraihost/serai/guest-sdk/go/invoke"
	"github.com/seraihost/serai/guest-sdk/go/seraitest"
)

func TestServe(t *testing.T) {
	h := seraitest.New(t)
	serai.Handle(func(r *serai.Request) (*serai.Response, error) {
		var in struct {
			N int `json:"n"`
		}
		if err := r.JSON(&in); err != nil {
			return nil, fmt.Errorf("reading: %w", err)
		}
		resp, err := serai.JSON(map[string]any{
			"n": in.N, "id": r.Param("id"), "q": r.QueryValues().All("q"), "h": r.Header("X-A"), "cid": r.CID, "m": r.Method + r.Path,
			"none": r.Query("zz") + r.Param("q") + r.Header("q"),
		})
		return resp.With(201).Set("X-B", "1").Set("x-b", "2"), err
	})
	got := h.Serve(&seraitest.Call{
		Method: "POST", Path: "/x", Params: map[string]string{"id": "7"}, Body: `{"n":5}`,
		Query: serai.Values{{Name: "q", Value: "1"}, {Name: "q", Value: "2"}}, Headers: serai.Values{{Name: "X-A", Value: "a"}},
	})
	want := serai.Reply{
		Status: 201, Headers: serai.Values{{Name: "content-type", Value: "application/json"}, {Name: "x-b", Value: "2"}},
		Body: []byte(`{"cid":"test","h":"a","id":"7","m":"POST/x","n":5,"none":"","q":["1","2"]}`),
	}
	if diff := cmp.Diff(want, got.Reply); got.Error != nil || diff != "" {
		t.Error(got.Error, diff)
	}
	if bad := h.Serve(&seraitest.Call{Body: "{"}); bad.Error == nil || bad.Error.Code != abi.Invalid || bad.Status != 500 {
		t.Errorf("bad JSON = %+v", bad)
	}
	serai.Handle(func(*serai.Request) (*serai.Response, error) { return nil, nil })
	if empty := h.Serve(&seraitest.Call{}); empty.Error != nil || empty.Status != 200 || len(empty.Body) != 0 {
		t.Errorf("no response = %+v", empty)
	}
}

func TestHandleJSON(t *testing.T) {
	h := seraitest.New(t)
	type in struct {
		A int `json:"a"`
	}
	type out struct {
		B int `json:"b"`
	}
	serai.HandleJSON(func(r *serai.Request, v in) (out, error) {
		if v.A < 0 {
			return out{}, serai.Errorf(abi.Invalid, "negative")
		}
		return out{v.A + 1}, nil
	})
	serai.Warm(nil, func() {}, map[string]any{"a": 1})
	if env, code := serai.Boot(); code != abi.OK {
		t.Errorf("boot = %s, %v", code, env)
	}
	if r := h.Serve(&seraitest.Call{Body: `{"a":1}`}); r.Error != nil || string(r.Body) != `{"b":2}` {
		t.Errorf("reply %+v", r)
	}
	if r := h.Serve(&seraitest.Call{Body: `{"a":"x"}`}); r.Error != nil || r.Status != 400 || !strings.Contains(string(r.Body), "JSON") {
		t.Errorf("reply to bad JSON %+v", r)
	}
	if r := h.Serve(&seraitest.Call{Body: `{"a":-1}`}); r.Error == nil || r.Error.Code != abi.Invalid {
		t.Errorf("reply to a failure %+v", r)
	}
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		do            func() error
		code          abi.Code
		kind, message string
	}{
		"plain":    {func() error { return errors.New("no luck") }, abi.Failed, "*errors.errorString", "no luck"},
		"coded":    {func() error { return serai.Errorf(abi.NotFound, "no %s", "user") }, abi.NotFound, "*serai.Error", "no user"},
		"wrapped":  {func() error { return fmt.Errorf("asking: %w", serai.Errorf(abi.Timeout, "late")) }, abi.Timeout, "*fmt.wrapError", "asking: late"},
		"bad code": {func() error { return &serai.Error{Code: 99} }, abi.Failed, "*serai.Error", "internal"},
		"panic":    {func() error { panic("oh") }, abi.Failed, "panic", "oh"},
		"nil":      {func() error { var p *serai.Request; return errors.New(p.CID) }, abi.Failed, "panic", "runtime error: invalid memory address or nil pointer dereference"}, //nolint:govet // the panic is the point
		"long":     {func() error { return errors.New(strings.Repeat("x", 1<<20)) }, abi.Failed, "*errors.errorString", strings.Repeat("x", 16<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			serai.Handle(func(*serai.Request) (*serai.Response, error) { return nil, c.do() })
			env, _, code := serai.Serve(nil, nil)
			if code != c.code || env.Get("error.type") != c.kind || env.Get("error.message") != c.message {
				t.Errorf("code %s, %v", code, env)
			}
			if c.kind == "panic" && (!strings.Contains(env.Get("error.traceback"), "sdk_test.go") || !strings.HasSuffix(env.Get("error.file"), "sdk_test.go") || env.Get("error.line") == "") {
				t.Errorf("panic without its place: %v", env)
			}
			if env.Size() > abi.MaxEnvelopeSize {
				t.Errorf("failure takes %d bytes", env.Size())
			}
		})
	}
}

func TestBoot(t *testing.T) {
	h := seraitest.New(t)
	serai.Handle(func(*serai.Request) (*serai.Response, error) { return nil, nil })
	serai.Init(func() error { serai.Infof("ready"); return nil })
	if env, code := serai.Boot(); code != abi.OK || len(h.Logged()) != 1 {
		t.Errorf("boot = %s, %v", code, env)
	}
	serai.Init(func() error { return errors.New("no table") })
	if env, code := serai.Boot(); code != abi.Failed || env.Get("error.message") != "no table" {
		t.Errorf("failing boot = %s, %v", code, env)
	}
	serai.Init(func() error { panic("oh") })
	if env, code := serai.Boot(); code != abi.Failed || env.Get("error.type") != "panic" {
		t.Errorf("panicking boot = %s, %v", code, env)
	}
	serai.Init(nil)
	serai.Handle(nil)
	if env, code := serai.Boot(); code != abi.Invalid || !strings.Contains(env.Get("error.message"), "serai.Handle") {
		t.Errorf("boot without a handler = %s, %v", code, env)
	}
}

func TestKeys(t *testing.T) {
	h := seraitest.New(t)
	h.KV["b"] = []byte("2")
	if _, err := serai.KV.Get("a"); !serai.IsNotFound(err) || err.Error() != `kv.get: key "a" does not exist` {
		t.Errorf("a missing key: %v", err)
	}
	revision, err := serai.KV.CompareAndSet("a", []byte("1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := serai.KV.CompareAndSet("a", nil, 0); !serai.IsConflict(err) {
		t.Errorf("creating a key again: %v", err)
	}
	if e, err := serai.KV.Entry("a"); err != nil || e.Revision != revision || string(e.Value) != "1" {
		t.Errorf("entry %+v, %v", e, err)
	}
	if _, err := serai.KV.SetTTL("c", []byte("3"), time.Microsecond); err != nil {
		t.Error(err)
	}
	keys, next, err := serai.KV.List("", "", 2)
	if diff := cmp.Diff([]string{"a", "b"}, keys); err != nil || next != "b" || diff != "" {
		t.Error(err, next, diff)
	}
	if err := serai.KV.CompareAndDelete("a", revision+1); !serai.IsConflict(err) {
		t.Errorf("deleting at another revision: %v", err)
	}
	if err := serai.KV.CompareAndDelete("a", revision); err != nil {
		t.Error(err)
	}
	for _, want := range []bool{true, false} {
		if got, err := serai.KV.Delete("b"); got != want || err != nil {
			t.Errorf("delete = %t, %v", got, err)
		}
	}
	if _, err := serai.KV.Set("d", []byte("4")); err != nil || string(h.KV["d"]) != "4" {
		t.Error(err)
	}
}

func TestOthers(t *testing.T) {
	h := seraitest.New(t)
	h.Config["app.x"] = "1"
	if v, err := serai.Config.Get("app.x"); v != "1" || err != nil {
		t.Error(v, err)
	}
	if keys, err := serai.Config.Keys("app."); len(keys) != 1 || err != nil {
		t.Error(keys, err)
	}
	var seen *serai.HTTPRequest
	h.HTTP["CRM"] = func(r *serai.HTTPRequest) (*serai.Reply, error) {
		seen = r
		return &serai.Reply{Headers: serai.Values{{Name: "X-A", Value: "1"}}, Body: []byte(`{"a":2}`)}, nil
	}
	reply, err := serai.HTTP("CRM").PostJSON("/u/{id}", serai.Params{"id": "7"}, []int{1})
	if err != nil || !reply.OK() || reply.Header("x-a") != "1" {
		t.Fatal(reply, err)
	}
	want := &serai.HTTPRequest{
		Method: "POST", Path: "/u/{id}", Params: serai.Params{"id": "7"}, Body: []byte("[1]"),
		Headers: serai.Values{{Name: "content-type", Value: "application/json"}},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	for method, do := range map[string]func(serai.Connection) (*serai.Reply, error){
		"GET":    func(c serai.Connection) (*serai.Reply, error) { return c.Get("", nil) },
		"PUT":    func(c serai.Connection) (*serai.Reply, error) { return c.Put("", nil, "text/plain", nil) },
		"POST":   func(c serai.Connection) (*serai.Reply, error) { return c.Post("", nil, "text/plain", nil) },
		"DELETE": func(c serai.Connection) (*serai.Reply, error) { return c.Delete("", nil) },
		"PATCH": func(c serai.Connection) (*serai.Reply, error) {
			return c.Do(&serai.HTTPRequest{Method: "PATCH", Timeout: time.Second, Query: serai.Values{{Name: "a", Value: "b"}}})
		},
	} {
		if _, err := do(serai.HTTP("CRM")); err != nil || seen.Method != method {
			t.Errorf("%s arrived as %s, %v", method, seen.Method, err)
		}
	}
	if _, err := serai.HTTP("other").Get("", nil); serai.CodeOf(err) != abi.Denied {
		t.Error(err)
	}
	h.Services["add"] = func(p []byte) (*serai.Reply, error) { return &serai.Reply{Body: append(p, '0')}, nil }
	h.Services["no"] = func([]byte) (*serai.Reply, error) { return &serai.Reply{Status: 404}, nil }
	var n int
	if err := serai.InvokeJSON("add", 4, &n); err != nil || n != 40 {
		t.Error(n, err)
	}
	if err := serai.InvokeJSON("no", 4, nil); serai.CodeOf(err) != abi.Remote {
		t.Error(err)
	}
	if r, err := serai.Invoke("no", nil); err != nil || r.Status != 404 {
		t.Error(r, err)
	}
	if cid, err := invoke.Async(invoke.AsyncRequest{Service: "add"}); cid != "test-async" || err != nil {
		t.Error(cid, err)
	}
	a, b := make([]byte, 16), make([]byte, 16)
	if serai.Random(a) != nil || serai.Random(b) != nil || string(a) == string(b) {
		t.Error("random bytes repeat")
	}
}
