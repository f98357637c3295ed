package hosttest_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// TestKillAsync kills a host while callbacks, groups, retries and jobs that it
// has accepted are on their way: all of them come after the next start, and a
// group has one final callback.
func TestKillAsync(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startChild(t, dir)
	ctx := t.Context()
	deploy := func(name, source string, s client.Settings) {
		t.Helper()
		if _, err := p.c.Deploy(ctx, host.DefaultTenant, name, hosttest.Python(source), s); err != nil {
			t.Fatal(hosttest.Explain(err))
		}
	}
	for _, name := range []string{"callback", "final", "retried", "job"} {
		deploy(name, "import serai, uuid\ndef handle(request):\n    n = request.field('in-reply-to') or request.field('job-name')\n    serai.kv.set(f'{request.service}.{n}.{request.cid}.{uuid.uuid4()}', 'x')\n", client.Settings{})
	}
	deploy("target", "import time\ndef handle(request):\n    time.sleep(0.02)\n    return request.payload\n", client.Settings{})
	deploy("other", "def handle(request):\n    return 'x'\n", client.Settings{})
	deploy("fails", "def handle(request):\n    raise ValueError('no')\n", client.Settings{})
	deploy("start", `
from serai import Service
class Start(Service):
    def handle(self):
        n = self.request.payload['n']
        self.invoke_async('target', n, callback='callback', cid=f'{n}')
        self.patterns.fanout.invoke({'target': n, 'other': n, 'fails': n}, 'final', cid=f'{n}')
        self.patterns.invoke_retry.invoke_async('fails', n, repeats=3, seconds=0.2, callback='retried', cid=f'{n}')
        self.schedule.onetime(self, 'job', name=f'{n}', after_seconds=2)
`, hosttest.Routes("POST /start"))

	// Every attempt has a number of its own: one that was not acknowledged may
	// have started its group all the same.
	var accepted []int
	attempts := 0
	for round := range 3 {
		kill := time.AfterFunc(200*time.Millisecond+rand.N(600*time.Millisecond), func() { _ = p.cmd.Process.Kill() })
		for {
			status, body, err := get(ctx, "POST", p.url+"/start", fmt.Sprintf(`{"n": %d}`, attempts))
			attempts++
			if err != nil {
				break
			}
			if status != 200 {
				t.Errorf("%d %s", status, body)
			}
			accepted = append(accepted, attempts-1)
		}
		kill.Stop()
		p.kill()
		p = startChild(t, dir)
		t.Logf("round %d: %d of %d accepted", round, len(accepted), attempts)
	}
	for _, n := range accepted {
		for _, service := range []string{"callback", "final", "retried", "job"} {
			eventually(t, fmt.Sprintf("%s of %d", service, n), func() bool {
				keys, _, err := p.c.Keys(ctx, host.DefaultTenant, fmt.Sprintf("%s.%d.", service, n), "", 10)
				return err == nil && len(keys) > 0
			})
		}
	}
	// Also of the attempts that were cut off, no group has two final callbacks.
	// One may be made again: when the kill came between its end and the note of it.
	again := 0
	for n := range attempts {
		keys, _, err := p.c.Keys(ctx, host.DefaultTenant, fmt.Sprintf("final.%d.", n), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for _, k := range keys {
			ids[strings.Split(k, ".")[2]] = true
		}
		if len(ids) > 1 {
			t.Errorf("group %d has %d final callbacks", n, len(ids))
		}
		again += max(0, len(keys)-1)
	}
	t.Logf("%d groups, %d final callbacks made again", attempts, again)
}

// TestAsyncIsFair floods the host with slow calls of one tenant, which no
// other waits for.
func TestAsyncIsFair(t *testing.T) {
	hostileOnly(t)
	t.Parallel()
	h := hosttest.Start(t, nil)
	run := deployAsks(t, h)
	h.Deploy("slow", hosttest.Python("import time\ndef handle(request):\n    time.sleep(20)\n"), client.Settings{})
	run(`for n in range(300): self.invoke_async('slow')`)
	ctx := t.Context()
	if _, err := h.Operator.CreateTenant(ctx, "other", nil); err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]string{"sink": sink, "start": "import serai\ndef handle(request):\n    return serai.invoke_async('sink', 'x')\n"} {
		if _, err := h.Operator.Deploy(ctx, "other", name, hosttest.Python(source), client.Settings{}); err != nil {
			t.Fatal(hosttest.Explain(err))
		}
	}
	began := time.Now()
	if _, err := h.Operator.Invoke(ctx, "other", "start", "", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other tenant's call", func() bool {
		keys, _, err := h.Operator.Keys(ctx, "other", "sink.", "", 10)
		return err == nil && len(keys) == 1
	})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the other tenant's call waited %s", took)
	}
	// A tenant that is deleted leaves nothing behind in the queue.
	if err := h.Operator.DeleteTenant(ctx, "other"); err != nil {
		t.Fatal(err)
	}
}
