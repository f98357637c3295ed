package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/server"
)

// tenant returns the flags for a tenant of the test's own.
func (s *session) tenant(name string) []string {
	s.t.Helper()
	if server.DefaultEngine != "wasmtime" {
		s.t.Skip("a host on wazero has one tenant")
	}
	s.run(exitOK, "tenant", "create", name)
	return []string{"--tenant", name}
}

const shop = `
config: {limit: 25}
secrets:
  crm.password: ${env:CRM_PASSWORD}
security:
  API: {type: basic, username: api, password: "${env:API_PASSWORD}"}
connections:
  CRM: {type: http, base_url: https://crm.example.com, headers: {X-Token: "${secret:crm.password}"}}
services:
  - path: shop.py
    timeout: 5s
    services:
      shop.orders: {grants: {connections: [CRM]}}
channels:
  orders: {service: shop.orders, path: "/doc/orders/{id}", security: API}
`

const shopSource = `
from serai import Service

class Orders(Service):
    def handle(self):
        self.response.payload = {'id': self.request.input.get('id')}

class Stock(Service):
    def handle(self):
        self.response.payload = 'stock'
`

func TestApplyDiffExport(t *testing.T) {
	s := newSession(t)
	own := s.tenant("documents")
	run := func(want int, args ...string) (string, string) {
		t.Helper()
		return s.run(want, append(args, own...)...)
	}
	dir := folder(t,
		"serai.yaml", shop, "shop.py", shopSource, "serai.env", "# values\nCRM_PASSWORD='it''s'\nAPI_PASSWORD=\"open sesame\"\n")
	file, env := filepath.Join(dir, "serai.yaml"), filepath.Join(dir, "serai.env")
	_, stderr := run(exitFailed, "apply", "-f", file)
	for _, want := range []string{
		file + ":4:17: secrets.crm.password: the environment variable CRM_PASSWORD is not set",
		file + ":6:47: security.API.password: the environment variable API_PASSWORD is not set",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr is\n%swant %s", stderr, want)
		}
	}
	out, _ := run(exitFailed, "diff", "-f", file, "--env-file", env)
	if strings.Count(out, "+ ") != 7 || strings.Contains(out, "sesame") {
		t.Errorf("diff prints\n%s", out)
	}
	out, _ = run(exitOK, "apply", "-f", file, "--env-file", env)
	if !strings.Contains(out, "applied: 7 created, 0 changed, 0 deleted, 0 as they are") {
		t.Errorf("apply prints\n%s", out)
	}
	if status, body := fetch(t, "GET", "/doc/orders/7", "api", "open sesame", ""); status != 200 || body != `{"id": "7"}` {
		t.Errorf("the channel answers %d %s", status, body)
	}
	// The secrets need not be known again.
	if out, _ = run(exitOK, "diff", "-f", file); out != "" {
		t.Errorf("a second diff prints\n%s", out)
	}
	text, _ := run(exitOK, "export")
	s.stdin = text
	if out, _ = run(exitOK, "diff", "-f", "-"); out != "" {
		t.Errorf("what was exported differs:\n%s\n%s", out, text)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	run(exitOK, "export", "--dir", copied)
	if out, _ = run(exitOK, "diff", "-f", filepath.Join(copied, "serai.yaml")); out != "" {
		t.Errorf("the exported folder differs:\n%s", out)
	}
	run(exitUsage, "export", "--dir", copied)
	s.stdin = strings.Replace(text, "limit:", "limits:", 1)
	out, _ = run(exitOK, "apply", "-f", "-", "--prune")
	if diff := cmp.Diff("+ config limits\n- config limit\napplied: 1 created, 0 changed, 1 deleted, 6 as they are\n", out); diff != "" {
		t.Error(diff)
	}
}

