package httpclient

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
)

// raw starts a TCP server that handles each socket with fn.
func (r *rig) raw(config string, fn func(net.Conn)) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fn(c)
			}()
		}
	}()
	r.connect("http://"+l.Addr().String(), config)
}

func readSome(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }

func TestFaults(t *testing.T) {
	const once = `,"retries":{"max":0}`
	for name, c := range map[string]struct {
		code   abi.Code
		config string
		serve  func(net.Conn)
	}{
		"silent": {abi.Timeout, `,"timeout":"50ms"`, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }},
		"silent body": {abi.Timeout, `,"timeout":"50ms"`, func(c net.Conn) {
			readSome(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
			readSome(c)
		}},
		"cut before reply": {abi.Unavailable, once, readSome},
		"cut in headers":   {abi.Unavailable, once, func(c net.Conn) { readSome(c); fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Le") }},
		"cut in body":      {abi.Unavailable, once, func(c net.Conn) { readSome(c); fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nab") }},
		"cut in chunk": {abi.Unavailable, once, func(c net.Conn) {
			readSome(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nab")
		}},
		"not HTTP":       {abi.Remote, once, func(c net.Conn) { readSome(c); fmt.Fprint(c, "220 smtp ready\r\n") }},
		"endless header": {abi.Remote, once, func(c net.Conn) { readSome(c); fmt.Fprint(c, "HTTP/1.1 200 OK\r\n"); endless(c, "X-A: b\r\n") }},
		"many headers": {abi.Remote, once, func(c net.Conn) {
			readSome(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\n", strings.Repeat("X-A: b\r\n", 2000), "\r\n")
		}},
		"endless body":    {abi.TooLarge, `,"max_response_bytes":"64KiB"`, func(c net.Conn) { readSome(c); fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n"); endless(c, "abcdefgh") }},
		"promised body":   {abi.TooLarge, `,"max_response_bytes":"64KiB"`, func(c net.Conn) { readSome(c); fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n") }},
		"endless interim": {abi.Remote, once, func(c net.Conn) { readSome(c); endless(c, "HTTP/1.1 100 Continue\r\n\r\n") }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.raw(c.config, c.serve)
			_, err := r.do(t.Context(), "")
			refused(t, err, c.code, "")
		})
	}
}

func endless(c net.Conn, s string) {
	block := []byte(strings.Repeat(s, 1000))
	for {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}

func TestUnreachable(t *testing.T) {
	r := newRig(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r.connect("http://"+l.Addr().String(), `,"retries":{"max":1,"backoff":"1ms"}`)
	_, err = r.do(t.Context(), "")
	refused(t, err, abi.Unavailable, "")

	r.connect("http://no-such-host.invalid", `,"retries":{"max":0},"timeout":"3s"`)
	r.client.Invalidate()
	if _, err = r.do(t.Context(), ""); err == nil {
		t.Error("a name that does not resolve was reached")
	}
}

func TestEgress(t *testing.T) {
	r := newRig(t)
	var hits atomic.Int32
	srv := r.serve("", "", func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	for _, base := range []string{srv.URL, strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), "http://169.254.169.254/latest/meta-data", "http://[::ffff:127.0.0.1]:1", "http://10.0.0.1", "http://0.0.0.0:1"} {
		r.source.put("S", fmt.Sprintf(`{"base_url":%q}`, base), "192.0.2.0/24")
		r.client.Invalidate()
		began := time.Now()
		_, err := r.do(t.Context(), "")
		refused(t, err, abi.Denied, "")
		if time.Since(began) > time.Second {
			t.Errorf("%s was refused after %s: it was tried again", base, time.Since(began))
		}
	}
	if hits.Load() != 0 {
		t.Error("a refused address was reached")
	}
}

func TestBomb(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, _ = z.Write(zeros)
	}
	_ = z.Close()
	r := newRig(t)
	r.serve("", `,"max_response_bytes":"1MiB"`, func(w http.ResponseWriter, req *http.Request) {
		if !strings.Contains(req.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("compression was not asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	_, err := r.do(t.Context(), "", "header.accept-encoding", "identity")
	refused(t, err, abi.TooLarge, "")

	var small bytes.Buffer
	z = gzip.NewWriter(&small)
	_, _ = z.Write([]byte("hello"))
	_ = z.Close()
	r.serve("", "", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(small.Bytes())
	})
	r.client.Invalidate()
	if res := r.ok("200", "hello"); res.Envelope.Get("header.content-encoding") != "" {
		t.Errorf("reply says that it is compressed: %v", res.Envelope)
	}
}

func TestRetries(t *testing.T) {
	r := newRig(t)
	var calls atomic.Int32
	var fail int32
	var after string
	status := http.StatusServiceUnavailable
	r.serve("", `,"retries":{"max":2,"backoff":"1ms"},"timeout":"5s"`, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if calls.Add(1) <= fail {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(status)
		}
		_, _ = w.Write(body)
	})
	for _, c := range []struct {
		method string
		fail   int32
		status int
		after  string
		calls  int32
		want   string
	}{
		{"GET", 2, 503, "", 3, "200"},
		{"PUT", 2, 502, "", 3, "200"},
		{"DELETE", 3, 504, "", 3, "504"},
		{"POST", 1, 503, "", 1, "503"},
		{"PATCH", 1, 503, "", 1, "503"},
		{"GET", 1, 500, "", 1, "500"},
		{"GET", 1, 429, "", 1, "429"},
		{"GET", 1, 503, "3600", 1, "503"}, // later than the deadline
		{"GET", 1, 503, "1", 2, "200"},
	} {
		calls.Store(0)
		fail, status, after = c.fail, c.status, c.after
		res, err := r.do(t.Context(), "body", "method", c.method)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Envelope.Get("status"); got != c.want || calls.Load() != c.calls || string(res.Body) != "body" {
			t.Errorf("%s after %d times %d: status %s, %d calls, body %q", c.method, c.fail, c.status, got, calls.Load(), res.Body)
		}
	}
}

func TestCutIsRetried(t *testing.T) {
	r := newRig(t)
	var calls atomic.Int32
	r.raw(`,"retries":{"max":1,"backoff":"1ms"}`, func(c net.Conn) {
		readSome(c)
		if calls.Add(1) > 1 {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	r.ok("200", "ok")
	calls.Store(0)
	_, err := r.do(t.Context(), "x", "method", "POST")
	refused(t, err, abi.Unavailable, "")
	if calls.Load() != 1 {
		t.Errorf("POST was sent %d times", calls.Load())
	}
}

func TestTimeouts(t *testing.T) {
	r := newRig(t)
	r.serve("", `,"timeout":"60ms"`, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	for _, fields := range [][]string{nil, {"timeout", "20"}, {"timeout", "60000"}} {
		began := time.Now()
		_, err := r.do(t.Context(), "", fields...)
		refused(t, err, abi.Timeout, "")
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("%q: ended after %s", fields, d)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := r.do(ctx, "")
	refused(t, err, abi.Timeout, "")
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err = r.do(ctx, "")
	refused(t, err, abi.Cancelled, "")
}

func TestTLS(t *testing.T) {
	r := newRig(t)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	defer srv.Close()
	r.connect(srv.URL, `,"auth":{"type":"bearer","token":"${secret:P}"}`)
	_, err := r.do(t.Context(), "")
	refused(t, err, abi.Remote, "")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	for _, config := range []string{`,"tls":{"insecure_skip_verify":true}`, fmt.Sprintf(`,"tls":{"ca_pem":%q}`, ca)} {
		r.connect(srv.URL, config)
		r.client.Invalidate()
		r.ok("200", "GET / ")
	}
	old := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	old.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	r.connect(old.URL, `,"tls":{"insecure_skip_verify":true},"retries":{"max":0}`)
	r.client.Invalidate()
	_, err = r.do(t.Context(), "")
	refused(t, err, abi.Remote, "")
}
