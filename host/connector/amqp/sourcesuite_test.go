package amqp_test

import (
	"fmt"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/host/connector/amqp"
	"github.com/seraihost/serai/host/connector/connectortest"
)

// with calls do with a channel of a connection that ends then.
func with(t *testing.T, addr string, do func(ch *amqp091.Channel) error) {
	t.Helper()
	conn, err := amqp091.Dial("amqp://guest:guest@" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err == nil {
		err = do(ch)
	}
	if err != nil {
		t.Error(err)
	}
}

// send publishes to a queue, which it makes, and waits for the confirmations.
func send(t *testing.T, addr, queue string, bodies ...string) {
	t.Helper()
	with(t, addr, func(ch *amqp091.Channel) error {
		if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
			return err
		}
		if err := ch.Confirm(false); err != nil {
			return err
		}
		for i, body := range bodies {
			c, err := ch.PublishWithDeferredConfirm("", queue, true, false, amqp091.Publishing{Body: []byte(body), DeliveryMode: amqp091.Persistent})
			if err != nil || i == len(bodies)-1 && !c.Wait() {
				return fmt.Errorf("publishing %.20q: %w", body, err)
			}
		}
		return nil
	})
}

// parkedIn takes out of a queue what is there.
func parkedIn(t *testing.T, addr, queue string) (bodies []string) {
	t.Helper()
	with(t, addr, func(ch *amqp091.Channel) error {
		if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
			return err
		}
		for {
			d, ok, err := ch.Get(queue, true)
			if err != nil || !ok {
				return err
			}
			bodies = append(bodies, string(d.Body))
		}
	})
	return bodies
}

func testSourceSuite(t *testing.T, broker *connectortest.RabbitMQ) {
	connectortest.RunSource(t, connectortest.SourceSuite{
		Source: amqp.Source(), Server: broker, Config: config, Secrets: map[string]string{"broker": "guest"}, Most: 4,
		Channel: func(place string) string { return fmt.Sprintf(`{"queue": "suite.%s", "prefetch": 4}`, place) },
		Ordered: func(place string) string { return fmt.Sprintf(`{"queue": "suite.%s", "prefetch": 1}`, place) },
		Send: func(t *testing.T, place string, bodies ...string) {
			t.Helper()
			send(t, broker.Addr(), "suite."+place, bodies...)
		},
		Parked: func(t *testing.T, place string) []string {
			t.Helper()
			return parkedIn(t, broker.Addr(), "suite."+place+".dead")
		},
	})
}
