package hosttest_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// put stores a channel of the default tenant.
func put(t *testing.T, h *hosttest.Host, name string, c host.Channel) {
	t.Helper()
	if _, err := h.Operator.PutChannel(t.Context(), host.DefaultTenant, name, c); err != nil {
		t.Fatal(err)
	}
}

// TestChannelsOutliveTheHost finds channels as they were after a restart,
// with their definitions and their missing services.
func TestChannelsOutliveTheHost(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	up := hosttest.Python("def handle(r): return dict(r.http.params)\n")
	h.Deploy("svc", up, client.Settings{})
	if err := h.Operator.PutAuth(t.Context(), host.DefaultTenant, "key", client.Auth{Type: host.AuthAPIKey, Key: "0123456789abcdef"}); err != nil {
		t.Fatal(err)
	}
	put(t, h, "mixed", host.Channel{Service: "svc", Path: "/r/{year}-{month}.pdf", Auth: []string{"key"}})
	put(t, h, "across", host.Channel{Service: "svc", Path: "/a/{x}/end", MatchSlash: true})
	put(t, h, "off", host.Channel{Service: "svc", Path: "/off", Disabled: true})
	put(t, h, "dangling", host.Channel{Service: "nobody", Path: "/dangling"})
	check := func() {
		t.Helper()
		ok(t, h.Call("GET", "/r/2026-11.pdf", "", "X-API-Key: 0123456789abcdef"), `{"year": "2026", "month": "11"}`)
		ok(t, h.Call("GET", "/a/1/2/end", ""), `{"x": "1/2"}`)
		for path, status := range map[string]int{"/r/2026-11.pdf": 401, "/off": 404, "/dangling": 503, "/r/2026.pdf": 404} {
			if r := h.Call("GET", path, ""); r.Status != status || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/problem+json") {
				t.Errorf("%s: %d %s, want %d", path, r.Status, r.Body, status)
			}
		}
	}
	check()
	h.Stop()
	h = hosttest.Start(t, h.SameData())
	check()
	h.Deploy("nobody", up, client.Settings{})
	ok(t, h.Call("GET", "/dangling", ""), "{}")
	if err := h.Operator.DeleteService(t.Context(), host.DefaultTenant, "nobody"); err != nil {
		t.Fatal(err)
	}
	if r := h.Call("GET", "/dangling", ""); r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("after the deletion: %d %s", r.Status, r.Body)
	}
}

// TestChannelEditsDropNothing edits a channel through the control API while
// clients use it: each request is answered by one service or the other.
func TestChannelEditsDropNothing(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	for _, name := range []string{"one", "two"} {
		h.Deploy(name, hosttest.Python("def handle(r): return r.service + ' ' + r.http.params['id']\n"), client.Settings{})
	}
	put(t, h, "live", host.Channel{Service: "one", Path: "/live/{id}"})
	var done atomic.Bool
	var calls atomic.Int64
	var seen [2]atomic.Int64
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			for n := 0; !done.Load(); n++ {
				id := fmt.Sprint(i, "-", n)
				r, err := h.Try(t.Context(), "GET", "/live/"+id, "")
				switch {
				case err == nil && r.Status == 200 && r.Body == "one "+id:
					seen[0].Add(1)
				case err == nil && r.Status == 200 && r.Body == "two "+id:
					seen[1].Add(1)
				default:
					t.Errorf("%d %s, %v", r.Status, r.Body, err)
					return
				}
				calls.Add(1)
			}
		})
	}
	for i := range 40 {
		put(t, h, "live", host.Channel{
			Service: []string{"two", "one"}[i%2], Path: []string{"/live/{id}", "/{kind}/{id}"}[i/2%2], MatchSlash: i%3 == 0,
		})
	}
	done.Store(true)
	clients.Wait()
	t.Logf("%d calls during 40 edits", calls.Load())
	if seen[0].Load() == 0 || seen[1].Load() == 0 {
		t.Errorf("%d calls of one service, %d of the other", seen[0].Load(), seen[1].Load())
	}
}

// TestChannelsOfTenants keeps the channels of one tenant from another one's
// requests, services and definitions.
func TestChannelsOfTenants(t *testing.T) {
	hostileOnly(t)
	t.Parallel()
	h := hosttest.Start(t, nil)
	twin := newTwin(t, h, "other")
	h.Deploy("svc", hosttest.Python("def handle(r): return 'mine'\n"), client.Settings{})
	if err := h.Operator.PutAuth(t.Context(), host.DefaultTenant, "key", client.Auth{Type: host.AuthAPIKey, Key: "0123456789abcdef"}); err != nil {
		t.Fatal(err)
	}
	put(t, h, "mine", host.Channel{Service: "svc", Method: "GET", Path: "/mine/{id}"})
	for name, c := range map[string]host.Channel{
		"the same":           {Service: "x", Method: "GET", Path: "/mine/{other}"},
		"any method":         {Service: "x", Path: "/mine/{id}"},
		"another media type": {Service: "x", Method: "GET", Path: "/mine/{id}", Accept: "text/html"},
	} {
		_, err := twin.c.PutChannel(t.Context(), "other", "theirs", c)
		controlRefused(t, err, "conflict", "path")
		if err != nil && (strings.Contains(err.Error(), "svc") || strings.Contains(err.Error(), `"mine"`)) {
			t.Errorf("%s: %v tells of another tenant", name, err)
		}
	}
	_, err := twin.c.PutChannel(t.Context(), "other", "theirs", host.Channel{Service: "x", Path: "/theirs", Auth: []string{"key"}})
	controlRefused(t, err, "invalid", "auth")
	// A service's name means one's own service.
	if _, err := twin.c.PutChannel(t.Context(), "other", "theirs", host.Channel{Service: "svc", Path: "/theirs"}); err != nil {
		t.Fatal(err)
	}
	if r := h.Call("GET", "/theirs", ""); r.Status != 503 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	_, err = twin.c.Channel(t.Context(), host.DefaultTenant, "mine")
	controlRefused(t, err, "not-found", "")
	if err := h.Operator.DeleteTenant(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	if r := h.Call("GET", "/theirs", ""); r.Status != 404 {
		t.Errorf("after the tenant's deletion: %d %s", r.Status, r.Body)
	}
	ok(t, h.Call("GET", "/mine/7", ""), "mine")
}
