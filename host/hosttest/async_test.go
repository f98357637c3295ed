package hosttest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// asks runs the Python that its payload has, so that a test reads as one.
const asks = `
import serai
from serai import Service
from serai.patterns import RetryFailed

class Asks(Service):
    name = 'asks'
    def handle(self):
        scope = {'self': self, 'serai': serai, 'RetryFailed': RetryFailed}
        exec(self.request.payload['code'], scope)
        self.response.payload = {'ok': scope.get('out')}
`

// sink keeps what it gets, under its name and the call's id.
const sink = `
import json, serai
def handle(request):
    serai.kv.set(f'{request.service}.{request.cid}', json.dumps({
        'got': request.payload, 'reply_to': request.field('in-reply-to'), 'channel': request.channel,
        'job': [request.field('job-type'), request.field('job-name'), request.field('job-id')]}))
`

type kept struct {
	Got     any
	ReplyTo string `json:"reply_to"`
	Channel string
	Job     []string
}

// deployAsks deploys asks, sink and others, and returns how to run code.
func deployAsks(t testing.TB, h *hosttest.Host) func(code string) any {
	t.Helper()
	h.Deploy("asks", hosttest.Python(asks), hosttest.Routes("POST /asks"))
	for name, source := range map[string]string{
		"sink":                sink,
		"second":              sink,
		"asks-async-callback": sink,
		"double":              "def handle(request):\n    return {'n': 2 * request.payload['n']}\n",
		"text":                "def handle(request):\n    return 'plain'\n",
		"fails":               "def handle(request):\n    raise ValueError('as asked')\n",
		"refuses":             "from serai.exception import Forbidden\ndef handle(request):\n    raise Forbidden('not you')\n",
		"third-time": `
import serai
def handle(request):
    found = serai.kv.get('tries.' + request.payload)
    n = int(found.value if found else 0) + 1
    serai.kv.set('tries.' + request.payload, str(n))
    if n < 3:
        raise ValueError(f'try {n}')
    return f'try {n}'
`,
	} {
		h.Deploy(name, hosttest.Python(source), client.Settings{})
	}
	return func(code string) any {
		t.Helper()
		got := ask(t, h, "/asks", map[string]any{"code": code})
		if got.Error != "" {
			t.Fatalf("%s: %+v", code, got)
		}
		return got.OK
	}
}

// wait returns what the service has kept, once it has kept n.
func waitKept(t testing.TB, c *client.Client, service string, n int) []kept {
	t.Helper()
	var keys []string
	eventually(t, fmt.Sprintf("%d calls of %s", n, service), func() bool {
		all, _, err := c.Keys(t.Context(), host.DefaultTenant, service+".", "", 1000)
		keys = all
		return err == nil && len(keys) >= n
	})
	var out []kept
	for _, k := range keys {
		raw, err := c.Key(t.Context(), host.DefaultTenant, k)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, decode[kept](t, string(raw)))
	}
	return out
}

