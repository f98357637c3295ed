package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/telemetry"
)

// ops are a host's operations as far as a stage changes them.
func ops() []connector.Op {
	echo := func(_ context.Context, r *connector.Request) (*connector.Result, error) {
		return &connector.Result{Body: []byte(r.Scope.Tenant + " " + r.Envelope.Get(abi.FieldKey))}, nil
	}
	return []connector.Op{
		{Name: abi.OpHTTPRequest, Do: echo},
		{Name: abi.OpConfigGet, Do: echo},
		{Name: abi.OpConfigList, Do: echo},
		{Name: abi.OpKVGet, Do: echo},
		{Name: abi.OpInvoke, Do: echo},
	}
}

type staged struct {
	t        *testing.T
	stage    *Stage
	registry *connector.Registry
	granted  []string
}

func newStaged(t *testing.T, s *Stage) staged {
	t.Helper()
	return staged{t, s, connector.NewRegistry(s.Ops(ops())...), []string{"*"}}
}

// do performs an operation with alternating names and values.
func (s staged) do(name string, body any, fields ...string) (*connector.Result, error) {
	s.t.Helper()
	r := &connector.Request{Scope: connector.Scope{Tenant: "t", Service: "svc", Grants: host.Grants{Connections: s.granted}}}
	r.Envelope.Add(abi.FieldOp, name)
	for i := 0; i < len(fields); i += 2 {
		r.Envelope.Add(fields[i], fields[i+1])
	}
	switch b := body.(type) {
	case nil:
	case string:
		r.Body = []byte(b)
	default:
		var err error
		if r.Body, err = json.Marshal(b); err != nil {
			s.t.Fatal(err)
		}
	}
	return s.registry.Do(s.t.Context(), r)
}

func (s staged) must(name string, body any, fields ...string) string {
	s.t.Helper()
	res, err := s.do(name, body, fields...)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	return string(res.Body)
}

func answers(texts ...string) (out []Response) {
	for _, text := range texts {
		out = append(out, Response{Status: 200, Body: []byte(text)})
	}
	return out
}

