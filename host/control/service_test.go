package control

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/problem"
	"github.com/seraihost/serai/host/telemetry"
)

func TestDeployDecodesSettings(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	f.do(token, "PUT", "/v1/tenants/acme/auth/crm", `{"type":"api-key","key":"secret"}`, 200)
	a := f.upload(token, "acme", "api.user", `{"routes":[{"method":"POST","path":"/user","auth":"crm"}],"isolation":"warm",
		"limits":{"memory":"64MiB","timeout":"5s"},"grants":{"connections":["CRM"]},"entry":"main.py"}`, host.TypePython, "x = 1")
	if a.StatusCode != 200 {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	want := host.Settings{
		Routes:    []host.Route{{Method: "POST", Path: "/user", Auth: "crm"}},
		Isolation: host.Warm, Limits: host.DefaultLimits(), Entry: "main.py",
		Grants: host.Grants{Connections: []string{"CRM"}},
	}
	want.Limits.Memory, want.Limits.Timeout, want.Limits.CPU = 64*host.MiB, host.Duration(5*time.Second), host.Duration(5*time.Second)
	if diff := cmp.Diff(want, f.deployer.last.Settings); diff != "" {
		t.Error(diff)
	}
	if up := f.deployer.last; up.FileName != "svc.py" || up.ContentType != host.TypePython || string(up.Content) != "x = 1" {
		t.Errorf("upload is %+v", up)
	}
	if f.changes != 2 { // the tenant and the definition
		t.Errorf("the gateway was told %d times", f.changes)
	}
	// keep takes the routes from the running version; without it they go.
	f.upload(token, "acme", "api.user", `{"keep":true}`, host.TypePython, "x = 2")
	want.Entry = ""
	if diff := cmp.Diff(want, f.deployer.last.Settings); diff != "" {
		t.Error(diff)
	}
	f.upload(token, "acme", "api.user", "", host.TypePython, "x = 3")
	if diff := cmp.Diff(host.Settings{Isolation: host.Pristine, Limits: host.DefaultLimits()}, f.deployer.last.Settings); diff != "" {
		t.Error(diff)
	}
}

func TestDeployRefusals(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	f.do(f.operator, "PATCH", "/v1/tenants/acme", `{"quota":{"module_bytes":"4KiB","timeout":"1m"}}`, 200)
	for _, c := range []struct {
		name, settings, kind, content, field string
		status                               int
	}{
		{"unknown", `{"route":[]}`, host.TypePython, "x", "route", 400},
		{"isolation", `{"isolation":"none"}`, host.TypePython, "x", "isolation", 400},
		{"quota", `{"limits":{"timeout":"2m"}}`, host.TypePython, "x", "limits.timeout", 400},
		{"low", `{"limits":{"memory":1}}`, host.TypePython, "x", "limits.memory", 400},
		{"path", `{"routes":[{"path":"user"}]}`, host.TypePython, "x", "routes[0].path", 400},
		{"auth", `{"routes":[{"path":"/u","auth":"nope"}]}`, host.TypePython, "x", "auth", 400},
		{"type", ``, "text/html", "x", "module", 400},
		{"empty", ``, host.TypePython, "", "module", 400},
		{"large", ``, host.TypePython, strings.Repeat("x", 4097), "module", 413},
		{"larger", ``, host.TypePython, strings.Repeat("x", 4<<20), "module", 413},
	} {
		a := f.upload(token, "acme", "s", c.settings, c.kind, c.content)
		p := problem.Parse(a.body)
		if a.StatusCode != c.status || p == nil || p.Field != c.field {
			t.Errorf("%s: %d %s, want %d about %q", c.name, a.StatusCode, a.body, c.status, c.field)
		}
	}
	f.do(token, "PUT", "/v1/tenants/acme/services/s", `{}`, 400)
	p := problem.Parse(f.upload(token, "acme", "s", "", host.TypePython, "broken").body)
	if p == nil || p.Failure == nil || p.Failure.Line != 3 || p.Failure.Traceback == "" {
		t.Errorf("the author does not see the failure: %+v", p)
	}
}

func TestServicesVersionsRollback(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	base := "/v1/tenants/acme/services"
	first := f.upload(token, "acme", "my%20service", "", host.TypePython, "one").body
	f.upload(token, "acme", "my%20service", "", host.TypePython, "two")
	var list struct{ Versions []versionInfo }
	unmarshal(t, f.do(token, "GET", base+"/my%20service/versions", "", 200).body, &list)
	if len(list.Versions) != 2 || !list.Versions[0].Running || list.Versions[1].Running {
		t.Fatalf("versions are %+v", list)
	}
	var r, was host.Receipt
	unmarshal(t, f.do(token, "POST", base+"/my%20service/rollback", "", 200).body, &r)
	unmarshal(t, first, &was)
	if r.Version != was.Version {
		t.Errorf("rolled back to %s, want %s", r.Version, was.Version)
	}
	f.do(token, "POST", base+"/my%20service/rollback", `{"version":"sha256:ffff"}`, 404)
	f.do(token, "POST", base+"/my%20service/rollback", `{"verzion":""}`, 400)
	f.do(token, "GET", base+"/my%20service", "", 200)
	if a := f.do(token, "GET", base, "", 200); !strings.Contains(string(a.body), `"service":"my service"`) {
		t.Errorf("services are %s", a.body)
	}
	f.do(token, "DELETE", base+"/my%20service", "", 204)
	f.do(token, "DELETE", base+"/my%20service", "", 404)
	f.do(token, "GET", base+"/my%20service", "", 404)
}

func TestInvoke(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	for _, name := range []string{"echo", "teapot", "failing"} {
		f.upload(token, "acme", name, "", host.TypePython, name)
	}
	a := f.do(token, "POST", "/v1/tenants/acme/services/echo/invoke", `{"a":1}`, 200)
	if string(a.body) != `{"a":1}` || a.Header.Get("Content-Type") != "application/json" || a.Header.Get(HeaderReply) == "" {
		t.Errorf("echo answered %s %v", a.body, a.Header)
	}
	a = f.do(token, "POST", "/v1/tenants/acme/services/teapot/invoke", ``, 418)
	if a.Header.Get("X-Pot") != "1" || a.Header.Get("Set-Cookie") != "" || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("teapot's headers are %v", a.Header)
	}
	a = f.do(token, "POST", "/v1/tenants/acme/services/failing/invoke", ``, 500)
	if p := problem.Parse(a.body); p == nil || p.Failure == nil || p.Failure.Type != "ValueError" || a.Header.Get(HeaderReply) != "" {
		t.Errorf("failing answered %s", a.body)
	}
	f.do(token, "POST", "/v1/tenants/acme/services/none/invoke", ``, 404)
}

