package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/server"
)

func TestTenants(t *testing.T) {
	s := newSession(t)
	if server.DefaultEngine != "wasmtime" {
		t.Skip("a host on wazero has one tenant")
	}
	out, _ := s.run(exitOK, "tenant", "create", "acme", "--quota", "memory=64MiB", "--quota", "services=2", "--output", "json")
	var made struct{ Tenant, Token string }
	decode(t, out, &made)
	if made.Tenant != "acme" || !strings.HasPrefix(made.Token, "serai_") {
		t.Fatalf("created %s", out)
	}
	own := []string{"--tenant", "acme", "--token", made.Token}
	s.run(exitOK, append([]string{"deploy", file(t, "a.py", "def handle(r): return 1\n")}, own...)...)
	s.run(exitFailed, append([]string{"deploy", file(t, "b.py", "def handle(r): return 1\n"), "--memory", "1GiB"}, own...)...)
	s.run(exitFailed, "services", "--tenant", "default", "--token", made.Token)
	s.run(exitFailed, append([]string{"tenant", "create", "more"}, own...)...)
	if out, _ := s.run(exitOK, "tenant", "list", "--token", made.Token); strings.Contains(out, "default") || !strings.Contains(out, "64MiB") {
		t.Errorf("a tenant lists\n%s", out)
	}
	out, _ = s.run(exitOK, "tenant", "quota", "acme", "--quota", "timeout=1m")
	if !strings.Contains(out, "1m0s") || !strings.Contains(out, "64MiB") {
		t.Errorf("quota is\n%s", out)
	}
	s.run(exitFailed, "tenant", "quota", "acme", "--quota", "memroy=1")
	s.run(exitUsage, "tenant", "quota", "acme")
	out, _ = s.run(exitOK, "tenant", "token", "acme", "--output", "json")
	decode(t, out, &made)
	s.run(exitFailed, append([]string{"services"}, own...)...)
	s.run(exitOK, "services", "--tenant", "acme", "--token-file", file(t, "token", made.Token+"\n"))
	s.run(exitOK, "tenant", "get", "acme")
	s.run(exitOK, "tenant", "delete", "acme")
	s.run(exitFailed, "tenant", "get", "acme")
}

func TestAuthProtectsRoutes(t *testing.T) {
	s := newSession(t)
	path := file(t, "guarded.py", "def handle(r): return 'in'\n")
	s.run(exitFailed, "deploy", path, "--route", "GET /guarded", "--auth", "door")
	s.stdin = "sesame\n"
	s.run(exitOK, "auth", "set", "door", "--type", "basic", "--username", "ali")
	s.run(exitOK, "deploy", path, "--route", "GET /guarded", "--auth", "door")
	if status, body := fetch(t, "GET", "/guarded", "ali", "sesame", ""); status != 200 || body != "in" {
		t.Errorf("with credentials: %d %s", status, body)
	}
	if status, _ := fetch(t, "GET", "/guarded", "ali", "other", ""); status != 401 {
		t.Errorf("with a wrong password: %d", status)
	}
	for _, args := range [][]string{{"auth", "list"}, {"auth", "get", "door", "--output", "json"}} {
		if out, _ := s.run(exitOK, args...); strings.Contains(out, "sesame") || strings.Contains(out, "argon2") || !strings.Contains(out, "ali") {
			t.Errorf("%v shows %s", args, out)
		}
	}
	s.run(exitFailed, "auth", "delete", "door")
	s.run(exitOK, "delete", "guarded")
	s.run(exitOK, "auth", "delete", "door")
	s.run(exitUsage, "auth", "set", "door")
}

