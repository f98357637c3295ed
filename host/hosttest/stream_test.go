package hosttest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/hosttest"
)

// large is a body that no part of the way may hold as a whole. SERAI_STREAM
// sets another size, in MiB.
func large(t testing.TB) int64 {
	t.Helper()
	if text := os.Getenv("SERAI_STREAM"); text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		return n << 20
	}
	if racing { // which makes each byte a hundred times as dear, and memory is not measured
		return 8 << 20
	}
	return 96 << 20
}

// mayHold is how much memory the process may take for it, guests included.
const mayHold = 64 << 20

// pattern is a body of some length whose bytes tell their place.
type pattern struct{ at, size int64 }

func (p *pattern) Read(b []byte) (int, error) {
	b = b[:min(int64(len(b)), p.size-p.at)]
	if len(b) == 0 {
		return 0, io.EOF
	}
	for i := range b {
		b[i] = placed(p.at + int64(i))
	}
	p.at += int64(len(b))
	return len(b), nil
}

func placed(at int64) byte { return byte(at ^ at>>8 ^ at>>16) }

// check is the other end of a pattern.
type check struct {
	at   int64
	mask byte // by which each byte was changed
	err  error
}

func (c *check) Write(b []byte) (int, error) {
	for i := range b {
		if c.err == nil && b[i] != placed(c.at+int64(i))^c.mask {
			c.err = fmt.Errorf("byte %d is wrong", c.at+int64(i))
		}
	}
	c.at += int64(len(b))
	return len(b), c.err
}

// resident is the memory of the process.
func resident(t testing.TB) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("the system does not tell how much memory a process has")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// inLittleMemory does something with n bytes and reports how much memory the
// process took for it.
func inLittleMemory(t *testing.T, n int64, do func()) {
	t.Helper()
	debug.FreeOSMemory()
	before := resident(t)
	var peak atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			peak.Store(max(peak.Load(), resident(t)))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	begun := time.Now()
	do()
	took := time.Since(begun)
	close(stop)
	<-done
	grown := peak.Load() - before
	t.Logf("%d MiB in %.1f s, %.0f MB/s; the process grew by %.1f MiB", n>>20, took.Seconds(), float64(n)/1e6/took.Seconds(), float64(grown)/(1<<20))
	if grown > mayHold && !racing {
		t.Errorf("the process grew by %d MiB, more than %d", grown>>20, mayHold>>20)
	}
}

// streams are settings of services that take and give the largest bodies.
func streams(t testing.TB, h *hosttest.Host, route string) client.Settings {
	t.Helper()
	if _, err := h.Operator.SetQuota(t.Context(), host.DefaultTenant, map[string]any{"request_bytes": "1GiB", "reply_bytes": "1GiB"}); err != nil {
		t.Fatal(err)
	}
	return limits(route, func(l *client.Limits) {
		l.RequestBytes, l.ReplyBytes = new(host.GiB), new(host.GiB)
		l.Timeout, l.CPU = duration(5*time.Minute), duration(5*time.Minute)
	})
}

// upload posts n bytes of the pattern, in chunks if so, and returns the reply.
func upload(t testing.TB, h *hosttest.Host, path string, n int64, chunked bool) (hosttest.Reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+path, io.NopCloser(&pattern{size: n}))
	if err != nil {
		t.Fatal(err)
	}
	if !chunked {
		req.ContentLength = n
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return hosttest.Reply{}, err
	}
	b, err := io.ReadAll(resp.Body)
	return hosttest.Reply{Status: resp.StatusCode, Header: resp.Header, Body: string(b)}, errors.Join(err, resp.Body.Close())
}

// readerModule reads its request to the end and tells the length that it was
// promised, how many bytes came, and what the last read returned.
func readerModule() []byte {
	m := newABI()
	const promised, got, last = 65536, 65540, 65544
	m.Func(handle(
		wt.I32Const(0), wt.I32Const(0), wt.LocalGet(0), wt.Call(m.fn["read"]), wt.Drop,
		wt.I32Const(promised), wt.LocalGet(1), wt.I32Store(0),
		wt.Block, wt.Loop,
		wt.I32Const(last), wt.I32Const(0), wt.I32Const(0), wt.I32Const(65536), wt.Call(m.fn["read"]), wt.LocalTee(2), wt.I32Store(0),
		wt.I32Const(1), wt.LocalGet(2), wt.Op(0x4a), wt.BrIf(1), // 1 > n
		wt.I32Const(got), wt.LocalGet(3), wt.LocalGet(2), wt.I32Add, wt.LocalTee(3), wt.I32Store(0),
		wt.Br(0), wt.End, wt.End,
		m.do("write", 0, promised, 12), wt.Drop,
		// A read that failed fails the call.
		wt.I32Const(0), wt.LocalGet(2), wt.I32Sub))
	return m.Bytes()
}

