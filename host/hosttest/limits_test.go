package hosttest_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/server"
)

const limited = `
import time
from serai import Service

class Limited(Service):
    def handle(self):
        p = self.request.payload or {}
        if 'sleep' in p:
            time.sleep(p['sleep'])
        if 'reply' in p:
            self.response.payload = 'x' * p['reply']
            return
        if 'depth' in p:
            self.response.payload = self.invoke(p['via'], {'depth': p['depth'] - 1, 'via': self.request.service}) if p['depth'] else 'bottom'
            return
        if 'fail' in p:
            raise ValueError('a secret of the author')
        self.response.payload = 'done'
`

func TestLimits(t *testing.T) {
	h := hosttest.Start(t, nil)
	for _, name := range []string{"limited", "other"} {
		h.Deploy(name, hosttest.Python(limited), limits("POST /"+name, func(l *client.Limits) {
			l.Timeout = duration(500 * time.Millisecond)
			l.RequestBytes, l.ReplyBytes = new(10*host.KiB), new(20*host.KiB)
			l.InvokeDepth = new(3)
		}))
	}
	json := "Content-Type: application/json"
	for _, c := range []struct {
		name, body string
		status     int
		code, want string
	}{
		{"a call within them", `{}`, 200, "", "done"},
		{"wall time", `{"sleep": 30}`, 504, "timeout", "500ms"},
		{"request", `{"x": "` + strings.Repeat("x", 10<<10) + `"}`, 413, "too-large", "10KiB"},
		{"the largest reply", `{"reply": 20480}`, 200, "", ""},
		{"reply", `{"reply": 20481}`, 500, "limit", "20KiB"},
		{"the deepest invoke", `{"depth": 3, "via": "other"}`, 200, "", "bottom"},
		{"depth", `{"depth": 4, "via": "other"}`, 500, "failed", ""},
		{"failure", `{"fail": 1}`, 500, "failed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := h.Call("POST", "/limited", c.body, json)
			if c.code == "" {
				if r.Status != c.status || !strings.Contains(r.Body, c.want) {
					t.Errorf("%d %s", r.Status, short(r.Body))
				}
				return
			}
			if p := refused(t, r, c.status, c.code); !strings.Contains(p.Detail, c.want) {
				t.Errorf("detail %q does not say %q", p.Detail, c.want)
			}
		})
	}
	t.Run("the log has the traceback under the request id", func(t *testing.T) {
		r := h.Call("POST", "/limited", `{"fail": 1}`, json, "X-Request-Id: my-own-id")
		if id := r.Header.Get("X-Request-Id"); id != "my-own-id" || strings.Contains(r.Body, "secret") {
			t.Errorf("id %q, body %s", id, r.Body)
		}
		f := failureOf(t, h, r)
		if f.Type != "ValueError" || f.Message != "a secret of the author" || f.File != "service.py" || f.Line == 0 ||
			!strings.Contains(f.Traceback, "raise ValueError") {
			t.Errorf("the log has %+v", f)
		}
	})
	t.Run("the control API shows the author", func(t *testing.T) {
		_, err := h.Operator.Invoke(t.Context(), host.DefaultTenant, "limited", "application/json", []byte(`{"fail": 1}`))
		if e := controlRefused(t, err, "failed", ""); e.Failure == nil || !strings.Contains(e.Failure.Traceback, "raise ValueError") {
			t.Errorf("failure %+v", e.Failure)
		}
	})
}

func TestLimitDepthHasACode(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	for name, next := range map[string]string{"deep": "deeper", "deeper": "deep"} {
		h.Deploy(name, hosttest.Python(fmt.Sprintf(`
import serai
def handle(request):
    try:
        return serai.invoke('%s')
    except serai.errors.Limit as e:
        return f'{type(e).__name__}: {e}'
`, next)), limits("GET /"+name, func(l *client.Limits) { l.InvokeDepth = new(2) }))
	}
	r := h.Call("GET", "/deep", "")
	if r.Status != 200 || !strings.Contains(r.Body, "Limit: ") || !strings.Contains(r.Body, "more than 2 deep") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// TestQueue has one call run and one wait; the third is turned away with the
// time to come back.
func TestQueue(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("limited", hosttest.Python(limited), limits("POST /limited", func(l *client.Limits) {
		l.InFlight, l.Queue = new(1), new(1)
	}))
	const calls = 6
	replies := make(chan hosttest.Reply, calls)
	for range calls {
		go func() {
			r, err := h.Try(t.Context(), "POST", "/limited", `{"sleep": 0.7}`, "Content-Type: application/json")
			if err != nil {
				t.Error(err)
			}
			replies <- r
		}()
	}
	served := 0
	for range calls {
		r := <-replies
		if r.Status == 200 {
			served++
			continue
		}
		p := refused(t, r, 503, "unavailable")
		if after, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || after < 1 || p.Retry != after {
			t.Errorf("Retry-After %q, in the document %d", r.Header.Get("Retry-After"), p.Retry)
		}
	}
	// On a slow machine some came after the first had ended.
	if served < 2 || served == calls {
		t.Errorf("%d calls were served, want one that ran and one that waited", served)
	}
	ok(t, h.Call("POST", "/limited", `{}`, "Content-Type: application/json"), "done")
}

// TestCeilingOfTheHost bounds the calls of all services together.
func TestCeilingOfTheHost(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, func(c *server.Config) { c.Guests = 2 })
	h.Deploy("limited", hosttest.Python(limited), hosttest.Routes("POST /limited"))
	const calls = 8
	codes := make(chan int, calls)
	for range calls {
		go func() {
			r, err := h.Try(t.Context(), "POST", "/limited", `{"sleep": 0.5}`, "Content-Type: application/json")
			if err != nil {
				t.Error(err)
			}
			codes <- r.Status
		}()
	}
	got := map[int]int{}
	for range calls {
		got[<-codes]++
	}
	if got[200] < 4 || got[503] == 0 || got[200]+got[503] != calls { // two ran, two waited
		t.Errorf("statuses %v", got)
	}
}

