package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/gateway"
	"github.com/seraihost/serai/host/problem"
)

// invoker is a host.Invoker out of a function.
type invoker func(context.Context, *host.Call) (*host.Reply, error)

func (f invoker) Invoke(ctx context.Context, c *host.Call) (*host.Reply, error) { return f(ctx, c) }

// echo answers with what the service got, as JSON: the envelope as a list of
// "name=value" and the body.
func echo(_ context.Context, c *host.Call) (*host.Reply, error) {
	type seen struct {
		Tenant, Service, CID, Channel string
		Fields                        []string
		Body                          string
	}
	s := seen{Tenant: c.Tenant, Service: c.Service, CID: c.CID, Channel: c.Channel, Body: string(c.Body)}
	for _, f := range c.Envelope {
		s.Fields = append(s.Fields, f.Name+"="+f.Value)
	}
	body, err := json.Marshal(s)
	return &host.Reply{Status: 200, Headers: []abi.Field{{Name: "content-type", Value: "application/json"}}, Body: body}, err
}

// ok answers "ok".
func ok(context.Context, *host.Call) (*host.Reply, error) {
	return &host.Reply{Status: 200, Body: []byte("ok")}, nil
}

func bind(route ...host.Route) []gateway.Binding {
	var out []gateway.Binding
	for _, r := range route {
		out = append(out, gateway.Binding{Tenant: "t", Service: "s", Route: r})
	}
	return out
}

var anything = bind(host.Route{Path: "/{all...}"})

// start serves on a free port until the test ends.
func start(t testing.TB, config gateway.Config, bindings []gateway.Binding, auth gateway.Authenticator) (*gateway.Gateway, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(config)
	if err := g.SetBindings(bindings, auth); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return g, ln.Addr().String()
}

// raw sends bytes over a new connection and returns the responses until the
// server closes, or as many as want.
func raw(t testing.TB, addr, request string, want int) []*http.Response {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return responses(t, c, want)
}

func responses(t testing.TB, c net.Conn, want int) []*http.Response {
	t.Helper()
	var out []*http.Response
	br := bufio.NewReader(c)
	for len(out) < want {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("reading response %d: %v", len(out), err)
			}
			break
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("reading body of response %d: %v", len(out), err)
		}
		resp.Body.Close()
		resp.Body = io.NopCloser(strings.NewReader(string(body)))
		out = append(out, resp)
	}
	return out
}

func read(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wantProblem checks that the response is a problem document of the status.
func wantProblem(t testing.TB, resp *http.Response, status int) *problem.Problem {
	t.Helper()
	body := read(t, resp)
	p := problem.Parse([]byte(body))
	if resp.StatusCode != status || resp.Header.Get("Content-Type") != problem.ContentType || p == nil || p.Status != status {
		t.Fatalf("status %d, %s %q; want a problem document with %d", resp.StatusCode, resp.Header.Get("Content-Type"), body, status)
	}
	if p.CID != resp.Header.Get("X-Request-Id") || p.CID == "" {
		t.Errorf("cid %q, X-Request-Id %q", p.CID, resp.Header.Get("X-Request-Id"))
	}
	return p
}

func TestCall(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(echo)}, bind(
		host.Route{Method: "POST", Path: "/user/{id}/{rest...}"}), nil)
	resp := raw(t, addr, "POST /user/J%C3%B6rg%2F1/a%20b/c?q=1&q=a+b%21&empty&%E4=x&=y&z=%zz HTTP/1.1\r\n"+
		"Host: API.Example:8080\r\nX-Request-Id: my-id.1\r\nX-Two: one\r\nx-two: two\r\nContent-Type: text/plain\r\n"+
		"Connection: close, X-Hop\r\nX-Hop: gone\r\nTE: trailers\r\nProxy: evil\r\nAuthorization: Bearer x\r\nContent-Length: 4\r\n\r\nbody", 1)[0]
	if resp.StatusCode != 200 || resp.Header.Get("X-Request-Id") != "my-id.1" || resp.Header.Get("Server") != "" {
		t.Errorf("status %d, headers %v", resp.StatusCode, resp.Header)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(read(t, resp)), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"Tenant": "t", "Service": "s", "CID": "my-id.1", "Channel": "http", "Body": "body",
		"Fields": []any{
			"method=POST", "path=/user/Jörg%2F1/a b/c", "route=POST /user/{id}/{rest...}", "host=api.example",
			"raw-query=q=1&q=a+b%21&empty&%E4=x&=y&z=%zz", "remote-addr=127.0.0.1",
			"param.id=Jörg/1", "param.rest=a b/c",
			"header.host=API.Example:8080", "header.x-request-id=my-id.1", "header.x-two=one", "header.x-two=two",
			"header.content-type=text/plain", "header.authorization=Bearer x", "header.content-length=4",
			"query.q=1", "query.q=a b!", "query.empty=", "query.z=%zz",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the service got (-want +got):\n%s", diff)
	}
}

