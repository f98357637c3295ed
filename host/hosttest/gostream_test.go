package hosttest_test

import (
	"context"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/seraihost/serai/guest-sdk/guesttest"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/hosttest"
)

// goStreams is a host with a service in Go that moves bodies and has a memory
// of 32 MiB, and the size of what it moves.
func goStreams(t *testing.T, s *store) *hosttest.Host {
	t.Helper()
	h := flows(t, s, nil)
	settings := streams(t, h, "* /{what}/{how}")
	settings.Grants = &host.Grants{Connections: []string{"Store"}}
	settings.Limits.Memory = new(32 * host.MiB)
	h.Deploy("connectors", hosttest.Module(guesttest.BuildGo(t, "../../guest-sdk/go/testdata/connectors", false)), settings)
	return h
}

// goSize is how much it moves: twice its memory, or what SERAI_STREAM says.
func goSize(t *testing.T) int64 {
	t.Helper()
	switch {
	case os.Getenv("SERAI_STREAM") != "":
		return large(t)
	case racing || testing.Short():
		return 8 << 20
	}
	return 64 << 20
}

// TestGoMovesLargeBodies has a service in Go move what does not fit into its
// memory: from a client, to a client, to a system, from a system, and from one
// system to another; with and without looking at it.
func TestGoMovesLargeBodies(t *testing.T) {
	n := goSize(t)
	s := newStore(t, n)
	h := goStreams(t, s)
	if _, err := upload(t, h, "/up/flipped", 1<<20+1, false); err != nil { // what the first call takes is not the body's
		t.Fatal(err)
	}
	s.uploads()
	for how, told := range map[string]int64{"splice": n, "flipped": -1} {
		inLittleMemory(t, n, func() {
			r, err := upload(t, h, "/up/"+how, n, false)
			if want := fmt.Sprintf("%d of %d bytes, <nil>", n, told); err != nil || r.Status != 200 || r.Body != want {
				t.Errorf("up, %s: %d %s, %v", how, r.Status, short(r.Body), err)
			}
		})
	}
	for how, told := range map[string]int64{"splice": -1, "told": n} {
		mask := byte(0xff)
		if how == "splice" {
			mask = 0
		}
		inLittleMemory(t, n, func() {
			resp, got, err := download(t, h, "/down/"+how+"?path=give", mask)
			if err != nil || got != n || resp.StatusCode != 200 || resp.ContentLength != told || resp.Header.Get("X-From") != "store" {
				t.Errorf("down, %s: %d, %d of %d bytes, %v", how, resp.StatusCode, got, resp.ContentLength, err)
			}
		})
	}
	inLittleMemory(t, n, func() {
		if err := bothWays(t, h, n); err != nil {
			t.Errorf("both ways: %v", err)
		}
	})
	inLittleMemory(t, n, func() {
		whole := crc64.New(crc64.MakeTable(crc64.ECMA))
		_, _ = io.Copy(whole, &pattern{size: n})
		if r, err := upload(t, h, "/hash/x", n, true); err != nil || r.Body != fmt.Sprintf("%d -1 %x", n, whole.Sum(nil)) {
			t.Errorf("hash: %d %s, %v", r.Status, short(r.Body), err)
		}
	})
	ok(t, h.Call("GET", "/across/x", ""), fmt.Sprintf("%d of -1 bytes, <nil>", n))
	s.idle(t)
}

// bothWays sends a pattern and gets it back inverted, at the same time.
func bothWays(t *testing.T, h *hosttest.Host, n int64) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+"/both/x", io.NopCloser(&pattern{size: n}))
	if err != nil {
		return err
	}
	req.ContentLength = n
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	c := check{mask: 0xff}
	if _, err := io.Copy(&c, resp.Body); err != nil || c.at != n || resp.StatusCode != 200 {
		return fmt.Errorf("status %d, %d bytes: %w", resp.StatusCode, c.at, err)
	}
	return nil
}

