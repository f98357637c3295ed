package hosttest_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/seraihost/serai/host/hosttest"
)

const importer = `
from serai.refuse import RefusedModule

def handle(request):
    out = {}
    for line in request.text.splitlines():
        try:
            exec(line, {})
            out[line] = 'ok'
        except RefusedModule as exc:
            out[line] = 'refused' if 'is not available: ' in str(exc) else str(exc)
        except BaseException as exc:
            out[line] = repr(exc)
    return out
`

// TestZatoImports runs the import statements of public services in the sandbox.
func TestZatoImports(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../guest-sdk/python/tests/testdata/zato_imports.txt")
	if err != nil {
		t.Fatal(err)
	}
	h := hosttest.Start(t, nil)
	h.Deploy("importer", hosttest.Python(importer), hosttest.Routes("POST /import"))
	good, refused, _ := strings.Cut(string(text), "\nrefused\n")
	for lines, want := range map[string]string{good: "ok", refused: "refused"} {
		r := h.Call("POST", "/import", strings.TrimSpace(lines), "Content-Type: text/plain")
		var got map[string]string
		if err := json.Unmarshal([]byte(r.Body), &got); err != nil || len(got) < 10 {
			t.Fatalf("%d %s: %v", r.Status, r.Body, err)
		}
		for line, outcome := range got {
			if outcome != want {
				t.Errorf("%s: %s, want %s", line, outcome, want)
			}
		}
	}
}

const unmodified = `
# -*- coding: utf-8 -*-
from http.client import CREATED
from zato.common.exception import NotFound
from zato.server.service import Service

class Empty(Service):
    def handle(self):
        pass

class Get(Service):
    def handle(self):
        what = self.request.payload
        if what == 'json':
            self.response.payload = {'a': 1}
        elif what == 'text':
            self.response.payload = 'b'
        elif what == 'header':
            self.response.status_code = CREATED
            self.response.headers['X-Mine'] = '1'
        elif what == 'missing':
            raise NotFound(self.cid, 'There is none')
        elif what == 'broken':
            raise ValueError('no such thing')
`

// TestZatoCID checks that what imports from zato answers with the header that
// clients of Zato's APIs look for, and nothing else does.
func TestZatoCID(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	settings := hosttest.Routes("POST /get")
	settings.Export = "Get"
	h.Deploy("get", hosttest.Python(unmodified), settings)
	h.Deploy("plain", hosttest.Python("def handle(request):\n    return {}\n"), hosttest.Routes("POST /plain"))
	for what, want := range map[string]int{"json": 200, "text": 200, "none": 200, "header": 201, "missing": 404, "broken": 500} {
		r := h.Call("POST", "/get", what)
		if cid := r.Header.Get("X-Zato-CID"); r.Status != want || cid == "" || cid != r.Header.Get("X-Request-Id") {
			t.Errorf("%s: %d %v", what, r.Status, r.Header)
		}
	}
	if r := h.Call("POST", "/plain", ""); r.Header.Get("X-Zato-CID") != "" {
		t.Errorf("%v", r.Header)
	}
}
