package config_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
)

// nameless is a document whose secrets are variables, as those to render are.
func nameless(doc *config.Document) *config.Document {
	hide := func(s *config.Secret) *config.Secret {
		if s == nil {
			return nil
		}
		if s.Variable == "" {
			s.Variable = "X"
		}
		return &config.Secret{Variable: s.Variable}
	}
	for name, s := range doc.Secrets {
		doc.Secrets[name] = *hide(&s)
	}
	for name, s := range doc.Security {
		s.Password, s.Key = hide(s.Password), hide(s.Key)
		doc.Security[name] = s
	}
	return doc
}

// again renders a document and reads it back; both are returned as JSON.
func again(t *testing.T, doc *config.Document) (want, got, text string) {
	t.Helper()
	doc = nameless(doc)
	out, err := config.Render(doc)
	if err != nil {
		t.Fatal(err)
	}
	back, _, err := config.Parse("f", out, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("what was rendered is not read: %v\n%s", err, out)
	}
	a, errA := json.Marshal(doc)
	b, errB := json.Marshal(nameless(back))
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	return string(a), string(b), string(out)
}

const everything = `
config: {plain: a, number: "25", yes: "yes", colon: "a: b", lines: "a\nb\n", dollar: "$${env:X}", tilde: "~", date: "2026-01-01", "key: with": x}
secrets: {s: "${env:S}"}
security:
  B: {type: basic, username: u, realm: r, password: "${env:B}"}
  K: {type: api-key, header: X-Key, key: "${env:K}"}
  N: {type: basic, username: u}
connections:
  C: {type: http, allow_networks: [10.0.0.0/8], base_url: https://x, retries: {max: 3, backoff: 1s}, ratio: 1.5, big: 12345678901234567890, off: false, list: [a, 1, true, [], {}], text: "1", env: "$${env:Y}", pem: "-----BEGIN\nx\n-----END\n"}
services:
- {path: ./a, timeout: 5s, memory: 64MiB, queue: 0, entry: x.py, export: X, services: {one: {in_flight: 7}, two: {}}}
- {name: there, isolation: warm, cpu: 1s, request_size: 1KiB, reply_size: 2KiB, log_size: 0B, invoke_depth: 0, grants: {connections: [C, "x*"], services: [], keys: [a.*]}, routes: [{path: /x, method: GET, auth: B, accept: text/*, match_slash: true, host: h}]}
channels:
  c: {service: one, path: "/c/{id}", method: POST, host: h, accept: text/html, match_slash: true, security: [B, K], realm: r, data_format: xml, content_type: text/xml, merge_params: false, params_priority: msg-over-channel-params, url_params_priority: qs-over-path, disabled: true}
`

func TestRenderReadsBack(t *testing.T) {
	t.Parallel()
	want, got, text := again(t, parse(t, everything))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
}

func TestRenderRefusesSecretsInClear(t *testing.T) {
	t.Parallel()
	value := "clear"
	for name, doc := range map[string]*config.Document{
		"secret":   {Secrets: map[string]config.Secret{"s": {Value: &value}}},
		"password": {Security: map[string]config.Security{"s": {Type: host.AuthBasic, Username: "u", Password: &config.Secret{Value: &value}}}},
	} {
		if out, err := config.Render(doc); err == nil {
			t.Errorf("%s: rendered as %s", name, out)
		}
	}
}

func TestRenderLeavesNullsOut(t *testing.T) {
	t.Parallel()
	doc := &config.Document{Connections: map[string]config.Connection{"C": {Type: "http", Config: json.RawMessage(`{"a":null,"b":{"c":null}}`)}}}
	out, err := config.Render(doc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("connections:\n  C:\n    type: http\n    b: {}\n", string(out)); diff != "" {
		t.Error(diff)
	}
}

func FuzzRender(f *testing.F) {
	f.Add(everything)
	f.Add("config: {a: \"\\0\"}\n")
	f.Add("connections: {c: {type: http, x: 1e3, y: 0x10, z: .inf, '<<': a}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		doc, _, err := config.Parse("f", []byte(text), func(string) (string, bool) { return "v", true })
		if err != nil {
			return
		}
		if want, got, out := again(t, doc); want != got {
			t.Errorf("%s\nis rendered as\n%s\n%s", text, out, cmp.Diff(want, got))
		}
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	base := host.DefaultSettings(host.DefaultQuota())
	for _, service := range parse(t, everything).Services {
		s := service.Resolve(base)
		back := config.SettingsOf(s, base).Resolve(base)
		if diff := cmp.Diff(s, back); diff != "" {
			t.Error(diff)
		}
	}
	if got := config.SettingsOf(base, base); !cmp.Equal(got, config.Settings{}) {
		t.Errorf("the defaults are %+v", got)
	}
	five := host.Duration(5e9)
	if s := (config.Settings{Timeout: &five}).Resolve(base); s.Limits.CPU != five {
		t.Errorf("a timeout leaves %v of CPU time", s.Limits.CPU)
	}
}
