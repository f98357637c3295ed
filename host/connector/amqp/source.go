package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// SourceConfig is how a channel receives from a queue.
type SourceConfig struct {
	Queue    string `json:"queue" required:"true" example:"orders" doc:"queue to receive from; it exists"`
	Prefetch int    `json:"prefetch" default:"16" min:"1" max:"1000" doc:"how many messages are in the service at a time; with 1 they keep their order"`
	Park     string `json:"park" default:"queue" enum:"queue,broker" doc:"where messages go that keep failing: into the queue dead_letter, or where the broker's policy for the queue says, which may be nowhere"`
	Dead     string `json:"dead_letter" doc:"queue for messages that keep failing, made when it is needed; the queue's name with .dead unless given"`
	connector.Redelivery
}

// dead returns the queue for messages that keep failing.
func (s SourceConfig) dead() string { return cmp.Or(s.Dead, s.Queue+deadSuffix) }

// Source returns the type of channels over AMQP.
func Source() connector.SourceType {
	return connector.DefineSource(connector.SourceSpec[Config, SourceConfig]{
		Type: Type, Channel: abi.ChannelAMQP, Doc: "Hands the messages of a queue to a service.",
		Message: messages.Fields(), Check: checkSource, Open: openSource, Parked: openParked,
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
	parkPause  = time.Second // before a message comes again that could not be parked
	// maxHeld bounds the bodies that a source holds, beyond one message.
	maxHeld = 256 << 20
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
	broker  *broker
	line    *line
	parking *parking
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
	s.Dead = s.dead()
	return &source{
		broker: broker, line: l, config: s,
		parking: &parking{config: s, open: func(ctx context.Context) (*Conn, error) { return openFor(ctx, c, env, "/"+s.Dead) }},
	}, nil
}

// Run implements [connector.Source].
func (s *source) Run(ctx context.Context, deliver connector.Deliver) error {
	const tag = "serai"
	stop := context.AfterFunc(ctx, func() { _ = s.broker.CloseDeadline(time.Now()) }) // Consume knows no context
	deliveries, err := s.line.Consume(s.config.Queue, tag, false, false, false, false, nil)
	if !stop() {
		return nil
	}
	if err != nil {
		return fault(s.broker, s.line.reason(err))
	}
	alive, lost := context.WithCancel(ctx)
	h := &hand{source: s, deliver: deliver, freed: make(chan int, 2*s.config.Prefetch), next: make(chan amqp091.Delivery, s.config.Prefetch)}
	defer h.work.Wait()
	defer close(h.next)
	defer lost()
	for {
		select {
		case <-ctx.Done():
			_ = s.line.Cancel(tag, true)
			return nil // what it has beyond that goes back when the line closes
		case n := <-h.freed:
			h.busy--
			h.bytes -= n
			h.pass(alive)
		case d, ok := <-deliveries:
			if !ok {
				return fault(s.broker, s.line.reason(errors.New("the broker ended the delivery; does the queue exist?")))
			}
			if err := h.take(d); err != nil {
				_ = s.broker.CloseDeadline(time.Now())
				return err
			}
			h.pass(alive)
		}
	}
}

// hand is what a source has in hand. Of a broker that goes by the rules, at
// most so many messages wait as are being dealt with.
type hand struct {
	source  *source
	deliver connector.Deliver
	work    sync.WaitGroup
	workers int                   // that deal with messages, one each at a time
	next    chan amqp091.Delivery // for the workers
	freed   chan int              // sizes of what was dealt with

	busy, bytes int
	waiting     []amqp091.Delivery
}

// take takes a message, or refuses what the broker should not have sent.
func (h *hand) take(d amqp091.Delivery) error {
	prefetch := h.source.config.Prefetch
	h.waiting = append(h.waiting, d)
	h.bytes += len(d.Body)
	switch held := h.busy + len(h.waiting); {
	case len(h.waiting) > prefetch:
		return fmt.Errorf("the broker sends more messages than it was asked for: %d wait, prefetch is %d", len(h.waiting), prefetch)
	case h.bytes > maxHeld && held > 1:
		return fmt.Errorf("%d messages have %d bytes together, at most %d are held: lower prefetch", held, h.bytes, maxHeld)
	}
	return nil
}

// pass has messages delivered, as many at a time as may be. Workers stay, since
// a goroutine whose stack has grown need not grow it for each message.
func (h *hand) pass(ctx context.Context) {
	for len(h.waiting) > 0 && h.busy < h.source.config.Prefetch {
		d := h.waiting[0]
		h.waiting[0] = amqp091.Delivery{}
		h.waiting = h.waiting[1:]
		h.busy++
		h.next <- d // there is room for as many as may be under way
		if h.workers < h.busy {
			h.workers++
			h.work.Go(func() {
				for d := range h.next {
					h.source.handle(ctx, d, h.deliver)
					h.freed <- len(d.Body)
				}
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
	case s.parking.park(d, why) == nil:
		_ = d.Ack(false)
	default:
		select {
		case <-time.After(parkPause):
		case <-ctx.Done():
		}
		_ = d.Nack(false, true)
	}
}

// Close implements [connector.Source].
func (s *source) Close() error {
	return errors.Join(s.parking.close(), leave(s.broker))
}
