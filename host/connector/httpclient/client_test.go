package httpclient

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
}

func TestAddresses(t *testing.T) {
	r := newRig(t)
	r.serve("/v1/{user}/x", `,"query":{"fixed":"${secret:K}"}`, echo)
	for _, c := range []struct {
		want   string
		fields []string
	}{
		{"/v1/me/x", []string{"param.user", "me"}},
		{"/v1/a%2Fb%3Fc=d%23e%20f%25/x", []string{"param.user", "a/b?c=d#e f%"}},
		{"/v1/%0D%0AX:%20y/x", []string{"param.user", "\r\nX: y"}},
		{"/v1/.../x", []string{"param.user", "..."}},
		{"/v1/%FF%C3%A9/x", []string{"param.user", "\xffé"}},
		{"/v1/{user}/x", []string{"param.user", "{user}"}}, // not filled again; see below
		{"/v1/me/x/more/", []string{"param.user", "me", "path", "/more/"}},
		{"/v1/me/x/m/7", []string{"param.user", "me", "param.id", "7", "path", "m/{id}"}},
		{"/v1/me/x/%7B", []string{"param.user", "me", "param.id", "{", "path", "{id}"}},
		{"/v1/me/x/a%20b%2Fc", []string{"param.user", "me", "path", "a b%2Fc"}},
	} {
		want := strings.ReplaceAll(c.want, "{user}", "%7Buser%7D")
		r.ok("200", "GET "+want+"?fixed=k%26y ", c.fields...)
	}
	r.ok("200", "GET /v1/me/x?fixed=k%26y&q=1&q=2&UserName=J+D%26 ",
		"param.user", "me", "param.UserName", "J D&", "query.q", "1", "query.q", "2", "query.fixed", "no", "param.fixed", "no")
	for _, c := range []struct {
		field  string
		fields []string
	}{
		{"param.user", nil},
		{"param.user", []string{"param.user", ""}},
		{"path", []string{"param.user", ".."}},
		{"path", []string{"param.user", "."}},
		{"path", []string{"param.user", "../../admin"}},
		{"path", []string{"param.user", `..\admin`}},
		{"path", []string{"param.user", "..;a=b"}},
		{"path", []string{"param.user", "me", "path", "../admin"}},
		{"path", []string{"param.user", "me", "path", "a/%2e%2E/b"}},
		{"path", []string{"param.user", "me", "path", "a%2f..%5cb"}},
		{"path", []string{"param.user", "me", "path", "a%zz"}},
		{"path", []string{"param.user", "me", "path", "a?b=c"}},
		{"path", []string{"param.user", "me", "path", "a#b"}},
		{"path", []string{"param.user", "me", "path", "{a"}},
		{"path", []string{"param.user", "me", "param.a", ".", "path", "{a}{a}"}},
		{"param.zz", []string{"param.user", "me", "path", "{zz}"}},
		{"method", []string{"param.user", "me", "method", "CONNECT"}},
		{"method", []string{"param.user", "me", "method", "GET /x HTTP/1.1\r\n"}},
		{"timeout", []string{"param.user", "me", "timeout", "0"}},
		{"timeout", []string{"param.user", "me", "timeout", "soon"}},
		{"header.a b", []string{"param.user", "me", "header.a b", "c"}},
		{"header.a", []string{"param.user", "me", "header.a", "b\r\nc: d"}},
	} {
		_, err := r.do(t.Context(), "", c.fields...)
		refused(t, err, abi.Invalid, c.field)
	}
	_, err := r.do(t.Context(), "", "param.user", "me", "query.q", strings.Repeat("x", maxURLBytes))
	refused(t, err, abi.TooLarge, "")
}

func TestBaseWithoutPath(t *testing.T) {
	r := newRig(t)
	for _, base := range []string{"", "/"} {
		r.serve(base, "", echo)
		r.client.Invalidate()
		r.ok("200", "GET / ")
		r.ok("200", "GET /get-user?UserName=x ", "path", "/get-user", "param.UserName", "x")
		r.ok("200", "GET /a ", "path", "a")
	}
	res, err := r.do(t.Context(), "some body", "method", "post", "header.content-type", "text/plain")
	if err != nil || string(res.Body) != "POST / some body" {
		t.Errorf("post = %v, %v", res, err)
	}
}

