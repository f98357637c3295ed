package control

import (
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/problem"
	"github.com/seraihost/serai/host/telemetry"
)

func TestAuthDefinitions(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	const base = "/v1/tenants/acme/auth"
	a := f.do(token, "PUT", base+"/crm", `{"type":"basic","username":"u","password":"hunter2"}`, 200)
	b := f.do(token, "GET", base+"/crm", "", 200)
	l := f.do(token, "GET", base, "", 200)
	for _, body := range [][]byte{a.body, b.body, l.body} {
		if s := string(body); strings.Contains(s, "hunter2") || strings.Contains(s, "argon2") || !strings.Contains(s, `"username":"u"`) {
			t.Errorf("definition is shown as %s", s)
		}
	}
	for body, field := range map[string]string{
		`{"type":"digest"}`: "type",
		`{"type":"basic","username":"a:b","password":"x"}`:         "username",
		`{"type":"basic","username":"a"}`:                          "password",
		`{"type":"basic","username":"a","password":"x","key":"y"}`: "type",
		`{"type":"api-key"}`:                                       "key",
		`{"type":"api-key","key":"k","header":"Content-Length"}`:   "header",
		`{"type":"api-key","key":"k","header":"a b"}`:              "header",
		`{"type":"api-key","key":"k","passwd":"a"}`:                "passwd",
	} {
		if p := problem.Parse(f.do(token, "PUT", base+"/x", body, 400).body); p.Field != field {
			t.Errorf("%s: field %q, want %q", body, p.Field, field)
		}
	}
	f.upload(token, "acme", "s", `{"routes":[{"path":"/s","auth":"crm"}]}`, host.TypePython, "x")
	f.do(token, "DELETE", base+"/crm", "", 409)
	f.do(token, "DELETE", "/v1/tenants/acme/services/s", "", 204)
	f.do(token, "DELETE", base+"/crm", "", 204)
	f.do(token, "GET", base+"/crm", "", 404)
}

func TestChannels(t *testing.T) {
	f := newFixture(t)
	token, other := f.tenant("acme"), f.tenant("other")
	const base = "/v1/tenants/acme/channels"
	f.do(token, "PUT", "/v1/tenants/acme/auth/key", `{"type":"api-key","key":"k"}`, 200)
	full := `{"service":"api.orders","method":"post","path":"/o/{id}","accept":"Text/CSV","auth":["key"],"data_format":"csv","merge_params":false}`
	a := f.do(token, "PUT", base+"/orders", full, 200)
	want := `{"tenant":"acme","name":"orders","service":"api.orders","method":"POST","path":"/o/{id}","accept":"text/csv","auth":["key"],"data_format":"csv","merge_params":false}`
	if string(a.body) != want {
		t.Errorf("stored as %s", a.body)
	}
	f.do(token, "PUT", base+"/orders", want, 200) // sent back as it was
	f.do(token, "GET", base, "", 200)
	for body, field := range map[string]string{
		`{"service":"s","path":"x"}`:                       "path",
		`{"service":"s","path":"/x","data_format":"yaml"}`: "data_format",
		`{"service":"s","path":"/x","auth":["nobody"]}`:    "auth",
		`{"service":"s","path":"/x","url_path":"/y"}`:      "url_path",
		`{"service":"s","path":"/x","tenant":"other"}`:     "name",
		`{"service":"s","path":"/x","match_slash":"yes"}`:  "match_slash",
		`{"path":"/x"}`: "service",
		`{"service":"s","path":"/x","realm":"a\r\nSet-Cookie:"}`: "realm",
	} {
		if p := problem.Parse(f.do(token, "PUT", base+"/bad", body, 400).body); p.Field != field {
			t.Errorf("%s: field %q, want %q", body, p.Field, field)
		}
	}
	f.do(token, "PUT", base+"/a%2Fb", `{"service":"s","path":"/x"}`, 400)
	if p := problem.Parse(f.do(token, "PUT", base+"/same", `{"service":"s","method":"POST","path":"/o/{x}","accept":"text/csv"}`, 409).body); !strings.Contains(p.Detail, `"orders"`) {
		t.Errorf("problem %+v", p)
	}
	if p := problem.Parse(f.do(other, "PUT", "/v1/tenants/other/channels/c", `{"service":"s","path":"/o/{x}"}`, 409).body); strings.Contains(p.Detail, "orders") {
		t.Errorf("problem %+v tells of another tenant", p)
	}
	f.do(other, "GET", base+"/orders", "", 404)
	f.do(token, "DELETE", "/v1/tenants/acme/auth/key", "", 409)
	f.do(token, "DELETE", base+"/orders", "", 204)
	f.do(token, "DELETE", base+"/orders", "", 404)
	f.do(token, "GET", base+"/orders", "", 404)
}

