package hosttest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// TestNeighbours measures a tenant's calls while another tenant spins with
// many calls: they take turns.
func TestNeighbours(t *testing.T) {
	hostileOnly(t)
	h := hosttest.Start(t, nil)
	loud := newTwin(t, h, "loud")
	s := limits("GET /spin", func(l *client.Limits) { l.Timeout = duration(4 * time.Second) })
	if _, err := loud.c.Deploy(t.Context(), "loud", "spin", hosttest.Python("def handle(request):\n    while True: pass\n"), s); err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	h.Deploy("quiet", hosttest.Python("def handle(request):\n    return 'quiet'\n"), hosttest.Routes("GET /quiet"))
	ok(t, h.Call("GET", "/quiet", ""), "quiet")
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			r, err := h.Try(t.Context(), "GET", "/spin", "")
			if err != nil || r.Status != 504 {
				t.Errorf("%d %s %v", r.Status, r.Body, err)
			}
		})
	}
	var took []time.Duration
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		start := time.Now()
		ok(t, h.Call("GET", "/quiet", ""), "quiet")
		took = append(took, time.Since(start))
	}
	wg.Wait()
	slices.Sort(took)
	half, worst := took[len(took)/2], took[len(took)-1]
	t.Logf("%d calls beside 32 that spin: half within %v, all within %v", len(took), half, worst)
	if half > time.Second || len(took) < 5 {
		t.Errorf("half of the calls took over %v", half)
	}
}

// TestNestedInvokes has chains of services that wait for each other, many
// more than there are processors.
func TestNestedInvokes(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	for name, next := range map[string]string{"chain": "link", "link": "chain"} {
		h.Deploy(name, hosttest.Python(fmt.Sprintf(`
import serai
def handle(request):
    n = int(request.payload['n'])
    return str(n) if n == 0 else str(n) + serai.invoke('%s', {'n': n - 1})
`, next)), limits("POST /"+name, func(l *client.Limits) {
			l.InFlight = new(20)
			l.InvokeDepth = new(16)
			l.Timeout = duration(time.Minute)
		}))
	}
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			r, err := h.Try(t.Context(), "POST", "/chain", `{"n": 9}`, "Content-Type: application/json")
			if err != nil || r.Status != 200 || r.Body != "9876543210" {
				t.Errorf("%d %s %v", r.Status, short(r.Body), err)
			}
		})
	}
	wg.Wait()
}

// TestAsyncBomb has a service that has itself called twice, without end: the
// depth ends it.
func TestAsyncBomb(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("bomb", hosttest.Python(`
import serai
def handle(request):
    serai.kv.set('bomb.' + request.cid, 'x')
    serai.invoke_async('bomb')
    serai.invoke_async('bomb')
`), limits("GET /bomb", func(l *client.Limits) { l.InvokeDepth = new(3) }))
	if r := h.Call("GET", "/bomb", ""); r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	const all = 1 + 2 + 4 + 8
	count := func() int {
		keys, _, err := h.Operator.Keys(t.Context(), host.DefaultTenant, "bomb.", "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		return len(keys)
	}
	eventually(t, "all calls of the bomb", func() bool { return count() >= all })
	if n := count(); n != all {
		t.Errorf("%d calls, want %d", n, all)
	}
}

// TestCountersDoNotLoseCounts has many calls add to one key.
func TestCountersDoNotLoseCounts(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("add", hosttest.Python("from serai import Service\nclass Add(Service):\n    def handle(self):\n        return str(self.kvdb.conn.incr('total'))\n"), hosttest.Routes("POST /add"))
	const workers, each = 6, 15
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if r, err := h.Try(t.Context(), "POST", "/add", ""); err != nil || r.Status != 200 {
					t.Errorf("%d %s %v", r.Status, short(r.Body), err)
				}
			}
		})
	}
	wg.Wait()
	if v, err := h.Operator.Key(t.Context(), host.DefaultTenant, "total"); err != nil || string(v) != strconv.Itoa(workers*each) {
		t.Errorf("%s, %v, want %d", v, err, workers*each)
	}
}

// TestClientsThatLeave end the calls that they made.
func TestClientsThatLeave(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("slow", hosttest.Python(`
import serai, time
def handle(request):
    serai.kv.set('entered.' + request.http.params.n, 'x')
    time.sleep(1.5)
    serai.kv.set('left.' + request.http.params.n, 'x')
`), limits("GET /slow/{n}", func(l *client.Limits) { l.InFlight = new(1); l.Queue = new(0) }))
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := h.Try(ctx, "GET", "/slow/1", "")
		done <- err
	}()
	eventually(t, "the call's begin", func() bool {
		_, err := h.Operator.Key(t.Context(), host.DefaultTenant, "entered.1")
		return err == nil
	})
	leave()
	if err := <-done; err == nil {
		t.Fatal("the client got an answer")
	}
	// Its place is free long before the call would have ended by itself.
	start := time.Now()
	var r hosttest.Reply
	eventually(t, "the next call", func() bool {
		r = h.Call("GET", "/slow/2", "")
		return r.Status == 200
	})
	t.Logf("the next call was done %v after the client left", time.Since(start))
	if _, err := h.Operator.Key(t.Context(), host.DefaultTenant, "left.1"); err == nil {
		t.Error("the call went on without its client")
	}
}

// TestFreshRandomness has calls at the same time draw from every source.
func TestFreshRandomness(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("draw", hosttest.Python(`
import os, random, secrets, tempfile, time, uuid
early = random.random()
generator = random.Random()
def handle(request):
    return {
        'random': random.random(), 'gauss': random.gauss(), 'bits': random.getrandbits(64), 'uuid4': str(uuid.uuid4()), 'uuid1': str(uuid.uuid1()),
        'urandom': os.urandom(8).hex(), 'secrets': secrets.token_hex(8), 'system': random.SystemRandom().random(),
        'shuffled': random.sample(range(10**9), 3), 'new': random.Random().random(), 'name': next(tempfile._get_candidate_names()), 'clock': time.time(),
    }
`), hosttest.Routes("GET /draw"))
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		seen = map[string]bool{}
	)
	for range 4 {
		wg.Go(func() {
			for range 25 {
				r, err := h.Try(t.Context(), "GET", "/draw", "")
				var drawn map[string]any
				if err != nil || json.Unmarshal([]byte(r.Body), &drawn) != nil || r.Status != 200 {
					t.Errorf("%d %s %v", r.Status, short(r.Body), err)
					return
				}
				if clock, _ := drawn["clock"].(float64); time.Since(time.UnixMilli(int64(clock*1000))).Abs() > time.Minute {
					t.Errorf("the clock says %v", drawn["clock"])
				}
				delete(drawn, "clock")
				mu.Lock()
				for source, value := range drawn {
					k := fmt.Sprint(source, " ", value)
					if seen[k] {
						t.Errorf("two calls drew %s", k)
					}
					seen[k] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}
