package hosttest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/telemetry"
)

// tail returns the records that the query chooses.
func tail(t *testing.T, h *hosttest.Host, q client.LogQuery) (out []telemetry.Record, err error) {
	t.Helper()
	err = h.Operator.Logs(t.Context(), host.DefaultTenant, q, func(r telemetry.Record) error {
		out = append(out, r)
		return nil
	})
	return out, err
}

// TestOneIDJoinsTheLogsOfAllServices has a chain of three services fail at
// its end, beside the same call of another client.
func TestOneIDJoinsTheLogsOfAllServices(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("last", hosttest.Python("def handle(request):\n    print('in last')\n    return 1 / 0\n"), client.Settings{})
	for name, next := range map[string]string{"first": "middle", "middle": "last"} {
		source := fmt.Sprintf("from serai import invoke\ndef handle(request):\n    print('in %s')\n    return invoke('%s')\n", name, next)
		h.Deploy(name, hosttest.Python(source), hosttest.Routes("GET /"+name))
	}
	cid := h.Call("GET", "/first", "").Header.Get("X-Request-Id")
	h.Call("GET", "/first", "")
	records, err := tail(t, h, client.LogQuery{CID: cid})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		if r.CID != cid {
			t.Errorf("a record of another call: %+v", r)
		}
		what := r.Message
		if r.Failure != nil {
			what = r.Failure.Type
			if !strings.Contains(r.Failure.Traceback, "service.py") {
				t.Errorf("no traceback: %+v", r.Failure)
			}
		}
		got = append(got, r.Service+": "+what)
	}
	want := "first: in first, middle: in middle, last: in last, last: ZeroDivisionError, middle: Failed, first: Failed"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("the log is\n%s, want\n%s", text, want)
	}
}
