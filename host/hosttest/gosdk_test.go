package hosttest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seraihost/serai/guest-sdk/guesttest"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// TestGoFunctions has a service in Go use the functions that were generated for
// it, each against the real system.
func TestGoFunctions(t *testing.T) {
	t.Parallel()
	h := hosttest.Start(t, nil)
	s := hosttest.Routes("GET /{type}")
	s.Grants = &host.Grants{Connections: []string{"Orders", "Cache", "Broker", "Cached", "CRM"}}
	module := hosttest.Module(guesttest.BuildGo(t, "../../guest-sdk/go/testdata/connectors", false))
	h.Deploy("connectors", module, s)
	h.Deploy("peer", module, hosttest.Routes("GET /peer/none"))
	connect := func(t *testing.T, name, kind, config string) {
		t.Helper()
		c := client.Connection{Type: kind, Config: []byte(config), AllowNetworks: []string{"127.0.0.0/8"}}
		if _, err := h.Operator.PutConnection(t.Context(), host.DefaultTenant, name, c); err != nil {
			t.Fatal(err)
		}
	}
	secret := func(t *testing.T, name, value string) {
		t.Helper()
		if err := h.Operator.SetSecret(t.Context(), host.DefaultTenant, name, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		kind   string
		set    func(t *testing.T)
		answer string
	}{
		{"sql", func(t *testing.T) {
			t.Helper()
			server := connectortest.StartPostgreSQL(t, "a-password")
			secret(t, "orders", "a-password")
			connect(t, "Orders", "sql", fmt.Sprintf(`{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test", "password": "${secret:orders}"}`, server.Port))
		}, `["done","done","done",2,"done",1,"done","sql.commit invalid","done",{"columns":["id","note"],"types":["integer","text"],"rows":[[1,"a \"quoted\" \u003cnote\u003e"],[2,null]]},"done",[true,true],"done","sql.begin denied","sql.execute invalid",` +
			`0,1,[1,"12.50",true,"2026-01-02",true,"AP8=","[\"a\",\"b\\\"c\"]","{\"a\": [1]}",0.1,null],"done",3126250,"done","done","done","done","sql: no rows in result set","sql.execute conflict","sql.execute denied"]`},
		{"redis", func(t *testing.T) {
			t.Helper()
			server := connectortest.StartRedis(t)
			connect(t, "Cache", "redis", fmt.Sprintf(`{"host": "127.0.0.1", "port": %d}`, server.Port))
		}, `["done",["OK","v",true],"done","done","redis.commands conflict"]`},
		{"memcached", func(t *testing.T) {
			t.Helper()
			server := connectortest.StartMemcached(t, "a-password")
			secret(t, "cached", "a-password")
			connect(t, "Cached", "memcached", fmt.Sprintf(`{"host": "127.0.0.1", "port": %d, "username": "test", "password": "${secret:cached}"}`, server.Port))
		}, `[true,false,[true,"40"],"41","41",true,"memcached.set invalid"]`},
		{"amqp", func(t *testing.T) {
			t.Helper()
			connectBroker(t, h.Operator, "Broker", connectortest.StartRabbitMQ(t))
		}, `[{"Messages":0,"Consumers":0},"done",1,"amqp.publish remote","amqp.request timeout"]`},
		{"http", func(t *testing.T) {
			t.Helper()
			system := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/moved" {
					http.Redirect(w, r, "/elsewhere", http.StatusFound)
					return
				}
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("X-Answer", "42")
				w.WriteHeader(http.StatusTeapot)
				fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL, r.Header.Get("X-Mine"), body)
			}))
			t.Cleanup(system.Close)
			connect(t, "CRM", "http", fmt.Sprintf(`{"base_url": %q}`, system.URL))
		}, `[[418,"POST /users/7?a=1\u0026a=2 yes hi","42"],[302,"/elsewhere"]]`},
		{"invoke", func(*testing.T) {}, `[[200,"application/json","[[\"invoke\",\"text/plain\",\"hi\",\"c-1\"]]"],"invoke not-found","invoke invalid","c-2","c-3","invoke.group invalid"]`},
		{"own", func(t *testing.T) {
			t.Helper()
			if err := h.Operator.SetConfig(t.Context(), host.DefaultTenant, "app.color", []byte("red")); err != nil {
				t.Fatal(err)
			}
		}, `[true,"kv.set conflict",["1",true,true,true],"done",true,{"Key":["a"],"Next":""},["1",3,"1"],2,false,true,true,"red","config.get not-found",["app.color"],true,"tea",true,true]`},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			c.set(t)
			if r := h.Call("GET", "/"+c.kind, ""); r.Status != 200 || r.Body != c.answer {
				t.Errorf("%d %s, want\n%s", r.Status, r.Body, c.answer)
			}
		})
	}
}
