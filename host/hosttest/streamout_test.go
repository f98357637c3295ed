package hosttest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	wt "github.com/seraihost/serai/host/engine/enginetest/wasmtest"
	"github.com/seraihost/serai/host/hosttest"
)

// Places in the memory of a guest.
const (
	bufferAt, bufferLen = 0, 65536
	envAt               = 65536 // envelopes, 1 KiB each
	resultAt            = 130000
)

// flow is a module that moves a body; its envelopes are those of the parts.
type flow struct {
	*abiModule
	envelopes int32
}

func newFlow() *flow { return &flow{abiModule: newABI()} }

// envelope puts an envelope into memory and returns its place and length.
func (f *flow) envelope(fields ...string) (at, n int32) {
	var e abi.Envelope
	for i := 0; i < len(fields); i += 2 {
		e.Add(fields[i], fields[i+1])
	}
	b := e.Append(nil)
	at = envAt + 1024*f.envelopes
	f.envelopes++
	f.Data(wt.I32Const(at), b)
	return at, int32(len(b))
}

// start reads the envelope of the request.
func (f *flow) start() []byte {
	return wt.Code(wt.I32Const(0), wt.I32Const(bufferAt), wt.LocalGet(0), wt.Call(f.fn["read"]), wt.Drop)
}

// must ends the call with the code of what is on the stack, if that is negative.
func (f *flow) must(code ...[]byte) []byte {
	return wt.Code(wt.Code(code...), wt.LocalTee(2), wt.I32Const(0), wt.Op(0x48), wt.If, // n < 0
		wt.I32Const(0), wt.LocalGet(2), wt.I32Sub, wt.Return, wt.End)
}

// operation performs an operation.
func (f *flow) operation(fields ...string) []byte {
	at, n := f.envelope(fields...)
	return f.must(f.do("call", at, n, 0, 0, resultAt))
}

// result reads the envelope of the result with a handle.
func (f *flow) result(handle int32) []byte {
	return f.must(wt.I32Const(handle), wt.I32Const(bufferAt), wt.I32Const(resultAt), wt.I32Load(4), wt.Call(f.fn["read"]))
}

// reply sets the reply.
func (f *flow) reply(fields ...string) []byte {
	at, n := f.envelope(fields...)
	return f.must(f.do("reply", at, n, 0, 0))
}

// pump copies one stream into another, each byte changed by the mask.
func (f *flow) pump(from, to int32, mask byte) []byte {
	flip := wt.Code()
	if mask != 0 {
		flip = wt.Code(wt.I32Const(0), wt.Op(0x21, 3), wt.Loop,
			wt.LocalGet(3), wt.LocalGet(3), wt.I32Load(bufferAt), wt.I32Const(int32(mask)*0x01010101), wt.I32Xor, wt.I32Store(bufferAt),
			wt.LocalGet(3), wt.I32Const(4), wt.I32Add, wt.LocalTee(3), wt.LocalGet(2), wt.I32LtU, wt.BrIf(0), wt.End)
	}
	return wt.Code(wt.Block, wt.Loop,
		f.must(wt.I32Const(from), wt.I32Const(bufferAt), wt.I32Const(bufferLen), wt.Call(f.fn["read"])),
		wt.LocalGet(2), wt.I32Eqz, wt.BrIf(1),
		flip,
		f.must(wt.I32Const(to), wt.I32Const(bufferAt), wt.LocalGet(2), wt.Call(f.fn["write"])),
		wt.Br(0), wt.End, wt.End)
}

// module is the module whose serai_handle does all of that.
func (f *flow) module(parts ...[]byte) []byte {
	f.Func(handle(append(parts, wt.I32Const(0))...))
	return f.Bytes()
}

// fetching and putting are the fields of operations on the connection Store.
func fetching(path string, more ...string) []string {
	return append([]string{"op", "http.request", "connection", "Store", "path", path}, more...)
}

func putting(path string, more ...string) []string {
	return fetching(path, append(more, "method", "PUT")...)
}

// store is a system that takes and gives patterns of n bytes.
type store struct {
	*httptest.Server
	n     int64
	mu    sync.Mutex
	taken []string // what came of each upload
	open  atomic.Int64
}