func TestChannel(t *testing.T) {
	s := newSession(t)
	s.run(exitUsage, "channel", "set", "orders")
	s.run(exitUsage, "channel", "set", "orders", "--service", "orders")
	_, stderr := s.run(exitOK, "channel", "set", "orders", "--service", "orders", "--path", "/o/x-{id}")
	if !strings.Contains(stderr, "not deployed") {
		t.Errorf("a missing service goes unnoticed: %q", stderr)
	}
	if status, _ := fetch(t, "GET", "/o/x-7", "", "", ""); status != 503 {
		t.Errorf("before the deploy: %d", status)
	}
	s.run(exitOK, "deploy", file(t, "orders.py", "def handle(r): return r.http.params['id']\n"))
	if status, body := fetch(t, "GET", "/o/x-7", "", "", ""); status != 200 || body != "7" {
		t.Errorf("after the deploy: %d %s", status, body)
	}
	s.stdin = "sesame\n"
	s.run(exitOK, "auth", "set", "door", "--type", "basic", "--username", "ali")
	s.run(exitOK, "channel", "set", "orders", "--auth", "door", "--method", "GET", "--merge-params=false")
	if status, _ := fetch(t, "GET", "/o/x-7", "", "", ""); status != 401 {
		t.Errorf("without credentials: %d", status)
	}
	if status, _ := fetch(t, "GET", "/o/x-7", "ali", "sesame", ""); status != 200 {
		t.Errorf("with credentials: %d", status)
	}
	out, _ := s.run(exitOK, "channel", "get", "orders", "--output", "json")
	if want := `"service":"orders","method":"GET","path":"/o/x-{id}","auth":["door"],"merge_params":false}`; !strings.Contains(out, want) {
		t.Errorf("the channel is %s", out)
	}
	s.run(exitOK, "channel", "set", "orders", "--auth", "", "--disabled")
	if status, _ := fetch(t, "GET", "/o/x-7", "", "", ""); status != 404 {
		t.Errorf("disabled: %d", status)
	}
	if out, _ := s.run(exitOK, "channel", "list"); !strings.Contains(out, "GET /o/x-{id}") || !strings.Contains(out, "disabled") || strings.Contains(out, "door") {
		t.Errorf("channels are\n%s", out)
	}
	s.run(exitOK, "channel", "set", "orders", "--disabled=false")
	if status, _ := fetch(t, "GET", "/o/x-7", "", "", ""); status != 200 {
		t.Errorf("enabled: %d", status)
	}
	s.run(exitFailed, "channel", "set", "orders", "--path", "/{a}{b}")
	s.run(exitUsage, "channel", "set", "orders", "--disabled=perhaps")
	s.run(exitOK, "delete", "orders")
	if status, _ := fetch(t, "GET", "/o/x-7", "", "", ""); status != 503 {
		t.Errorf("after the service's deletion: %d", status)
	}
	s.run(exitOK, "channel", "delete", "orders")
	s.run(exitFailed, "channel", "get", "orders")
	if status, _ := fetch(t, "GET", "/o/x-7", "", "", ""); status != 404 {
		t.Errorf("after the deletion: %d", status)
	}
}

func TestConnectionConfigSecretKV(t *testing.T) {
	s := newSession(t)
	config := `{"base_url": "http://127.0.0.1:9", "timeout": "5s"}`
	s.run(exitOK, "connection", "set", "Here", "--config", config, "--allow-network", "127.0.0.0/8")
	if out, _ := s.run(exitOK, "connection", "list"); !strings.Contains(out, "127.0.0.0/8") {
		t.Errorf("connections are\n%s", out)
	}
	if out, _ := s.run(exitOK, "connection", "get", "Here"); !strings.Contains(out, "http://127.0.0.1:9") {
		t.Errorf("connection is\n%s", out)
	}
	state := func(want string) {
		t.Helper()
		if out, _ := s.run(exitOK, "connections"); !strings.Contains(out, "Here") || !strings.Contains(out, want) {
			t.Errorf("connections are\n%s, want %s", out, want)
		}
	}
	state("idle")
	if _, errs := s.run(exitFailed, "ping", "Here"); !strings.Contains(errs, "cannot be reached") || strings.Contains(errs, "127.0.0.1") {
		t.Errorf("ping of nobody: %s", errs)
	}
	state("cannot be reached")
	var states []struct{ Name, Type, State string }
	out, _ := s.run(exitOK, "connections", "--output", "json")
	decode(t, out, &states)
	if here := slices.IndexFunc(states, func(v struct{ Name, Type, State string }) bool { return v.Name == "Here" }); here < 0 || states[here].Type != "http" || states[here].State != "failed" {
		t.Errorf("connections are %s", out)
	}
	s.run(exitFailed, "ping", "Nowhere")
	s.run(exitOK, "connection", "delete", "Here")
	s.run(exitUsage, "connection", "set", "Here")
	s.run(exitUsage, "connection", "set", "Here", "--config", "{")
	s.run(exitFailed, "connection", "set", "Here", "--config", `{"base_ulr": "http://x"}`)

	s.run(exitOK, "config", "set", "limit", "1000")
	if out, _ := s.run(exitOK, "config", "get", "limit"); out != "1000" {
		t.Errorf("config is %q", out)
	}
	s.run(exitOK, "config", "list")
	s.run(exitOK, "config", "delete", "limit")
	s.run(exitFailed, "config", "get", "limit")

	s.run(exitOK, "secret", "set", "hidden", "--from-file", file(t, "secret", "hunter2\n"))
	if out, _ := s.run(exitOK, "secret", "list"); !strings.Contains(out, "hidden") || strings.Contains(out, "hunter2") {
		t.Errorf("secrets are\n%s", out)
	}
	s.run(exitOK, "secret", "delete", "hidden")
	s.run(exitUsage, "secret", "get", "hidden")

	s.stdin = "from stdin\n"
	s.run(exitOK, "kv", "set", "cli/1", "--ttl", "1h")
	s.run(exitOK, "kv", "set", "cli/2", "two")
	if out, _ := s.run(exitOK, "kv", "get", "cli/1"); out != "from stdin" {
		t.Errorf("key is %q", out)
	}
	if out, _ := s.run(exitOK, "kv", "list", "cli/"); out != "cli/1\ncli/2\n" {
		t.Errorf("keys are %q", out)
	}
	s.run(exitOK, "kv", "delete", "cli/1")
	s.run(exitFailed, "kv", "get", "cli/1")
	s.run(exitOK, "kv", "set", "one", "1", "--area", "cache/default")
	if out, _ := s.run(exitOK, "kv", "list", "--area", "cache/default"); out != "one\n" {
		t.Errorf("keys of a cache are %q", out)
	}
	s.run(exitFailed, "kv", "get", "one")
}