// TestLargeRequest sends what does not fit into memory to a service that reads
// it.
func TestLargeRequest(t *testing.T) {
	h := hosttest.Start(t, nil)
	h.Deploy("reader", hosttest.Module(readerModule()), streams(t, h, "POST /reader"))
	n := large(t)
	if _, err := upload(t, h, "/reader", 1<<20+1, false); err != nil { // what the first call takes is not the body's
		t.Fatal(err)
	}
	for _, chunked := range []bool{false, true} {
		inLittleMemory(t, n, func() {
			r, err := upload(t, h, "/reader", n, chunked)
			if err != nil {
				t.Fatal(err)
			}
			promised := uint32(n)
			if chunked {
				promised = abi.UnknownLength
			}
			if want := string(words(promised, uint32(n), 0)); r.Status != 200 || r.Body != want {
				t.Errorf("chunked %v: %d %q, want %q", chunked, r.Status, short(r.Body), want)
			}
		})
	}
}

func words(values ...uint32) (b []byte) {
	for _, v := range values {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return b
}

// TestLargeRequestIsBounded sends more than the service takes.
func TestLargeRequestIsBounded(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	s := limits("POST /reader", func(l *client.Limits) { l.RequestBytes = new(3 * host.MiB) })
	h.Deploy("reader", hosttest.Module(readerModule()), s)
	for _, chunked := range []bool{false, true} {
		r, err := upload(t, h, "/reader", 3<<20+1, chunked)
		if err != nil {
			t.Fatal(err)
		}
		if p := refused(t, r, 413, "too-large"); !strings.Contains(p.Detail, "3MiB") || !strings.Contains(p.Detail, "--request-size") {
			t.Errorf("detail %q", p.Detail)
		}
		if r, err = upload(t, h, "/reader", 3<<20, chunked); err != nil || r.Status != 200 {
			t.Errorf("%d %s, %v", r.Status, short(r.Body), err)
		}
	}
}

// TestClientBreaksOff has the service and its log learn of it.
func TestClientBreaksOff(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("reader", hosttest.Module(readerModule()), hosttest.Routes("POST /reader"))
	c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "POST /reader HTTP/1.1\r\nHost: h\r\nX-Request-Id: broken\r\nContent-Length: 2000000\r\n\r\n%s", strings.Repeat("x", 1_500_000)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text := logText(t, h, host.DefaultTenant, hosttest.Reply{Header: http.Header{"X-Request-Id": {"broken"}}})
		if strings.Contains(text, "broke off") || strings.Contains(text, "went away") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log has %q", text)
		}
	}
}

const collector = `
from serai import Service

class Collector(Service):
    name = 'collector'

    def handle(self):
        how = self.request.http.params.how
        if how == 'raw':
            self.response.payload = {'raw': len(self.request.raw), 'again': len(self.request.stream.read())}
        elif how == 'payload':
            self.response.payload = {'payload': len(self.request.payload)}
        elif how == 'stream':
            pieces = [len(piece) for piece in self.request.stream.iter_content(1 << 20)]
            self.response.payload = {'pieces': len(pieces), 'bytes': sum(pieces)}
        elif how == 'lines':
            self.response.payload = {'lines': sum(1 for _ in self.request.stream)}
        elif how == 'both':
            self.request.stream.read(10)
            try:
                self.response.payload = {'raw': len(self.request.raw)}
            except ValueError as exc:
                self.response.payload = {'raw': str(exc)}
        else:
            self.response.payload = 'did not look'
`

// TestPythonTakesLargeRequests reads them in every way that there is.
func TestPythonTakesLargeRequests(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("collector", hosttest.Python(collector), hosttest.Routes("POST /collect/{how}"))
	const n = 3 << 20
	body := strings.Repeat("0123456\n", n/8)
	for how, want := range map[string]string{
		"raw":     fmt.Sprintf(`{"raw": %d, "again": %d}`, n, n),
		"payload": fmt.Sprintf(`{"payload": %d}`, n),
		"stream":  fmt.Sprintf(`{"pieces": 3, "bytes": %d}`, n),
		"lines":   fmt.Sprintf(`{"lines": %d}`, n/8),
		"nothing": "did not look",
	} {
		ok(t, h.Call("POST", "/collect/"+how, body, "Content-Type: text/plain"), want)
	}
	ok(t, h.Call("POST", "/collect/stream", "short"), `{"pieces": 1, "bytes": 5}`)
}

