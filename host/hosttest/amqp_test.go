package hosttest_test

import (
	"fmt"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// broker returns a channel of a broker, as who looks from outside has it.
func broker(t *testing.T, r *connectortest.RabbitMQ) *amqp091.Channel {
	t.Helper()
	conn, err := amqp091.Dial("amqp://guest:guest@" + r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// connectBroker gives the default tenant a connection to the broker.
func connectBroker(t *testing.T, operator *client.Client, name string, r *connectortest.RabbitMQ) {
	t.Helper()
	c := client.Connection{
		Type: "amqp", Config: fmt.Appendf(nil, `{"host": "127.0.0.1", "port": %d, "heartbeat": "2s"}`, r.Port),
		AllowNetworks: []string{"127.0.0.0/8"},
	}
	if _, err := operator.PutConnection(t.Context(), host.DefaultTenant, name, c); err != nil {
		t.Fatal(err)
	}
}

const fraud = `
# -*- coding: utf-8 -*-
from zato.server.service import Service

class Notify(Service):
    name = 'api.user.get-details'

    def handle(self):
        data = {'user_name': self.request.payload['user_name']}
        self.out.amqp.send(data, 'Fraud Detection Connection', '/tutorial', 'api')
        self.response.payload = data
`

// TestAMQPTutorial has a service send as the 3.2 tutorial does, to a broker
// that has the exchange which it names.
func TestAMQPTutorial(t *testing.T) {
	r := connectortest.StartRabbitMQ(t)
	ch := broker(t, r)
	if err := ch.ExchangeDeclare("/tutorial", "direct", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	h := hosttest.Start(t, nil)
	connectBroker(t, h.Operator, "Fraud Detection Connection", r)
	settings := hosttest.Routes("POST /notify")
	settings.Grants = &host.Grants{Connections: []string{"Fraud Detection Connection"}}
	h.Deploy("notify", hosttest.Python(fraud), settings)
	call := func() hosttest.Reply {
		return h.Call("POST", "/notify", `{"user_name": "my.user"}`, "traceparent: "+callersParent)
	}
	if reply := call(); reply.Status != 200 { // nobody listens yet, which is nobody's fault
		t.Fatalf("%d %s", reply.Status, reply.Body)
	}
	if _, err := ch.QueueDeclare("fraud", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind("fraud", "api", "/tutorial", false, nil); err != nil {
		t.Fatal(err)
	}
	if reply := call(); reply.Status != 200 {
		t.Fatalf("%d %s", reply.Status, reply.Body)
	}
	d, ok, err := ch.Get("fraud", true)
	if err != nil || !ok || string(d.Body) != `{"user_name": "my.user"}` || d.ContentType != "application/json" || d.DeliveryMode != amqp091.Persistent {
		t.Errorf("%v %v %+v", err, ok, d)
	}
	if d.Headers["traceparent"] != callersParent {
		t.Errorf("the caller's trace does not go on: %v", d.Headers)
	}
}