func TestConnections(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	const base = "/v1/tenants/acme/connections"
	const plain = `{"type":"http","config":{"address":"http://127.0.0.1:1"}}`
	const private = `{"type":"http","config":{"address":"http://127.0.0.1:1"},"allow_networks":["127.0.0.1/8"]}`
	f.do(token, "PUT", base+"/CRM", plain, 200)
	if p := problem.Parse(f.do(token, "PUT", base+"/CRM", private, 403).body); p.Field != "allow_networks" {
		t.Errorf("field %q", p.Field)
	}
	f.do(token, "PUT", base+"/NEW", private, 403)
	f.do(f.operator, "PUT", base+"/CRM", strings.Replace(private, "127.0.0.1/8", "nonsense", 1), 400)
	f.do(f.operator, "PUT", base+"/CRM", private, 200)
	shown := f.do(token, "GET", base+"/CRM", "", 200)
	if !strings.Contains(string(shown.body), `"allow_networks":["127.0.0.0/8"]`) {
		t.Errorf("shown as %s", shown.body)
	}
	f.do(token, "PUT", base+"/CRM", string(shown.body), 200) // sent back as it was
	f.do(token, "PUT", base+"/CRM", strings.Replace(string(shown.body), "127.0.0.1:1", "127.0.0.1:22", 1), 403)
	f.do(token, "PUT", base+"/CRM", plain, 200)
	if a := f.do(token, "GET", base, "", 200); strings.Contains(string(a.body), "allow_networks") {
		t.Errorf("a tenant's change kept what the operator allowed: %s", a.body)
	}
	f.do(token, "DELETE", base+"/CRM", "", 204)
	f.do(token, "DELETE", base+"/CRM", "", 404)
	f.do(token, "GET", base+"/CRM", "", 404)
}

func TestConfigSecretsAndKeys(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	const base = "/v1/tenants/acme"
	f.do(token, "PUT", base+"/config/a.b", "value", 204)
	if a := f.do(token, "GET", base+"/config/a.b", "", 200); string(a.body) != "value" {
		t.Errorf("config is %q", a.body)
	}
	f.do(token, "GET", base+"/config", "", 200)
	f.do(token, "DELETE", base+"/config/a.b", "", 204)
	f.do(token, "GET", base+"/config/a.b", "", 404)

	f.do(token, "PUT", base+"/secrets/db", "hunter2", 204)
	f.do(token, "PUT", base+"/secrets/db", "", 400)
	if a := f.do(token, "GET", base+"/secrets", "", 200); string(a.body) != `{"names":["db"]}` {
		t.Errorf("secrets are %s", a.body)
	}
	f.do(token, "GET", base+"/secrets/db", "", 405)
	f.do(token, "DELETE", base+"/secrets/db", "", 204)
	f.do(token, "DELETE", base+"/secrets/db", "", 404)

	a := f.do(token, "PUT", base+"/kv/user%2F1%20x?ttl=1h", "v1", 204)
	rev := a.Header.Get(HeaderRevision)
	a = f.do(token, "GET", base+"/kv/user%2F1%20x", "", 200)
	if string(a.body) != "v1" || a.Header.Get(HeaderRevision) != rev || a.Header.Get(HeaderExpires) == "" {
		t.Errorf("key is %q %v", a.body, a.Header)
	}
	f.do(token, "PUT", base+"/kv/user%2F1%20x?if_revision=0", "v2", 409)
	f.do(token, "PUT", base+"/kv/user%2F1%20x?if_revision="+rev, "v2", 204)
	f.do(token, "PUT", base+"/kv/k?ttl=never", "v", 400)
	if a := f.do(token, "GET", base+"/kv?prefix=user/", "", 200); string(a.body) != `{"keys":["user/1 x"]}` {
		t.Errorf("keys are %s", a.body)
	}
	f.do(token, "DELETE", base+"/kv/user%2F1%20x", "", 204)
	f.do(token, "DELETE", base+"/kv/user%2F1%20x", "", 404)
}

func TestMetricsAreScoped(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	for _, name := range []string{"acme", "other"} {
		f.metrics.Observe(telemetry.CallStats{Tenant: name, Service: "s", Channel: abi.ChannelHTTP, Status: 200, Wall: time.Millisecond})
	}
	all := string(f.do(f.operator, "GET", "/metrics", "", 200).body)
	own := string(f.do(token, "GET", "/metrics", "", 200).body)
	if !strings.Contains(all, `tenant="other"`) || !strings.Contains(own, `tenant="acme"`) || strings.Contains(own, "other") {
		t.Errorf("metrics are not scoped:\n%s", own)
	}
}

func TestRequestID(t *testing.T) {
	f := newFixture(t)
	a := f.do("", "GET", "/healthz", "", 200)
	if len(a.Header.Get(HeaderCID)) != 32 {
		t.Errorf("id is %q", a.Header.Get(HeaderCID))
	}
	if p := problem.Parse(f.do("", "GET", "/nowhere", "", 404).body); p == nil || p.CID == "" {
		t.Errorf("problem is %+v", p)
	}
	f.do("", "POST", "/healthz", "", 405)
}