func TestHeaders(t *testing.T) {
	r := newRig(t)
	srv := r.serve("", `,"headers":{"X-Fixed":"f ${secret:K}"},"auth":{"type":"basic","username":"u","password":"${secret:P}"}`,
		func(w http.ResponseWriter, r *http.Request) {
			u, p, _ := r.BasicAuth()
			fmt.Fprint(w, u, "|", p, "|", r.Host, "|", r.Header["X-Fixed"], r.Header["X-Mine"], r.Header["X-Request-Id"], r.Header["Te"], r.Header["Connection"], r.Header["User-Agent"])
			w.Header()["Set-Cookie"] = []string{"a=b", "c=d"}
		})
	fields := []string{
		"header.authorization", "Bearer mine", "header.host", "evil", "header.x-fixed", "mine", "header.x-mine", "1",
		"header.X-Mine", "2", "header.connection", "close", "header.te", "trailers", "header.content-length", "99", "header.transfer-encoding", "chunked",
	}
	r.ok("200", "u|open sesame|"+strings.TrimPrefix(srv.URL, "http://")+"|[f k&y] [1 2] [cid-1] [] [] [serai/1]", fields...)

	for config, want := range map[string]string{
		`,"auth":{"type":"bearer","token":"${secret:P}"}`:                                "Bearer open sesame",
		`,"auth":{"type":"header","header":"authorization","value":"Token ${secret:P}"}`: "Token open sesame",
		``: "guest's own",
	} {
		r.serve("", config, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("Authorization")) })
		r.client.Invalidate()
		r.ok("200", want, "header.authorization", "guest's own", "header.user-agent", "mine")
	}
}

func TestReply(t *testing.T) {
	r := newRig(t)
	r.serve("", "", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Set-Cookie"] = []string{"a=b", "c=d"}
		h.Set("Content-Type", "application/json")
		h.Set("Connection", "close")
		h["Date"] = nil
		w.WriteHeader(http.StatusTeapot)
		if r.Method != http.MethodHead {
			fmt.Fprint(w, `{}`)
		}
	})
	res := r.ok("418", "{}")
	want := abi.Envelope{
		{Name: "status", Value: "418"},
		{Name: "header.content-length", Value: "2"},
		{Name: "header.content-type", Value: "application/json"},
		{Name: "header.set-cookie", Value: "a=b"},
		{Name: "header.set-cookie", Value: "c=d"},
	}
	if diff := cmp.Diff(want, res.Envelope); diff != "" {
		t.Error(diff)
	}
	r.ok("418", "", "method", "HEAD")
	if enc := res.Envelope.Append(nil); len(enc) == 0 {
		t.Error("the reply's envelope does not encode")
	}
}

func TestGrantsAndConfiguration(t *testing.T) {
	r := newRig(t)
	r.serve("", "", echo)
	op := r.client.Ops()[0]
	request := func(tenant string, name string, grants ...string) error {
		_, err := op.Do(t.Context(), &connector.Request{
			Scope:    connector.Scope{Tenant: tenant, Grants: host.Grants{Connections: grants}},
			Envelope: abi.Envelope{{Name: abi.FieldConnection, Value: name}},
		})
		return err
	}
	if err := request("a", "S", "S"); err != nil {
		t.Error(err)
	}
	refused(t, request("a", "S"), abi.Denied, "")
	refused(t, request("a", "S", "T"), abi.Denied, "")
	refused(t, request("a", "T", "*"), abi.NotFound, "")
	refused(t, request("b", "S", "*"), abi.NotFound, "")

	r.source.put("S", `{"base_url":"nonsense"}`)
	r.client.Invalidate()
	refused(t, request("a", "S", "S"), abi.Invalid, "config.base_url")
	r.source.put("S", `{"base_url":"http://crm","headers":{"x":"${secret:missing}"}}`)
	r.client.Invalidate()
	refused(t, request("a", "S", "S"), abi.NotFound, "")
	r.source.secrets["a/missing"] = "open sesame\r\nX: y"
	refused(t, request("a", "S", "S"), abi.Invalid, `config.headers["x"]`)
	r.source.put("S", `{"base_url":"http://crm"}`, "nonsense")
	r.client.Invalidate()
	refused(t, request("a", "S", "S"), abi.Invalid, "allow_networks[0]")
	c := r.source.connections["a/S"]
	c.Type = "amqp"
	r.source.connections["a/S"] = c
	r.client.Invalidate()
	refused(t, request("a", "S", "S"), abi.Invalid, "connection")
}

// TestReuse sees that calls share sockets and do not ask the source, that a
// change elsewhere keeps the sockets, and that a change of the connection or
// its secrets is used by the very next call.
func TestReuse(t *testing.T) {
	r := newRig(t)
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("X-A"))
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	r.connect(srv.URL, `,"headers":{"X-A":"${secret:K}"}`)
	for range 20 {
		r.ok("200", "k&y")
	}
	r.client.Invalidate()
	r.ok("200", "k&y")
	r.source.secrets["a/K"] = "new"
	r.client.Invalidate()
	r.ok("200", "new")
	if opened.Load() != 2 || r.source.reads != 3 {
		t.Errorf("opened %d sockets, read the connection %d times; want 2 and 3", opened.Load(), r.source.reads)
	}
	r.connect(srv.URL, `,"headers":{"X-A":"plain"}`)
	r.client.Invalidate()
	r.ok("200", "plain")
	if opened.Load() != 3 {
		t.Errorf("opened %d sockets after a change, want 3", opened.Load())
	}
	delete(r.source.connections, "a/S")
	r.client.Invalidate()
	_, err := r.do(t.Context(), "")
	refused(t, err, abi.NotFound, "")
}

func TestCallersThatGoAway(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.serve("", "", echo)
	_, err := r.do(ctx, "")
	refused(t, err, abi.Cancelled, "")
}
