package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/amqp"
	"github.com/seraihost/serai/host/connector/connectortest"
)

// openSource opens a source as the host does.
func openSource(t *testing.T, broker *connectortest.RabbitMQ, channel string) connector.Source {
	t.Helper()
	secret := func(string) (string, error) { return "guest", nil }
	s, _, err := amqp.Source().Open(t.Context(), []byte(config(broker.Addr())), []byte(channel), secret, connector.Env{
		Tenant: "t", Name: "C", Dial: new(net.Dialer).DialContext, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// run runs a source until what is done, closes it and returns its error.
func run(t *testing.T, s connector.Source, deliver connector.Deliver, done func() bool) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, deliver) }()
	wait(t, "the messages are dealt with", done)
	cancel()
	select {
	case err := <-ended:
		return errors.Join(err, s.Close())
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
		return nil
	}
}

// fill makes a queue with numbered messages.
func fill(t *testing.T, broker *connectortest.RabbitMQ, queue string, n int, arguments amqp091.Table) *amqp091.Channel {
	t.Helper()
	ch := dial(t, broker.Addr())
	if _, err := ch.QueueDeclare(queue, true, false, false, false, arguments); err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c, err := ch.PublishWithDeferredConfirm("", queue, true, false, amqp091.Publishing{
			Body: fmt.Append(nil, i), ContentType: "text/plain", UserId: "guest", Expiration: "600000",
		})
		if err != nil || i == n-1 && !c.Wait() {
			t.Fatal(err)
		}
	}
	return ch
}

// left is how many messages a queue holds, once nobody has any of them.
func left(t *testing.T, ch *amqp091.Channel, queue string) int {
	t.Helper()
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q.Messages
}

func testSource(t *testing.T, broker *connectortest.RabbitMQ) {
	t.Run("order", func(t *testing.T) {
		ch := fill(t, broker, "order", 200, nil)
		var got []string
		var mu sync.Mutex
		err := run(t, openSource(t, broker, `{"queue": "order", "prefetch": 1}`), func(_ context.Context, m connector.Message) (connector.Disposition, error) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, string(m.Body))
			return connector.Done, nil
		}, func() bool { mu.Lock(); defer mu.Unlock(); return len(got) >= 200 })
		inOrder := slices.IsSortedFunc(got, func(a, b string) int { return len(a) - len(b) })
		if err != nil || len(got) != 200 || !inOrder || got[0] != "0" || got[199] != "199" {
			t.Errorf("%v: %v", err, got)
		}
		wait(t, "the queue is empty", func() bool { return left(t, ch, "order") == 0 })
	})
	t.Run("prefetch", func(t *testing.T) {
		fill(t, broker, "prefetch", 40, nil)
		var now, most, done atomic.Int64
		err := run(t, openSource(t, broker, `{"queue": "prefetch", "prefetch": 5}`), func(context.Context, connector.Message) (connector.Disposition, error) {
			n := now.Add(1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			time.Sleep(5 * time.Millisecond)
			now.Add(-1)
			done.Add(1)
			return connector.Done, nil
		}, func() bool { return done.Load() == 40 })
		if err != nil || most.Load() != 5 {
			t.Errorf("%v: %d at a time", err, most.Load())
		}
	})
	t.Run("park", func(t *testing.T) { testPark(t, broker) })
	t.Run("poison", func(t *testing.T) { testPoison(t, broker) })
	t.Run("stop", func(t *testing.T) {
		ch := fill(t, broker, "stop", 10, nil)
		began := make(chan struct{}, 10)
		err := run(t, openSource(t, broker, `{"queue": "stop", "prefetch": 3}`), func(ctx context.Context, m connector.Message) (connector.Disposition, error) {
			began <- struct{}{}
			<-ctx.Done() // the host stops
			if string(m.Body) == "0" {
				return connector.Done, nil
			}
			return connector.Again, ctx.Err()
		}, func() bool { return len(began) == 3 })
		if err != nil {
			t.Error(err)
		}
		wait(t, "what was not dealt with is back", func() bool { return left(t, ch, "stop") == 9 })
	})
	t.Run("lost", func(t *testing.T) {
		ch := fill(t, broker, "lost", 1, nil)
		s := openSource(t, broker, `{"queue": "lost"}`)
		ended := make(chan error, 1)
		go func() {
			ended <- s.Run(t.Context(), func(ctx context.Context, _ connector.Message) (connector.Disposition, error) {
				if _, err := ch.QueueDelete("lost", false, false, false); err != nil {
					t.Error(err)
				}
				<-ctx.Done()
				return connector.Again, ctx.Err()
			})
		}()
		select {
		case err := <-ended:
			if err == nil || !strings.Contains(err.Error(), "does the queue exist?") {
				t.Errorf("the queue is deleted: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("it does not notice that its queue is gone")
		}
		err := openSource(t, broker, `{"queue": "no.queue"}`).Run(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), "NOT_FOUND - no queue 'no.queue'") {
			t.Errorf("no queue: %v", err)
		}
	})
}

func testPark(t *testing.T, broker *connectortest.RabbitMQ) {
	park := func(n *atomic.Int64) connector.Deliver {
		return func(_ context.Context, m connector.Message) (connector.Disposition, error) {
			defer n.Add(1)
			if m.Envelope.Get(abi.PrefixMessage+"queue") == "" || m.Envelope.Get("header.content-type") != "text/plain" {
				t.Errorf("%v", m.Envelope)
			}
			return connector.Park, errors.New("it is bad")
		}
	}
	var n atomic.Int64
	ch := fill(t, broker, "bad", 2, nil)
	if err := run(t, openSource(t, broker, `{"queue": "bad", "dead_letter": "graveyard"}`), park(&n), func() bool { return n.Load() == 2 }); err != nil {
		t.Error(err)
	}
	for range 2 {
		d, ok, err := ch.Get("graveyard", true)
		if err != nil || !ok || d.Headers["x-serai-queue"] != "bad" || d.Headers["x-serai-error"] == "" || d.Expiration != "" || d.ContentType != "text/plain" {
			t.Errorf("%v %v %+v", ok, err, d)
		}
	}
	if _, err := ch.QueueDeclare("dlx", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	fill(t, broker, "policy", 1, amqp091.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dlx"})
	if err := run(t, openSource(t, broker, `{"queue": "policy", "park": "broker"}`), park(&n), func() bool { return n.Load() == 3 }); err != nil {
		t.Error(err)
	}
	wait(t, "the broker's policy has it", func() bool { return left(t, ch, "dlx") == 1 })
}