func TestRules(t *testing.T) {
	s := newStaged(t, &Stage{})
	for _, r := range []Rule{
		{Connection: "CRM", Responses: answers("any")},
		{Connection: "CRM", Method: "post", Responses: answers("posted")},
		{Connection: "CRM", Path: "/user/*", Responses: answers("one", "two")},
		{Connection: "CRM", Match: []map[string]any{{"id": 7}, {"id": 8}}, Responses: answers("seven")},
		{Connection: "My ERP", Responses: answers("erp")},
		{Connection: "https://api.example.com/v1", Responses: answers("url")},
		{Connection: "down", Responses: []Response{{Error: "unavailable"}, {Error: "timeout", Delay: 1}}},
	} {
		s.must("test.script", r)
	}
	for _, c := range []struct {
		fields []string
		body   any
		want   string
		code   abi.Code
	}{
		{fields: []string{"connection", "CRM"}, want: "any"},
		{fields: []string{"connection", "CRM", "method", "POST"}, want: "posted"},
		{fields: []string{"connection", "CRM", "path", "/user/1"}, want: "one"},
		{fields: []string{"connection", "CRM", "path", "/user/1"}, want: "two"},
		{fields: []string{"connection", "CRM", "path", "/user/1"}, want: "two"},
		{fields: []string{"connection", "CRM", "path", "/user/1/name"}, want: "any"},
		{fields: []string{"connection", "CRM", "param.id", "7"}, want: "seven"},
		{fields: []string{"connection", "CRM", "query.id", "8"}, want: "seven"},
		{fields: []string{"connection", "CRM"}, body: map[string]any{"id": 7, "more": 1}, want: "seven"},
		{fields: []string{"connection", "CRM"}, body: "[7]", want: "any"},
		{fields: []string{"connection", "my_erp", "similar", "1"}, want: "erp"},
		{fields: []string{"connection", "my_erp"}, code: abi.Unavailable},
		{fields: []string{"url", "https://api.example.com/v1/x?y=1"}, want: "url"},
		{fields: []string{"url", "https://api.example.org/v1/x"}, code: abi.Unavailable},
		{fields: []string{"connection", "down"}, code: abi.Unavailable},
		{fields: []string{"connection", "down"}, code: abi.Timeout},
	} {
		res, err := s.do(abi.OpHTTPRequest, c.body, c.fields...)
		if host.CodeOf(err) != c.code || err == nil && (string(res.Body) != c.want || res.Envelope.Get(abi.FieldStatus) != "200") {
			t.Errorf("%q %v: %v, %v; want %q, %v", c.fields, c.body, res, err, c.want, c.code)
		}
	}
	var got []Request
	if err := json.Unmarshal([]byte(s.must("test.requests", nil, "connection", "https://api.example.com")), &got); err != nil {
		t.Fatal(err)
	}
	want := []Request{{Service: "svc", Connection: "https://api.example.com/v1/x?y=1", Method: "GET", Path: "/v1/x", Params: map[string][]string{"y": {"1"}}, Headers: map[string]string{}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestGrantsCount(t *testing.T) {
	s := newStaged(t, &Stage{})
	s.granted = []string{"ERP"}
	s.must("test.script", Rule{Connection: "CRM", Responses: answers("x")})
	if _, err := s.do(abi.OpHTTPRequest, nil, "connection", "CRM"); host.CodeOf(err) != abi.Denied {
		t.Errorf("without a grant: %v", err)
	}
}

func TestRulesThatMakeNoSense(t *testing.T) {
	s := newStaged(t, &Stage{})
	for text, body := range map[string]any{
		"name a connection": Rule{Responses: answers("x")},
		"at least one":      Rule{Connection: "c"},
		"not a pattern":     Rule{Connection: "c", Path: "/[", Responses: answers("x")},
		"use timeout":       Rule{Connection: "c", Responses: []Response{{Error: "fire"}}},
		"set_response: ":    "[",
		"from 100 to 599":   Rule{Connection: "c", Responses: []Response{{Status: 1000}}},
	} {
		if _, err := s.do("test.script", body); host.CodeOf(err) != abi.Invalid || !strings.Contains(host.MessageOf(err), text) {
			t.Errorf("%v: %v, want %q", body, err, text)
		}
	}
}

func TestATestFindsNothingOfAnother(t *testing.T) {
	s := newStaged(t, &Stage{})
	first := s.must(abi.OpKVGet, nil, "key", "k")
	s.must("test.script", Rule{Connection: "c", Responses: answers("x")})
	s.must("test.config", "on", "key", "mode")
	if got := s.must(abi.OpConfigGet, nil, "key", "mode"); got != "on" {
		t.Errorf("config is %q", got)
	}
	if res, err := s.do(abi.OpConfigList, nil, "prefix", "mo"); err != nil || res.Envelope.Get(abi.FieldKey) != "mode" {
		t.Errorf("config keys are %v, %v", res, err)
	}
	s.must("test.reset", nil)
	if second := s.must(abi.OpKVGet, nil, "key", "k"); second == first || first == "t k" {
		t.Errorf("two tests share keys: %q and %q", first, second)
	}
	if got := s.must(abi.OpConfigGet, nil, "key", "mode"); got != "t mode" {
		t.Errorf("config after the test is %q", got)
	}
	if _, err := s.do(abi.OpHTTPRequest, nil, "connection", "c"); host.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), `set_response("c"`) {
		t.Errorf("script after the test: %v", err)
	}
	s.must("test.reset", nil)
	if got := s.must("test.requests", nil); got != "[]" {
		t.Errorf("requests after the test are %s", got)
	}
	if got := s.must(abi.OpInvoke, nil); got != "t " {
		t.Errorf("another operation has the scope %q", got)
	}
}

func TestRecordAndReplay(t *testing.T) {
	n := 0
	s := newStaged(t, &Stage{Through: func(_ context.Context, r *connector.Request) (*connector.Result, error) {
		if r.Envelope.Get(abi.FieldPath) == "/down" {
			return nil, host.Errorf(abi.Unavailable, "down")
		}
		n++
		body := []string{`{"n": 1}`, "text", "\xff\x00", `{"n": 2}`}[n-1]
		return &connector.Result{Body: []byte(body), Envelope: abi.Envelope{
			{Name: "status", Value: "201"}, {Name: "header.content-type", Value: "x/y"}, {Name: "header.set-cookie", Value: "secret"},
		}}, nil
	}})
	calls := []struct {
		path, body, want string
	}{{"/a", `{"x": 1}`, `{"n": 1}`}, {"/b", "", "text"}, {"/c", "", "\xff\x00"}, {"/a", `{"x":1}`, `{"n": 2}`}}
	for _, c := range calls {
		if got := s.must(abi.OpHTTPRequest, c.body, "connection", "CRM", "path", c.path, "header.authorization", "Bearer t"); got != c.want {
			t.Errorf("%s: %q", c.path, got)
		}
	}
	if _, err := s.do(abi.OpHTTPRequest, nil, "connection", "CRM", "path", "/down"); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("a failure while recording: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "testdata")
	if err := s.stage.Recording().Save(dir); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(dir, "CRM.json"))
	if err != nil || bytes.Contains(file, []byte("secret")) || bytes.Contains(file, []byte("Bearer")) || !bytes.Contains(file, []byte(`"x": 1`)) {
		t.Errorf("the file is %s, %v", file, err)
	}
	recording, err := LoadRecording(dir)
	if err != nil {
		t.Fatal(err)
	}
	replay := newStaged(t, &Stage{Recorded: recording})
	for range 2 { // each test has them from the beginning
		for _, c := range calls {
			res, err := replay.do(abi.OpHTTPRequest, c.body, "connection", "CRM", "path", c.path)
			if err != nil || !same(res.Body, []byte(c.want)) || res.Envelope.Get(abi.FieldStatus) != "201" || res.Envelope.Get("header.content-type") != "x/y" {
				t.Errorf("replay of %s: %v, %v", c.path, res, err)
			}
		}
		replay.must("test.reset", nil)
	}
	if _, err := replay.do(abi.OpHTTPRequest, `{"x":2}`, "connection", "CRM", "path", "/a"); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("a request that was not recorded: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ERP.json"), []byte(`[{"methud": "GET"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRecording(dir); err == nil || !strings.Contains(err.Error(), "ERP.json") {
		t.Errorf("a broken file: %v", err)
	}
	if r, err := LoadRecording(filepath.Join(dir, "none")); err != nil || len(r) != 0 {
		t.Errorf("no folder: %v, %v", r, err)
	}
}

// waiting is a queue of which only the number of messages is known.
type waiting struct {
	host.Queue
	n atomic.Int64
}

func (w *waiting) Backlog(context.Context) (host.Backlog, error) {
	n := w.n.Load()
	if n < 0 {
		return host.Backlog{}, errors.New("the queue is gone")
	}
	return host.Backlog{Messages: n}, nil
}

func TestIdle(t *testing.T) {
	s := newStaged(t, &Stage{})
	var a, b waiting
	s.stage.Queue(&a)
	s.stage.Queue(&b)
	s.must("test.idle", nil, "timeout", "100")
	a.n.Store(1)
	b.n.Store(2)
	if _, err := s.do("test.idle", nil, "timeout", "10"); host.CodeOf(err) != abi.Timeout || !strings.Contains(err.Error(), "3 asynchronous calls") {
		t.Errorf("with three on their way: %v", err)
	}
	time.AfterFunc(5*time.Millisecond, func() { a.n.Store(0) })
	time.AfterFunc(10*time.Millisecond, func() { b.n.Store(0) })
	s.must("test.idle", nil, "timeout", "10000")

	// A job for tomorrow does not hold up the tests after it.
	a.n.Store(1)
	s.must("test.reset", nil)
	s.must("test.idle", nil, "timeout", "10")
	a.n.Store(2)
	if _, err := s.do("test.idle", nil, "timeout", "10"); host.CodeOf(err) != abi.Timeout {
		t.Errorf("with one more: %v", err)
	}
	a.n.Store(-1)
	if _, err := s.do("test.idle", nil, "timeout", "10"); err == nil {
		t.Error("a broken queue is idle")
	}
	if _, err := s.do("test.idle", nil, "timeout", "x"); host.CodeOf(err) != abi.Invalid {
		t.Errorf("a timeout that is none: %v", err)
	}
}

func TestOutputAndLogs(t *testing.T) {
	var out bytes.Buffer
	s := newStaged(t, &Stage{Out: &out, Records: func(_ context.Context, since time.Time) ([]telemetry.Record, error) {
		if since.IsZero() {
			return nil, errors.New("since when?")
		}
		return []telemetry.Record{{Service: "a", Message: "1"}, {Service: "b", Message: "2"}}, nil
	}})
	s.must("test.output", "said")
	if out.String() != "said" {
		t.Errorf("printed %q", &out)
	}
	if got := s.must("test.logs", nil, "service", "b"); strings.Contains(got, `"1"`) || !strings.Contains(got, `"2"`) {
		t.Errorf("logs are %s", got)
	}
	if _, err := s.do("test.call", nil, "method", "GET", "url", "http://elsewhere"); host.CodeOf(err) != abi.Invalid {
		t.Errorf("a call to elsewhere: %v", err)
	}
}
