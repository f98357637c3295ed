//go:build !wasip1

package serai_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/guest-sdk/guesttest"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/kv"
	"github.com/seraihost/serai/storage/badger"
)

// TestGuest runs a service that was built with the SDK, each call from the
// image of its first start.
func TestGuest(t *testing.T) {
	store, err := badger.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := guesttest.Start(t, guesttest.BuildGo(t, "testdata/guest", false), connector.Builtins(kv.Connector(kv.New(store)))...)
	ok := func(path, body string) string {
		t.Helper()
		r, err := s.Call(body, "path", path, "method", "POST", "header.x-a", "1", "param.id", "7")
		if err != nil {
			t.Fatal(err)
		}
		return string(r.Body)
	}
	if got, want := ok("/", "body"), `{"body":"body","header":"1","method":"POST","param":"7"}`; got != want {
		t.Errorf("reply %s, want %s", got, want)
	}
	if got := ok("/kv", ""); got != `v true kv.get: key "nope" does not exist [k] ` {
		t.Errorf("key/value store: %s", got)
	}
	large := strings.Repeat("x", 2<<20)
	if ok("/echo", large) != large {
		t.Error("a large body changed on its way")
	}

	seen := map[string]bool{}
	for range 3 {
		for i, word := range strings.Fields(ok("/state", "")) {
			if i == 0 && word != "2" {
				t.Errorf("state of an earlier call is left: %s", word)
			}
			if i > 0 && seen[word] {
				t.Errorf("two calls draw the same random number %s", word)
			}
			seen[word] = i > 0
		}
	}

	ok("/log", "")
	for _, want := range []string{"an info", "on stdout", "on stderr"} {
		if !strings.Contains(s.Log(), want) {
			t.Errorf("log lacks %q: %s", want, s.Log())
		}
	}
	for path, want := range map[string]host.Error{
		"/error": {Code: abi.NotFound, Detail: &host.GuestFailure{Type: "*fmt.wrapError", Message: "outer: nothing here"}},
		"/panic": {Code: abi.Failed, Detail: &host.GuestFailure{Type: "panic", Message: "assignment to entry in nil map"}},
		"/kv":    {},
	} {
		_, err := s.Call("", "path", path)
		var e *host.Error
		if want.Detail == nil {
			if err != nil {
				t.Errorf("%s after failed calls: %v", path, err)
			}
			continue
		}
		if !errors.As(err, &e) || e.Code != want.Code || e.Detail.Type != want.Detail.Type || e.Detail.Message != want.Detail.Message {
			t.Errorf("%s: %v %+v", path, err, e)
			continue
		}
		if path == "/panic" && (e.Detail.Line == 0 || !strings.HasSuffix(e.Detail.File, "testdata/guest/main.go") || !strings.Contains(e.Detail.Traceback, "main.handle")) {
			t.Errorf("panic without its place: %+v", e.Detail)
		}
	}
}

// TestGuestRefused sees that a service which cannot start says why.
func TestGuestRefused(t *testing.T) {
	code := guesttest.BuildGo(t, "testdata/refused", false)
	err := guesttest.Refused(t, code)
	if err == nil || err.Code != abi.Invalid || err.Detail.Message != "init: no table" {
		t.Errorf("error %v", err)
	}
}
