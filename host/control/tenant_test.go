package control

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/problem"
)

func TestPublicRoutesNeedNoToken(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json", "/v1/version"} {
		f.do("", "GET", path, "", 200)
	}
}

func TestEverythingElseNeedsAToken(t *testing.T) {
	f := newFixture(t)
	for _, r := range f.server.routes() {
		if r.access == public {
			continue
		}
		path := strings.NewReplacer("{tenant}", "default", "{service}", "s", "{name}", "n", "{key}", "k").Replace(r.path)
		for _, token := range []string{"", "serai_wrong", strings.Repeat("x", 4096)} {
			a := f.do(token, r.method, path, "{}", 401)
			if a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s: no WWW-Authenticate", r.method, path)
			}
		}
	}
}

func TestTenantLifecycle(t *testing.T) {
	f := newFixture(t)
	token := f.tenant("acme")
	a := f.do(token, "GET", "/v1/tenants/acme", "", 200)
	var got host.Tenant
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(host.DefaultQuota(), got.Quota); diff != "" {
		t.Error(diff)
	}
	f.do(f.operator, "PATCH", "/v1/tenants/acme", `{"quota":{"memory":"32MiB","services":3}}`, 200)
	a = f.do(token, "GET", "/v1/tenants", "", 200)
	if !strings.Contains(string(a.body), `"memory":"32MiB"`) || !strings.Contains(string(a.body), `"timeout":"10m0s"`) {
		t.Errorf("patched quota is %s", a.body)
	}
	var rotated tenantToken
	if err := json.Unmarshal(f.do(f.operator, "POST", "/v1/tenants/acme/token", "", 200).body, &rotated); err != nil {
		t.Fatal(err)
	}
	f.do(token, "GET", "/v1/tenants/acme", "", 401)
	f.do(rotated.Token, "GET", "/v1/tenants/acme", "", 200)
	f.do(f.operator, "DELETE", "/v1/tenants/acme", "", 204)
	f.do(rotated.Token, "GET", "/v1/tenants/acme", "", 401)
	f.do(f.operator, "GET", "/v1/tenants/acme", "", 404)
}

func TestBadTenantInput(t *testing.T) {
	f := newFixture(t)
	f.tenant("taken")
	for _, c := range []struct {
		body, field string
		status      int
	}{
		{`{"tenant":"UPPER"}`, "tenant", 400},
		{`{"tenant":"a","quotas":{}}`, "quotas", 400},
		{`{"tenant":"a","quota":{"memroy":"1MiB"}}`, "quota.memroy", 400},
		{`{"tenant":"a","quota":{"memory":"5GiB"}}`, "quota.memory", 400},
		{`{"tenant":"a","quota":{"memory":"much"}}`, "quota", 400},
		{`{"tenant":"a","quota":{"in_flight":"1"}}`, "quota.in_flight", 400},
		{`{"tenant":"a","quota":{"in_flight":-1}}`, "quota.in_flight", 400},
		{`{"tenant":1}`, "tenant", 400},
		{`{"tenant":"a"} {}`, "body", 400},
		{`{"tenant":`, "body", 400},
		{``, "body", 400},
		{`{"tenant":"taken"}`, "tenant", 409},
	} {
		p := problem.Parse(f.do(f.operator, "POST", "/v1/tenants", c.body, c.status).body)
		if p == nil || p.Field != c.field {
			t.Errorf("%s: field is %+v, want %q", c.body, p, c.field)
		}
	}
}

// TestOtherTenantsDoNotExist compares every answer about an existing tenant
// of somebody else with the one about a tenant that never was.
func TestOtherTenantsDoNotExist(t *testing.T) {
	f := newFixture(t)
	mine := f.tenant("mine")
	f.tenant("other")
	f.upload(f.operator, "other", "s", "", host.TypePython, "x")
	f.do(f.operator, "PUT", "/v1/tenants/other/auth/n", `{"type":"basic","username":"u","password":"p"}`, 200)
	for _, r := range f.server.routes() {
		if !strings.Contains(r.path, "{tenant}") {
			continue
		}
		var answers []string
		for _, tenant := range []string{"other", "never"} {
			path := strings.NewReplacer("{tenant}", tenant, "{service}", "s", "{name}", "n", "{key}", "k").Replace(r.path)
			a := f.do(mine, r.method, path, "{}", 404)
			p := problem.Parse(a.body)
			if p == nil {
				t.Fatalf("%s: no problem document: %s", path, a.body)
			}
			p.CID = ""
			answers = append(answers, strings.ReplaceAll(string(p.JSON()), tenant, "T"))
		}
		if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
			t.Errorf("%s %s tells tenants apart: %s", r.method, r.path, diff)
		}
	}
}

func TestTenantsTokenIsNoOperators(t *testing.T) {
	f := newFixture(t)
	mine := f.tenant("mine")
	f.tenant("other")
	f.do(mine, "POST", "/v1/tenants", `{"tenant":"more"}`, 403)
	f.do(mine, "PATCH", "/v1/tenants/mine", `{"quota":{"memory":"4GiB"}}`, 403)
	f.do(mine, "DELETE", "/v1/tenants/mine", "", 403)
	f.do(mine, "POST", "/v1/tenants/mine/token", "", 403)
	if a := f.do(mine, "GET", "/v1/tenants", "", 200); strings.Contains(string(a.body), "other") {
		t.Errorf("a tenant sees others: %s", a.body)
	}
}
