package hosttest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/telemetry"
)

// caller calls what its payload names and tells how that ended.
const caller = `
import serai
from serai import Service

class Caller(Service):
    def handle(self):
        p = self.request.payload
        try:
            what = p['do']
            if what == 'invoke':
                out = self.invoke(p['service'], p.get('payload'), timeout=p.get('timeout'), cid=p.get('cid'))
            elif what == 'async':
                out = self.invoke_async(p['service'], p.get('payload'))
            elif what == 'get':
                r = self.out.rest[p['connection']].conn.get(self.cid, p.get('params'))
                out = [r.status_code, r.text]
            elif what == 'kv':
                out = self.kvdb.conn.get(p['key'])
            elif what == 'kv-set':
                out = self.kvdb.conn.set(p['key'], p['value'])
            elif what == 'kv-list':
                out = list(serai.kv.keys(p['key']))
            elif what == 'config':
                out = self.config.get(p['key'])
            elif what == 'configs':
                out = self.config.keys()
            self.response.payload = {'ok': out}
        except (serai.Error, serai.HTTPError) as e:
            self.response.payload = {'error': type(e).__name__, 'message': str(e)}
`

type called struct {
	OK      any
	Error   string
	Message string
}

func ask(t testing.TB, h *hosttest.Host, path string, question map[string]any) called {
	t.Helper()
	b, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	r := h.Call("POST", path, string(b), "Content-Type: application/json")
	if r.Status != 200 {
		t.Errorf("%v: %d %s", question, r.Status, short(r.Body))
		return called{}
	}
	return decode[called](t, r.Body)
}

func TestInvoke(t *testing.T) {
	h := hosttest.Start(t, nil)
	h.Deploy("caller", hosttest.Python(caller), hosttest.Routes("POST /caller"))
	narrow := hosttest.Routes("POST /narrow")
	narrow.Grants = &host.Grants{Services: &[]string{"a.*"}, Keys: &[]string{"k.*"}, Config: &[]string{}}
	h.Deploy("narrow", hosttest.Python(caller), narrow)
	h.Deploy("a.echo", hosttest.Python("def handle(request):\n    return {'got': request.payload, 'channel': request.channel}\n"), client.Settings{})
	h.Deploy("fails", hosttest.Python("def handle(request):\n    raise ValueError('inner detail')\n"), client.Settings{})
	h.Deploy("status", hosttest.Python("from serai.exception import NotFound\ndef handle(request):\n    raise NotFound('no such user')\n"), client.Settings{})
	h.Deploy("slow", hosttest.Python("import time\ndef handle(request):\n    time.sleep(600)\n"), client.Settings{})
	h.Deploy("short", hosttest.Python("import time\ndef handle(request):\n    time.sleep(600)\n"),
		client.Settings{Limits: &client.Limits{Timeout: duration(200 * time.Millisecond)}})

	for _, c := range []struct {
		name, path string
		question   map[string]any
		err, text  string // of the error
		want       string // JSON of the outcome
	}{
		{
			"a reply", "/caller",
			map[string]any{"do": "invoke", "service": "a.echo", "payload": map[string]any{"x": 1}},
			"", "",
			`{"channel":"invoke","got":{"x":1}}`,
		},
		{"a service that does not exist", "/caller", map[string]any{"do": "invoke", "service": "nobody"}, "NotFound", "nobody", ""},
		{"a name that is none", "/caller", map[string]any{"do": "invoke", "service": "../x"}, "Invalid", "", ""},
		{"a service that fails", "/caller", map[string]any{"do": "invoke", "service": "fails"}, "Failed", `service "fails": ValueError: inner detail`, ""},
		{"the service itself", "/caller", map[string]any{"do": "invoke", "service": "caller"}, "Invalid", "invokes itself", ""},
		{"a correlation id that is none", "/caller", map[string]any{"do": "invoke", "service": "a.echo", "cid": "a b"}, "Invalid", "cid", ""},
		{"a service that refuses", "/caller", map[string]any{"do": "invoke", "service": "status"}, "NotFound", "no such user", ""},
		{"a service without an answer in time", "/caller", map[string]any{"do": "invoke", "service": "short"}, "Timeout", "200ms", ""},
		{"the caller's patience", "/caller", map[string]any{"do": "invoke", "service": "slow", "timeout": 0.2}, "Timeout", "slow", ""},
		{"a grant", "/narrow", map[string]any{"do": "invoke", "service": "a.echo"}, "", "", `{"channel":"invoke","got":null}`},
		{"no grant", "/narrow", map[string]any{"do": "invoke", "service": "fails"}, "Denied", "--grant service:", ""},
		{"no grant, async", "/narrow", map[string]any{"do": "async", "service": "fails"}, "Denied", "--grant service:", ""},
		{"no grant for a key", "/narrow", map[string]any{"do": "kv", "key": "other"}, "Denied", "--grant key:", ""},
		{"no grant to list", "/narrow", map[string]any{"do": "kv-list", "key": "k"}, "Denied", "--grant key:", ""},
		{"a key", "/narrow", map[string]any{"do": "kv-set", "key": "k.1", "value": "v"}, "", "", `true`},
		{"no grant for configuration", "/narrow", map[string]any{"do": "config", "key": "x"}, "Denied", "--grant config:", ""},
		{"no grant for a connection", "/caller", map[string]any{"do": "get", "connection": "CRM"}, "Denied", "--grant connection:", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ask(t, h, c.path, c.question)
			if got.Error != c.err || !strings.Contains(got.Message, c.text) {
				t.Errorf("%+v, want error %q with %q", got, c.err, c.text)
			}
			if b, err := json.Marshal(got.OK); c.want != "" && (err != nil || string(b) != c.want) {
				t.Errorf("%s, want %s", b, c.want)
			}
		})
	}
}

