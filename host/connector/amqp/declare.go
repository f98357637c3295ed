package amqp

import (
	"context"
	"encoding/json"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// declaration is what shall exist.
type declaration struct {
	Exchange   string          `field:"exchange" doc:"exchange to declare, or to bind the queue to"`
	Kind       string          `field:"exchange-type" enum:"direct,fanout,topic,headers" doc:"direct, fanout, topic or headers; without it the exchange is there already"`
	Queue      string          `field:"queue" doc:"queue to declare"`
	Key        string          `field:"routing-key" doc:"routing key of the binding"`
	Durable    bool            `field:"durable" default:"true" doc:"false: gone when the broker restarts"`
	AutoDelete bool            `field:"auto-delete" doc:"true: gone when nothing uses it any more"`
	Arguments  json.RawMessage `field:"arguments" doc:"an object of arguments, of the queue or else of the exchange"`
}

// standing is how a queue is; nothing of an exchange.
type standing struct {
	Messages  *int `field:"messages" doc:"how many messages wait in the queue"`
	Consumers *int `field:"consumers" doc:"how many consumers it has"`
}

func (d declaration) check() (amqp091.Table, error) {
	switch {
	case d.Queue == "" && d.Kind == "":
		return nil, host.FieldErrorf("queue", "nothing to declare: give a queue, or an exchange with its type")
	case d.Kind != "" && d.Exchange == "":
		return nil, host.FieldErrorf("exchange", "exchange is missing: the default one is there already")
	}
	for name, value := range map[string]string{"exchange": d.Exchange, "queue": d.Queue, "routing-key": d.Key} {
		if err := checkShort(name, value); err != nil {
			return nil, err
		}
	}
	return table("arguments", d.Arguments)
}

func declare(ctx context.Context, c *Conn, _ *connector.Request, d declaration) (out standing, err error) {
	arguments, err := d.check()
	if err != nil {
		return out, err
	}
	err = c.fresh.use(ctx, func(l *line) error {
		if d.Kind != "" {
			own := arguments
			if d.Queue != "" {
				own = nil // they are the queue's
			}
			if err := l.ExchangeDeclare(d.Exchange, d.Kind, d.Durable, d.AutoDelete, false, false, own); err != nil {
				return err
			}
		}
		if d.Queue == "" {
			return nil
		}
		q, err := l.QueueDeclare(d.Queue, d.Durable, d.AutoDelete, false, false, arguments)
		if err != nil {
			return err
		}
		if d.Exchange != "" {
			if err := l.QueueBind(d.Queue, d.Key, d.Exchange, false, nil); err != nil {
				return err
			}
		}
		out = standing{&q.Messages, &q.Consumers}
		return nil
	})
	return out, err
}