func TestLogs(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	f.tenant("other")
	add := func(tenant, service, cid, message string, level int) {
		f.book.Append(telemetry.Record{Tenant: tenant, Service: service, CID: cid, Level: level, Message: message})
	}
	add("acme", "a", "1", "first", abi.LevelInfo)
	add("acme", "b", "2", "second", abi.LevelError)
	add("other", "a", "1", "hidden", abi.LevelError)
	for query, want := range map[string][]string{
		"": {"first", "second"}, "?service=a": {"first"}, "?cid=2": {"second"}, "?level=error": {"second"},
		"?limit=1": {"second"}, "?since=1h": {"first", "second"}, "?since=2999-01-01T00:00:00Z": nil,
	} {
		if diff := cmp.Diff(want, messages(t, f.do(token, "GET", "/v1/tenants/acme/logs"+query, "", 200).body)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	for _, query := range []string{"?level=loud", "?limit=0", "?limit=1x", "?since=then", "?follow=maybe"} {
		f.do(token, "GET", "/v1/tenants/acme/logs"+query, "", 400)
	}
}

func TestLogsFollow(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	f.book.Append(telemetry.Record{Tenant: "acme", Service: "a", Level: abi.LevelInfo, Message: "past"})
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, "GET", f.url+"/v1/tenants/acme/logs?follow=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for _, want := range []string{"past", "present", "future"} {
		if !lines.Scan() {
			t.Fatalf("the stream ended before %q: %v", want, lines.Err())
		}
		if diff := cmp.Diff([]string{want}, messages(t, lines.Bytes())); diff != "" {
			t.Error(diff)
		}
		next := map[string]string{"past": "present", "present": "future"}[want]
		f.book.Append(telemetry.Record{Tenant: "other", Service: "a", Level: abi.LevelInfo, Message: "hidden"})
		f.book.Append(telemetry.Record{Tenant: "acme", Service: "a", Level: abi.LevelInfo, Message: next})
	}
}

func messages(t *testing.T, body []byte) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(string(body)) {
		var r telemetry.Record
		unmarshal(t, []byte(line), &r)
		out = append(out, r.Message)
	}
	return out
}

func unmarshal(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("reading %q: %v", b, err)
	}
}