func newStore(t testing.TB, n int64) *store {
	s := &store{n: n}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.open.Add(1)
	defer s.open.Add(-1)
	switch r.URL.Path {
	case "/take", "/flipped":
		mask := byte(0)
		if r.URL.Path == "/flipped" {
			mask = 0xff
		}
		c := check{mask: mask}
		_, err := io.Copy(&c, r.Body)
		what := fmt.Sprintf("%d of %d bytes, %v", c.at, r.ContentLength, err)
		s.mu.Lock()
		s.taken = append(s.taken, what)
		s.mu.Unlock()
		_, _ = fmt.Fprint(w, what)
	case "/refuse":
		http.Error(w, "no", http.StatusForbidden)
	case "/refuse-early":
		http.Error(w, "no", http.StatusForbidden)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(io.Discard, r.Body) // or a reset could overtake the answer
	case "/give":
		w.Header().Set("Content-Length", strconv.FormatInt(s.n, 10))
		_, _ = io.Copy(w, &pattern{size: s.n})
	case "/endless":
		_, _ = io.Copy(w, &pattern{size: 1 << 50})
	case "/dies":
		_, _ = io.Copy(w, &pattern{size: 3_000_000})
		panic(http.ErrAbortHandler)
	case "/hang":
		<-r.Context().Done()
	}
}

// uploads returns what came of the uploads since the last time.
func (s *store) uploads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.taken
	s.taken = nil
	return out
}

// idle waits until no request is under way.
func (s *store) idle(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.open.Load() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a request is still under way")
		}
	}
}

// flows is a host with modules that move bodies, at the paths of their names.
func flows(t testing.TB, s *store, modules map[string][]byte) *hosttest.Host {
	t.Helper()
	h := hosttest.Start(t, nil)
	c := to(s.URL)
	c.Config = config(`{"base_url":%q,"retries":{"max":0},"timeout":"30s"}`, s.URL)
	connect(t, h, map[string]client.Connection{"Store": c})
	for name, code := range modules {
		settings := streams(t, h, "* /"+name)
		settings.Grants = &host.Grants{Connections: []string{"Store"}}
		h.Deploy(name, hosttest.Module(code), settings)
	}
	return h
}

// uploader writes what it reads to an operation, in the host or in the guest.
func uploader(path string, mask byte) []byte {
	f := newFlow()
	if mask == 0 {
		return f.module(f.start(), f.operation(putting(path, "stream-body", "0")...), f.result(1), f.reply("stream-body", "1"))
	}
	return f.module(f.start(),
		f.operation(putting(path, "stream-body", "write")...), f.result(1), f.pump(0, 1, mask),
		f.operation("op", "finish", "handle", "1"), f.result(1), f.pump(1, 0, 0))
}

// downloader replies with what it reads, in the host or in the guest.
func relay(path string, mask byte, more ...string) []byte {
	f := newFlow()
	if mask == 0 {
		return f.module(f.operation(fetching(path, "stream-reply", "1")...), f.result(1), f.reply(append(more, "stream-body", "1")...))
	}
	return f.module(f.operation(fetching(path, "stream-reply", "1")...), f.result(1),
		f.reply(append(more, "stream-body", "write")...), f.pump(1, 0, mask))
}

// download gets a pattern; it returns how many bytes came and how it ended.
func download(t testing.TB, h *hosttest.Host, path string, mask byte) (*http.Response, int64, error) {
	t.Helper()
	resp, err := http.Get(h.URL + path) //nolint:noctx // ends with the host
	if err != nil {
		t.Fatal(err)
	}
	c := check{mask: mask}
	_, err = io.Copy(&c, resp.Body)
	_ = resp.Body.Close()
	return resp, c.at, err
}

// TestLargeBodiesBothWays moves what does not fit into memory from a client to
// a system, and from a system to a client, through the host and through the
// guest.
func TestLargeBodiesBothWays(t *testing.T) {
	n := large(t)
	s := newStore(t, n)
	h := flows(t, s, map[string][]byte{
		"up": uploader("/take", 0), "up-flipped": uploader("/flipped", 0xff),
		"down": relay("/give", 0), "down-flipped": relay("/give", 0xff),
		"down-known": relay("/give", 0xff, "header.content-length", strconv.FormatInt(n, 10)),
	})
	for _, path := range []string{"/up", "/up-flipped"} {
		for _, chunked := range []bool{false, true} {
			told := n
			if chunked || path == "/up-flipped" {
				told = -1
			}
			inLittleMemory(t, n, func() {
				r, err := upload(t, h, path, n, chunked)
				if want := fmt.Sprintf("%d of %d bytes, <nil>", n, told); err != nil || r.Status != 200 || r.Body != want {
					t.Errorf("%s, chunked %v: %d %s, %v", path, chunked, r.Status, short(r.Body), err)
				}
			})
		}
	}
	for path, told := range map[string]int64{"/down": -1, "/down-flipped": -1, "/down-known": n} {
		mask := byte(0xff)
		if path == "/down" {
			mask = 0
		}
		inLittleMemory(t, n, func() {
			resp, got, err := download(t, h, path, mask)
			if err != nil || got != n || resp.StatusCode != 200 || resp.ContentLength != told {
				t.Errorf("%s: %d, %d of %d bytes, %v", path, resp.StatusCode, got, resp.ContentLength, err)
			}
		})
	}
	ok(t, h.Call("HEAD", "/down-flipped", ""), "")
	s.idle(t)
}

