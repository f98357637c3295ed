package amqp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// SourceConfig is how a channel receives from a queue.
type SourceConfig struct {
	Queue    string `json:"queue" required:"true" doc:"queue to receive from; it exists"`
	Prefetch int    `json:"prefetch" default:"16" min:"1" max:"1000" doc:"how many messages are in the service at a time; with 1 they keep their order"`
	Park     string `json:"park" default:"queue" enum:"queue,broker" doc:"where messages go that keep failing: into the queue dead_letter, or where the broker's policy for the queue says, which may be nowhere"`
	Dead     string `json:"dead_letter" doc:"queue for messages that keep failing, made when it is needed; the queue's name with .dead unless given"`
	connector.Redelivery
}

// Source returns the type of channels over AMQP.
func Source() connector.SourceType {
	return connector.DefineSource(connector.SourceSpec[Config, SourceConfig]{
		Type: Type, Channel: abi.ChannelAMQP, Doc: "Hands the messages of a queue to a service.",
		Message: messages.Fields(), Check: checkSource, Open: openSource,
	})
}

func checkSource(s SourceConfig) error {
	if len(s.Queue) > maxShort-len(deadSuffix) || len(s.Dead) > maxShort {
		return host.FieldErrorf("queue", "config.queue has %d bytes and config.dead_letter %d; use at most %d", len(s.Queue), len(s.Dead), maxShort-len(deadSuffix))
	}
	if s.Dead == s.Queue {
		return host.FieldErrorf("dead_letter", "config.dead_letter is the queue itself; what fails would come again for ever")
	}
	return nil
}

const (
	deadSuffix = ".dead"
	parkTime   = 30 * time.Second // bounds the wait until a parked message is safe
	parkPause  = time.Second      // before a message comes again that could not be parked
)

// message is what calls get of a message.
type message struct {
	Queue       string `field:"queue" doc:"queue that it was in"`
	Exchange    string `field:"exchange" doc:"exchange that it was published to, if not the default one"`
	Key         string `field:"routing-key" doc:"routing key that it was published with"`
	Redelivered bool   `field:"redelivered" doc:"it was delivered before, and not acknowledged"`
	properties
}

var messages = connector.NewEncoder[message]()

// source consumes a queue over a connection of its own, so that a broker that
// holds up those who publish does not hold up its messages.
type source struct {
	broker  *amqp091.Connection
	line    *line
	parking *lines
	config  SourceConfig
}

func openSource(ctx context.Context, c Config, s SourceConfig, env connector.Env) (connector.Source, error) {
	broker, err := dial(ctx, c, env, "/"+s.Queue)
	if err != nil {
		return nil, err
	}
	lines := newLines(broker, 1, func(l *line) error { return l.Qos(s.Prefetch, 0, false) })
	opened := make(chan error, 1)
	var l *line
	go func() {
		var err error
		l, err = lines.take()
		opened <- err
	}()
	select {
	case err = <-opened:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		_ = broker.CloseDeadline(time.Now())
		return nil, fault(broker, err)
	}
	if s.Dead == "" {
		s.Dead = s.Queue + deadSuffix
	}
	return &source{
		broker: broker, line: l, config: s,
		parking: newLines(broker, 4, func(l *line) error { return l.Confirm(false) }),
	}, nil
}

// Run implements [connector.Source].
func (s *source) Run(ctx context.Context, deliver connector.Deliver) error {
	const tag = "serai"
	deliveries, err := s.line.Consume(s.config.Queue, tag, false, false, false, false, nil)
	if err != nil {
		return fault(s.broker, s.line.reason(err))
	}
	alive, lost := context.WithCancel(ctx)
	var work sync.WaitGroup
	turns := make(chan struct{}, s.config.Prefetch) // the broker may send more than it was asked for
	defer work.Wait()
	defer lost()
	for {
		select {
		case <-ctx.Done():
			_ = s.line.Cancel(tag, true)
			return nil // what it has beyond that goes back when the line closes
		case d, ok := <-deliveries:
			if !ok {
				return fault(s.broker, s.line.reason(errors.New("the broker ended the delivery; does the queue exist?")))
			}
			select {
			case turns <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
			work.Go(func() {
				defer func() { <-turns }()
				s.handle(alive, d, deliver)
			})
		}
	}
}

// handle has a message delivered and does with it as it is told. That the
// broker does not hear of it is no error: it then delivers it again.
func (s *source) handle(ctx context.Context, d amqp091.Delivery, deliver connector.Deliver) {
	m := connector.Message{Body: d.Body}
	if d.ContentType != "" {
		m.Envelope.Add(abi.PrefixHeader+"content-type", d.ContentType)
	}
	m.Envelope = messages.Append(m.Envelope, abi.PrefixMessage, &message{
		s.config.Queue, d.Exchange, d.RoutingKey, d.Redelivered, propertiesOf(d),
	})
	disposition, why := deliver(ctx, m)
	switch {
	case disposition == connector.Done:
		_ = d.Ack(false)
	case disposition == connector.Again:
		_ = d.Nack(false, true)
	case s.config.Park == "broker":
		_ = d.Nack(false, false)
	case s.park(d, why) == nil:
		_ = d.Ack(false)
	default:
		select {
		case <-time.After(parkPause):
		case <-ctx.Done():
		}
		_ = d.Nack(false, true)
	}
}

// park puts a message into the queue for those that keep failing.
func (s *source) park(d amqp091.Delivery, why error) error {
	ctx, cancel := context.WithTimeout(context.Background(), parkTime)
	defer cancel()
	headers := amqp091.Table{}
	maps.Copy(headers, d.Headers)
	headers["x-serai-queue"], headers["x-serai-exchange"], headers["x-serai-routing-key"] = s.config.Queue, d.Exchange, d.RoutingKey
	headers["x-serai-error"] = host.MessageOf(why)
	// Without an expiry, and without the user, who may not be the one of this connection.
	m := amqp091.Publishing{
		Headers: headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: amqp091.Persistent,
		Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, MessageId: d.MessageId, Timestamp: d.Timestamp,
		Type: d.Type, AppId: d.AppId, Body: d.Body,
	}
	to := address{Key: s.config.Dead}
	err := s.parking.publish(ctx, to, true, m)
	if host.CodeOf(err) != abi.Remote {
		return err
	}
	// The queue is not there yet.
	err = newLines(s.broker, 1, nil).use(ctx, func(l *line) error {
		_, err := l.QueueDeclare(s.config.Dead, true, false, false, false, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("declaring the queue %q: %w", s.config.Dead, err)
	}
	return s.parking.publish(ctx, to, true, m)
}

// Close implements [connector.Source].
func (s *source) Close() error {
	err := s.broker.CloseDeadline(time.Now().Add(closeTime))
	if err == nil || errors.Is(err, amqp091.ErrClosed) {
		return nil
	}
	return fmt.Errorf("taking leave of the broker: %w", err)
}