const wrongConnections = `connections:
  A1: {type: amqp, host: b, hots: h}
  A2: {type: amqp, host: ""}
  A3: {type: amqp, host: b, port: 70000}
  A4: {type: amqp, host: "amqp://b:5672"}
  A5: {type: amqp, host: b, tls: {mode: "on", ca_file: /no/such/file}}
  A6: {type: amqp, host: b, tls: {mode: "on", ca_pem: /no/such/file}}
  S1: {type: sql, engine: postgres, host: d, database: d}
  S2: {type: sql, engine: mysql, host: d, database: d, pool_size: 0}
  S3: {type: sql, engine: mysql, host: d, database: d, pool_size: 1000000000}
  S4: {type: sql, engine: mysql, host: d, database: d, pool_size: "10"}
  S5: {type: sql, engine: postgresql, host: d, database: d, options: {user: other}}
  S6: {type: sql, engine: mysql, host: "db:5432", database: d}
  R1: {type: redis, mode: cluster, addresses: "r:6379"}
  R2: {type: redis, mode: cluster, addresses: ["r:70000"]}
  R3: {type: redis, mode: clusters, addresses: ["r:6379"]}
`

// wrongIn is what is wrong with them.
const wrongIn = `2:35: connections.A1.hots: config has no field "hots": use auth, channels, heartbeat, host, password, port, tls, username, vhost
3:26: connections.A2.host: host is missing: name or address of the broker
4:35: connections.A3.port: port is 70000: use 1 to 65535
5:26: connections.A4.host: host "amqp://b:5672" is a URL: give the name of the host alone, such as server.example.com, and what else it says in fields of their own
6:56: connections.A5.tls.ca_file: config.tls has no field "ca_file": use ca_pem, cert_pem, key_pem, mode, server_name
7:55: connections.A6.tls.ca_pem: tls.ca_pem is the text of a certificate, which begins with -----BEGIN CERTIFICATE-----, and not the name of a file
8:27: connections.S1.engine: engine "postgres": use postgresql, mysql, sqlite, mssql, oracle
9:67: connections.S2.pool_size: pool_size is 0: use 1 to 500
10:67: connections.S3.pool_size: pool_size is 1000000000: use 1 to 500
11:67: connections.S4.pool_size: pool_size is a whole number, not "10"
12:70: connections.S5.options: options has "user": leave it out, give it as config.username
13:40: connections.S6.host: host "db:5432" has a port: give the name alone, and the port as config.port
14:47: connections.R1.addresses: addresses is a list of texts, not "r:6379"
15:47: connections.R2.addresses: addresses: "r:70000" is no HOST:PORT, such as node.example.com:6379, with a port from 1 to 65535
16:27: connections.R3.mode: mode "clusters": use single, cluster, sentinel
`

func TestApplySaysWhatIsWrong(t *testing.T) {
	s := newSession(t)
	dir := folder(t,
		"broken.py", "import json\nx = 1/0\n",
		"typo.yaml", "services:\n- path: broken.py\n  memroy: 64MiB\n",
		"broken.yaml", "services:\n- path: broken.py\nchannels:\n  c: {service: x, path: y}\n",
		"lost.yaml", "services:\n- path: nowhere.py\n",
		"connections.yaml", wrongConnections,
		"bad.env", "A=1\nB\n")
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-f", at("typo.yaml")}, at("typo.yaml") + ":3:3: services[0].memroy: unknown key; use memory\n"},
		{[]string{"-f", at("lost.yaml")}, at("lost.yaml") + ":2:9: services[0].path: reading the service: "},
		{[]string{"-f", at("broken.yaml")}, at("broken.yaml") + ":2:3: services[0]: the service cannot be initialised: ZeroDivisionError: division by zero\n" +
			at("broken.yaml") + `:4:25: channels.c.path: path "y": begin with /`},
		{[]string{"-f", at("lost.yaml"), "--env-file", at("bad.env")}, "bad.env:2: use NAME=VALUE"},
		{[]string{"-f", at("none.yaml")}, "no such file"},
	} {
		if _, stderr := s.run(exitFailed, append([]string{"apply"}, tt.args...)...); !strings.Contains(stderr, tt.want) {
			t.Errorf("apply %v prints\n%s\nwant %s", tt.args, stderr, tt.want)
		}
		s.run(exitTrouble, append([]string{"diff"}, tt.args...)...)
	}
	_, stderr := s.run(exitFailed, "apply", "-f", at("connections.yaml"))
	if diff := cmp.Diff(wrongIn, strings.ReplaceAll(stderr, at("connections.yaml")+":", "")); diff != "" {
		t.Error(diff)
	}
	_, stderr = s.run(exitFailed, "apply", "-f", at("broken.yaml"), "--output", "json")
	var p struct {
		Code    string
		Failure struct{ Type string }
		Errors  []struct {
			Line, Column int
			Field        string
		}
	}
	decode(t, stderr, &p)
	if p.Code != "invalid" || p.Failure.Type != "ZeroDivisionError" || len(p.Errors) != 2 || p.Errors[1].Field != "channels.c.path" || p.Errors[1].Line != 4 {
		t.Errorf("as JSON: %s", stderr)
	}
	if !strings.Contains(stderr, "traceback") {
		t.Errorf("no traceback in %s", stderr)
	}
}

