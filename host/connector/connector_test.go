package connector

import (
	"context"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

func TestGrants(t *testing.T) {
	narrow := func(p ...string) *[]string { return &p }
	for _, c := range []struct {
		name   string
		grants host.Grants
		check  func(Scope) error
		want   abi.Code
	}{
		{"no connection by default", host.Grants{}, func(s Scope) error { return s.CheckConnection("CRM") }, abi.Denied},
		{"a granted connection", host.Grants{Connections: []string{"CRM"}}, func(s Scope) error { return s.CheckConnection("CRM") }, abi.OK},
		{"another one", host.Grants{Connections: []string{"CRM"}}, func(s Scope) error { return s.CheckConnection("CRM2") }, abi.Denied},
		{"a pattern", host.Grants{Connections: []string{"CRM*"}}, func(s Scope) error { return s.CheckConnection("CRM2") }, abi.OK},
		{"own services by default", host.Grants{}, func(s Scope) error { return s.CheckService("a") }, abi.OK},
		{"a granted service", host.Grants{Services: narrow("api.*")}, func(s Scope) error { return s.CheckService("api.a") }, abi.OK},
		{"another service", host.Grants{Services: narrow("api.*")}, func(s Scope) error { return s.CheckService("other") }, abi.Denied},
		{"an empty list is the whole permission", host.Grants{Keys: narrow()}, func(s Scope) error { return s.CheckKey("k") }, abi.Denied},
		{"own configuration by default", host.Grants{Keys: narrow()}, func(s Scope) error { return s.CheckConfig("k") }, abi.OK},
		{"narrowed configuration", host.Grants{Config: narrow("a")}, func(s Scope) error { return s.CheckConfig("ab") }, abi.Denied},
	} {
		if err := c.check(Scope{Service: "s", Grants: c.grants}); host.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestRegistry(t *testing.T) {
	do := func(context.Context, *Request) (*Result, error) { return &Result{Body: []byte("done")}, nil }
	r := NewRegistry(Op{Name: "b.x", Do: do}, Op{Name: "a.x", Do: do})
	ask := func(name string) (*Result, error) {
		return r.Do(t.Context(), &Request{Envelope: abi.Envelope{{Name: abi.FieldOp, Value: name}}})
	}
	if res, err := ask("a.x"); err != nil || string(res.Body) != "done" {
		t.Errorf("a.x: %v, %v", res, err)
	}
	if _, err := ask("c.x"); host.CodeOf(err) != abi.Unsupported {
		t.Errorf("an unknown operation: %v", err)
	}
	if ops := r.Ops(); len(ops) != 2 || ops[0].Name != "a.x" {
		t.Errorf("Ops: %v", ops)
	}
	defer func() {
		if recover() == nil {
			t.Error("an operation was registered twice")
		}
	}()
	NewRegistry(Op{Name: "a", Do: do}, Op{Name: "a", Do: do})
}
