package hosttest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/hosttest"
)

// TestConcurrentCallsShareTheStore has calls of two services count, push, pop
// and move at once. Nothing is lost and nothing happens twice.
func TestConcurrentCallsShareTheStore(t *testing.T) {
	h := hosttest.Start(t, nil)
	source := hosttest.Python(string(read(t, "testdata/kvconn.py")))
	h.Deploy("store", source, hosttest.Routes("POST /one/{what}"))
	h.Deploy("other", source, hosttest.Routes("POST /two/{what}"))
	const calls = 40
	replies := func(what string) []string {
		t.Helper()
		out := make([]string, calls)
		var all sync.WaitGroup
		for i := range calls {
			all.Go(func() {
				r, err := h.Try(t.Context(), "POST", "/"+[]string{"one", "two"}[i%2]+"/"+what, "")
				if err != nil || r.Status >= 300 {
					t.Errorf("%s: %d %s %v", what, r.Status, r.Body, err)
				}
				out[i] = r.Body
			})
		}
		all.Wait()
		return out
	}
	value := func(key string) string {
		t.Helper()
		b, err := h.Operator.Key(t.Context(), host.DefaultTenant, key)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return string(b)
	}

	seen := make(map[int]bool)
	for _, body := range replies("work") {
		var got struct {
			N    int
			Same bool
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || !got.Same || seen[got.N] {
			t.Errorf("reply %s (%v): every number comes once, and a pipeline sees itself", body, err)
		}
		seen[got.N] = true
	}
	for key, want := range map[string]string{"count": "40", "piped": "40", "scores": `{"serai:zset": {"all": 40}}`} {
		if got := value(key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	var totals struct {
		Hash map[string]string `json:"serai:hash"`
	}
	if err := json.Unmarshal([]byte(value("totals")), &totals); err != nil || totals.Hash["f0"] != "13" || totals.Hash["f1"] != "14" || totals.Hash["f2"] != "13" {
		t.Errorf("totals are %v, %v", totals, err)
	}
	var taken []string
	for _, body := range replies("take") {
		var pair []string
		if err := json.Unmarshal([]byte(body), &pair); err != nil || len(pair) != 2 {
			t.Fatalf("taken: %s %v", body, err)
		}
		taken = append(taken, pair[1])
	}
	slices.Sort(taken)
	if taken = slices.Compact(taken); len(taken) != calls {
		t.Errorf("%d different elements were taken, want %d", len(taken), calls)
	}
	replies("move")
	if l, r := value("left"), value("right"); l != fmt.Sprint(-calls) || r != fmt.Sprint(calls) {
		t.Errorf("after the moves: left %s, right %s", l, r)
	}
	want := `["WRONGTYPE Operation against a key holding the wrong kind of value", {"serai:list": ["ż", "b"]}]`
	if r := h.Call("POST", "/one/wrong", ""); r.Body != want {
		t.Errorf("got %d %s", r.Status, r.Body)
	}
}
