package config_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
)

func environment(name string) (string, bool) {
	v, ok := map[string]string{"PASSWORD": "s3cret", "PORT": "8443", "HOST": "crm.example.com", "EMPTY": ""}[name]
	return v, ok
}

func parse(t *testing.T, text string) *config.Document {
	t.Helper()
	doc, _, err := config.Parse("serai.yaml", []byte(text), environment)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestParse(t *testing.T) {
	t.Parallel()
	got := parse(t, `
config:
  limit: 25
  text: "a: b"
secrets:
  crm.password: ${env:PASSWORD}
  later: ${env:NOT_SET}
security:
  API Credentials:
    type: basic
    username: api
    password: ${env:PASSWORD}
connections:
  CRM:
    type: http
    base_url: https://${env:HOST}:${env:PORT}/v1
    timeout: 5s
    retries: {max: 3}
    headers: {X-Token: "${secret:crm.password}", X-Price: "$${env:HOST}"}
    allow_networks: 10.0.0.0/8
services:
  - path: ./api
    timeout: 5s
    memory: 64MiB
    grants:
      connections: [CRM]
    services:
      api.user: {in_flight: 7}
  - name: old.one
    isolation: warm
`)
	secret, timeout, memory, inFlight := "s3cret", host.Duration(5e9), 64*host.MiB, 7
	want := &config.Document{
		Config: map[string]string{"limit": "25", "text": "a: b"},
		Secrets: map[string]config.Secret{
			"crm.password": {Value: &secret, Variable: "PASSWORD"},
			"later":        {Variable: "NOT_SET"},
		},
		Security: map[string]config.Security{
			"API Credentials": {Type: host.AuthBasic, Username: "api", Password: &config.Secret{Value: &secret, Variable: "PASSWORD"}},
		},
		Connections: map[string]config.Connection{"CRM": {
			Type: "http", AllowNetworks: []string{"10.0.0.0/8"},
			Config: json.RawMessage(`{"base_url":"https://crm.example.com:8443/v1","headers":{"X-Price":"${env:HOST}","X-Token":"${secret:crm.password}"},"retries":{"max":3},"timeout":"5s"}`),
		}},
		Services: []config.Service{
			{
				Path:     "./api",
				Settings: config.Settings{Timeout: &timeout, Memory: &memory, Grants: &host.Grants{Connections: []string{"CRM"}}},
				Services: map[string]config.Settings{"api.user": {InFlight: &inFlight}},
			},
			{Name: "old.one", Settings: config.Settings{Isolation: host.Warm}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseReportsEveryProblemWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"an empty document", "\n", "serai.yaml:1:1: the document is empty"},
		{"only a comment", "# nothing\n", "serai.yaml:1:1: the document is empty"},
		{"no YAML", "a: b: c\n", "serai.yaml:1:1: mapping values are not allowed in this context"},
		{"a tab", "config:\n\ta: b\n", "serai.yaml:2:1: found character that cannot start any token"},
		{"a list", "- a\n", "serai.yaml:1:1: expected keys and values, found a list"},
		{
			"an unknown section", "conections: {}\n",
			"serai.yaml:1:1: conections: unknown key; use connections",
		},
		{
			"several problems", "services:\n  - path: a.py\n    memroy: 64MiB\n  - timeout: soon\n",
			"serai.yaml:3:5: services[0].memroy: unknown key; use memory\n" +
				`serai.yaml:4:14: services[1].timeout: duration "soon": use a number with ms, s or m, such as 5s`,
		},
		{"a size", "services:\n- {path: a, memory: lots}\n", `serai.yaml:2:21: services[0].memory: size "lots": use a whole number with B, KiB, MiB or GiB, such as 64MiB`},
		{"a number", "services:\n- {path: a, in_flight: 1.5}\n", `serai.yaml:2:24: services[0].in_flight: "1.5": use a whole number`},
		{"no name", "services:\n- timeout: 5s\n", "serai.yaml:2:3: services[0]: path is missing: a file or folder; or name alone for the settings of a service that is there"},
		{"a key twice", "config:\n  a: 1\n  a: 2\n", `serai.yaml:3:3: config.a: the key "a" is in line 2 already`},
		{"a missing value", "config:\n  a:\n", "serai.yaml:2:5: config.a: the value is missing"},
		{"a value that is a list", "config:\n  a: [1]\n", "serai.yaml:2:6: config.a: expected one value, found a list"},
		{"an unset variable", "config:\n  a: x${env:NOT_SET}\n", "serai.yaml:2:6: config.a: the environment variable NOT_SET is not set; set it, or write the value itself"},
		{"an anchor", "config: &c\n  a: b\n", "serai.yaml:1:9: config: anchors and aliases are not used here; write the value itself"},
		{"a kind of security", "security:\n  s: {type: oauth}\n", `serai.yaml:2:13: security.s.type: "oauth": use basic or api-key`},
		{"a key for basic", "security:\n  s: {type: basic, username: u, key: k}\n", "serai.yaml:2:38: security.s.key: a definition of type basic has no key; remove it"},
		{"no user", "security:\n  s: {type: basic}\n", "serai.yaml:2:6: security.s: username is missing: the name that clients send"},
		{"a connection without a type", "connections:\n  c: {base_url: x}\n", "serai.yaml:2:6: connections.c: type is missing: the connector, such as http"},
		{"a name", "connections:\n  'a/b': {type: http}\n", `serai.yaml:2:10: connections.a/b: connection "a/b": use 1 to 128 letters, digits, and inner dots, hyphens, underscores and spaces`},
		{"isolation", "services:\n- {path: a, isolation: none}\n", `serai.yaml:2:24: services[0].isolation: "none": use pristine or warm`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := config.Parse("serai.yaml", []byte(tt.text), environment)
			if _, ok := errors.AsType[*config.Error](err); !ok {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseIsBounded(t *testing.T) {
	t.Parallel()
	deep := "connections:\n  c:\n    type: http\n    x: " + strings.Repeat("[", 200) + strings.Repeat("]", 200)
	bomb := "config:\n  a: &a [x, x]\n  b: &b [*a, *a]\n"
	for name, text := range map[string]string{"deep": deep, "bomb": bomb, "large": "config: {a: " + strings.Repeat("x", config.MaxBytes) + "}"} {
		if _, _, err := config.Parse("f", []byte(text), environment); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("services:\n- path: a.py\n")
	f.Add("connections:\n  c: {type: http, x: [1, 2.5, true, ${env:PORT}]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		doc, _, err := config.Parse("f", []byte(text), environment)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		if _, err := json.Marshal(doc); err != nil {
			t.Error(err)
		}
	})
}

func TestChannelsOfOtherTypes(t *testing.T) {
	t.Parallel()
	const text = `channels:
  in:
    type: amqp
    connection: Broker
    service: s
    data_format: json
    disabled: true
    prefetch: 1
    queue: orders
`
	doc := parse(t, text)
	want := config.Channel{
		Type: "amqp", Connection: "Broker", Service: "s", DataFormat: "json", Disabled: true,
		Config: json.RawMessage(`{"prefetch":1,"queue":"orders"}`),
	}
	if diff := cmp.Diff(want, doc.Channels["in"]); diff != "" {
		t.Error(diff)
	}
	out, err := config.Render(doc)
	if err != nil || string(out) != text {
		t.Errorf("%v\n%s", err, out)
	}
	if diff := cmp.Diff(want, config.ChannelOf(want.Channel("t", "in"))); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"channels:\n  in: {type: amqp, service: s}\n":                 "serai.yaml:2:7: channels.in: connection is missing",
		"channels:\n  in: {type: rest, service: s, queue: q}\n":       `unknown key; use `,
		"channels:\n  in: {type: amqp, connection: B, queue: &a x}\n": "anchor",
	} {
		if _, _, err := config.Parse("serai.yaml", []byte(text), environment); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