func TestTranslations(t *testing.T) {
	s := newSession(t)
	s.run(exitOK, "translate", "set", "crm", "country/iso", "100%", "erp", "land", "all")
	s.run(exitOK, "translate", "load", file(t, "dictionary.csv", "crm,country,DE,erp,land,049\ncrm,country,\"a,b\",erp,land,x\n"))
	out, _ := s.run(exitOK, "translate", "list", "crm", "--output", "json")
	var all []translation
	decode(t, out, &all)
	want := []translation{ // in the order of their keys, in which / is %2F
		{"crm", "country/iso", "100%", "erp", "land", "all"},
		{"crm", "country", "DE", "erp", "land", "049"},
		{"crm", "country", "a,b", "erp", "land", "x"},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	s.run(exitOK, "deploy", file(t, "lookup.py", "from serai.translate import translate\ndef handle(r):\n    return translate('crm', r.payload['key'], r.payload['value'], 'erp', 'land', default='?')\n"))
	for data, want := range map[string]string{
		`{"key": "country/iso", "value": "100%"}`: "all", `{"key": "country", "value": "DE"}`: "049", `{"key": "country", "value": "XX"}`: "?",
	} {
		if out, _ := s.run(exitOK, "invoke", "lookup", "--data", data); strings.TrimSpace(out) != want {
			t.Errorf("%s is translated to %s, want %s", data, out, want)
		}
	}
	s.run(exitOK, "translate", "delete", "crm", "country", "DE", "erp", "land")
	s.run(exitFailed, "translate", "delete", "crm", "country", "DE", "erp", "land")
	s.run(exitFailed, "translate", "load", file(t, "short.csv", "crm,country\n"))
	s.run(exitFailed, "translate", "load", "none.csv")
	if out, _ := s.run(exitOK, "translate", "list", "other"); strings.Contains(out, "crm") {
		t.Errorf("translations of another system are %s", out)
	}
}

func TestVersionAndDoctor(t *testing.T) {
	s := newSession(t)
	out, _ := s.run(exitOK, "version", "--output", "json")
	if !strings.Contains(out, `"engine":"`+server.DefaultEngine+`"`) {
		t.Errorf("version is %s", out)
	}
	out, _ = s.run(exitOK, "doctor", "--data", t.TempDir())
	for _, want := range []string{"engine", "dirty pages", "data directory", "clock", "gateway"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out, _ := s.run(exitFailed, "doctor", "--data", "/proc/none", "--output", "json"); !strings.Contains(out, `"fail"`) {
		t.Errorf("doctor finds nothing wrong: %s", out)
	}
}

func TestNoHost(t *testing.T) {
	code, _, stderr := run(t, "services", "--control", "127.0.0.1:1", "--token", "x")
	if code != exitFailed || !strings.Contains(stderr, "connection refused") {
		t.Errorf("%d %s", code, stderr)
	}
}
