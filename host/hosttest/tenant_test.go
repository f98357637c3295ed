package hosttest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// twin is a tenant that has the same names as its twin and other values.
type twin struct {
	name  string
	token string
	c     *client.Client
}

// secretOf is in everything that a tenant has.
func secretOf(tenant string) string { return "belongs-to-" + tenant + "-only" }

func newTwin(t *testing.T, h *hosttest.Host, name string) twin {
	t.Helper()
	created, err := h.Operator.CreateTenant(t.Context(), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return twin{name, created.Token, h.Client(created.Token)}
}

// furnish gives a tenant one of everything.
func (w twin) furnish(t *testing.T) {
	t.Helper()
	ctx, mine := t.Context(), secretOf(w.name)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(hosttest.Explain(err))
		}
	}
	must(w.c.SetKey(ctx, w.name, "key", []byte(mine), 0))
	must(w.c.SetConfig(ctx, w.name, "config", []byte(mine)))
	must(w.c.SetSecret(ctx, w.name, "secret", []byte(mine)))
	must(w.c.PutAuth(ctx, w.name, "auth", client.Auth{Type: host.AuthBasic, Username: mine, Password: mine}))
	_, err := w.c.PutConnection(ctx, w.name, "connection", client.Connection{Type: "http", Config: config(`{"base_url": "http://%s.example"}`, mine)})
	must(err)
	s := hosttest.Routes("POST /" + w.name)
	s.Routes[0].Auth = "auth"
	_, err = w.c.Deploy(ctx, w.name, "service", hosttest.Python("# "+mine+"\n"+caller), s)
	must(err)
	_, err = w.c.Deploy(ctx, w.name, "own", hosttest.Python(fmt.Sprintf("import logging\ndef handle(request):\n    logging.info(%q)\n    return %q\n", mine, mine)), client.Settings{})
	must(err)
	r, err := w.c.Invoke(ctx, w.name, "own", "", nil)
	must(err)
	if string(r.Body) != mine {
		t.Fatalf("%s answers %q", w.name, r.Body)
	}
}