// TestChannelsSuitTheirConnections refuses channels over connections that have
// nothing to receive, or are of another type, however they are made.
func TestChannelsSuitTheirConnections(t *testing.T) {
	s := newSession(t)
	tenant := s.tenant("suits")
	const (
		connections = "connections:\n  DB: {type: sql, engine: %s, database: d}\n  Web: {type: http, base_url: https://example.com}\n"
		listening   = "channels:\n  note: {type: sql, connection: %s, service: none, channels: [c]}\n"
		only        = "the connection is to sqlite, and only PostgreSQL has notifications: use one whose engine is postgresql"
	)
	apply := func(text string) string {
		s.stdin = text
		_, stderr := s.run(exitFailed, append([]string{"apply", "-f", "-"}, tenant...)...)
		return stderr
	}
	lite := fmt.Sprintf(connections, "sqlite")
	for text, want := range map[string]string{
		lite + fmt.Sprintf(listening, "DB"):  "channels.note.connection: " + only,
		lite + fmt.Sprintf(listening, "Web"): `channels.note.connection: connection "Web" has the type "http", the channel has "sql"`,
	} {
		if got := apply(text); !strings.Contains(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	s.stdin = lite
	s.run(exitOK, append([]string{"apply", "-f", "-"}, tenant...)...)
	set := func(code int, connection string) string {
		_, stderr := s.run(code, append([]string{"channel", "set", "note", "--type", "sql", "--connection", connection, "--service", "none", "--config", `{"channels": ["c"]}`}, tenant...)...)
		return stderr
	}
	if got := set(exitFailed, "DB"); !strings.Contains(got, only) {
		t.Errorf("%s\nwant %s", got, only)
	}
	set(exitOK, "Later") // which is not there yet
	if got := apply(strings.ReplaceAll(lite, "DB", "Later")); !strings.Contains(got, `connections.Later: channel "note" receives over it: `+only) {
		t.Errorf("%s\nwant %s", got, only)
	}
	// A connection that a channel receives over stays one that it can.
	replace := func(code int, kind, config string) string {
		_, stderr := s.run(code, append([]string{"connection", "set", "Later", "--type", kind, "--config", config}, tenant...)...)
		return stderr
	}
	const good = `{"engine": "postgresql", "host": "db.example.com", "database": "d"}`
	replace(exitOK, "sql", good)
	for _, c := range []struct{ kind, config, want string }{
		{"sql", `{"engine": "sqlite", "database": "d"}`, `channel "note" receives over connection "Later": ` + only + "; change or delete the channel first"},
		{"sql", `{"engine": "mysql", "host": "db.example.com", "database": "d"}`, "the connection is to mysql, and only PostgreSQL has notifications"},
		{"redis", `{"host": "cache.example.com"}`, `connection "Later" has the type "redis", the channel has "sql"; change or delete the channel first`},
	} {
		if got := replace(exitFailed, c.kind, c.config); !strings.Contains(got, c.want) {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
	s.stdin = strings.ReplaceAll(lite, "DB", "Later") + fmt.Sprintf(listening, "Later") // the channel does not fit the document's connection either
	if _, stderr := s.run(exitFailed, append([]string{"apply", "-f", "-"}, tenant...)...); !strings.Contains(stderr, "channels.note.connection: "+only) {
		t.Error(stderr)
	}
	if out, _ := s.run(exitOK, append([]string{"connection", "list"}, tenant...)...); !strings.Contains(out, "postgresql") || strings.Contains(out, "redis") {
		t.Errorf("what is stored after refusals: %s", out)
	}
	replace(exitOK, "sql", strings.Replace(good, "db.example", "other.example", 1))
	s.run(exitOK, append([]string{"channel", "delete", "note"}, tenant...)...)
	replace(exitOK, "redis", `{"host": "cache.example.com"}`)
}

func TestImportZato(t *testing.T) {
	dir := folder(t, "enmasse.yaml", `
security:
  - {name: API, type: basic_auth, username: api, password: it's}
channel_rest:
  - {name: Orders, service: api.orders, security: API, url_path: /orders, data_format: json}
odoo:
  - {name: ERP, host: erp.example.com}
`)
	doc := filepath.Join(dir, "serai.yaml")
	file := filepath.Join(dir, "enmasse.yaml")
	code, out, stderr := run(t, "import", "zato", file, "--output", doc)
	if code != exitOK || !strings.Contains(out, file+`:7: odoo "ERP": `) || !strings.Contains(out, "api.orders") {
		t.Fatalf("%d %s %s", code, out, stderr)
	}
	env := filepath.Join(dir, "serai.env")
	info, err := os.Stat(env)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	b, err := os.ReadFile(env)
	if err != nil {
		t.Fatal(err)
	}
	values, err := parseEnv(string(b))
	if diff := cmp.Diff(map[string]string{"API_PASSWORD": "it's"}, values); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if text, err := os.ReadFile(doc); err != nil || strings.Contains(string(text), "it's") || !strings.Contains(string(text), "${env:API_PASSWORD}") {
		t.Errorf("%v: %s", err, text)
	}
	if code, _, stderr := run(t, "import", "zato", file, "--output", doc); code != exitFailed || !strings.Contains(stderr, "exists already") {
		t.Errorf("a second time: %d %s", code, stderr)
	}
}

func TestParseEnv(t *testing.T) {
	got, err := parseEnv("\n# c\nA=1\nexport B = two words \nC='a'\\''b'\nD=\"x\\\"y\\\\z\"\nE=\nF='#'\"$\"\n")
	want := map[string]string{"A": "1", "B": "two words", "C": "a'b", "D": `x"y\z`, "E": "", "F": "#$"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	again, err := parseEnv(formatEnv(want))
	if diff := cmp.Diff(want, again); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, text := range []string{"A", "=1", "A B=1", "A='x", `A="x`, `A="x\`, `A='x'\`} {
		if got, err := parseEnv(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func TestExportedFilesStayInTheFolder(t *testing.T) {
	for _, name := range []string{"../x", "/x", "a/../../x"} {
		if files, err := unpack(tarOf(t, name)); err == nil {
			t.Errorf("%s: taken as %v", name, files)
		}
	}
	if files, err := unpack(tarOf(t, "a/b.py")); err != nil || len(files) != 1 || files[0].name != "a/b.py" {
		t.Errorf("%v %v", files, err)
	}
}

func tarOf(t *testing.T, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSchemaIsCurrent holds the schema in docs/ to what the command prints.
func TestSchemaIsCurrent(t *testing.T) {
	code, out, stderr := run(t, "schema")
	if code != exitOK {
		t.Fatalf("%d %s", code, stderr)
	}
	const file = "../../docs/serai.schema.json"
	if *update {
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out); diff != "" {
		t.Errorf("docs/serai.schema.json is stale; run: go test ./cmd/serai -run Schema -update\n%s", diff)
	}
}