const downloader = `
from serai import Service, errors

class Download(Service):
    name = 'download'

    def handle(self):
        conn, params = self.out.rest['Store'].conn, self.request.http.params
        response = conn.get(self.cid, {'what': params.what}, stream=True)
        out = {'status': response.status_code, 'bytes': 0}
        try:
            if params.how == 'part':
                with response:
                    out['bytes'] = len(response.raw.read(100_000))
            elif params.how == 'whole':
                out['bytes'] = len(response.content)
            elif params.how == 'lines':
                out['bytes'] = sum(len(line) for line in response.iter_lines())
            else:
                seen = 0
                for piece in response.iter_content(1 << 16):
                    for at in (seen, seen + len(piece) - 1):
                        assert piece[at - seen] == (at ^ at >> 8 ^ at >> 16) & 255, at
                    seen += len(piece)
                    out['bytes'] = seen
        except errors.Error as exc:
            out['error'] = type(exc).__name__
        self.response.payload = out
`

// TestLargeReplies has a service read what another system answers.
func TestLargeReplies(t *testing.T) {
	n := large(t)
	var open atomic.Int64
	store := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
			_, _ = io.Copy(w, &pattern{size: n})
		case "/endless":
			open.Add(1)
			defer open.Add(-1)
			_, _ = io.Copy(w, &pattern{size: 1 << 50})
		case "/short":
			_, _ = io.Copy(w, &pattern{size: 1000})
		case "/dies":
			w.Header().Set("Content-Length", "2000000")
			_, _ = io.Copy(w, &pattern{size: 1_000_000})
			panic(http.ErrAbortHandler)
		case "/dies-in-chunks":
			_, _ = io.Copy(w, &pattern{size: 1_000_000})
			panic(http.ErrAbortHandler)
		case "/silent":
			_, _ = io.Copy(w, &pattern{size: 1_000_000})
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	store.Start()
	t.Cleanup(store.Close)
	h := hosttest.Start(t, nil)
	connection := to(store.URL + "/{what}")
	connection.Config = config(`{"base_url":%q,"retries":{"max":0},"timeout":"2s"}`, store.URL+"/{what}")
	connect(t, h, map[string]client.Connection{"Store": connection})
	s := streams(t, h, "GET /download/{what}/{how}")
	s.Grants = &host.Grants{Connections: []string{"Store"}}
	h.Deploy("download", hosttest.Python(downloader), s)
	for _, c := range []struct{ path, want string }{
		{"short/pieces", `{"status": 200, "bytes": 1000}`},
		{"short/whole", `{"status": 200, "bytes": 1000}`},
		{"endless/part", `{"status": 200, "bytes": 100000}`},
		{"missing/pieces", `{"status": 200, "bytes": 0}`},
	} {
		ok(t, h.Call("GET", "/download/"+c.path, ""), c.want)
	}
	for _, path := range []string{"dies/pieces", "dies-in-chunks/pieces", "dies/whole", "dies/lines"} {
		if r := h.Call("GET", "/download/"+path, ""); r.Status != 200 || !strings.Contains(r.Body, `"error": "Unavailable"`) {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	if r := h.Call("GET", "/download/silent/pieces", ""); !strings.Contains(r.Body, `"error": "Timeout"`) || strings.Contains(r.Body, `"bytes": 0`) {
		t.Errorf("a system that falls silent: %s", r.Body)
	}
	for deadline := time.Now().Add(20 * time.Second); open.Load() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a reply that was given up still comes")
		}
	}
	inLittleMemory(t, n, func() {
		ok(t, h.Call("GET", "/download/large/pieces", ""), fmt.Sprintf(`{"status": 200, "bytes": %d}`, n))
	})
	// Whoever goes away ends it.
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := h.Try(ctx, "GET", "/download/endless/pieces", ""); err == nil {
		t.Error("an endless reply has ended")
	}
	for deadline := time.Now().Add(20 * time.Second); open.Load() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a reply for somebody who went away still comes")
		}
	}
}
