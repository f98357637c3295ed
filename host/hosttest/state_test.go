package hosttest_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/hosttest"
)

// TestLocks has calls exclude each other and leave locks behind in every way.
func TestLocks(t *testing.T) {
	h := hosttest.Start(t, nil)
	h.Deploy("state", hosttest.Python(string(read(t, "testdata/state.py"))), hosttest.Routes("POST /{what}"))
	const calls = 30
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			if r, err := h.Try(t.Context(), "POST", "/exclusive", ""); err != nil || r.Status != 200 {
				t.Errorf("%d %s %v", r.Status, r.Body, err)
			}
		})
	}
	all.Wait()
	if n, err := h.Operator.Key(t.Context(), host.DefaultTenant, "n"); err != nil || string(n) != "30" {
		t.Errorf("%d calls that exclude each other counted to %s, %v", calls, n, err)
	}
	if r := h.Call("POST", "/crash", ""); r.Status != 500 {
		t.Errorf("crash: %d %s", r.Status, r.Body)
	}
	if _, err := h.Operator.Key(t.Context(), host.DefaultTenant, "holding"); err != nil {
		t.Errorf("the call crashed before it held the lock: %v", err)
	}
	for _, step := range [][2]string{
		{"leave", "held"},
		{"again", "free"}, // whoever held a lock is gone
		{"impatient", `lock "own" was held by others for 20ms; wait longer for it, or hold it shorter`},
		{"hold", "[false, true]"},
	} {
		if r := h.Call("POST", "/"+step[0], ""); r.Body != step[1] {
			t.Errorf("%s: %d %s, want %s", step[0], r.Status, r.Body, step[1])
		}
	}
}

// TestSecretsOfServices encrypts, hashes and caches in the sandbox.
func TestSecretsOfServices(t *testing.T) {
	h := hosttest.Start(t, nil)
	source := hosttest.Python(string(read(t, "testdata/state.py")))
	h.Deploy("state", source, hosttest.Routes("POST /{what}"))
	for _, step := range [][2]string{
		{"password", `["$argon2id", true, false]`},
		{"cached", `[{"n": [1, "78"]}, "ff", ["a", "b"], ["a"], []]`},
		{"times", `["2027-03-01", true]`},
		{"counterpart", "?"},
		{"unseal", "the data cannot be decrypted: it was not encrypted for this tenant, or it was changed"},
	} {
		if r := h.Call("POST", "/"+step[0], "c2VhbGVk"); r.Body != step[1] {
			t.Errorf("%s: %d %s, want %s", step[0], r.Status, r.Body, step[1])
		}
	}
	if r := h.Call("POST", "/costly", ""); !strings.Contains(r.Body, "too expensive to verify") {
		t.Errorf("a hash that costs seconds: %d %s", r.Status, r.Body)
	}
	sealed := h.Call("POST", "/seal", "").Body
	if strings.Contains(sealed, "aba") || len(sealed) < 40 {
		t.Errorf("sealed: %s", sealed)
	}
	h.Stop()
	again := hosttest.Start(t, h.SameData())
	if r := again.Call("POST", "/unseal", sealed); r.Body != "żaba" {
		t.Errorf("after a restart: %d %s", r.Status, r.Body)
	}
}