// send sends one request to the control API.
func send(t testing.TB, h *hosttest.Host, token, method, path string, body []byte, kind string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.Control+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("X-Request-Id", "same")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// TestTenantsAreStrangers has a tenant try every route of the control API on
// another tenant: the answer is the one for a tenant that does not exist.
func TestTenantsAreStrangers(t *testing.T) {
	t.Parallel()
	hostileOnly(t)
	h := hosttest.Start(t, nil)
	a, b := newTwin(t, h, "tenant-a"), newTwin(t, h, "tenant-b")
	a.furnish(t)
	b.furnish(t)
	json := "application/json"
	form := "multipart/form-data; boundary=x"
	upload := []byte("--x\r\nContent-Disposition: form-data; name=\"module\"; filename=\"s.py\"\r\nContent-Type: text/x-python\r\n\r\ndef handle(r): return 1\r\n--x--\r\n")
	for _, c := range []struct {
		method, path string
		body         []byte
		kind         string
	}{
		{"GET", "", nil, ""},
		{"PATCH", "", []byte(`{"quota": {"services": 1}}`), json},
		{"DELETE", "", nil, ""},
		{"POST", "/token", nil, ""},
		{"GET", "/services", nil, ""},
		{"GET", "/services/service", nil, ""},
		{"PUT", "/services/service", upload, form},
		{"PUT", "/services/new", upload, form},
		{"DELETE", "/services/service", nil, ""},
		{"GET", "/services/service/versions", nil, ""},
		{"POST", "/services/service/rollback", []byte(`{}`), json},
		{"POST", "/services/own/invoke", []byte(`{}`), json},
		{"GET", "/logs", nil, ""},
		{"GET", "/logs?follow=true", nil, ""},
		{"GET", "/auth", nil, ""},
		{"GET", "/auth/auth", nil, ""},
		{"PUT", "/auth/auth", []byte(`{"type": "basic", "username": "x", "password": "x"}`), json},
		{"DELETE", "/auth/auth", nil, ""},
		{"GET", "/connections", nil, ""},
		{"GET", "/connections/connection", nil, ""},
		{"PUT", "/connections/connection", []byte(`{"type": "http", "config": {"base_url": "http://x"}}`), json},
		{"DELETE", "/connections/connection", nil, ""},
		{"GET", "/config", nil, ""},
		{"GET", "/config/config", nil, ""},
		{"PUT", "/config/config", []byte("stolen"), ""},
		{"DELETE", "/config/config", nil, ""},
		{"GET", "/secrets", nil, ""},
		{"PUT", "/secrets/secret", []byte("stolen"), ""},
		{"DELETE", "/secrets/secret", nil, ""},
		{"GET", "/kv", nil, ""},
		{"GET", "/kv/key", nil, ""},
		{"PUT", "/kv/key", []byte("stolen"), ""},
		{"DELETE", "/kv/key", nil, ""},
		{"GET", "/nothing", nil, ""},
	} {
		name := c.method + " " + c.path
		status, _, body := send(t, h, a.token, c.method, "/v1/tenants/tenant-b"+c.path, c.body, c.kind)
		absent, _, none := send(t, h, a.token, c.method, "/v1/tenants/tenant-x"+c.path, c.body, c.kind)
		if status != 404 || absent != 404 || strings.ReplaceAll(body, "tenant-b", "tenant-x") != none {
			t.Errorf("%s: %d %s; for a tenant that does not exist: %d %s", name, status, body, absent, none)
		}
	}
	b.intact(t, h)
	for _, path := range []string{
		"/v1/tenants/tenant-b%2Fservices", "/v1/tenants/tenant-a/../tenant-b/services", "/v1/tenants/tenant-a/services/..%2F..%2Ftenant-b%2Fservices%2Fown",
		"/v1/tenants//tenant-b/services", "/v1/tenants/TENANT-B/services", "/v1/tenants/tenant-b%00/services", "/v1/tenants/tenant-a/kv/..%2F..%2Ftenant-b%2Fkv%2Fkey",
	} {
		status, _, body := send(t, h, a.token, "GET", path, nil, "")
		if status < 400 || strings.Contains(body, secretOf("tenant-b")) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/v1/tenants", "/metrics", "/v1/tenants/tenant-a/logs?limit=10000", "/v1/tenants/tenant-a/kv", "/v1/tenants/tenant-a/services"} {
		status, _, body := send(t, h, a.token, "GET", path, nil, "")
		if status != 200 || strings.Contains(body, "tenant-b") {
			t.Errorf("%s: %d, shows the other tenant: %s", path, status, short(body))
		}
		if _, _, all := send(t, h, h.Token, "GET", path, nil, ""); path == "/metrics" && !strings.Contains(all, "tenant-b") {
			t.Error("the operator's metrics lack a tenant")
		}
	}
	status, _, body := send(t, h, a.token, "POST", "/v1/tenants", []byte(`{"tenant": "tenant-b"}`), json)
	if status != 403 {
		t.Errorf("a tenant creates tenants: %d %s", status, body)
	}
	for _, token := range []string{"", "x", a.token + "x", a.token[:len(a.token)-1], strings.ToUpper(a.token)} {
		if status, _, _ := send(t, h, token, "GET", "/v1/tenants/tenant-a", nil, ""); status != 401 {
			t.Errorf("token %q: %d", token, status)
		}
	}
}

// intact checks that all of the tenant's things are as furnish made them.
func (w twin) intact(t *testing.T, h *hosttest.Host) {
	t.Helper()
	ctx := t.Context()
	mine := secretOf(w.name)
	if v, err := w.c.Key(ctx, w.name, "key"); err != nil || string(v) != mine {
		t.Errorf("%s: key %q, %v", w.name, v, err)
	}
	if v, err := w.c.Config(ctx, w.name, "config"); err != nil || string(v) != mine {
		t.Errorf("%s: config %q, %v", w.name, v, err)
	}
	if r, err := w.c.Invoke(ctx, w.name, "own", "", nil); err != nil || string(r.Body) != mine {
		t.Errorf("%s: %+v, %v", w.name, r, err)
	}
	if v, err := w.c.Versions(ctx, w.name, "service"); err != nil || len(v) != 1 {
		t.Errorf("%s: %d versions, %v", w.name, len(v), err)
	}
	if d, err := w.c.Auth(ctx, w.name, "auth"); err != nil || d.Username != mine {
		t.Errorf("%s: %+v, %v", w.name, d, err)
	}
	if r, err := tryAs(h, ctx, w, map[string]any{"do": "kv", "key": "key"}); err != nil || r.Status != 200 || !strings.Contains(r.Body, mine) {
		t.Errorf("%s: its service answers %d %s, %v", w.name, r.Status, r.Body, err)
	}
}

// tryAs asks the tenant's service with its credentials.
func tryAs(h *hosttest.Host, ctx context.Context, w twin, question map[string]any) (hosttest.Reply, error) { //nolint:revive // the host is the receiver in spirit
	var b strings.Builder
	b.WriteString("{")
	for k, v := range question {
		if b.Len() > 1 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "%q:%q", k, v)
	}
	b.WriteString("}")
	mine := secretOf(w.name)
	return h.Try(ctx, "POST", "/"+w.name, b.String(), "Content-Type: application/json", "Authorization: Basic "+basic(mine, mine))
}