// TestInvokeAsync makes calls whose caller does not wait, and one whose
// service fails.
func TestInvokeAsync(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("caller", hosttest.Python(caller), hosttest.Routes("POST /caller"))
	h.Deploy("worker", hosttest.Python(`
import serai
def handle(request):
    if request.payload == 'fail':
        raise ValueError('as asked')
    serai.kv.set('done.' + request.payload, request.channel + ' ' + request.cid)
`), client.Settings{})
	failed := ask(t, h, "/caller", map[string]any{"do": "async", "service": "worker", "payload": "fail"})
	for i := range 20 {
		name := fmt.Sprint("job", i)
		got := ask(t, h, "/caller", map[string]any{"do": "async", "service": "worker", "payload": name})
		want := fmt.Sprint("async ", got.OK)
		eventually(t, "the asynchronous call", func() bool {
			v, err := h.Operator.Key(t.Context(), host.DefaultTenant, "done."+name)
			return err == nil && string(v) == want
		})
	}
	id, _ := failed.OK.(string)
	var all []telemetry.Record
	eventually(t, "the log of the call that failed", func() bool {
		all = records(t, h, host.DefaultTenant, client.LogQuery{CID: id})
		return len(all) > 0
	})
	if all[0].Failure == nil || all[0].Failure.Message != "as asked" {
		t.Errorf("the log of the call that failed has %+v", all)
	}
}

// eventually waits until what is done, with much patience.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not after two minutes", what)
		case <-tick.C:
		}
	}
}

// connect creates connections and a service that may use them all.
func connect(t testing.TB, h *hosttest.Host, connections map[string]client.Connection) {
	t.Helper()
	for name, c := range connections {
		c.Type = "http"
		if _, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, name, c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	s := hosttest.Routes("POST /caller")
	s.Grants = &host.Grants{Connections: []string{"*"}}
	h.Deploy("caller", hosttest.Python(caller), s)
}

func config(format string, args ...any) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(format, args...))
}

// TestEgress lets connections reach what the operator allowed and nothing
// else of the network that the host is in.
func TestEgress(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		fmt.Fprint(w, "inside")
	}))
	t.Cleanup(inside.Close)
	port := inside.URL[strings.LastIndex(inside.URL, ":")+1:]
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.URL.Query().Get("to"), http.StatusFound)
	}))
	t.Cleanup(door.Close)

	h := hosttest.Start(t, nil)
	no := `, "retries": {"max": 0}, "timeout": "2s"`
	doorHosts := fmt.Sprintf(`, "redirects": {"allow_hosts": ["127.0.0.2:%s", "localhost:%s", "169.254.169.254"]}`, port, port)
	connect(t, h, map[string]client.Connection{
		"allowed":  {Config: config(`{"base_url": %q %s}`, inside.URL, no), AllowNetworks: []string{"127.0.0.1/32"}},
		"loopback": {Config: config(`{"base_url": %q %s}`, inside.URL, no)},
		"name":     {Config: config(`{"base_url": "http://localhost:%s" %s}`, port, no)},
		"six":      {Config: config(`{"base_url": "http://[::1]:%s" %s}`, port, no)},
		"mapped":   {Config: config(`{"base_url": "http://[::ffff:127.0.0.1]:%s" %s}`, port, no)},
		"zero":     {Config: config(`{"base_url": "http://0.0.0.0:%s" %s}`, port, no)},
		"private":  {Config: config(`{"base_url": "http://10.0.0.1" %s}`, no)},
		"metadata": {Config: config(`{"base_url": "http://169.254.169.254/latest/meta-data" %s}`, no)},
		"gateway":  {Config: config(`{"base_url": %q %s}`, h.URL, no)},
		"control":  {Config: config(`{"base_url": %q %s}`, h.Control, no)},
		"door":     {Config: config(`{"base_url": %q %s %s}`, door.URL, no, doorHosts), AllowNetworks: []string{"127.0.0.1/32"}},
	})
	if got := ask(t, h, "/caller", map[string]any{"do": "get", "connection": "allowed"}); got.Error != "" || fmt.Sprint(got.OK) != "[200 inside]" {
		t.Errorf("the connection that is allowed: %+v", got)
	}
	reached.Store(0)
	for _, name := range []string{"loopback", "name", "six", "mapped", "zero", "private", "metadata", "gateway", "control"} {
		got := ask(t, h, "/caller", map[string]any{"do": "get", "connection": name})
		if got.Error != "Denied" || strings.Contains(got.Message, "127.0.0.1") {
			t.Errorf("%s: %+v, want Denied without an address", name, got)
		}
	}
	for to, want := range map[string]string{
		"localhost:" + port:      "[200 inside]", // 127.0.0.1, which this connection may reach
		"127.0.0.2:" + port:      "Denied",
		"169.254.169.254/latest": "Denied",
		"127.0.0.1:" + port:      "Denied", // no host that the connection names
	} {
		got := ask(t, h, "/caller", map[string]any{"do": "get", "connection": "door", "params": map[string]string{"to": to}})
		if got.Error != want && fmt.Sprint(got.OK) != want {
			t.Errorf("a redirect to %s: %+v, want %s", to, got, want)
		}
	}
	if n := reached.Load(); n != 1 {
		t.Errorf("the system inside was reached %d times, want only by the redirect that is allowed", n)
	}
}