// TestStreamsThatBreak ends bodies on their way: nobody must take a part for
// the whole.
func TestStreamsThatBreak(t *testing.T) {
	t.Parallel()
	s := newStore(t, 10_000_000)
	f, g := newFlow(), newFlow()
	h := flows(t, s, map[string][]byte{
		"dies": relay("/dies", 0), "dies-flipped": relay("/dies", 0xff), "endless": relay("/endless", 0xff),
		"too-long": relay("/give", 0, "header.content-length", "5000000"), "too-short": relay("/give", 0, "header.content-length", "10000001"),
		"up": uploader("/take", 0), "up-flipped": uploader("/flipped", 0xff),
		"refuse": uploader("/refuse-early", 0), "refuse-flipped": uploader("/refuse-early", 0xff),
		"gives-up": f.module(f.start(), f.operation(putting("/take", "stream-body", "write")...), f.result(1),
			f.must(f.do("write", 1, 0, 65536)), f.must(f.do("close", 1)), f.reply()),
		"forgets": g.module(g.start(), g.operation(putting("/take", "stream-body", "write")...), g.result(1),
			g.must(g.do("write", 1, 0, 65536)), g.reply()),
	})
	for path, most := range map[string]int64{"/dies": 3_000_000, "/dies-flipped": 3_000_000, "/too-long": 5_000_000, "/too-short": 10_000_000} {
		mask := byte(0)
		if strings.HasSuffix(path, "flipped") {
			mask = 0xff
		}
		resp, got, err := download(t, h, path, mask)
		if err == nil || got > most || resp.StatusCode != 200 {
			t.Errorf("%s: %d, %d bytes, %v", path, resp.StatusCode, got, err)
		}
		if text := logText(t, h, host.DefaultTenant, hosttest.Reply{Header: resp.Header}); text == "" {
			t.Errorf("%s: nothing in the log", path)
		}
	}
	for _, path := range []string{"/refuse", "/refuse-flipped"} {
		if r, err := upload(t, h, path, 20_000_000, false); err != nil || r.Status != 200 || r.Body != "no\n" {
			t.Errorf("%s: %d %s, %v", path, r.Status, short(r.Body), err)
		}
	}
	for _, path := range []string{"/gives-up", "/forgets"} {
		ok(t, h.Call("POST", path, "x"), "")
		s.idle(t)
		if got := s.uploads(); len(got) > 0 && strings.HasSuffix(got[0], "<nil>") { // it may not have heard of it
			t.Errorf("%s: the system took %q for the whole", path, got)
		}
	}
	// A client who goes away ends the call, and what that has open.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := h.Try(ctx, "GET", "/endless", ""); err == nil {
		t.Error("an endless reply has ended")
	}
	s.idle(t)
	// A client who breaks off an upload leaves no whole object behind.
	for _, path := range []string{"/up", "/up-flipped"} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+path, io.MultiReader(&pattern{size: 5 << 20}, ending(cancel)))
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			t.Errorf("%s: status %d", path, resp.StatusCode)
			_ = resp.Body.Close()
		}
		s.idle(t)
		if got := s.uploads(); len(got) > 0 && strings.HasSuffix(got[0], "<nil>") {
			t.Errorf("%s: the system took %q for the whole", path, got)
		}
	}
}

// ending is a reader that ends something.
type ending func()

func (e ending) Read([]byte) (int, error) {
	e()
	return 0, context.Canceled
}

