package hosttest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/hosttest"
)

const mover = `
from serai import Service

FLIP = bytes(255 - n for n in range(256))

def flipped(pieces):
    for piece in pieces:
        yield piece.translate(FLIP)

class Up(Service):
    name = 'py-up'

    def handle(self):
        store, how = self.out.rest['Store'].conn, self.request.http.params.how
        if how == 'splice':
            response = store.request('PUT', self.request.stream, path='/take', stream=True)
        elif how == 'told':
            length = str(self.request.stream.length)
            response = store.request('PUT', flipped(self.request.stream.iter_content(1 << 16)), path='/flipped', headers={'Content-Length': length})
        elif how == 'fails':
            def pieces():
                yield self.request.stream.read(100_000)
                raise ValueError('no more')
            response = store.request('PUT', pieces(), path='/take')
        else:
            response = store.request('PUT', flipped(self.request.stream.iter_content(1 << 16)), path='/flipped')
        self.response.status_code = response.status_code
        self.response.stream = response.raw

class Down(Service):
    name = 'py-down'

    def handle(self):
        response = self.out.rest['Store'].conn.request('GET', path='/' + self.request.http.params.what, stream=True)
        self.response.headers['X-From'] = 'store'
        if self.request.http.params.how == 'splice':
            self.response.stream = response.raw
        elif self.request.http.params.how == 'fails':
            def pieces():
                yield response.raw.read(100_000)
                raise ValueError('a fault of the author')
            self.response.stream = pieces()
        else:
            self.response.content_type = 'text/plain'
            self.response.stream = flipped(response.iter_content(1 << 16))

class Across(Service):
    name = 'py-across'

    def handle(self):
        store = self.out.rest['Store'].conn
        source = store.request('GET', path='/give', stream=True)
        self.response.payload = store.request('PUT', source.raw, path='/take').text

class Memory(Service):
    name = 'py-memory'

    def handle(self):
        try:
            return len(self.request.raw)
        except Exception as exc:
            return type(exc).__name__ + ': ' + str(exc)
`

// TestPythonMovesLargeBodies has services in Python move what does not fit
// into memory, with and without looking at it.
func TestPythonMovesLargeBodies(t *testing.T) {
	n := large(t)
	s := newStore(t, n)
	h := flows(t, s, nil)
	for name, route := range map[string]string{
		"py-up": "POST /py-up/{how}", "py-down": "* /py-down/{what}/{how}", "py-across": "POST /py-across", "py-memory": "POST /py-memory",
	} {
		settings := streams(t, h, route)
		settings.Grants = &host.Grants{Connections: []string{"Store"}}
		settings.Limits.Memory = new(64 * host.MiB)
		settings.Export = map[string]string{"py-up": "Up", "py-down": "Down", "py-across": "Across", "py-memory": "Memory"}[name]
		h.Deploy(name, hosttest.Python(mover), settings)
	}
	for how, told := range map[string]int64{"splice": n, "told": n, "flipped": -1} {
		inLittleMemory(t, n, func() {
			r, err := upload(t, h, "/py-up/"+how, n, false)
			if want := fmt.Sprintf("%d of %d bytes, <nil>", n, told); err != nil || r.Status != 200 || r.Body != want {
				t.Errorf("%s: %d %s, %v", how, r.Status, short(r.Body), err)
			}
		})
	}
	for how, mask := range map[string]byte{"splice": 0, "flipped": 0xff} {
		inLittleMemory(t, n, func() {
			resp, got, err := download(t, h, "/py-down/give/"+how, mask)
			if err != nil || got != n || resp.StatusCode != 200 || resp.Header.Get("X-From") != "store" {
				t.Errorf("%s: %d, %d bytes, %v", how, resp.StatusCode, got, err)
			}
			if kind := resp.Header.Get("Content-Type"); (kind == "text/plain") != (mask != 0) || kind == "" {
				t.Errorf("%s: content type %q", how, kind)
			}
		})
	}
	ok(t, h.Call("POST", "/py-across", ""), fmt.Sprintf("%d of -1 bytes, <nil>", n))
	s.uploads()
	if r, err := upload(t, h, "/py-up/fails", 3<<20, false); err != nil || r.Status != 500 {
		t.Errorf("a body that fails: %d, %v", r.Status, err)
	}
	s.idle(t)
	if got := s.uploads(); len(got) > 0 && strings.HasSuffix(got[0], "<nil>") {
		t.Errorf("the system took %q for the whole", got)
	}
	resp, got, err := download(t, h, "/py-down/give/fails", 0)
	if err == nil || got > 100_000 {
		t.Errorf("a reply that fails: %d, %d bytes, %v", resp.StatusCode, got, err)
	}
	if f := failureOf(t, h, hosttest.Reply{Header: resp.Header}); f.Type != "ValueError" || !strings.Contains(f.Traceback, "in pieces") {
		t.Errorf("the log has %+v", f)
	}
	if r, err := upload(t, h, "/py-memory", 70<<20, false); err != nil || !strings.Contains(r.Body, "TooLarge: ") || !strings.Contains(r.Body, "--memory") {
		t.Errorf("more than fits into memory: %d %s, %v", r.Status, short(r.Body), err)
	}
	if r := h.Call("HEAD", "/py-down/give/flipped", ""); r.Status != 200 {
		t.Errorf("HEAD: %d", r.Status)
	}
	s.idle(t)
}
