package hosttest_test

import (
	"fmt"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
	"github.com/seraihost/serai/host/telemetry"
)

const redisKVDB = `
from serai import Service

class Other(Service):
    def handle(self):
        self.kvdb.conn.incr('counter')
        self.response.payload = [repr(self.kvdb.conn), self.out.redis['Cache'].get('counter')]
`

// TestServicesUseRedis compares a server with the tenant's own store, and has
// self.kvdb use the server.
func TestServicesUseRedis(t *testing.T) {
	t.Parallel()
	server := connectortest.StartRedis(t)
	h := hosttest.Start(t, nil)
	_, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, "Cache", client.Connection{
		Type: "redis", Config: fmt.Appendf(nil, `{"host": "127.0.0.1", "port": %d}`, server.Port), AllowNetworks: []string{"127.0.0.0/8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := hosttest.Routes("GET /redis")
	s.Grants = &host.Grants{Connections: []string{"Cache"}}
	h.Deploy("redis", hosttest.Python(string(read(t, "testdata/redisconn.py"))), s)
	if r := h.Call("GET", "/redis", ""); r.Status != 200 || r.Body != "[]" {
		_ = h.Operator.Logs(t.Context(), host.DefaultTenant, client.LogQuery{Service: "redis"}, func(l telemetry.Record) error {
			if l.Failure != nil {
				t.Log(l.Failure.Traceback)
			}
			return nil
		})
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if err := h.Operator.SetConfig(t.Context(), host.DefaultTenant, "kvdb.connection", []byte("Cache")); err != nil {
		t.Fatal(err)
	}
	other := hosttest.Routes("GET /other")
	other.Grants = &host.Grants{Connections: []string{"Cache"}}
	h.Deploy("other", hosttest.Python(redisKVDB), other)
	if r := h.Call("GET", "/other", ""); r.Status != 200 || r.Body != `["<Redis 'Cache'>", "1"]` {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