// TestTenantsServicesAreStrangers has the services of one tenant reach for
// what another one has under the same names.
func TestTenantsServicesAreStrangers(t *testing.T) {
	t.Parallel()
	hostileOnly(t)
	h := hosttest.Start(t, nil)
	a, b := newTwin(t, h, "tenant-a"), newTwin(t, h, "tenant-b")
	a.furnish(t)
	b.furnish(t)
	other := secretOf("tenant-b")
	for _, question := range []map[string]any{
		{"do": "kv", "key": "key"},
		{"do": "kv", "key": "tenant-b/key"},
		{"do": "kv", "key": "../tenant-b/key"},
		{"do": "kv", "key": "\x00tenant-b\x00key"},
		{"do": "kv-list", "key": ""},
		{"do": "kv-list", "key": "tenant"},
		{"do": "config", "key": "config"},
		{"do": "configs"},
		{"do": "invoke", "service": "own"},
		{"do": "invoke", "service": "tenant-b/own"},
		{"do": "invoke", "service": "tenant-b.own"},
	} {
		r, err := tryAs(h, t.Context(), a, question)
		if err != nil || strings.Contains(r.Body, other) {
			t.Errorf("%v: %s, %v", question, r.Body, err)
		}
	}
	if r, err := tryAs(h, t.Context(), twin{name: "tenant-a"}, nil); err != nil || r.Status == 200 {
		t.Errorf("%d, %v", r.Status, err)
	}
	mine := secretOf("tenant-b")
	if r := h.Call("POST", "/tenant-a", `{}`, "Authorization: Basic "+basic(mine, mine)); r.Status != 401 {
		t.Errorf("the other tenant's password of the same name opens the route: %d", r.Status)
	}
	// A route that another tenant has is refused without telling whose it is.
	for _, route := range []string{"POST /tenant-b", "* /tenant-b", "POST /{any}"} {
		_, err := a.c.Deploy(t.Context(), "tenant-a", "thief", hosttest.Python("def handle(r): return 'stolen'\n"), hosttest.Routes(route))
		if route == "POST /{any}" {
			if err != nil {
				controlRefused(t, err, "conflict", "")
			}
			continue
		}
		e := controlRefused(t, err, "conflict", "")
		if strings.Contains(strings.ReplaceAll(e.Message, "/tenant-b", ""), "tenant-b") {
			t.Errorf("the refusal names the other tenant: %s", e.Message)
		}
	}
	b.intact(t, h)
	// Nor may a tenant let a connection reach inside.
	_, err := a.c.PutConnection(t.Context(), "tenant-a", "inside", client.Connection{
		Type: "http", Config: config(`{"base_url": %q}`, h.Control), AllowNetworks: []string{"127.0.0.0/8"},
	})
	controlRefused(t, err, "denied", "allow_networks")
}