// TestGoStreams has it take small bodies, and bodies that break off.
func TestGoStreams(t *testing.T) {
	t.Parallel()
	s := newStore(t, 5_000_000)
	h := goStreams(t, s)
	for path, want := range map[string]string{
		"/echo/x":   `> {"N": 5}`,
		"/json/x":   "5 8 true",
		"/none/x":   "did not look",
		"/leave/x":  "left",
		"/hash/x":   fmt.Sprintf("8 8 %016x", crc64.Checksum([]byte(`{"N": 5}`), crc64.MakeTable(crc64.ECMA))),
		"/across/x": "5000000 of -1 bytes, <nil>",

		"/down/part?path=endless":           "100000 http.request: the body is closed",
		"/down/count?path=dies":             "true unavailable http.request: the body broke off: unavailable",
		"/down/fails-at-once?path=nowhere":  "",
		"/down/closed?path=give":            "",
		"/down/splice?path=../over/the/top": "",
		"/up/none":                          "",
	} {
		r := h.Call("POST", path, `{"N": 5}`)
		if want != "" {
			ok(t, r, want)
		} else if r.Status == 200 {
			t.Errorf("%s: %d %s", path, r.Status, short(r.Body))
		}
	}
	s.idle(t)                                                                                 // what was left open is given up with the call
	for what, want := range map[string]string{"echo": "> body", "both": "\x9d\x90\x9b\x86"} { // where replies are collected
		if r, err := h.Operator.Invoke(t.Context(), host.DefaultTenant, "connectors", what, []byte("body")); err != nil || r.Status != 200 || string(r.Body) != want {
			t.Errorf("invoked, %s: %+v, %v", what, r, err)
		}
	}
	for how, told := range map[string]int64{"told": 5_000_000, "pipe": -1} {
		r, err := upload(t, h, "/up/"+how, 5_000_000, false)
		if want := fmt.Sprintf("5000000 of %d bytes, <nil>", told); err != nil || r.Status != 200 || r.Body != want {
			t.Errorf("up, %s: %d %s, %v", how, r.Status, short(r.Body), err)
		}
	}
	for _, how := range []string{"flipped", "written"} {
		if resp, got, err := download(t, h, "/down/"+how+"?path=give", 0xff); err != nil || got != 5_000_000 || resp.StatusCode != 200 {
			t.Errorf("down, %s: %d, %d bytes, %v", how, resp.StatusCode, got, err)
		}
	}
	s.uploads()
	for path, message := range map[string]string{
		"/down/fails-at-once?path=give": "reading the reply's body: a fault of the author",
		"/down/closed?path=give":        "http.request: the body is closed",
		"/up/fails":                     "reading the body of http.request: a fault of the author",
	} {
		r, err := upload(t, h, path, 200_000, false)
		if err != nil || r.Status != 500 {
			t.Errorf("%s: %d %s, %v", path, r.Status, short(r.Body), err)
		} else if f := failureOf(t, h, r); f.Message != message {
			t.Errorf("%s: the log has %+v", path, f)
		}
	}
	if got := s.uploads(); len(got) > 0 && strings.HasSuffix(got[0], "<nil>") {
		t.Errorf("the system took %q for the whole", got)
	}
	for path, most := range map[string]int64{
		"/down/fails?path=give": 100_000, "/down/panics?path=give": 100_000,
		"/down/splice?path=dies": 3_000_000, "/down/written?path=dies": 3_000_000,
	} {
		mask := byte(0)
		if strings.HasPrefix(path, "/down/written") {
			mask = 0xff
		}
		resp, got, err := download(t, h, path, mask)
		if err == nil || got > most || resp.StatusCode != 200 {
			t.Errorf("%s: %d, %d bytes, %v", path, resp.StatusCode, got, err)
		}
		if text := logText(t, h, host.DefaultTenant, hosttest.Reply{Header: resp.Header}); text == "" {
			t.Errorf("%s: nothing in the log", path)
		}
		if f := failureOf(t, h, hosttest.Reply{Header: resp.Header}); path == "/down/panics?path=give" && (f.Message != "oh" || !strings.Contains(f.Traceback, "main.down")) {
			t.Errorf("%s: the log has %+v", path, f)
		}
	}
	if r, err := upload(t, h, "/up/refused", 20_000_000, false); err != nil || r.Status != 403 || r.Body != "no\n" {
		t.Errorf("a body that is refused: %d %s, %v", r.Status, short(r.Body), err)
	}
	for _, path := range []string{"/up/splice", "/up/flipped", "/hash/x"} {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+path, io.MultiReader(&pattern{size: 5 << 20}, ending(cancel)))
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			t.Errorf("%s: status %d", path, resp.StatusCode)
			_ = resp.Body.Close()
		}
		cancel()
		s.idle(t)
		if got := s.uploads(); len(got) > 0 && strings.HasSuffix(got[0], "<nil>") {
			t.Errorf("%s: the system took %q for the whole", path, got)
		}
	}
}