// TestSecretsStayInside searches everything that a tenant or an API client
// can read for a secret.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-that-nobody-reads"
	const password = "passw0rd-that-nobody-reads"
	var seen atomic.Value
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Header.Get("Authorization") + " " + r.URL.Query().Get("k"))
		http.Error(w, "no", http.StatusInternalServerError)
	}))
	t.Cleanup(upstream.Close)
	h := hosttest.Start(t, nil)
	ctx := t.Context()
	if err := h.Operator.SetSecret(ctx, host.DefaultTenant, "token", []byte(secret)); err != nil {
		t.Fatal(err)
	}
	if err := h.Operator.PutAuth(ctx, host.DefaultTenant, "users", client.Auth{Type: host.AuthBasic, Username: "u", Password: password}); err != nil {
		t.Fatal(err)
	}
	connect(t, h, map[string]client.Connection{
		"good": {
			Config:        config(`{"base_url": %q, "auth": {"type": "bearer", "token": "${secret:token}"}, "query": {"k": "${secret:token}"}, "retries": {"max": 0}}`, upstream.URL),
			AllowNetworks: []string{"127.0.0.0/8"},
		},
		"refused": {
			Config:        config(`{"base_url": "http://127.0.0.1:1", "query": {"k": "${secret:token}"}, "retries": {"max": 0}}`),
			AllowNetworks: []string{"127.0.0.0/8"},
		},
		"missing": {Config: config(`{"base_url": %q, "auth": {"type": "bearer", "token": "${secret:absent}"}}`, upstream.URL)},
	})
	var all strings.Builder
	note := func(v any, err error) {
		b, _ := json.Marshal(v)
		fmt.Fprintln(&all, string(b), err)
	}
	for _, name := range []string{"good", "refused", "missing"} {
		note(ask(t, h, "/caller", map[string]any{"do": "get", "connection": name}), nil)
		note(h.Operator.Connection(ctx, host.DefaultTenant, name))
	}
	if got := fmt.Sprint(seen.Load()); got != "Bearer "+secret+" "+secret {
		t.Fatalf("the remote system got %q", got)
	}
	for _, key := range []string{"token", "secret:token", "secrets/token", "${secret:token}"} {
		note(ask(t, h, "/caller", map[string]any{"do": "config", "key": key}), nil)
		note(ask(t, h, "/caller", map[string]any{"do": "kv", "key": key}), nil)
	}
	note(ask(t, h, "/caller", map[string]any{"do": "kv-list", "key": ""}), nil)
	note(ask(t, h, "/caller", map[string]any{"do": "configs"}), nil)
	note(h.Operator.SecretNames(ctx, host.DefaultTenant))
	note(h.Operator.Auths(ctx, host.DefaultTenant))
	note(h.Operator.Auth(ctx, host.DefaultTenant, "users"))
	note(h.Operator.Service(ctx, host.DefaultTenant, "caller"))
	note(h.Operator.Versions(ctx, host.DefaultTenant, "caller"))
	note(records(t, h, host.DefaultTenant, client.LogQuery{}), nil)
	for _, bad := range []string{`{"base_url": "http://u:` + secret + `@x"}`, `{"base_url": "http://x", "auth": {"type": "` + secret + `!"}, "token": 1}`} {
		_, err := h.Operator.PutConnection(ctx, host.DefaultTenant, "bad", client.Connection{Type: "http", Config: json.RawMessage(bad)})
		if err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
	for _, word := range []string{secret, password} {
		if at := strings.Index(all.String(), word); at >= 0 {
			t.Errorf("a secret can be read: …%s…", short(all.String()[max(0, at-100):]))
		}
	}
}
