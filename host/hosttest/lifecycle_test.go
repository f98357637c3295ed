package hosttest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

const hooked = `
from serai import Service
from serai.exception import Conflict

class Hooked(Service):
    name = 'hooked'
    slow_threshold = 60_000

    @staticmethod
    def before_add_to_store(logger):
        logger.info('adding')
        return True

    def accept(self):
        return self.request.payload != 'refuse'

    def before_handle(self):
        self.environ.ran = ['before_handle']

    def handle(self):
        if self.request.payload == 'fail':
            raise Conflict(self.cid, 'not now')
        return self.environ.ran

    def after_handle(self):
        self.logger.info('after %s', self.request.payload)
        if self.response.payload:
            self.response.payload.append('after_handle')

    def finalize_handle(self):
        if self.response.payload:
            self.response.payload.append(self.processing_time < 10_000)
`

func TestHooks(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	h.Deploy("hooked", hosttest.Python(hooked), hosttest.Routes("POST /hooked"))
	if r := h.Call("POST", "/hooked", "x"); r.Status != 200 || r.Body != `["before_handle", "after_handle", true]` {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := h.Call("POST", "/hooked", "refuse"); r.Status != 400 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	r := h.Call("POST", "/hooked", "fail")
	var got map[string]any
	if err := json.Unmarshal([]byte(r.Body), &got); err != nil {
		t.Fatalf("%s: %v", r.Body, err)
	}
	want := map[string]any{
		"type": "about:blank", "title": "Conflict", "status": 409.0, "detail": "not now",
		"cid": r.Header.Get("X-Request-Id"), "result": "Error", "details": []any{"not now"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	records, err := tail(t, h, client.LogQuery{Service: "hooked"})
	if err != nil {
		t.Fatal(err)
	}
	var after []string
	for _, rec := range records {
		if strings.HasPrefix(rec.Message, "after ") {
			after = append(after, rec.Message)
		}
	}
	if diff := cmp.Diff([]string{"after x", "after fail"}, after); diff != "" {
		t.Errorf("after_handle (-want +got):\n%s", diff)
	}
}

func TestHooksRefuseADeploy(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	for source, want := range map[string]string{
		"    def before_add_to_store(cls, logger):\n        return False\n":             "before_add_to_store returned False",
		"    def before_add_to_store(cls, logger):\n        raise ValueError('no')\n":   "ValueError: no",
		"    def before_add_to_store(self, logger):\n        return self.server.name\n": "self.server is not available",
	} {
		up := hosttest.Python("from serai import Service\nclass S(Service):\n" + source + "    def handle(self): pass\n")
		_, err := h.Operator.Deploy(t.Context(), host.DefaultTenant, "s", up, client.Settings{})
		if err == nil || !strings.Contains(hosttest.Explain(err), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
}
