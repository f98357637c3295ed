package amqp

import (
	"context"
	"slices"
	"strconv"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// declaration is what shall exist.
type declaration struct {
	exchange, kind, queue, key string
	durable, autoDelete        bool
	arguments                  amqp091.Table
}

func declarationOf(r *connector.Request) (declaration, error) {
	e := r.Envelope
	d := declaration{
		exchange: e.Get(fieldExchange), kind: e.Get(fieldExchangeType), queue: e.Get(fieldQueue), key: e.Get(fieldRoutingKey),
		durable: e.Get(fieldDurable) != "0", autoDelete: e.Get(fieldAutoDelete) == "1",
	}
	kinds := []string{"", amqp091.ExchangeDirect, amqp091.ExchangeFanout, amqp091.ExchangeTopic, amqp091.ExchangeHeaders}
	switch {
	case d.queue == "" && d.kind == "":
		return d, host.FieldErrorf(fieldQueue, "nothing to declare: give a queue, or an exchange with its type")
	case d.kind != "" && d.exchange == "":
		return d, host.FieldErrorf(fieldExchange, "exchange is missing: the default one is there already")
	case !slices.Contains(kinds, d.kind):
		return d, host.FieldErrorf(fieldExchangeType, "exchange-type %q: use direct, fanout, topic or headers", host.Clip(d.kind))
	}
	for name, value := range map[string]string{fieldExchange: d.exchange, fieldQueue: d.queue, fieldRoutingKey: d.key} {
		if err := checkShort(name, value); err != nil {
			return d, err
		}
	}
	var err error
	d.arguments, err = table(fieldArguments, e.Get(fieldArguments))
	return d, err
}

func declare(ctx context.Context, c *Conn, r *connector.Request) (*connector.Result, error) {
	d, err := declarationOf(r)
	if err != nil {
		return nil, err
	}
	out := &connector.Result{}
	err = c.fresh.use(ctx, func(l *line) error {
		if d.kind != "" {
			arguments := d.arguments
			if d.queue != "" {
				arguments = nil // they are the queue's
			}
			if err := l.ExchangeDeclare(d.exchange, d.kind, d.durable, d.autoDelete, false, false, arguments); err != nil {
				return err
			}
		}
		if d.queue == "" {
			return nil
		}
		q, err := l.QueueDeclare(d.queue, d.durable, d.autoDelete, false, false, d.arguments)
		if err != nil {
			return err
		}
		if d.exchange != "" {
			if err := l.QueueBind(d.queue, d.key, d.exchange, false, nil); err != nil {
				return err
			}
		}
		out.Envelope.Add(fieldMessages, strconv.Itoa(q.Messages))
		out.Envelope.Add(fieldConsumers, strconv.Itoa(q.Consumers))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
