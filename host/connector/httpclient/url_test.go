package httpclient

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Connections makes source a [Lister].
func (s *source) Connections(_ context.Context, tenant string) ([]host.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []host.Connection
	for _, c := range s.connections {
		if c.Tenant == tenant {
			all = append(all, c)
		}
	}
	return all, nil
}

func (r *rig) byURL(url string, grants ...string) (*connector.Result, error) {
	return r.client.Ops()[0].Do(r.t.Context(), &connector.Request{
		Scope:    connector.Scope{Tenant: "a", Service: "svc", CID: "cid-1", Grants: host.Grants{Connections: grants}},
		Envelope: abi.Envelope{{Name: abi.FieldOp, Value: abi.OpHTTPRequest}, {Name: abi.FieldURL, Value: url}},
	})
}

func TestURL(t *testing.T) {
	r := newRig(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.WriteString(w, q.Header.Get("X-Conn")+" "+q.RequestURI)
	}))
	defer srv.Close()
	add := func(name, base, more string) {
		r.source.put(name, `{"base_url":"`+base+`","headers":{"X-Conn":"`+name+`"}`+more+`}`, loopback)
	}
	add("root", srv.URL, "")
	add("v1", srv.URL+"/api/v1", `,"query":{"key":"${secret:K}"}`)
	add("slash", srv.URL+"/files/", "")
	add("shape", srv.URL+"/t/{tenant}/x", "")
	r.source.put("broken", `{"base_url":`)

	tests := []struct {
		path, want string
		grants     []string
	}{
		{"/", "root /", []string{"root"}},
		{"", "root /", []string{"*"}},
		{"/api/v1/user?b=2&a=1%202&flag#part", "v1 /api/v1/user?key=k%26y&b=2&a=1+2&flag", []string{"root", "v1"}},
		{"/api/v1?key=mine&other=", "v1 /api/v1?key=k%26y&other=", []string{"v1", "root"}},
		{"/api/v1/", "v1 /api/v1/?key=k%26y", []string{"v*"}},
		{"/api/v10/user", "root /api/v10/user", []string{"*"}},
		{"/files", "slash /files", []string{"slash"}},
		{"/files/a%2Fb/", "slash /files/a%2Fb/", []string{"slash", "broken"}},
		{"/t/7/x/y", "shape /t/7/x/y", []string{"sh*", "missing"}},
	}
	for _, c := range tests {
		res, err := r.byURL(srv.URL+c.path, c.grants...)
		if err != nil {
			t.Errorf("%q with %q: %v", c.path, c.grants, err)
			continue
		}
		if string(res.Body) != c.want {
			t.Errorf("%q with %q: %q, want %q", c.path, c.grants, res.Body, c.want)
		}
	}
}

func TestURLRefused(t *testing.T) {
	r := newRig(t)
	r.source.put("api", `{"base_url":"https://api.example.com/v1"}`)
	r.source.put("shape", `{"base_url":"https://shape.example.com/{t}/x"}`)
	r.source.put("broken", `{"base_url":`)
	tests := []struct {
		url    string
		code   abi.Code
		field  string
		grants []string
	}{
		{"https://api.example.com/v1/user", abi.Denied, "", nil},
		{"https://api.example.com/v1/user", abi.Denied, "", []string{"shape", "missing"}},
		{"http://api.example.com/v1/user", abi.Denied, "", []string{"a*"}},
		{"https://api.example.com:8443/v1/user", abi.Denied, "", []string{"api"}},
		{"https://api.example.com.evil.test/v1", abi.Denied, "", []string{"api"}},
		{"https://api.example.com/v", abi.Denied, "", []string{"api"}},
		{"https://api.example.com/v12", abi.Denied, "", []string{"api"}},
		{"https://api.example.com/", abi.Denied, "", []string{"api"}},
		{"https://api.example.com", abi.Denied, "", []string{"api"}},
		{"https://shape.example.com//x", abi.Denied, "", []string{"shape"}},
		{"https://api.example.com/v1/../admin", abi.Invalid, abi.FieldURL, []string{"api"}},
		{"https://api.example.com/v1/%2e%2e/admin", abi.Invalid, abi.FieldURL, []string{"api"}},
		{"https://u:sesame@api.example.com/v1", abi.Invalid, abi.FieldURL, []string{"api"}},
		{"https://api.example.com/v1?a=%zz", abi.Invalid, abi.FieldURL, []string{"api"}},
		{"ftp://api.example.com/v1", abi.Invalid, abi.FieldURL, []string{"api"}},
		{"//api.example.com/v1", abi.Invalid, abi.FieldURL, []string{"api"}},
		{"/v1", abi.Invalid, abi.FieldURL, []string{"api"}},
		{"", abi.Invalid, abi.FieldURL, []string{"api"}},
		{"https://\x7f", abi.Invalid, abi.FieldURL, []string{"api"}},
		{"https://other.example.com/", abi.Invalid, "config", []string{"broken"}},
	}
	for _, c := range tests {
		_, err := r.byURL(c.url, c.grants...)
		if err == nil {
			t.Errorf("%q with %q passes", c.url, c.grants)
			continue
		}
		refused(t, err, c.code, c.field)
	}
	for _, field := range []string{abi.FieldConnection, abi.FieldPath, "query.a", "param.a"} {
		_, err := r.client.Ops()[0].Do(t.Context(), &connector.Request{
			Envelope: abi.Envelope{{Name: abi.FieldURL, Value: "https://api.example.com/v1"}, {Name: field, Value: "api"}},
		})
		refused(t, err, abi.Invalid, abi.FieldURL)
	}
}

// FuzzURL feeds addresses that guests build: one that a connection covers
// leads below its base address, whatever the server makes of it.
func FuzzURL(f *testing.F) {
	for _, s := range []string{
		"https://api.example.com/v1/user?a=1&b", "https://api.example.com/v1/%2e%2e/x", "https://API.example.com:443/v1/",
		"https://api.example.com/v1/..;/x", "https://[::1]/v1", "https://api.example.com/v1#f", "https://a@api.example.com/v1",
		"https://api.example.com/v1/a%2f..%5c..", "https:///v1", "https://api.example.com\\@evil/v1",
	} {
		f.Add(s)
	}
	c, err := opened([]byte(`{"base_url":"https://api.example.com/v1"}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var out outgoing
		if c.absolute(&out, request{URL: &text}) != nil {
			return
		}
		u, err := url.Parse(out.url.String())
		if err != nil || u.Scheme != "https" || u.Host != "api.example.com" || u.User != nil ||
			u.Path != "/v1" && !strings.HasPrefix(u.Path, "/v1/") {
			t.Errorf("%q leads to %q, %v", text, out.url, err)
		}
	})
}
