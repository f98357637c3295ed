package hosttest_test

import (
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/server"
)

// TestEnginesShareData has one engine serve what the other one built, from
// the same images.
func TestEnginesShareData(t *testing.T) {
	if server.DefaultEngine != "wasmtime" {
		t.Skip("this binary has one engine only")
	}
	if testing.Short() {
		t.Skip("compiles CPython on wazero")
	}
	h := hosttest.Start(t, nil)
	h.Deploy("count", hosttest.Python(stateful), hosttest.Routes("GET /count"))
	h.Deploy("echo", hosttest.Module(echoModule()), hosttest.Routes("POST /echo"))
	images := func(h *hosttest.Host) (out [2]string) {
		for i, name := range []string{"count", "echo"} {
			v, err := h.Operator.Versions(t.Context(), host.DefaultTenant, name)
			if err != nil || len(v) == 0 {
				t.Fatalf("%d versions, %v", len(v), err)
			}
			out[i] = v[0].Image
		}
		return out
	}
	try := func(h *hosttest.Host) {
		t.Helper()
		for range 3 {
			if c := count(t, h); c.Calls != 1 || c.Seen != 1 {
				t.Errorf("%+v", c)
			}
			ok(t, h.Call("POST", "/echo", "twice"), "twice")
		}
	}
	first := images(h)
	try(h)
	for _, engine := range []string{"wazero", "wasmtime"} {
		h.Stop()
		same := h.SameData()
		h = hosttest.Start(t, func(c *server.Config) { same(c); c.Engine = engine })
		if about, err := h.Operator.Version(t.Context()); err != nil || about.Engine != engine {
			t.Errorf("%+v, %v", about, err)
		}
		try(h)
		if now := images(h); now != first {
			t.Errorf("%s made images of its own: %v, %v", engine, first, now)
		}
		h.Deploy("made-on-"+engine, hosttest.Python(stateful), hosttest.Routes("GET /"+engine))
		if engine == "wazero" {
			_, err := h.Operator.CreateTenant(t.Context(), "second", nil)
			if e := controlRefused(t, err, abi.Denied.String(), ""); !strings.Contains(e.Message, "wazero") {
				t.Errorf("message %q", e.Message)
			}
		}
	}
	if r := h.Call("GET", "/wazero", ""); r.Status != 200 {
		t.Errorf("wasmtime serves what wazero built with %d %s", r.Status, r.Body)
	}
}
