package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/gateway"
)

func TestBadRequests(t *testing.T) {
	tests := map[string]struct {
		request string
		status  int
	}{
		"garbage":                      {"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400},
		"no target":                    {"GET\r\n\r\n", 400},
		"lower-case method":            {"get / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
		"TRACE":                        {"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
		"CONNECT":                      {"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
		"HTTP/2":                       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		"version":                      {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505},
		"no host":                      {"GET / HTTP/1.1\r\n\r\n", 400},
		"two hosts":                    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		"bad host":                     {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		"asterisk":                     {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"relative target":              {"GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"user info":                    {"GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"space in target":              {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"fragment":                     {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"control in target":            {"GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"dot segment":                  {"GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"encoded dot segment":          {"GET /a/%2e%2e/b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"encoded NUL":                  {"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"bad escape":                   {"GET /%x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"space before colon":           {"GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", 400},
		"no colon, so never complete":  {"GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n", 408},
		"empty name":                   {"GET / HTTP/1.1\r\nHost: h\r\n: y\r\n\r\n", 400},
		"folded header":                {"GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n z\r\n\r\n", 400},
		"NUL in value":                 {"GET / HTTP/1.1\r\nHost: h\r\nX: \x00\r\n\r\n", 400},
		"bare CR in value":             {"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400},
		"UTF-8 in name":                {"GET / HTTP/1.1\r\nHost: h\r\nÄ: b\r\n\r\n", 400},
		"long name":                    {"GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("x", 250) + ": b\r\n\r\n", 431},
		"many headers":                 {"GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("x: b\r\n", 300) + "\r\n", 431},
		"large headers":                {"GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", 431},
		"large headers without end":    {"GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 200<<10), 431},
		"long target":                  {"GET /" + strings.Repeat("x", 9<<10) + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
		"many segments":                {"GET " + strings.Repeat("/x", 600) + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
		"many parameters":              {"GET /?" + strings.Repeat("a&", 2000) + " HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"long parameter name":          {"GET /?" + strings.Repeat("a", 300) + " HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"length and chunks":            {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"chunks and length":            {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
		"two lengths":                  {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
		"list of lengths":              {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
		"negative length":              {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
		"signed length":                {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na", 400},
		"hexadecimal length":           {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\na", 400},
		"empty length":                 {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400},
		"huge length":                  {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
		"two encodings":                {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
		"encoding twice":               {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"unknown encoding":             {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
		"identity encoding":            {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na", 400},
		"chunks in HTTP/1.0":           {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"bad chunk size":               {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", 400},
		"bad chunk end":                {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", 400},
		"body over the limit":          {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n" + strings.Repeat("x", 100001), 413},
		"GET body over the limit":      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n" + strings.Repeat("x", 100001), 413},
		"chunks over the limit":        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n" + strings.Repeat("x", 100001) + "\r\n0\r\n\r\n", 413},
		"announced chunk is too large": {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n" + strings.Repeat("x", 200000), 413},
	}
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		if c.CID == "smuggled" {
			t.Error("the rest of a refused request was taken for another one")
		}
		return &host.Reply{}, nil
	}), MaxBodyBytes: 100000, HeaderTimeout: time.Second}, anything, nil)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			all := raw(t, addr, tt.request, 1)
			if len(all) != 1 {
				t.Fatal("no response")
			}
			wantProblem(t, all[0], tt.status)
		})
	}
}

// TestNothingIsSmuggled sends bodies that look like requests, to routes that
// do and do not read them.
func TestNothingIsSmuggled(t *testing.T) {
	calls := make(chan string, 100)
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		calls <- c.CID + fmt.Sprint(len(c.Body))
		return &host.Reply{}, nil
	}), MaxBodyBytes: 100000}, bind(host.Route{Path: "/"}, host.Route{Method: "POST", Path: "/post"}), nil)
	const inner = "GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: smuggled\r\n\r\n"
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PATCH"} {
		for _, path := range []string{"/", "/missing", "/post", "/%00"} {
			for _, pad := range []int{0, 9000, 50000} {
				body := strings.Repeat("\r\n", pad/2) + inner
				for name, framed := range map[string]string{
					"length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body),
					"chunks": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body),
					"expect": fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
				} {
					c, err := net.Dial("tcp", addr)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: h\r\nX-Request-Id: outer\r\n%s%s", method, path, framed,
						"GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: after\r\nConnection: close\r\n\r\n"); err != nil {
						t.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, c); err != nil {
						t.Errorf("%s %s %s: %v", method, path, name, err)
					}
					c.Close()
					for len(calls) > 0 {
						switch got := <-calls; got {
						case fmt.Sprint("outer", len(body)), "after0":
						default:
							t.Errorf("%s %s %s: a call %q", method, path, name, got)
						}
					}
				}
			}
		}
	}
}

func TestBodies(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		return &host.Reply{Body: c.Body}, nil
	}), MaxBodyBytes: 1 << 20}, anything, nil)
	for _, n := range []int{0, 1, 8191, 8192, 8193, 16384, 70000, 1<<20 - 1, 1 << 20} {
		body := make([]byte, n)
		for i := range body {
			body[i] = byte('a' + i%26)
		}
		for _, method := range []string{"POST", "GET"} {
			for _, framed := range []string{
				fmt.Sprintf("Content-Length: %d\r\n\r\n%s", n, body),
				"Transfer-Encoding: chunked\r\n\r\n" + chunks(body, 5000) + "0\r\nX-Trailer: y\r\n\r\n",
			} {
				request := method + " / HTTP/1.1\r\nHost: h\r\n" + framed
				all := raw(t, addr, request+request, 2) // pipelined
				if len(all) != 2 {
					t.Fatalf("%s of %d bytes: %d responses", method, n, len(all))
				}
				for _, resp := range all {
					if got := read(t, resp); got != string(body) {
						t.Errorf("%s of %d bytes: status %d, %d bytes came back", method, n, resp.StatusCode, len(got))
					}
				}
			}
		}
	}
}

func chunks(b []byte, size int) string {
	var s strings.Builder
	for len(b) > 0 {
		n := min(size, len(b))
		fmt.Fprintf(&s, "%X\r\n%s\r\n", n, b[:n])
		b = b[n:]
	}
	return s.String()
}

func TestPipelining(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		return &host.Reply{Body: []byte(c.Envelope.Get("param.n"))}, nil
	})}, bind(host.Route{Path: "/{n}"}), nil)
	var request strings.Builder
	for i := range 100 {
		fmt.Fprintf(&request, "GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i)
	}
	all := raw(t, addr, request.String(), 100)
	if len(all) != 100 {
		t.Fatalf("%d responses", len(all))
	}
	for i, resp := range all {
		if got := read(t, resp); got != fmt.Sprint(i) {
			t.Errorf("response %d is %q", i, got)
		}
	}
}

func TestHead(t *testing.T) {
	_, addr := start(t, gateway.Config{Invoker: invoker(ok)}, bind(host.Route{Method: "GET", Path: "/"}), nil)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); !strings.HasPrefix(s, "HTTP/1.1 200 OK\r\n") || !strings.Contains(s, "Content-Length: 2\r\n") || !strings.HasSuffix(s, "\r\n\r\n") {
		t.Errorf("response %q", s)
	}
}

func TestSlowClients(t *testing.T) { //nolint:tparallel // the cases share a gateway
	_, addr := start(t, gateway.Config{
		Invoker: invoker(ok), HeaderTimeout: 150 * time.Millisecond, BodyTimeout: 150 * time.Millisecond, IdleTimeout: 150 * time.Millisecond,
	}, anything, nil)
	tests := map[string]struct {
		begin, drip string
		statuses    []int
	}{
		"nothing":       {"", "", []int{408}},
		"headers":       {"GET / HTTP/1.1\r\nHost: h\r\n", "X: y\r\n", []int{408}},
		"small body":    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n", "x", []int{408}},
		"large body":    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 9000), "x", []int{408}},
		"chunks":        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", []int{408}},
		"idle":          {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", []int{200}},
		"second header": {"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HT", "", []int{200, 408}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begun := time.Now()
			if _, err := io.WriteString(c, tt.begin); err != nil {
				t.Fatal(err)
			}
			stop := make(chan struct{})
			defer close(stop)
			go func() { // one piece every 20 ms, as long as it is taken
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for tt.drip != "" {
					select {
					case <-stop:
						return
					case <-tick.C:
						if _, err := io.WriteString(c, tt.drip); err != nil {
							return
						}
					}
				}
			}()
			if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			all := responses(t, c, len(tt.statuses)+1)
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if len(all) != len(tt.statuses) {
				t.Fatalf("%d responses", len(all))
			}
			for i, status := range tt.statuses {
				if all[i].StatusCode != status {
					t.Errorf("status %d, want %d", all[i].StatusCode, status)
				}
			}
		})
	}
}

func TestConnectionLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		config gateway.Config
		status int
	}{
		"all":    {gateway.Config{Invoker: invoker(ok), MaxConns: 2}, 503},
		"per IP": {gateway.Config{Invoker: invoker(ok), MaxConnsPerIP: 2}, 429},
	} {
		t.Run(name, func(t *testing.T) {
			_, addr := start(t, tt.config, anything, nil)
			var held []net.Conn
			for range 2 {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				held = append(held, c)
				if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				if all := responses(t, c, 1); len(all) != 1 || all[0].StatusCode != http.StatusOK {
					t.Fatalf("responses %v", all)
				}
			}
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			if all := responses(t, c, 1); len(all) != 1 || all[0].StatusCode != tt.status {
				t.Fatalf("responses %v", all)
			}
			c.Close()
			for _, c := range held {
				c.Close()
			}
			// Both places become free again.
			for deadline := time.Now().Add(5 * time.Second); ; {
				resp, err := http.Get("http://" + addr + "/")
				if err == nil {
					resp.Body.Close()
					if resp.StatusCode == 200 {
						return
					}
				}
				if time.Now().After(deadline) {
					t.Fatal("the places did not become free")
				}
			}
		})
	}
}

func TestBodyMemoryIsBounded(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	_, addr := start(t, gateway.Config{Invoker: invoker(func(_ context.Context, c *host.Call) (*host.Reply, error) {
		if c.Envelope.Get("path") == "/hold" {
			entered <- struct{}{}
			<-leave
		}
		return &host.Reply{}, nil
	}), MaxBodyMemory: 100000}, anything, nil)
	request := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 90000\r\n\r\n" + strings.Repeat("x", 90000)
	}
	first := make(chan []*http.Response)
	go func() { first <- raw(t, addr, request("/hold"), 1) }()
	<-entered
	resp := raw(t, addr, request("/"), 1)[0]
	if wantProblem(t, resp, 503); resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(leave)
	if all := <-first; all[0].StatusCode != 200 {
		t.Errorf("status %d", all[0].StatusCode)
	}
	if resp := raw(t, addr, request("/"), 1)[0]; resp.StatusCode != 200 {
		t.Errorf("status %d after the memory became free", resp.StatusCode)
	}
}

func TestClientWhoReadsNothingIsDropped(t *testing.T) {
	g, addr := start(t, gateway.Config{Invoker: invoker(func(context.Context, *host.Call) (*host.Reply, error) {
		return &host.Reply{Body: make([]byte, 32<<20)}, nil
	}), WriteTimeout: 100 * time.Millisecond}, anything, nil)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; {
		if open := metric(t, g, "serai_gateway_connections"); open == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the connection is still there")
		}
	}
}

func TestCollect(t *testing.T) {
	g, addr := start(t, gateway.Config{Invoker: invoker(ok)}, anything, nil)
	raw(t, addr, "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 1)
	if n := metric(t, g, "serai_gateway_problems_total"); n != 1 {
		t.Errorf("%v problems", n)
	}
}

// metric returns the value of the one time series of that name.
func metric(t testing.TB, c prometheus.Collector, name string) float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return 0
}