func forgetKept(t testing.TB, h *hosttest.Host, service string) {
	t.Helper()
	all, _, err := h.Operator.Keys(t.Context(), host.DefaultTenant, service+".", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if err := h.Operator.DeleteKey(t.Context(), host.DefaultTenant, k); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCallbacks(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	run := deployAsks(t, h)

	cid := run(`out = self.invoke_async('double', {'n': 4}, callback=['sink', 'second'])`)
	for _, service := range []string{"sink", "second"} {
		want := kept{Got: map[string]any{"n": 8.0}, ReplyTo: fmt.Sprint(cid), Channel: "async", Job: []string{"", "", ""}}
		if diff := cmp.Diff([]kept{want}, waitKept(t, h.Operator, service, 1)); diff != "" {
			t.Errorf("%s: %s", service, diff)
		}
		forgetKept(t, h, service)
	}
	run(`self.invoke_async('text', cid='my-own')`)
	if got := waitKept(t, h.Operator, "asks-async-callback", 1); got[0].Got != "plain" || got[0].ReplyTo != "my-own" {
		t.Errorf("the callback by convention got %+v", got)
	}
	// A call that fails has no reply to pass on; one that is late is not made.
	run(`self.invoke_async('fails', callback='sink')`)
	run(`self.invoke_async('refuses', callback='sink')`)
	run(`serai.host.call('invoke.async', 'service', 'text', 'callback', 'sink', 'delay', '300', 'expires', '100')`)
	run(`self.invoke_async('text', callback='second')`)
	waitKept(t, h.Operator, "second", 1)
	time.Sleep(500 * time.Millisecond)
	if keys, _, err := h.Operator.Keys(t.Context(), host.DefaultTenant, "sink.", "", 10); err != nil || len(keys) != 0 {
		t.Errorf("calls without a reply have callbacks: %v, %v", keys, err)
	}
	eventually(t, "the note about the call that expired", func() bool {
		for _, r := range records(t, h, host.DefaultTenant, client.LogQuery{Service: "asks"}) {
			if strings.Contains(r.Message, "expired") {
				return true
			}
		}
		return false
	})
}

func TestParallelAndFanOut(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	run := deployAsks(t, h)

	cid := run(`out = self.patterns.parallel.invoke({'double': {'n': 3}, 'fails': '', 'refuses': None}, ['sink'])`)
	ends := map[string][3]any{}
	for _, k := range waitKept(t, h.Operator, "sink", 3) {
		o := k.Got.(map[string]any)
		if o["source"] != "asks" || o["cid"] != cid || k.ReplyTo != cid || o["req_ts_utc"].(string) > o["resp_ts_utc"].(string) {
			t.Errorf("outcome %v in reply to %v, want %v", o, k.ReplyTo, cid)
		}
		ends[o["target"].(string)] = [3]any{o["ok"], o["response"], o["exception"]}
	}
	want := map[string][3]any{
		"double":  {true, map[string]any{"n": 6.0}, nil},
		"fails":   {false, nil, "ValueError: as asked"},
		"refuses": {false, nil, "Forbidden: not you"},
	}
	if diff := cmp.Diff(want, ends); diff != "" {
		t.Error(diff)
	}
	forgetKept(t, h, "sink")

	cid = run(`out = self.patterns.fanout.invoke({'double': {'n': 3}, 'fails': '', 'text': b'x'}, ['second'], 'sink')`)
	final := waitKept(t, h.Operator, "second", 1)
	waitKept(t, h.Operator, "sink", 3)
	all := final[0].Got.(map[string]any)
	data := all["data"].(map[string]any)
	if all["source"] != "asks" || all["cid"] != cid || all["ok"] != false || len(data) != 3 || final[0].ReplyTo != cid {
		t.Errorf("the final callback got %v", all)
	}
	if o := data["text"].(map[string]any); o["response"] != "plain" || o["ok"] != true {
		t.Errorf("the outcome of text is %v", o)
	}
	time.Sleep(300 * time.Millisecond)
	if got := waitKept(t, h.Operator, "second", 1); len(got) != 1 {
		t.Errorf("%d final callbacks", len(got))
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	run := deployAsks(t, h)

	if got := run(`out = self.patterns.invoke_retry.invoke('third-time', 'sync', repeats=2, seconds=0.05)`); got != "try 3" {
		t.Errorf("in the end: %v", got)
	}
	got := run(`
try:
    self.patterns.invoke_retry.invoke('fails', repeats=1, seconds=0.05)
except RetryFailed as e:
    out = [str(e), type(e.inner_exc).__name__]
`)
	if diff := cmp.Diff([]any{`Failed: service "fails": ValueError: as asked`, "Failed"}, got); diff != "" {
		t.Error(diff)
	}
	run(`self.patterns.invoke_retry.invoke_async('third-time', 'async', repeats=5, seconds=0.05, callback='sink', context={'order': 7})`)
	cid := run(`
out = self.patterns.invoke_retry.invoke('third-time', 'both', repeats=5, seconds=0.05, callback='second', async_fallback=True)
`)
	first := waitKept(t, h.Operator, "sink", 1)[0].Got.(map[string]any)
	if first["ok"] != true || first["response"] != "try 3" || !cmp.Equal(first["context"], map[string]any{"order": 7.0}) {
		t.Errorf("the callback got %v", first)
	}
	if first["retry_repeats"] != 5.0 || first["retry_seconds"] != 0.05 || first["call_cid"] != first["cid"] || first["orig_cid"] == nil {
		t.Errorf("the callback got %v, want the settings and ids too", first)
	}
	if both := waitKept(t, h.Operator, "second", 1); both[0].ReplyTo != cid || both[0].Got.(map[string]any)["ok"] != true {
		t.Errorf("the callback of the calls that go on got %+v, want a reply to %v", both, cid)
	}
	forgetKept(t, h, "sink")
	run(`self.patterns.invoke_retry.invoke_async('fails', repeats=2, seconds=0.05, callback='sink', context='x')`)
	if o := waitKept(t, h.Operator, "sink", 1)[0].Got.(map[string]any); o["ok"] != false || o["exception"] != "ValueError: as asked" || o["context"] != "x" {
		t.Errorf("the callback of a call that always fails got %v", o)
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	run := deployAsks(t, h)
	began := time.Now()
	id := run(`out = self.schedule.onetime(self, 'sink', prefix='daily', after_seconds=1, data={'x': 1})`)
	got := waitKept(t, h.Operator, "sink", 1)
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("the job ran after %s", took)
	}
	want := kept{Got: map[string]any{"x": 1.0}, Channel: "scheduler", Job: []string{"one_time", "daily asks sink", fmt.Sprint(id)}}
	if diff := cmp.Diff([]kept{want}, got); diff != "" {
		t.Error(diff)
	}
	run(`self.schedule.onetime(self, 'second', name='long ago', start_date='2020-01-01T00:00:00')`)
	waitKept(t, h.Operator, "second", 1)
}

func TestAsyncRefusals(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	run := deployAsks(t, h)
	for code, want := range map[string]string{
		`self.invoke_async('nobody')`:                                                                                `NotFound: no service "nobody"`,
		`self.invoke_async('text', callback='nobody')`:                                                               `NotFound: no service "nobody"`,
		`self.invoke_async('text', callback=['sink%d' % n for n in range(17)])`:                                      "Invalid: 17 callbacks",
		`self.invoke_async('text', cid='a b')`:                                                                       "Invalid: cid",
		`self.invoke_async('text', cid='x' * 65)`:                                                                    "Invalid: cid",
		`self.invoke_async('text', expiration=-1)`:                                                                   "",
		`self.schedule.onetime(self, 'sink', after_minutes=60 * 24 * 400)`:                                           "Invalid: delay",
		`self.schedule.onetime(self, 'sink', start_date='tomorrow')`:                                                 "ValueError: start_date 'tomorrow'",
		`self.schedule.onetime(self, 'sink', name='../x')`:                                                           "Invalid: job-name",
		`self.patterns.fanout.invoke({}, 'sink')`:                                                                    "Invalid: invoke.group needs the field",
		`self.patterns.fanout.invoke({'nobody': 1}, 'sink')`:                                                         "NotFound",
		`self.patterns.invoke_retry.invoke('text')`:                                                                  "ValueError: say how long",
		`self.patterns.invoke_retry.invoke_async('text', repeats=1001, seconds=1)`:                                   "Invalid: retry-times",
		`self.patterns.invoke_retry.invoke_async('text', seconds=1, context='x' * 20000)`:                            "Invalid: the context",
		`serai.host.call('invoke.group', 'service', 'text', 'content-type', '', 'size', '2', body=b'x')`:             "Invalid: size",
		`serai.host.call('invoke.group', 'service', 'text', 'content-type', '', 'size', '-1', body=b'x')`:            "Invalid: size",
		`serai.host.call('invoke.group', 'service', 'text', 'content-type', '', 'size', '0', body=b'x')`:             "Invalid: 1 bytes",
		`serai.host.call('invoke.group', 'service', 'text', 'size', '0')`:                                            "Invalid: a group of 1 targets has 0",
		`serai.host.call('invoke.group', *('service', 'text', 'content-type', '', 'size', '0') * 2)`:                 "Invalid: service \"text\" is in the group twice",
		`serai.host.call('invoke.async', 'service', 'text', 'delay', '1e3')`:                                         "Invalid: delay",
		`serai.host.call('invoke.async', 'service', 'text', 'retry-times', '1', 'retry-every', '1', 'context', '{')`: "Invalid: context is no JSON",
		`self.invoke_by_id(17)`:              "Unsupported: service id 17",
		`self.invoke_by_impl_name('a.B')`:    `NotFound: service "a.b": no service "a.b"`,
		`out = self.new_instance('text')`:    "LookupError: this upload has no service",
		`self.invoke('asks', {'code': '0'})`: "Invalid: service \"asks\" invokes itself",
		`self.invoke('refuses')`:             "Forbidden: not you",
	} {
		got := run("try:\n    " + code + "\nexcept Exception as e:\n    out = f'{type(e).__name__}: {e}'")
		if text, _ := got.(string); !strings.HasPrefix(text, want) {
			t.Errorf("%s: %v, want %s", code, got, want)
		}
	}
	// What a service that is invoked raises, and its caller does not catch,
	// is what the client gets.
	body, err := json.Marshal(map[string]string{"code": "self.invoke('refuses')"})
	if err != nil {
		t.Fatal(err)
	}
	if r := h.Call("POST", "/asks", string(body), "Content-Type: application/json"); r.Status != 403 || !strings.Contains(r.Body, "not you") {
		t.Errorf("the client got %d %s", r.Status, r.Body)
	}
}

func TestInvokeForms(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	run := deployAsks(t, h)
	h.Deploy("echo", hosttest.Python("def handle(request):\n    return {'response': {'got': request.payload, 'cid': request.cid}}\n"), client.Settings{})
	for code, want := range map[string]any{
		`self.invoke('double', {'n': 2})`:                                        map[string]any{"n": 4.0},
		`self.invoke('double', n=3)`:                                             map[string]any{"n": 6.0},
		`self.invoke('double', '{"n": 4}', data_format='json', as_bunch=True).n`: 8.0,
		`self.invoke('echo', cid='c-1', skip_response_elem=True)`:                map[string]any{"got": nil, "cid": "c-1"},
		`self.invoke('echo', '<a/>', data_format='xml')['response']['got']`:      "<a/>",
		`self.invoke('echo', as_bunch=True).response.got`:                        nil,
		`type('C', (Service,), {'name': 'text'}) and self.invoke_by_id('text')`:  "plain",
		`self.new_instance('asks').request is self.request`:                      true,
		`serai.invoke('text')`:                                                   "plain",
	} {
		code = strings.ReplaceAll(code, "(Service,)", "(serai.Service,)")
		if diff := cmp.Diff(want, run("out = "+code)); diff != "" {
			t.Errorf("%s: %s", code, diff)
		}
	}
	h.Deploy("slow", hosttest.Python("import time\ndef handle(request):\n    time.sleep(60)\n"), client.Settings{})
	if got := run(`out = self.invoke('slow', timeout=0.05, raise_timeout=False)`); got != nil {
		t.Errorf("a timeout that shall not raise: %v", got)
	}
}
