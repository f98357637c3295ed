package hosttest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	doc "github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// document reads a document as serai apply does.
func document(t *testing.T, text string) *doc.Document {
	t.Helper()
	d, _, err := doc.Parse("serai.yaml", []byte(text), func(name string) (string, bool) {
		return strings.ToLower(name), name != "UNSET"
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func uploads(sources ...string) map[int]client.Upload {
	out := map[int]client.Upload{}
	for i, source := range sources {
		if source != "" {
			out[i] = client.Upload{FileName: fmt.Sprintf("u%d.py", i), ContentType: host.TypePython, Content: []byte(source)}
		}
	}
	return out
}

// applied applies a document and returns what changed: "+service a".
func applied(t *testing.T, c *client.Client, tenant, text string, ups map[int]client.Upload, how client.Apply) string {
	t.Helper()
	plan, err := c.Apply(t.Context(), tenant, document(t, text), ups, how)
	if err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	return changes(plan)
}

func changes(plan *doc.Plan) string {
	var out []string
	for _, c := range plan.Changes {
		sign := map[doc.Action]string{doc.Create: "+", doc.Update: "~", doc.Delete: "-"}[c.Action]
		if sign == "" {
			continue
		}
		var fields []string
		for _, f := range c.Fields {
			fields = append(fields, f.Name)
		}
		out = append(out, strings.TrimSpace(sign+string(c.Kind)+" "+c.Name+" "+strings.Join(fields, ",")))
	}
	return strings.Join(out, "; ")
}

// refusals are the fields of what a host refused.
func refusals(t *testing.T, err error) []string {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) {
		t.Fatalf("not refused by the host: %v", err)
	}
	if len(e.Errors) == 0 {
		return []string{e.Field}
	}
	var out []string
	for _, p := range e.Errors {
		out = append(out, p.Field)
	}
	return out
}

const two = `
from serai import Service
class One(Service):
    def handle(self): self.response.payload = 'one'
class Two(Service):
    def handle(self): self.response.payload = 'two'
`

const whole = `
config: {limit: 25}
secrets: {crm.password: "${env:CRM}"}
security:
  API: {type: basic, username: api, password: "${env:PW}"}
  Key: {type: api-key, key: "${env:KEY}"}
connections:
  CRM: {type: http, base_url: https://crm.example.com, headers: {X: "${secret:crm.password}"}}
services:
- path: u0.py
  timeout: 5s
  services: {u0.one: {grants: {connections: [CRM]}, routes: [{path: /route}]}}
channels:
  a: {service: u0.one, path: /a, security: [API, Key]}
  b: {service: u0.two, path: /b}
`

func TestApplyIsComplete(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	c := h.Operator
	all := "+config limit; +secret crm.password; +security API; +security Key; +connection CRM; +service u0.one; +service u0.two; +channel a; +channel b"
	if got := applied(t, c, "default", whole, uploads(two), client.Apply{DryRun: true}); got != all {
		t.Errorf("a dry run: %s", got)
	}
	if services, err := c.Services(t.Context(), "default"); err != nil || len(services) != 0 {
		t.Errorf("a dry run left %v, %v", services, err)
	}
	if got := applied(t, c, "default", whole, uploads(two), client.Apply{}); got != all {
		t.Errorf("applied: %s", got)
	}
	ok(t, h.Call("GET", "/a", "", "X-API-Key: key"), `one`)
	if r := h.Call("GET", "/a", ""); r.Status != 401 {
		t.Errorf("without credentials: %+v", r)
	}
	ok(t, h.Call("GET", "/b", ""), `two`)
	ok(t, h.Call("GET", "/route", ""), `one`)
	versions := func() int {
		v, err := c.Versions(t.Context(), "default", "u0.one")
		if err != nil {
			t.Fatal(err)
		}
		return len(v)
	}
	if got := applied(t, c, "default", whole, uploads(two), client.Apply{}); got != "" || versions() != 1 {
		t.Errorf("applied again: %s, %d versions", got, versions())
	}
	for _, change := range []struct{ old, new, want string }{
		{"limit: 25", "limit: 26", "~config limit value"},
		{"${env:CRM}", "other", "~secret crm.password value"},
		{"${env:CRM}", "${env:UNSET}", "~secret crm.password value"}, // back, see below
		{"${env:PW}", "new", "~security API password"},
		{"username: api", "username: ipa", "~security API username"},
		{"crm.example.com,", "crm.example.com/v2,", "~connection CRM base_url"},
		{"timeout: 5s", "timeout: 6s", "~service u0.one timeout; ~service u0.two timeout"},
		{"path: /b", "path: /b2, method: post", "~channel b method,path"},
	} {
		next := strings.Replace(whole, change.old, change.new, 1)
		want := change.want
		if strings.Contains(next, "UNSET") {
			want = "" // the host keeps what it has
		}
		if got := applied(t, c, "default", next, uploads(two), client.Apply{}); got != want {
			t.Errorf("%s: %s, want %s", change.new, got, want)
		}
		applied(t, c, "default", whole, uploads(two), client.Apply{})
	}
	// A path may move between a service's routes and a channel.
	moved := strings.Replace(strings.Replace(whole, ", routes: [{path: /route}]", "", 1), "path: /b", "path: /route", 1)
	if got := applied(t, c, "default", moved, uploads(two), client.Apply{}); got != "~service u0.one routes; ~channel b path" {
		t.Errorf("moved: %s", got)
	}
	ok(t, h.Call("GET", "/route", ""), `two`)
	applied(t, c, "default", whole, uploads(two), client.Apply{})
	ok(t, h.Call("GET", "/route", ""), `one`)
	e, err := c.Export(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Apply(t.Context(), "default", e.Document, nil, client.Apply{Prune: true})
	if err != nil || changes(plan) != "" {
		t.Errorf("what was exported: %s, %v", changes(plan), err)
	}
	got := applied(t, c, "default", "services: [{name: u0.two, timeout: 5s}]", nil, client.Apply{Prune: true})
	want := "-config limit; -secret crm.password; -security API; -security Key; -connection CRM; -service u0.one; -channel a; -channel b"
	if got != want {
		t.Errorf("pruned: %s", got)
	}
	if r := h.Call("GET", "/a", ""); r.Status != 404 {
		t.Errorf("a pruned channel answers %+v", r)
	}
}

func TestApplyRefusesTheWholeDocument(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	c := h.Operator
	applied(t, c, "default", whole, uploads(two), client.Apply{})
	for _, tt := range []struct {
		name, text string
		ups        map[int]client.Upload
		want       []string
	}{
		{"a service that does not start", whole + "  c: {service: nobody, path: /c}\n", uploads("1/0\n"), []string{"services[0]"}},
		{"a service that is not there", whole + "  c: {service: nobody, path: /c}\n", uploads(two), []string{"channels.c.service"}},
		{"a path that is taken", whole + "  c: {service: u0.one, path: /b}\n", uploads(two), []string{"channels.c.path"}},
		{
			"references", "channels: {c: {service: u0.one, path: /c, security: [none]}}\nconnections: {X: {type: http, base_url: https://x, headers: {A: \"${secret:none}\"}}}\n" +
				"services: [{name: u0.one, grants: {connections: [none]}, routes: [{path: /r, auth: none}]}]\n", nil,
			[]string{"channels.c.security[0]", "connections.X.headers.A", "services[0].grants.connections[0]", "services[0].routes[0].auth"},
		},
		{
			"values", "secrets: {empty: ''}\nsecurity: {K: {type: api-key, header: 'a b', key: k}}\nconnections: {X: {type: http, base_url: nothing}, Y: {type: smtp}}\n" +
				"services: [{name: u0.one, memory: 900GiB}, {name: ghost}]\nchannels: {c: {service: u0.one, path: x}}\n", nil,
			[]string{"channels.c.path", "connections.X.base_url", "connections.Y.type", "secrets.empty", "services[0].memory", "services[1].name"},
		},
		{"names", "config: {\"bad\\a\": x}\nsecurity: {K: {type: api-key, header: 'a b', key: k}}\n", nil, []string{"config.bad\a", "security.K.header"}},
		{"a service twice", "services: [{path: u0.py}, {path: u1.py, name: u0.two}]", uploads(two, "def handle(r): return 1\n"), []string{"services[1]"}},
		{"settings of a service that the path has not", "services: [{path: u0.py, services: {other: {}}}]", uploads(two), []string{"services[0].services.other"}},
		{"no content", "services: [{path: u0.py}]", nil, []string{"services[0]"}},
		{"no password", "security: {New: {type: basic, username: x}}", nil, []string{"security.New"}},
		{"a variable that is not set", "security: {New: {type: basic, username: x, password: '${env:UNSET}'}}\nsecrets: {new: '${env:UNSET}'}", nil, []string{"secrets.new", "security.New.password"}},
	} {
		_, err := c.Apply(t.Context(), "default", document(t, tt.text), tt.ups, client.Apply{})
		if err == nil {
			t.Fatalf("%s: taken", tt.name)
		}
		if diff := cmp.Diff(tt.want, refusals(t, err)); diff != "" {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
		if got := applied(t, c, "default", whole, uploads(two), client.Apply{Prune: true, DryRun: true}); got != "" {
			t.Fatalf("%s: something changed: %s", tt.name, got)
		}
	}
}

func TestApplyOfATenant(t *testing.T) {
	hostileOnly(t)
	t.Parallel()
	h := hosttest.Start(t, nil)
	token, err := h.Operator.CreateTenant(t.Context(), "acme", map[string]any{"services": 1})
	if err != nil {
		t.Fatal(err)
	}
	own := h.Client(token.Token)
	private := "connections: {P: {type: http, base_url: 'http://10.1.2.3', allow_networks: [10.0.0.0/8]}}\n"
	apply := func(c *client.Client, tenant, text string, ups map[int]client.Upload) error {
		_, err := c.Apply(t.Context(), tenant, document(t, text), ups, client.Apply{})
		return err
	}
	if got := refusals(t, apply(own, "acme", private, nil)); got[0] != "connections.P.allow_networks" {
		t.Errorf("a tenant opens private networks: %v", got)
	}
	if err := apply(h.Operator, "acme", private, nil); err != nil {
		t.Fatal(err)
	}
	if err := apply(own, "acme", private, nil); err != nil {
		t.Errorf("what the operator allowed, sent back: %v", err)
	}
	if got := refusals(t, apply(own, "acme", strings.Replace(private, "10.1.2.3", "10.9.9.9", 1), nil)); got[0] != "connections.P.allow_networks" {
		t.Errorf("a tenant changes where to: %v", got)
	}
	if err := apply(own, "acme", "services: [{path: u0.py}]", uploads(two)); err == nil || !strings.Contains(err.Error(), "may have 1 services") {
		t.Errorf("over the quota: %v", err)
	}
	if err := apply(own, "default", "config: {a: b}", nil); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("another tenant's: %v", err)
	}
	for name, err := range map[string]error{
		"export": func() error { _, err := own.Export(t.Context(), "default"); return err }(),
		"source": func() error { _, err := own.Source(t.Context(), "default", "x"); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("%s of another tenant: %v", name, err)
		}
	}
	// Replacing a service within the quota.
	if err := apply(own, "acme", "services: [{path: u0.py, name: first}]", uploads("def handle(r): return 1\n")); err != nil {
		t.Fatal(err)
	}
	plan, err := own.Apply(t.Context(), "acme", document(t, "services: [{path: u0.py, name: second}]"), uploads("def handle(r): return 1\n"), client.Apply{Prune: true})
	if err != nil || changes(plan) != "-service first; +service second; -connection P" && changes(plan) != "-connection P; +service second; -service first" {
		t.Errorf("%v, %v", plan, err)
	}
}

// TestAppliesAtOnce applies two documents over and over: what is there is
// always one of them.
func TestAppliesAtOnce(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	rounds := 15
	if testing.Short() {
		rounds = 4
	}
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for range rounds {
				text, ups := generation(w)
				_, err := h.Operator.Apply(t.Context(), "default", document(t, text), ups, client.Apply{Prune: true})
				if err != nil && !strings.Contains(err.Error(), "at the same time") {
					t.Error(hosttest.Explain(err))
				}
			}
		})
	}
	wg.Go(func() {
		for i := range rounds * 3 { // others change the tenant too
			if err := h.Operator.SetConfig(t.Context(), "default", "a", []byte(strconv.Itoa(i%3))); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	e, err := h.Operator.Export(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	coherent(t, e.Document, h.URL)
}

// generation is a document all of whose parts say n.
func generation(n int) (string, map[int]client.Upload) {
	text := fmt.Sprintf(`
config: {a: "%[1]d", b: "%[1]d", only%[1]d: x}
security: {S%[1]d: {type: basic, username: u, password: p}}
services: [{path: u0.py, name: svc}]
channels: {c: {service: svc, path: /gen, method: GET, realm: r%[1]d}, d%[1]d: {service: svc, path: /gen/%[1]d}}
`, n)
	return text, uploads(fmt.Sprintf("def handle(r): return '%d'\n", n))
}

// coherent wants a tenant to be one generation. Config "a" is changed by others.
func coherent(t *testing.T, d *doc.Document, url string) {
	t.Helper()
	n := d.Config["b"]
	if _, ok := d.Security["S"+n]; !ok || len(d.Security) != 1 || d.Channels["c"].Realm != "r"+n || len(d.Channels) != 2 || d.Config["only"+n] != "x" {
		t.Errorf("parts of several documents: %+v", d)
	}
	if status, body, err := get(t.Context(), "GET", url+"/gen", ""); err != nil || status != 200 || body != n {
		t.Errorf("the service is %s, the document %s (%d, %v)", body, n, status, err)
	}
}

// TestKillWhileApplying kills a host at random moments of an apply: what is
// there afterwards is one document, the last one that was acknowledged or one
// after it.
func TestKillWhileApplying(t *testing.T) {
	t.Parallel()
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	p := startChild(t, dir)
	n, last := 0, -1
	for range rounds {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		kill := time.AfterFunc(300*time.Millisecond+rand.N(time.Second), func() { _ = p.cmd.Process.Kill() })
		for {
			text, ups := generation(n)
			if _, err := p.c.Apply(ctx, host.DefaultTenant, document(t, text), ups, client.Apply{Prune: true}); err != nil {
				break
			}
			last = n
			n++
		}
		kill.Stop()
		cancel()
		p.kill()
		p = startChild(t, dir)
		e, err := p.c.Export(t.Context(), host.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		if last < 0 && len(e.Document.Services) == 0 {
			continue
		}
		coherent(t, e.Document, p.url)
		got, err := strconv.Atoi(e.Document.Config["b"])
		if err != nil || got != last && got != n || e.Document.Config["a"] != e.Document.Config["b"] {
			t.Errorf("after the kill there is %v, %d was acknowledged", e.Document.Config, last)
		}
		n++
	}
	t.Logf("%d documents were acknowledged", n-rounds)
}

func TestSource(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	applied(t, h.Operator, "default", "services: [{path: u0.py}]", uploads(two), client.Apply{})
	up, err := h.Operator.Source(t.Context(), "default", "u0.two")
	if err != nil || up.FileName != "u0.tar" || up.ContentType != host.TypeTar || !strings.Contains(string(up.Content), "class Two") {
		t.Errorf("%+v, %v", up, err)
	}
	e, err := h.Operator.Export(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	want := []doc.Upload{{Name: "u0", Kind: host.KindPython, Services: []string{"u0.one", "u0.two"}}}
	if diff := cmp.Diff(want, e.Uploads); diff != "" {
		t.Error(diff)
	}
	if _, err := h.Operator.Source(t.Context(), "default", "none"); err == nil || code(err) != "not-found" {
		t.Errorf("of a service that is not there: %v", err)
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Code
	}
	return ""
}
