package httpclient

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

func TestSimilarNames(t *testing.T) {
	r := newRig(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.WriteString(w, q.Header.Get("X-Conn"))
	}))
	defer srv.Close()
	for _, name := range []string{"My CRM", "my-erp", "MY.ERP", "billing", "Billing"} {
		r.source.put(name, `{"base_url":"`+srv.URL+`","headers":{"X-Conn":"`+name+`"}}`, loopback)
	}
	do := func(name, similar string, grants ...string) (string, error) {
		res, err := r.client.Ops()[0].Do(t.Context(), &connector.Request{
			Scope: connector.Scope{Tenant: "a", Service: "svc", Grants: host.Grants{Connections: grants}},
			Envelope: abi.Envelope{
				{Name: abi.FieldConnection, Value: name}, {Name: abi.FieldSimilar, Value: similar},
			},
		})
		if err != nil {
			return "", err
		}
		return string(res.Body), nil
	}
	for _, c := range []struct {
		name, want string
		grants     []string
	}{
		{"my_crm", "My CRM", []string{"My CRM"}},
		{"my_crm", "My CRM", []string{"*"}},
		{"mycrm", "My CRM", []string{"My*", "billing"}},
		{"billing", "billing", []string{"*"}},
		{"Billing", "Billing", []string{"billing", "Billing"}},
		{"BILLING", "Billing", []string{"Billing"}},
		{"my_erp", "my-erp", []string{"my-erp", "billing"}},
	} {
		if got, err := do(c.name, "1", c.grants...); err != nil || got != c.want {
			t.Errorf("%s with %q leads to %q, %v; want %q", c.name, c.grants, got, err, c.want)
		}
	}
	for _, c := range []struct {
		name, similar, field string
		code                 abi.Code
		grants               []string
	}{
		{"my_erp", "1", "connection", abi.Invalid, []string{"my-erp", "MY.ERP"}},
		{"my_crm", "1", "", abi.Denied, []string{"billing"}},
		{"my_crm", "1", "", abi.Denied, nil},
		{"nothing", "1", "", abi.NotFound, []string{"*"}},
		{"", "1", "", abi.Denied, []string{"billing"}},
		{"my_crm", "", "", abi.Denied, []string{"My CRM"}},
		{"my_crm", "0", "", abi.NotFound, []string{"*"}},
	} {
		_, err := do(c.name, c.similar, c.grants...)
		refused(t, err, c.code, c.field)
	}
}
