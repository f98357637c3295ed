package hosttest_test

import (
	"fmt"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

const generated = `
from serai import Service, errors

class Cached(Service):
    def handle(self):
        cache = self.out.memcached['Cache']
        out = [cache.get('k').found, cache.set('k', 'v', expires=60), cache.set('k', b'w', mode='add'), cache.set('k', mode='prepend'), cache.get('k').body.decode()]
        cache.cas('k', cache.get('k').cas, b'41')
        out.append(cache.incr('k', by=1))
        out.append(cache.delete('k'))
        try:
            cache.incr('k')
        except errors.NotFound:
            out.append('none')
        try:
            cache.set('k', 'v', mode='sometimes')
        except errors.Invalid as e:
            out.append(str(e))
        self.response.payload = out
`

// TestGeneratedOperations reaches a system by nothing but what was generated
// for its connector.
func TestGeneratedOperations(t *testing.T) {
	t.Parallel()
	server := connectortest.StartMemcached(t, "a-password")
	h := hosttest.Start(t, nil)
	if err := h.Operator.SetSecret(t.Context(), host.DefaultTenant, "cache", []byte("a-password")); err != nil {
		t.Fatal(err)
	}
	_, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, "Cache", client.Connection{
		Type:          "memcached",
		Config:        fmt.Appendf(nil, `{"host": "127.0.0.1", "port": %d, "username": "test", "password": "${secret:cache}"}`, server.Port),
		AllowNetworks: []string{"127.0.0.0/8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := hosttest.Routes("GET /cached")
	s.Grants = &host.Grants{Connections: []string{"Cache"}}
	h.Deploy("cached", hosttest.Python(generated), s)
	want := `[false, true, false, true, "v", "42", true, "none", "mode \"sometimes\": use set, add, replace, append, prepend"]`
	if r := h.Call("GET", "/cached", ""); r.Status != 200 || r.Body != want {
		t.Errorf("%d %s, want %s", r.Status, r.Body, want)
	}
}