func TestEnvelopeIsDecodable(t *testing.T) {
	var failed error
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		_, failed = abi.Decode(c.Envelope.Append(nil))
		return &host.Reply{}, nil
	})}, anything, nil)
	raw(t, addr, "GET /a%ff/%01?a%01=b&c=%00 HTTP/1.1\r\nHost: h\r\nX: \xff\tz\r\n\r\n", 1)
	if failed != nil {
		t.Error(failed)
	}
}

func TestReplies(t *testing.T) {
	header := func(name, value string) []abi.Field { return []abi.Field{{Name: name, Value: value}} }
	tests := map[string]struct {
		reply  *host.Reply
		status int
		header http.Header // besides Date, X-Request-Id and Content-Length
		body   string
	}{
		"default":      {&host.Reply{Body: []byte("x")}, 200, http.Header{"Content-Type": {"application/octet-stream"}}, "x"},
		"empty":        {&host.Reply{Status: 201}, 201, http.Header{}, ""},
		"no content":   {&host.Reply{Status: 204, Body: []byte("x")}, 204, http.Header{}, ""},
		"error status": {&host.Reply{Status: 418, Headers: header("content-type", "text/plain"), Body: []byte("tea")}, 418, http.Header{"Content-Type": {"text/plain"}}, "tea"},
		"cookies": {
			&host.Reply{Headers: []abi.Field{{Name: "set-cookie", Value: "a=1"}, {Name: "set-cookie", Value: "a=2; Path=/"}}}, 200,
			http.Header{"Set-Cookie": {"a=1", "a=2; Path=/"}},
			"",
		},
		"hop by hop": {&host.Reply{Headers: []abi.Field{
			{Name: "connection", Value: "close"},
			{Name: "Transfer-Encoding", Value: "chunked"},
			{Name: "content-length", Value: "999"},
			{Name: "server", Value: "x"},
			{Name: "date", Value: "x"},
			{Name: "x-request-id", Value: "x"},
			{Name: "upgrade", Value: "x"},
			{Name: "keep-alive", Value: "x"},
			{Name: "trailer", Value: "x-y"},
			{Name: "x-y", Value: "kept"},
		}, Body: []byte("b")}, 200, http.Header{"X-Y": {"kept"}, "Content-Type": {"application/octet-stream"}}, "b"},
		"repeated": {
			&host.Reply{Headers: []abi.Field{{Name: "x-a", Value: "1"}, {Name: "x-a", Value: "2"}, {Name: "www-authenticate", Value: "Custom"}}}, 200,
			http.Header{"X-A": {"1", "2"}, "Www-Authenticate": {"Custom"}},
			"",
		},
		"status too low":     {&host.Reply{Status: 101}, 500, nil, ""},
		"status too high":    {&host.Reply{Status: 600}, 500, nil, ""},
		"status negative":    {&host.Reply{Status: -1}, 500, nil, ""},
		"injected value":     {&host.Reply{Headers: header("x-a", "1\r\nx-evil: 2")}, 500, nil, ""},
		"injected LF":        {&host.Reply{Headers: header("x-a", "1\nx-evil: 2")}, 500, nil, ""},
		"NUL":                {&host.Reply{Headers: header("x-a", "\x00")}, 500, nil, ""},
		"injected name":      {&host.Reply{Headers: header("x-a: 1\r\nx-evil", "2")}, 500, nil, ""},
		"empty name":         {&host.Reply{Headers: header("", "2")}, 500, nil, ""},
		"bad after good":     {&host.Reply{Headers: []abi.Field{{Name: "x-a", Value: "1"}, {Name: "x b", Value: ""}}}, 500, nil, ""},
		"too much":           {&host.Reply{Headers: header("x-a", strings.Repeat("a", 100<<10))}, 500, nil, ""},
		"no reply, no error": {nil, 500, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, addr := start(t, gateway.Config{Invoker: invoker(func(context.Context, *host.Call) (*host.Reply, error) { return tt.reply, nil })}, anything, nil)
			// The second request shows that the first left the connection in order.
			all := raw(t, addr, strings.Repeat("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 2), 2)
			if len(all) != 2 {
				t.Fatalf("%d responses", len(all))
			}
			for _, resp := range all {
				if tt.header == nil {
					wantProblem(t, resp, tt.status)
					if resp.Header.Get("X-Evil") != "" || resp.Header.Get("X-A") != "" {
						t.Errorf("headers %v", resp.Header)
					}
					continue
				}
				for _, h := range []string{"Date", "X-Request-Id", "Content-Length"} {
					resp.Header.Del(h)
				}
				if diff := cmp.Diff(tt.header, resp.Header); diff != "" || resp.StatusCode != tt.status {
					t.Errorf("status %d, headers (-want +got):\n%s", resp.StatusCode, diff)
				}
				if got := read(t, resp); got != tt.body {
					t.Errorf("body %q", got)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		detail string
		retry  string
	}{
		"failed": {
			&host.Error{Code: abi.Failed, Message: "ValueError: secret", Detail: &host.GuestFailure{Traceback: "File secret"}}, 500,
			"the service failed; its log has the detail under the request id", "",
		},
		"uncoded":     {errors.New("secret"), 500, "internal error; the host's log has the detail under the request id", ""},
		"internal":    {host.Errorf(abi.Internal, "secret: %w", errors.New("secret")), 500, "internal error; the host's log has the detail under the request id", ""},
		"busy":        {&host.Error{Code: abi.Unavailable, Message: "the host is busy", RetryAfter: 3 * time.Second}, 503, "the host is busy", "3"},
		"too large":   {host.Errorf(abi.TooLarge, "the body is over 4MiB"), 413, "the body is over 4MiB", ""},
		"deadline":    {context.DeadlineExceeded, 504, "the deadline passed", ""},
		"a limit":     {host.Errorf(abi.Limit, "memory is used up"), 500, "memory is used up", ""},
		"remote":      {host.Errorf(abi.Remote, "the CRM answered 500"), 502, "the CRM answered 500", ""},
		"unsupported": {host.Errorf(abi.Unsupported, "no"), 501, "no", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, addr := start(t, gateway.Config{Invoker: invoker(func(context.Context, *host.Call) (*host.Reply, error) { return nil, tt.err })}, anything, nil)
			resp := raw(t, addr, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1)[0]
			p := wantProblem(t, resp, tt.status)
			if p.Detail != tt.detail || resp.Header.Get("Retry-After") != tt.retry || p.Failure != nil {
				t.Errorf("%+v, Retry-After %q", p, resp.Header.Get("Retry-After"))
			}
		})
	}
}

func TestPanicIsAnswered(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(func(context.Context, *host.Call) (*host.Reply, error) { panic("secret") })}, anything, nil)
	wantProblem(t, raw(t, addr, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1)[0], 500)
}

func TestNoBindings(t *testing.T) {
	g := gateway.New(gateway.Config{Invoker: invoker(ok)})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(ln) }()
	wantProblem(t, raw(t, ln.Addr().String(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1)[0], 404)
	if err := g.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := g.Serve(ln); !errors.Is(err, gateway.ErrClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

func TestRouting(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(ok)}, bind(host.Route{Method: "GET", Path: "/a"}, host.Route{Host: "x.example", Path: "/x"},
		host.Route{Method: "PROPFIND", Path: "/dav"}), nil)
	resp := raw(t, addr, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", 1)[0]
	if wantProblem(t, resp, 405); resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow %q", resp.Header.Get("Allow"))
	}
	wantProblem(t, raw(t, addr, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n", 1)[0], 404)
	wantProblem(t, raw(t, addr, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", 1)[0], 404)
	wantProblem(t, raw(t, addr, "BREW /a HTTP/1.1\r\nHost: h\r\n\r\n", 1)[0], 405)
	for _, request := range []string{
		"PROPFIND /dav HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /x HTTP/1.1\r\nHost: X.Example.:99\r\n\r\n",
		"GET http://x.example/x HTTP/1.1\r\nHost: other\r\n\r\n",
		"GET /a HTTP/1.0\r\n\r\n",
		"GET /a?b?c HTTP/1.1\r\nHost:\r\n\r\n",
	} {
		if resp := raw(t, addr, request, 1)[0]; resp.StatusCode != 200 {
			t.Errorf("%q: status %d", request, resp.StatusCode)
		}
	}
}

func TestSetBindingsKeepsTheGood(t *testing.T) {
	g, addr := start(t, gateway.Config{Invoker: invoker(ok)}, nil, nil)
	if err := g.SetBindings(bind(host.Route{Path: "bad"}, host.Route{Path: "/good/{x}"}), nil); err == nil {
		t.Error("no error")
	}
	if resp := raw(t, addr, "GET /good/1 HTTP/1.1\r\nHost: h\r\n\r\n", 1)[0]; resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
}
