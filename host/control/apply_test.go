package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/config"
)

// apply sends a document with parts, which alternate names and contents.
func (f *fixture) apply(token, query, document string, parts ...string) answer {
	f.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if document != "" {
		part(f.t, w, `form-data; name="document"`, "application/json", document)
	}
	for i := 0; i < len(parts); i += 2 {
		part(f.t, w, fmt.Sprintf(`form-data; name=%q; filename="svc.py"`, parts[i]), "text/x-python", parts[i+1])
	}
	if err := w.Close(); err != nil {
		f.t.Fatal(err)
	}
	return f.send(token, "POST", "/v1/tenants/acme/apply"+query, w.FormDataContentType(), &b)
}

func TestApplyAndExport(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	const document = `{
		"config": {"limit": "25"}, "secrets": {"s": {"value": "hidden"}},
		"security": {"A": {"type": "basic", "username": "u", "password": {"value": "pw"}}},
		"connections": {"CRM": {"type": "http", "config": {"base_url": "https://x", "headers": {"X": "${secret:s}"}}}}
	}`
	var plan config.Plan
	for query, applied := range map[string]bool{"?dry-run=true": false, "": true} {
		a := f.apply(token, query, document)
		if err := json.Unmarshal(a.body, &plan); err != nil || a.StatusCode != 200 || plan.Applied != applied && query == "" {
			t.Fatalf("%s: %d %s", query, a.StatusCode, a.body)
		}
		if strings.Contains(string(a.body), "hidden") || strings.Contains(string(a.body), `"pw"`) {
			t.Errorf("a secret is shown: %s", a.body)
		}
	}
	if a := f.apply(token, "", document); strings.Contains(string(a.body), "update") || strings.Contains(string(a.body), "create") {
		t.Errorf("again: %s", a.body)
	}
	a := f.do(token, "GET", "/v1/tenants/acme/export", "", 200)
	var out config.Export
	if err := json.Unmarshal(a.body, &out); err != nil {
		t.Fatal(err)
	}
	want := &config.Document{
		Config: map[string]string{"limit": "25"}, Secrets: map[string]config.Secret{"s": {Variable: "S"}},
		Security:    map[string]config.Security{"A": {Type: "basic", Username: "u", Password: &config.Secret{Variable: "A_PASSWORD"}}},
		Connections: map[string]config.Connection{"CRM": {Type: "http", Config: json.RawMessage(`{"base_url":"https://x","headers":{"X":"${secret:s}"}}`)}},
	}
	if diff := cmp.Diff(want, out.Document); diff != "" {
		t.Error(diff)
	}
}

func TestApplyRefuses(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	f.tenant("other")
	for name, tt := range map[string]struct {
		query, document string
		parts           []string
		status          int
		field           string
	}{
		"no document":           {"", "", nil, 400, "document"},
		"no JSON":               {"", "{", nil, 400, "body"},
		"an unknown key":        {"", `{"conifg": {}}`, nil, 400, "conifg"},
		"a flag":                {"?prune=maybe", `{}`, nil, 400, "prune"},
		"debug":                 {"?debug=all", `{"services": [{"path": "x", "name": "s"}]}`, []string{"module.0", "x"}, 400, "services[0].path"},
		"a part":                {"", `{}`, []string{"other", "x"}, 400, "other"},
		"a part's number":       {"", `{}`, []string{"module.01", "x"}, 400, "module.01"},
		"a part too many":       {"", `{}`, []string{"module.0", "x"}, 400, "services"},
		"a part twice":          {"", `{"services": [{"path": "x"}]}`, []string{"module.0", "x", "module.0", "y"}, 400, "module.0"},
		"an empty part":         {"", `{"services": [{"path": "x"}]}`, []string{"module.0", ""}, 400, "services[0]"},
		"no content":            {"", `{"services": [{"path": "x"}]}`, nil, 400, "services[0]"},
		"what does not build":   {"", `{"services": [{"path": "x"}]}`, []string{"module.0", "x"}, 400, "services[0].path"},
		"a check of the parser": {"", `{"services": [{}]}`, nil, 400, "services[0]"},
		"a secret":              {"", `{"secrets": {"x": {"variable": "X"}}}`, nil, 400, "secrets.x"},
		"a large document":      {"", `{"config": {"k": "` + strings.Repeat("x", maxDocument) + `"}}`, nil, 413, "document"},
	} {
		a := f.apply(token, tt.query, tt.document, tt.parts...)
		var p struct{ Field string }
		if err := json.Unmarshal(a.body, &p); err != nil || a.StatusCode != tt.status || p.Field != tt.field {
			t.Errorf("%s: %d %s, want %d about %s", name, a.StatusCode, a.body, tt.status, tt.field)
		}
	}
	other := f.tenant("third")
	if a := f.apply(other, "", `{}`); a.StatusCode != 404 {
		t.Errorf("another tenant's document: %d %s", a.StatusCode, a.body)
	}
	f.do(other, "GET", "/v1/tenants/acme/export", "", 404)
	f.do(other, "GET", "/v1/tenants/acme/services/x/source", "", 404)
	f.do(token, "GET", "/v1/tenants/acme/services/x/source", "", 404)
}
