package hosttest_test

import (
	"testing"
	"time"

	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/server"
)

// TestFirstStartOnAMachine has a host that nothing was compiled for yet: its
// first services run on code that was compiled quickly, and deep recursion
// is as harmless there.
func TestFirstStartOnAMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles CPython")
	}
	cache := t.TempDir()
	start := time.Now()
	h := hosttest.Start(t, func(c *server.Config) { c.CacheDir = cache })
	t.Logf("ready after %v", time.Since(start))
	h.Deploy("hostile", hosttest.Python(string(read(t, "testdata/hostile.py"))), limits("POST /hostile/{attack}", func(l *client.Limits) {
		l.Timeout = duration(time.Minute)
	}))
	t.Logf("first Python service after %v", time.Since(start))
	for _, attack := range []string{"recursion", "json", "dumps", "repr", "parse", "re_nested", "copy"} {
		// Large frames may exhaust the stack before CPython's own limit does.
		refused(t, h.Call("POST", "/hostile/"+attack, ""), 500, "failed")
	}
	if r := h.Call("POST", "/hostile/freeze", ""); r.Status != 200 {
		t.Errorf("%d %s", r.Status, short(r.Body))
	}
}