// TestDeletedTenantLeavesNothing deletes a tenant and makes one of its name.
func TestDeletedTenantLeavesNothing(t *testing.T) {
	t.Parallel()
	hostileOnly(t)
	h := hosttest.Start(t, nil)
	a, b := newTwin(t, h, "tenant-a"), newTwin(t, h, "tenant-b")
	a.furnish(t)
	b.furnish(t)
	ctx := t.Context()
	if err := h.Operator.DeleteTenant(ctx, "tenant-a"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.c.Tenants(ctx); err == nil {
		t.Error("the deleted tenant's token is valid")
	}
	refused(t, h.Call("POST", "/tenant-a", `{}`), 404, "not-found")
	again := newTwin(t, h, "tenant-a")
	if again.token == a.token {
		t.Error("the token is the same")
	}
	if _, err := a.c.Services(ctx, "tenant-a"); err == nil {
		t.Error("the old token is valid for the new tenant")
	}
	services, err := again.c.Services(ctx, "tenant-a")
	if err != nil || len(services) != 0 {
		t.Errorf("services %v, %v", services, err)
	}
	for _, path := range []string{"kv", "config", "secrets", "auth", "connections", "services", "logs"} {
		status, _, body := send(t, h, again.token, "GET", "/v1/tenants/tenant-a/"+path, nil, "")
		if status != 200 || strings.Contains(body, `"key"`) || strings.Contains(body, secretOf("tenant-a")) || strings.Contains(body, `"service"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if _, _, body := send(t, h, again.token, "GET", "/metrics", nil, ""); strings.Contains(body, `service="own"`) {
		t.Error("the new tenant sees the old one's metrics")
	}
	if _, err := again.c.Invoke(ctx, "tenant-a", "own", "", nil); err == nil {
		t.Error("a service of the deleted tenant answers")
	}
	again.furnish(t)
	again.intact(t, h)
	b.intact(t, h)
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	hostileOnly(t)
	h := hosttest.Start(t, nil)
	created, err := h.Operator.CreateTenant(t.Context(), "small", map[string]any{
		"memory": "64MiB", "timeout": "1s", "module_bytes": "32KiB", "services": 2, "in_flight": 2, "kv_bytes": "1KiB", "request_bytes": "8KiB", "reply_bytes": "8KiB",
	})
	if err != nil {
		t.Fatal(err)
	}
	c, ctx := h.Client(created.Token), t.Context()
	deploy := func(name string, up client.Upload, s client.Settings) error {
		_, err := c.Deploy(ctx, "small", name, up, s)
		return err
	}
	sleeper := hosttest.Python("import time\ndef handle(r):\n    time.sleep(0.6)\n    return 'slept'\n")
	if err := deploy("one", sleeper, hosttest.Routes("GET /small")); err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	if err := deploy("two", hosttest.Python(caller), hosttest.Routes("POST /small")); err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	if err := deploy("three", sleeper, client.Settings{}); err == nil {
		t.Error("a third service was accepted")
	} else {
		controlRefused(t, err, "denied", "quota.services")
	}
	controlRefused(t, deploy("one", hosttest.Python("# "+strings.Repeat("x", 40<<10)), client.Settings{}), "too-large", "")
	controlRefused(t, deploy("one", sleeper, limits("GET /small", func(l *client.Limits) { l.Memory = new(65 * host.MiB) })), "invalid", "limits.memory")
	controlRefused(t, deploy("one", sleeper, limits("GET /small", func(l *client.Limits) { l.Timeout = duration(2e9) })), "invalid", "limits.timeout")
	if got := ask(t, h, "/small", map[string]any{"do": "kv-set", "key": "k", "value": strings.Repeat("x", 2000)}); got.Error != "TooLarge" {
		t.Errorf("a large value: %+v", got)
	}
	refused(t, h.Call("POST", "/small", strings.Repeat("x", 9<<10)), 413, "too-large")
	controlRefused(t, c.SetKey(ctx, "small", "k", make([]byte, 2000), 0), "too-large", "")

	const calls = 6
	start := time.Now()
	statuses := make(chan int, calls)
	for range calls {
		go func() {
			r, err := h.Try(ctx, "GET", "/small", "")
			if err != nil {
				t.Error(err)
			}
			statuses <- r.Status
		}()
	}
	got := map[int]int{}
	for range calls {
		got[<-statuses]++
	}
	if got[200]+got[503] != calls {
		t.Errorf("statuses %v", got)
	}
	if took := time.Since(start); took < time.Duration(got[200]/2)*600*time.Millisecond {
		t.Errorf("%d calls of 0.6s took %v, so more than 2 were in flight", got[200], took)
	}
	if _, err := c.SetQuota(ctx, "small", map[string]any{"memory": "1GiB"}); err == nil {
		t.Error("a tenant raised its own quota")
	}
}

// TestCallsOfADeletedTenantEnd deletes a tenant while its services run: they
// leave nothing to the tenant that gets the name next.
func TestCallsOfADeletedTenantEnd(t *testing.T) {
	hostileOnly(t)
	t.Parallel()
	h := hosttest.Start(t, nil)
	first := newTwin(t, h, "name")
	if _, err := first.c.Deploy(t.Context(), "name", "slow", hosttest.Python(`
import serai, time
def handle(request):
    serai.kv.set('entered', 'x')
    time.sleep(1)
    print('of the first tenant')
    serai.kv.set('left', 'of the first tenant')
`), hosttest.Routes("GET /slow")); err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	done := make(chan hosttest.Reply, 1)
	go func() {
		r, err := h.Try(t.Context(), "GET", "/slow", "")
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	eventually(t, "the call's begin", func() bool {
		_, err := first.c.Key(t.Context(), "name", "entered")
		return err == nil
	})
	if err := h.Operator.DeleteTenant(t.Context(), "name"); err != nil {
		t.Fatal(err)
	}
	second := newTwin(t, h, "name")
	r := <-done
	keys, _, err := second.c.Keys(t.Context(), "name", "", "", 100)
	if err != nil || len(keys) != 0 {
		t.Errorf("the second tenant has keys of the first: %v, %v; the call ended with %d %s", keys, err, r.Status, r.Body)
	}
	if log := records(t, h, "name", client.LogQuery{}); len(log) != 0 {
		t.Errorf("the second tenant reads the log of the first: %+v", log)
	}
}
