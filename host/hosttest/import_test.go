package hosttest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/host"
	doc "github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// imported reads what an enmasse file of Zato became, as serai apply does. The
// variables whose values are not in the file are "x".
func imported(t *testing.T, content []byte) (*doc.Document, *doc.Import) {
	t.Helper()
	in, err := doc.ImportZato("enmasse.yaml", content)
	if err != nil {
		t.Fatal(err)
	}
	text, err := doc.Render(in.Document)
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := doc.Parse("serai.yaml", text, func(name string) (string, bool) {
		if v, ok := in.Values[name]; ok {
			return v, true
		}
		return "x", true
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, in
}

// TestImportedFilesApply has a host take what the files of the importer's own
// tests become, with services of the names that channels have.
func TestImportedFilesApply(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../config/testdata/zato-*.in")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	h := hosttest.Start(t, nil)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, in := imported(t, content)
		source := "from zato.server.service import Service\n"
		for i, name := range in.Services {
			source += fmt.Sprintf("\nclass S%d(Service):\n    name = %q\n\n    def handle(self):\n        pass\n", i, name)
		}
		d.Services = []doc.Service{{Path: "all.py"}}
		plan, err := h.Operator.Apply(t.Context(), host.DefaultTenant, d, uploads(source), client.Apply{DryRun: true})
		if err != nil {
			t.Errorf("%s: %v", file, hosttest.Explain(err))
			continue
		}
		got := changes(plan)
		for _, want := range []string{"+connection Billing", "+channel Orders", "+secret Billing.password"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s: no %s", file, got, want)
			}
		}
	}
}

// An enmasse file of Zato 3.2, and one of 4.1, for the same services.
const (
	enmasse32 = `
def_amqp:
  - {name: Shop Broker, host: 127.0.0.1, port: %[1]d, vhost: /, username: guest, password: guest, frame_max: 131072, heartbeat: 30}
channel_amqp:
  - {name: Orders, def_name: Shop Broker, queue: orders, service_name: api.order, consumer_tag_prefix: x, data_format: json, pool_size: 1, ack_mode: ack, prefetch_count: 1, is_active: true}
outconn_amqp:
  - {name: Events, def_name: Shop Broker, delivery_mode: 2, priority: 5, pool_size: 10, is_active: true}
outconn_sql:
  - {name: Billing, engine: postgresql+pg8000, host: 127.0.0.1, port: %[2]d, db_name: postgres, username: test, password: of-the-bank, pool_size: 2, is_active: true}
outconn_redis:
  - {name: Sessions, host: 127.0.0.1, port: %[3]d, db: 3, use_redis_sentinels: false, is_active: true}
`
	enmasse41 = `
channel_amqp:
  - {name: Orders, address: "127.0.0.1:%[1]d", username: guest, password: guest, queue: orders, service: api.order, data_format: json, prefetch_count: 1}
outgoing_amqp:
  - {name: Events, address: "amqp://127.0.0.1:%[1]d/", username: guest, password: guest, delivery_mode: persistent}
sql:
  - {name: Billing, type: postgresql, host: 127.0.0.1, port: %[2]d, db_name: postgres, username: test, password: of-the-bank}
outgoing_redis:
  - {name: Sessions, host: 127.0.0.1, port: %[3]d, db: 3}
`
	orderService = `
from zato.server.service import Service

class Order(Service):
    name = 'api.order'

    def handle(self):
        order = self.request.payload
        row = self.out.sql['Billing'].one('SELECT CAST(:price AS int) * CAST(:count AS int) AS total', order)
        seen = self.out.redis['Sessions'].incr('orders')
        self.out.amqp.send(f'{order["id"]}: {row["total"]}, {seen} so far', 'Events', '', 'events')
`
)

// TestImportedConnectionsWork takes connections and channels over from Zato
// and has a message come through them: from the broker, by the databases, and
// back to the broker.
func TestImportedConnectionsWork(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts three servers")
	}
	mq := connectortest.StartRabbitMQ(t)
	ch := broker(t, mq)
	for _, queue := range []string{"orders", "events"} {
		declareQueue(t, ch, queue)
	}
	db := connectortest.StartPostgreSQL(t, "of-the-bank")
	redis := connectortest.StartRedis(t)
	var redisPort int
	if _, err := fmt.Sscanf(redis.Addr(), "127.0.0.1:%d", &redisPort); err != nil {
		t.Fatal(err)
	}
	h := hosttest.Start(t, nil)
	for n, text := range []string{enmasse32, enmasse41} {
		d, in := imported(t, fmt.Appendf(nil, text, mq.Port, db.Port, redisPort))
		private := 0
		for _, note := range in.Notes {
			if strings.Contains(note.Message, "allow_networks") {
				private++
			}
		}
		if private == 0 {
			t.Errorf("nothing says that the addresses are private: %+v", in.Notes)
		}
		var granted []string
		for name, c := range d.Connections { // as the notes say
			c.AllowNetworks = []string{"127.0.0.0/8"}
			d.Connections[name] = c
			granted = append(granted, name)
		}
		d.Services = []doc.Service{{Path: "order.py", Settings: doc.Settings{Grants: &host.Grants{Connections: granted}}}}
		if _, err := h.Operator.Apply(t.Context(), host.DefaultTenant, d, uploads(orderService), client.Apply{Prune: true}); err != nil {
			t.Fatal(hosttest.Explain(err))
		}
		sendTo(t, ch, "orders", fmt.Sprintf(`{"id": "A%d", "price": 12, "count": 3}`, n))
		want := fmt.Sprintf("A%d: 36, %d so far", n, n+1)
		if got := received(t, ch, "events"); got != want {
			t.Errorf("the service sent %q, want %q", got, want)
		}
	}
}

// received waits for a message of a queue.
func received(t *testing.T, ch *amqp091.Channel, queue string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		d, ok, err := ch.Get(queue, true)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			return string(d.Body)
		}
	}
	t.Fatalf("nothing came into the queue %s", queue)
	return ""
}
