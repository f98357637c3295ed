package hosttest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

const stateful = `
import random, uuid
from serai import Service

calls = []

class Count(Service):
    seen = 0
    def handle(self):
        calls.append(1)
        Count.seen += 1
        self.response.payload = {
            'calls': len(calls), 'seen': Count.seen,
            'random': random.random(), 'uuid': str(uuid.uuid4()),
        }
`

type counted struct {
	Calls, Seen int
	Random      float64
	UUID        string
}

func count(t *testing.T, h *hosttest.Host) (c counted) {
	t.Helper()
	r := h.Call("GET", "/count", "")
	if err := json.Unmarshal([]byte(r.Body), &c); err != nil || r.Status != 200 {
		t.Fatalf("%d %s: %v", r.Status, r.Body, err)
	}
	return c
}

// TestEveryCallIsPristine is what Serai is for.
func TestEveryCallIsPristine(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("count", hosttest.Python(stateful), hosttest.Routes("GET /count"))
	seen := make(map[any]bool)
	for range 600 { // the image is laid out anew meanwhile
		c := count(t, h)
		if c.Calls != 1 || c.Seen != 1 {
			t.Fatalf("a call found what another one left: %+v", c)
		}
		if seen[c.Random] || seen[c.UUID] {
			t.Fatalf("a call drew what another one drew: %+v", c)
		}
		seen[c.Random], seen[c.UUID] = true, true
	}
}

func TestWarmServicesKeepState(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	s := hosttest.Routes("GET /count")
	s.Isolation = host.Warm
	h.Deploy("count", hosttest.Python(stateful), s)
	for want := 1; want <= 5; want++ {
		if c := count(t, h); c.Calls != want {
			t.Fatalf("call %d found %+v", want, c)
		}
	}
}

func TestBrokenUploadsLeaveTheRunningVersion(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("s", hosttest.Python("def handle(request):\n    return 'good'\n"), hosttest.Routes("GET /s"))
	for _, c := range []struct {
		name, source, want string
		line               int
	}{
		{"syntax error", "x = 1\ndef handle(request)\n    return 1\n", "SyntaxError", 2},
		{"exception at import", "x = 1\n\ny = x / 0\n", "ZeroDivisionError", 3},
		{"missing module", "import no_such_module\n", "ModuleNotFoundError", 1},
		{"nothing to run", "x = 1\n", "", 0},
		{"endless import", "while True: pass\n", "", 0},
	} {
		s := hosttest.Routes("GET /s")
		timeout := host.Duration(1e9)
		s.Limits = &client.Limits{Timeout: &timeout}
		_, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "s", hosttest.Python(c.source), s)
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		text := hosttest.Explain(err)
		if !strings.Contains(text, c.want) {
			t.Errorf("%s: %s", c.name, text)
		}
		e, ok := err.(*client.Error) //nolint:errorlint // the client returns it as it is
		if c.line > 0 && (!ok || e.Failure == nil || e.Failure.Line != c.line || !strings.HasSuffix(e.Failure.File, "service.py")) {
			t.Errorf("%s: the place of the error is missing: %+v", c.name, e.Failure)
		}
		if r := h.Call("GET", "/s", ""); r.Status != 200 || r.Body != "good" {
			t.Errorf("after %s: %d %s", c.name, r.Status, r.Body)
		}
	}
}
