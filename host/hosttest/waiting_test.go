package hosttest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// longTests, set to anything, makes the tests that scale do what the issue
// promises in full: 2,000 waiting calls, a thousand services.
const longTests = "SERAI_LONG"

func scaled(usual, long int) int {
	switch {
	case os.Getenv(longTests) != "":
		return long
	case testing.Short():
		return usual / 4
	default:
		return usual
	}
}

func threads(t testing.TB) int {
	t.Helper()
	for line := range strings.Lines(string(read(t, "/proc/self/status"))) {
		if text, found := strings.CutPrefix(line, "Threads:"); found {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no number of threads")
	return 0
}

// TestWaitingCalls has many calls wait for an upstream at a time: they hold
// no threads, and none waits for another.
func TestWaitingCalls(t *testing.T) {
	hostileOnly(t)
	const wait = time.Second
	n := scaled(500, 2000)
	var now, most atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for in, seen := now.Add(1), most.Load(); in > seen && !most.CompareAndSwap(seen, in); seen = most.Load() {
		}
		defer now.Add(-1)
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
		}
		fmt.Fprint(w, "upstream")
	}))
	t.Cleanup(upstream.Close)
	h := hosttest.Start(t, nil)
	if _, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, "slow", client.Connection{
		Type: "http", Config: config(`{"base_url": %q, "timeout": "1m"}`, upstream.URL), AllowNetworks: []string{"127.0.0.0/8"},
	}); err != nil {
		t.Fatal(err)
	}
	s := limits("GET /waits", func(l *client.Limits) { l.Timeout = duration(time.Minute) })
	s.Grants = &host.Grants{Connections: []string{"slow"}}
	h.Deploy("waits", hosttest.Python("import serai\ndef handle(r):\n    return serai.Service.out.rest['slow'].conn.get().text\n"), s)
	ok(t, h.Call("GET", "/waits", ""), "upstream")

	clients := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	t.Cleanup(clients.CloseIdleConnections)
	var wg sync.WaitGroup
	start := time.Now()
	for range n {
		wg.Go(func() {
			r, err := h.TryWith(t.Context(), clients, "GET", "/waits", "")
			if err != nil || r.Status != 200 || r.Body != "upstream" {
				t.Errorf("%d %s %v", r.Status, short(r.Body), err)
			}
		})
	}
	highest := 0
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-tick.C:
			highest = max(highest, threads(t))
			continue
		case <-done:
			tick.Stop()
		}
		break
	}
	took := time.Since(start)
	t.Logf("%d calls that wait %v: %v, %d threads, %d at the upstream at a time", n, wait, took, highest, most.Load())
	if took > 15*time.Second {
		t.Errorf("%d calls took %v", n, took)
	}
	if highest > 100 {
		t.Errorf("%d threads", highest)
	}
}

// TestManyServices deploys many services, starts again, and calls each once.
func TestManyServices(t *testing.T) {
	n := scaled(120, 1000)
	h := hosttest.Start(t, nil)
	start := time.Now()
	var wg sync.WaitGroup
	names := make(chan int)
	for range 4 {
		wg.Go(func() {
			for i := range names {
				name := fmt.Sprint("s", i)
				if _, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, name,
					hosttest.Python(fmt.Sprintf("X = list(range(1000))\ndef handle(r): return '%d'\n", i)), hosttest.Routes("GET /"+name)); err != nil {
					t.Errorf("%s: %v", name, hosttest.Explain(err))
				}
			}
		})
	}
	for i := range n {
		names <- i
	}
	close(names)
	wg.Wait()
	t.Logf("%d deploys: %v", n, time.Since(start))
	before := residentBytes(t)
	h.Stop()
	start = time.Now()
	again := hosttest.Start(t, h.SameData())
	t.Logf("ready with %d services: %v", n, time.Since(start))
	start = time.Now()
	for i := range n {
		ok(t, again.Call("GET", fmt.Sprint("/s", i), ""), strconv.Itoa(i))
	}
	t.Logf("first call of each: %v; resident %d MiB, before the restart %d MiB", time.Since(start), residentBytes(t)>>20, before>>20)
	// The kernel allows a process some 65,000 mappings.
	if maps := strings.Count(string(read(t, "/proc/self/maps")), "\n"); maps > 5000+50*n {
		t.Errorf("%d mappings for %d services", maps, n)
	}
	if all, err := again.Operator.Services(t.Context(), host.DefaultTenant); err != nil || len(all) != n {
		t.Errorf("%d services, %v", len(all), err)
	}
}