// TestSettingsThatAreRefused names the field for each.
func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	for field, edit := range map[string]func(*client.Settings){
		"limits.memory":        func(s *client.Settings) { s.Limits.Memory = new(host.GiB) },
		"limits.timeout":       func(s *client.Settings) { s.Limits.Timeout = duration(11 * time.Minute) },
		"limits.cpu":           func(s *client.Settings) { s.Limits.CPU = duration(0) },
		"limits.request_bytes": func(s *client.Settings) { s.Limits.RequestBytes = new(host.GiB) },
		"limits.reply_bytes":   func(s *client.Settings) { s.Limits.ReplyBytes = new(host.Bytes(0)) },
		"limits.log_bytes":     func(s *client.Settings) { s.Limits.LogBytes = new(host.GiB) },
		"limits.in_flight":     func(s *client.Settings) { s.Limits.InFlight = new(0) },
		"limits.queue":         func(s *client.Settings) { s.Limits.Queue = new(-1) },
		"limits.invoke_depth":  func(s *client.Settings) { s.Limits.InvokeDepth = new(1000) },
		"isolation":            func(s *client.Settings) { s.Isolation = "shared" },
		"routes[0].path":       func(s *client.Settings) { s.Routes = []host.Route{{Path: "x"}} },
		"auth":                 func(s *client.Settings) { s.Routes = []host.Route{{Path: "/x", Auth: "none-such"}} },
		"entry":                func(s *client.Settings) { s.Entry = "other.py" },
	} {
		s := client.Settings{Limits: &client.Limits{}}
		edit(&s)
		_, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "s", hosttest.Python("def handle(request): return 1\n"), s)
		controlRefused(t, err, "invalid", field)
	}
	if all, err := h.Operator.Services(t.Context(), host.DefaultTenant); err != nil || len(all) != 0 {
		t.Errorf("%d services, %v", len(all), err)
	}
}

// TestMemoryLimit holds an instance to its limit and gives the memory back.
func TestMemoryLimit(t *testing.T) {
	h := hosttest.Start(t, nil)
	h.Deploy("m", hosttest.Python(`
def handle(request):
    x = bytearray(int(request.http.params.n) << 20)
    for i in range(0, len(x), 4096):
        x[i] = 1
    return str(len(x) >> 20)
`), limits("GET /m/{n}", func(l *client.Limits) { l.Memory = new(128 * host.MiB) }))
	for range 3 {
		ok(t, h.Call("GET", "/m/64", ""), "64")
		refused(t, h.Call("GET", "/m/160", ""), 500, "failed")
	}
	before := residentBytes(t)
	for range 20 {
		ok(t, h.Call("GET", "/m/90", ""), "90")
	}
	if grown := residentBytes(t) - before; grown > 200<<20 && !racing {
		t.Errorf("20 calls that take 90 MiB left %d MiB behind", grown>>20)
	}
}

// TestMemoryOfTheHost has more calls grow at a time than the host has memory
// for: some get none, the host and a neighbour go on, and all is given back.
func TestMemoryOfTheHost(t *testing.T) {
	hostileOnly(t)
	h := hosttest.Start(t, func(c *server.Config) { c.Memory = 256 * host.MiB })
	h.Deploy("grow", hosttest.Python(`
import time
def handle(request):
    x = bytearray(100 << 20)
    for i in range(0, len(x), 4096):
        x[i] = 1
    time.sleep(1)
    return 'grown'
`), hosttest.Routes("GET /grow"))
	h.Deploy("neighbour", hosttest.Python("def handle(request):\n    return 'unharmed'\n"), hosttest.Routes("GET /neighbour"))
	const calls = 20
	before := residentBytes(t)
	statuses := make(chan int, calls)
	for range calls {
		go func() {
			r, err := h.Try(t.Context(), "GET", "/grow", "")
			if err != nil {
				t.Error(err)
			}
			statuses <- r.Status
		}()
	}
	got, most := map[int]int{}, int64(0)
	for n := 0; n < calls; {
		select {
		case s := <-statuses:
			got[s]++
			n++
		case <-time.After(20 * time.Millisecond):
			most = max(most, residentBytes(t)-before)
		}
	}
	t.Logf("statuses %v, %d MiB at most", got, most>>20)
	if got[200] < 2 || got[200]+got[500]+got[503] != calls {
		t.Errorf("statuses %v", got)
	}
	if most > 900<<20 && !racing {
		t.Errorf("guests took %d MiB of 256", most>>20)
	}
	ok(t, h.Call("GET", "/neighbour", ""), "unharmed")
	ok(t, h.Call("GET", "/grow", ""), "grown")
}
