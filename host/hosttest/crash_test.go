package hosttest_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/server"
)

// acknowledged is what a host has said it keeps.
type acknowledged struct {
	mu       sync.Mutex
	keys     map[string]int // key of the store to the last number written
	config   map[string]int
	services map[string]int // service to the last number deployed
	async    map[string]bool
}

func (a *acknowledged) set(m map[string]int, k string, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m[k] = n
}

const worker = `
import serai
def handle(request):
    p = request.payload
    if p['do'] == 'async':
        serai.invoke_async('worker', {'do': 'done', 'name': p['name']})
    elif p['do'] == 'done':
        serai.kv.set('done.' + p['name'], 'x')
    elif p['do'] == 'kv':
        serai.kv.set(p['key'], str(p['n']))
    return 'ok'
`

func get(ctx context.Context, method, url, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// change makes changes until the host is gone, and notes what was acknowledged.
func (a *acknowledged) change(ctx context.Context, p *child, from int) {
	var wg sync.WaitGroup
	loop := func(do func(n int) error) {
		wg.Go(func() {
			for n := from; do(n) == nil; n++ {
			}
		})
	}
	for _, key := range []string{"a", "b", "c"} {
		loop(func(n int) error {
			err := p.c.SetKey(ctx, host.DefaultTenant, key, []byte(strconv.Itoa(n)), 0)
			if err == nil {
				a.set(a.keys, key, n)
			}
			return err
		})
	}
	loop(func(n int) error {
		status, _, err := get(ctx, "POST", p.url+"/worker", fmt.Sprintf(`{"do": "kv", "key": "g", "n": %d}`, n))
		if err == nil && status == 200 {
			a.set(a.keys, "g", n)
		}
		return err
	})
	loop(func(n int) error {
		err := p.c.SetConfig(ctx, host.DefaultTenant, "limit", []byte(strconv.Itoa(n)))
		if err == nil {
			a.set(a.config, "limit", n)
		}
		return err
	})
	loop(func(n int) error {
		name := fmt.Sprint("s", n%3)
		_, err := p.c.Deploy(ctx, host.DefaultTenant, name, hosttest.Python(fmt.Sprintf("def handle(r): return '%d'\n", n)), hosttest.Routes("GET /"+name))
		if err == nil {
			a.set(a.services, name, n)
		}
		return err
	})
	loop(func(n int) error {
		name := fmt.Sprint("job", n)
		status, _, err := get(ctx, "POST", p.url+"/worker", fmt.Sprintf(`{"do": "async", "name": %q}`, name))
		if err == nil && status == 200 {
			a.mu.Lock()
			a.async[name] = true
			a.mu.Unlock()
		}
		return err
	})
	wg.Wait()
}

// check finds what was acknowledged, or what came after it.
func (a *acknowledged) check(t *testing.T, p *child) {
	t.Helper()
	ctx := t.Context()
	for key, n := range a.keys {
		v, err := p.c.Key(ctx, host.DefaultTenant, key)
		if got, bad := strconv.Atoi(string(v)); err != nil || bad != nil || got < n {
			t.Errorf("key %s is %q, %v; %d was acknowledged", key, v, err, n)
		}
	}
	for key, n := range a.config {
		v, err := p.c.Config(ctx, host.DefaultTenant, key)
		if got, bad := strconv.Atoi(string(v)); err != nil || bad != nil || got < n {
			t.Errorf("configuration %s is %q, %v; %d was acknowledged", key, v, err, n)
		}
	}
	for name, n := range a.services {
		status, body, err := get(ctx, "GET", p.url+"/"+name, "")
		if got, bad := strconv.Atoi(body); err != nil || status != 200 || bad != nil || got < n {
			t.Errorf("service %s answers %d %s, %v; version %d was live", name, status, body, err, n)
		}
	}
	for name := range a.async {
		eventually(t, "an asynchronous call that was acknowledged", func() bool {
			_, err := p.c.Key(ctx, host.DefaultTenant, "done."+name)
			return err == nil
		})
	}
	t.Logf("after the kill: %d keys, %d services at %v, %d asynchronous calls", len(a.keys), len(a.services), a.services, len(a.async))
}

// TestKill kills a host at random moments and starts it again: what was
// acknowledged is there, and no start needs a repair.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	a := &acknowledged{keys: map[string]int{}, config: map[string]int{}, services: map[string]int{}, async: map[string]bool{}}
	p := startChild(t, dir)
	if _, err := p.c.Deploy(t.Context(), host.DefaultTenant, "worker", hosttest.Python(worker), hosttest.Routes("POST /worker")); err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	for round := range rounds {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		kill := time.AfterFunc(200*time.Millisecond+rand.N(time.Second), func() { _ = p.cmd.Process.Kill() })
		a.change(ctx, p, (round+1)*100_000)
		kill.Stop()
		cancel()
		p.kill()
		start := time.Now()
		p = startChild(t, dir)
		t.Logf("round %d: ready %v after the kill", round, time.Since(start))
		a.check(t, p)
	}
}

// TestKillWhileStarting kills a host before it has started for the first time.
func TestKillWhileStarting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 6 {
		killEarly(t, dir, time.Duration(i)*15*time.Millisecond)
	}
	p := startChild(t, dir)
	if _, err := p.c.Deploy(t.Context(), host.DefaultTenant, "s", hosttest.Python("def handle(r): return 'up'\n"), hosttest.Routes("GET /s")); err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	if status, body, err := get(t.Context(), "GET", p.url+"/s", ""); err != nil || status != 200 || body != "up" {
		t.Errorf("%d %s %v", status, body, err)
	}
}

// TestTerminate drains: calls in flight are answered, then the host ends.
func TestTerminate(t *testing.T) {
	t.Parallel()
	p := startChild(t, t.TempDir())
	ctx := t.Context()
	if _, err := p.c.Deploy(ctx, host.DefaultTenant, "slow", hosttest.Python(`
import time, serai
def handle(request):
    serai.kv.set('entered', 'x')
    time.sleep(1.5)
    serai.kv.set('left', 'x')
    return 'finished'
`), hosttest.Routes("GET /slow")); err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	type answer struct {
		status int
		body   string
		err    error
	}
	answers := make(chan answer, 3)
	for range cap(answers) {
		go func() {
			status, body, err := get(ctx, "GET", p.url+"/slow", "")
			answers <- answer{status, body, err}
		}()
	}
	eventually(t, "the call's begin", func() bool {
		_, err := p.c.Key(ctx, host.DefaultTenant, "entered")
		return err == nil
	})
	start := time.Now()
	p.terminate(t)
	t.Logf("ended %v after SIGTERM", time.Since(start))
	for range cap(answers) {
		if got := <-answers; got.err != nil || got.status != 200 || got.body != "finished" {
			t.Errorf("a call in flight ended with %+v", got)
		}
	}
}

// TestTwoHosts keeps a second host away from a data directory in use.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	c := server.Config{GatewayAddr: "127.0.0.1:0", ControlAddr: "127.0.0.1:0"}
	h.SameData()(&c)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := server.New(c).Run(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("a second host runs on the same directory: %v", err)
	} else {
		t.Logf("a second host: %v", err)
	}
	h.Deploy("s", hosttest.Python("def handle(r): return 'up'\n"), hosttest.Routes("GET /s"))
	ok(t, h.Call("GET", "/s", ""), "up")
}
