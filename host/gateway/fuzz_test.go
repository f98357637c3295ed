package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{
		"Host: h\r\nX-Two: 1\r\nx-two: 2\r\n\r\n",
		"Host: a\nHost: b\n\n",
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
		"Connection: X-A, close\r\nX-A: 1\r\nTE: x\r\n",
		"X: y\r\n z\r\n", ": x\r\n", "X\r\n", "X: \x00\r\n", "X:\t y \t\r\n",
		"Authorization: Basic YTpi\r\nX-Request-Id: a b\r\n",
	} {
		f.Add([]byte(s))
	}
	var h headers // reused, as by the gateway
	f.Fuzz(func(t *testing.T, raw []byte) {
		given := string(raw)
		if r := h.parse(raw); r != nil {
			if r.status < 400 || r.detail == "" {
				t.Fatalf("refusal %+v", r)
			}
			return
		}
		if string(raw) != given {
			t.Fatal("parse changed its input")
		}
		for i := range raw {
			raw[i] = 'x' // what was parsed must not share the input's memory
		}
		e := abi.Envelope(h.fields)
		back, err := abi.Decode(e.Append(nil))
		if err != nil && e.Size() <= abi.MaxEnvelopeSize {
			t.Fatal(err)
		}
		for i, f := range back {
			if f != h.fields[i] || f.Name != strings.ToLower(f.Name) || strings.ContainsAny(f.Value, "\r\n\x00") || !strings.Contains(given, f.Value) {
				t.Fatalf("field %q = %q", f.Name, f.Value)
			}
			switch f.Name {
			case "header.connection", "header.transfer-encoding", "header.te", "header.proxy", "header.upgrade":
				t.Fatalf("%s was let through", f.Name)
			}
		}
		if h.chunked && h.length >= 0 || !saneCID(h.cid) && h.cid != "" {
			t.Fatalf("chunked with length %d, cid %q", h.length, h.cid)
		}
	})
}

func FuzzTarget(f *testing.F) {
	for _, s := range []string{"/", "/a?b=c&d=%20+e", "*", "http://h:1/x?y", "http://u@h/", "//a", "/a b", "/%", "https://h?x=%zz", "http://", "/?&&=&a=b=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, r := parseTarget(s)
		if r != nil {
			return
		}
		if s != "" && s[0] == '/' {
			path, query, _ := strings.Cut(s, "?")
			if parsed.path != path || parsed.query != query || parsed.authority != "" {
				t.Fatalf("%+v", parsed)
			}
		}
		e, r := appendQuery(nil, parsed.query)
		if r != nil {
			return
		}
		if _, err := abi.Decode(e.Append(nil)); err != nil && e.Size() <= abi.MaxEnvelopeSize {
			t.Fatal(err)
		}
		want, err := url.ParseQuery(parsed.query)
		if err != nil || !utf8.ValidString(s) {
			return // net/url is stricter
		}
		at := map[string]int{}
		for _, f := range e {
			name := f.Name[len(abi.PrefixQuery):]
			if values := want[name]; at[name] >= len(values) || values[at[name]] != f.Value {
				t.Fatalf("%s = %q; net/url has %q", name, f.Value, values)
			}
			at[name]++
		}
	})
}

// FuzzConnection sends bytes to a gateway and half-closes the connection. A
// panic in fasthttp's reader, which no handler could recover from, would end
// the host.
func FuzzConnection(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b: c\r\n\td\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\nX: y\r\n z\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 9\r\n\r\n--x\r\n\r\n--x",
		"HEAD http://h/?a=b HTTP/1.0\r\nConnection: keep-alive\r\nCookie: a=b; c\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
	} {
		f.Add([]byte(s))
	}
	ln, err := net.Listen("unix", filepath.Join(f.TempDir(), "s"))
	if err != nil {
		f.Skip(err)
	}
	g := New(Config{Invoker: fuzzInvoker{}, HeaderTimeout: time.Second, BodyTimeout: time.Second})
	if err := g.SetBindings([]Binding{{Tenant: "t", Service: "s", Route: host.Route{Path: "/{all...}"}}}, nil); err != nil {
		f.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(ln) }()
	f.Cleanup(func() {
		if err := errors.Join(g.Shutdown(context.Background()), <-served); err != nil {
			f.Error(err)
		}
	})
	addr := &net.UnixAddr{Name: ln.Addr().String(), Net: "unix"}
	f.Fuzz(func(t *testing.T, request []byte) {
		c, err := net.DialUnix("unix", nil, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		wrote := make(chan error, 1)
		go func() {
			_, err := c.Write(request)
			wrote <- errors.Join(err, c.CloseWrite())
		}()
		answer, err := io.ReadAll(c)
		if werr := <-wrote; err == nil && werr == nil && len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 ") {
			t.Fatalf("answer %.100q", answer)
		}
	})
}

type fuzzInvoker struct{}

func (fuzzInvoker) Invoke(_ context.Context, c *host.Call) (*host.Reply, error) {
	if _, err := abi.Decode(c.Envelope.Append(nil)); err != nil {
		panic(err)
	}
	return &host.Reply{Body: c.Body}, nil
}