// TestHostileStreams misuses handles; the guest learns of it, the host does not.
func TestHostileStreams(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1000)
	last := func(build func(f *flow) []byte) []byte {
		f := newFlow()
		return f.module(f.start(), wt.I32Const(0), build(f), wt.I32Store(0), f.do("write", 0, 0, 4), wt.Drop)
	}
	call := func(f *flow, fields ...string) []byte {
		at, n := f.envelope(fields...)
		return f.do("call", at, n, 0, 0, resultAt)
	}
	invalid := -int32(abi.Invalid)
	writing := putting("/take", "stream-body", "write")
	cases := map[string]struct {
		code []byte
		want int32
	}{
		"splice of no handle":     {last(func(f *flow) []byte { return call(f, putting("/take", "stream-body", "7")...) }), invalid},
		"splice of garbage":       {last(func(f *flow) []byte { return call(f, putting("/take", "stream-body", "x")...) }), invalid},
		"splice of a huge handle": {last(func(f *flow) []byte { return call(f, putting("/take", "stream-body", "4294967295")...) }), invalid},
		"splice of a negative":    {last(func(f *flow) []byte { return call(f, putting("/take", "stream-body", "-1")...) }), invalid},
		"finish of no handle":     {last(func(f *flow) []byte { return call(f, "op", "finish", "handle", "9") }), invalid},
		"finish of the request":   {last(func(f *flow) []byte { return call(f, "op", "finish", "handle", "0") }), invalid},
		"length of garbage":       {last(func(f *flow) []byte { return call(f, append(writing, "stream-length", "-5")...) }), invalid},
		"length over the quota":   {last(func(f *flow) []byte { return call(f, append(writing, "stream-length", "99999999999")...) }), -int32(abi.TooLarge)},
		"operation that takes none": {last(func(f *flow) []byte {
			return call(f, "op", "kv.set", "key", "a", "stream-body", "write")
		}), invalid},
		"write of a result": {last(func(f *flow) []byte {
			return wt.Code(f.operation(fetching("/give")...), f.do("write", 1, 0, 10))
		}), invalid},
		"write after close": {last(func(f *flow) []byte {
			return wt.Code(f.operation(writing...), f.must(f.do("close", 1)), f.do("write", 1, 0, 10))
		}), invalid},
		"write after finish": {last(func(f *flow) []byte {
			return wt.Code(f.operation(writing...), f.operation("op", "finish", "handle", "1"), f.do("write", 1, 0, 10))
		}), invalid},
		"read of a body that is written": {last(func(f *flow) []byte {
			return wt.Code(f.operation(writing...), f.result(1), f.do("read", 1, 0, 10))
		}), invalid},
		"splice of a body that is written": {last(func(f *flow) []byte {
			return wt.Code(f.operation(writing...), f.result(1), call(f, putting("/take", "stream-body", "1")...))
		}), invalid},
		"finish twice": {last(func(f *flow) []byte {
			return wt.Code(f.operation(writing...), f.operation("op", "finish", "handle", "1"), call(f, "op", "finish", "handle", "1"))
		}), invalid},
		"a body to a system that does not take it": {last(func(f *flow) []byte {
			return wt.Code(f.operation(putting("/refuse", "stream-body", "write")...), wt.Loop,
				f.must(f.do("write", 1, 0, 65536)), wt.LocalGet(2), wt.BrIf(0), wt.End, call(f, "op", "finish", "handle", "1"))
		}), 0},
	}
	modules := map[string][]byte{
		"many": last(func(f *flow) []byte {
			at, n := f.envelope(putting("/take", "stream-body", "write")...)
			return wt.Code(wt.I32Const(0), wt.Op(0x21, 3), wt.Loop,
				f.do("call", at, n, 0, 0, resultAt), wt.Op(0x21, 2),
				wt.LocalGet(3), wt.I32Const(1), wt.I32Add, wt.LocalTee(3), wt.I32Const(10_000), wt.I32LtU, wt.BrIf(0), wt.End,
				wt.LocalGet(2))
		}),
	}
	names := map[string]string{}
	for name, c := range cases {
		at := strings.ReplaceAll(name, " ", "-")
		modules[at], names[name] = c.code, at
	}
	h := flows(t, s, modules)
	for name, c := range cases {
		if got := told(t, h.Call("POST", "/"+names[name], "x")); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := told(t, h.Call("POST", "/many", "x")); got != -int32(abi.Limit) {
		t.Errorf("10,000 bodies: %d", got)
	}
	s.idle(t)
	ok(t, h.Call("POST", "/many", "x"), string(words(0xFFFFFFFF-uint32(abi.Limit)+1)))
}

// TestSlowReaders has clients who do not take a reply, and services who do not
// take a request, end with the call.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1000)
	f := newFlow()
	h := flows(t, s, map[string][]byte{"endless": relay("/endless", 0xff)})
	for name, code := range map[string][]byte{
		"endless": relay("/endless", 0xff),
		"hang":    f.module(f.start(), f.operation(fetching("/hang")...), f.reply()),
	} {
		settings := limits("* /"+name, func(l *client.Limits) {
			l.Timeout = duration(500 * time.Millisecond)
			l.RequestBytes, l.ReplyBytes = new(host.GiB), new(host.GiB)
		})
		settings.Grants = &host.Grants{Connections: []string{"Store"}}
		h.Deploy(name, hosttest.Module(code), settings)
	}
	resp, err := http.Get(h.URL + "/endless") //nolint:noctx // ends with the host
	if err != nil {
		t.Fatal(err)
	}
	s.idle(t) // though nobody reads
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("an endless reply ended after %d bytes", n)
	}
	_ = resp.Body.Close()
	if r, err := upload(t, h, "/hang", 30<<20, false); err == nil {
		refused(t, r, 504, "timeout")
	}
	s.idle(t)
}
