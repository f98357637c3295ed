package hosttest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

const failing = `
def divide(amount, password):
    details = {'amount': amount, 'api_key': 'k-7391'}
    return details['amount'] / 0

def handle(request):
    try:
        return divide(12, 's3cr3t')
    except ZeroDivisionError as e:
        raise RuntimeError('no ratio') from e
`

// TestOnlyDevShowsTracebacks deploys the same code in the ways in which it
// can be deployed, and reads what an API client sees.
func TestOnlyDevShowsTracebacks(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	for _, c := range []struct {
		name       string
		debug      host.Debug
		show, hide []string
	}{
		{"traceback", host.DebugTraceback, []string{"line 4, in divide", "return details['amount'] / 0", "direct cause"}, []string{"amount = 12", "k-7391", "s3cr3t"}},
		{"locals", host.DebugLocals, []string{"amount = 12", "password = '***'", "'api_key': '***'"}, []string{"k-7391"}},
		{"after dev", host.DebugOff, nil, []string{"ratio", "service.py", "ZeroDivisionError", "amount"}}, // keeps the settings, not this one
	} {
		s := hosttest.Routes("GET /f")
		s.Debug, s.Keep = c.debug, true
		h.Deploy("f", hosttest.Python(failing), s)
		r := h.Call("GET", "/f", "")
		var p struct {
			Status            int
			Detail, Traceback string
			CID               string
		}
		if err := json.Unmarshal([]byte(r.Body), &p); err != nil || r.Status != 500 || p.CID == "" {
			t.Fatalf("%s: %d %s", c.name, r.Status, r.Body)
		}
		for _, want := range c.show {
			if !strings.Contains(p.Traceback, want) {
				t.Errorf("%s: %q is not in\n%s", c.name, want, p.Traceback)
			}
		}
		if c.debug != host.DebugOff && p.Detail != "RuntimeError: no ratio (service.py, line 10)" {
			t.Errorf("%s: detail is %q", c.name, p.Detail)
		}
		for _, wrong := range c.hide {
			if strings.Contains(strings.ReplaceAll(r.Body, "divide(12, 's3cr3t')", ""), wrong) {
				t.Errorf("%s: %q is in\n%s", c.name, wrong, r.Body)
			}
		}
		text := h.Call("GET", "/f", "", "Accept: text/html,*/*;q=0.8")
		if open := strings.HasPrefix(text.Body, "RuntimeError: no ratio"); open != (c.debug != host.DebugOff) {
			t.Errorf("%s: a browser sees %s", c.name, text.Body)
		}
		records, err := tail(t, h, client.LogQuery{CID: p.CID})
		if err != nil || len(records) != 1 || records[0].Failure == nil || !strings.Contains(records[0].Failure.Traceback, "direct cause") {
			t.Errorf("%s: the log has %+v, %v", c.name, records, err)
		}
	}
	s := hosttest.Routes("GET /f")
	s.Debug = "everything"
	if _, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "f", hosttest.Python(failing), s); err == nil || !strings.Contains(err.Error(), `use "traceback" or "locals"`) {
		t.Errorf("an unknown degree: %v", err)
	}
}
