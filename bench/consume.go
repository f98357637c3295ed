package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// queue is what consumers empty.
const queue = "bench"

// consumeClient consumes as the plain client does, in workers goroutines,
// until the broker ends it.
func consumeClient(addr string, workers int) error {
	broker, err := amqp091.Dial("amqp://guest:guest@" + addr + "/")
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	ch, err := broker.Channel()
	if err != nil {
		return fmt.Errorf("opening a channel: %w", err)
	}
	if err := ch.Qos(workers, 0, false); err != nil {
		return fmt.Errorf("setting the prefetch: %w", err)
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consuming: %w", err)
	}
	failed := make(chan error, workers)
	for range workers {
		go func() {
			for d := range deliveries {
				var m struct {
					Order int    `json:"order"`
					Note  string `json:"note"`
				}
				if err := json.Unmarshal(d.Body, &m); err != nil || m.Order != 17 {
					failed <- errors.Join(errOther, err)
					return
				}
				if err := d.Ack(false); err != nil {
					failed <- err
					return
				}
			}
			failed <- errors.New("the broker ended the delivery")
		}()
	}
	return <-failed
}

// broker is how the benchmark fills the queue and sees it empty.
type broker struct {
	addr string
	*amqp091.Channel
}

func openBroker(addr string) (*broker, error) {
	conn, err := amqp091.Dial("amqp://guest:guest@" + addr + "/")
	if err != nil {
		return nil, fmt.Errorf("connecting to the broker: %w", err)
	}
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("opening a channel: %w", err)
	}
	if err := ch.ExchangeDeclare("bench", "direct", false, true, false, false, nil); err != nil {
		return nil, fmt.Errorf("declaring an exchange: %w", err)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		return nil, fmt.Errorf("declaring a queue: %w", err)
	}
	return &broker{addr, ch}, ch.Confirm(false)
}

// fill replaces what is in the queue by n messages.
func (b *broker) fill(ctx context.Context, n int) error {
	if _, err := b.QueuePurge(queue, false); err != nil {
		return fmt.Errorf("purging the queue: %w", err)
	}
	var last *amqp091.DeferredConfirmation
	for range n {
		var err error
		m := amqp091.Publishing{ContentType: "application/json", DeliveryMode: amqp091.Transient, Body: message}
		if last, err = b.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, m); err != nil {
			return fmt.Errorf("filling the queue: %w", err)
		}
	}
	if _, err := last.WaitContext(ctx); err != nil {
		return fmt.Errorf("filling the queue: %w", err)
	}
	return nil
}

// drained returns the messages per second that leave the queue, from when a
// tenth of its n has left until d has passed or a tenth is left.
func (b *broker) drained(ctx context.Context, n int, d time.Duration) (float64, error) {
	var began time.Time
	from, deadline := 0, time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		q, err := b.QueueDeclarePassive(queue, true, false, false, false, nil)
		if err != nil {
			return 0, fmt.Errorf("looking at the queue: %w", err)
		}
		switch {
		case began.IsZero() && q.Messages <= n*9/10:
			began, from = time.Now(), q.Messages
		case !began.IsZero() && (q.Messages < n/10 || time.Since(began) > d):
			return float64(from-q.Messages) / time.Since(began).Seconds(), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return 0, errors.New("the queue does not empty")
}

// gone returns how many of the queue's n messages have left it.
func (b *broker) gone(n int) (float64, error) {
	q, err := b.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		return 0, fmt.Errorf("looking at the queue: %w", err)
	}
	return float64(n - q.Messages), nil
}
