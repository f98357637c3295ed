package amqp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

func (a address) check() error {
	if a.Exchange == "" && a.Key == "" {
		return host.FieldErrorf("routing-key", "the default exchange leads to the queue that the routing key names: give a routing key, or an exchange")
	}
	if err := checkShort("exchange", a.Exchange); err != nil {
		return err
	}
	return checkShort("routing-key", a.Key)
}

// String describes the address for messages.
func (a address) String() string {
	if a.Exchange == "" {
		return fmt.Sprintf("queue %q", host.Clip(a.Key))
	}
	return fmt.Sprintf("exchange %q with routing key %q", host.Clip(a.Exchange), host.Clip(a.Key))
}

// unroutable is the error of a message that reaches no queue.
func unroutable(to address, why amqp091.Return) error {
	return host.Errorf(abi.Remote, "the message to %s reaches no queue (%s): declare and bind one", to, host.Clip(why.ReplyText))
}

// publication is a message to publish.
type publication struct {
	address
	Mandatory *bool `field:"mandatory" doc:"a message that reaches no queue is an error; without it that is so with the default exchange only"`
	properties
	Body []byte `body:"the message's body"`
}

// publish waits for the broker's confirmation, which for persistent messages
// in durable queues says that they are on disk.
func publish(ctx context.Context, c *Conn, _ *connector.Request, in publication) (out connector.None, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	p, err := in.publishing(in.Body)
	if err != nil {
		return out, err
	}
	p.Headers = traced(ctx, p.Headers)
	mandatory := in.Exchange == ""
	if in.Mandatory != nil {
		mandatory = *in.Mandatory
	}
	return out, c.alarm.publish(ctx, func() error { return c.confirms.publish(ctx, in.address, mandatory, p) })
}

// publish publishes a message on a line that is in confirm mode.
func (p *lines) publish(ctx context.Context, to address, mandatory bool, m amqp091.Publishing) error {
	var returned *amqp091.Return
	if err := p.broker.socket.Room(ctx); err != nil {
		return err
	}
	err := p.use(ctx, func(l *line) error {
		confirm, err := l.PublishWithDeferredConfirmWithContext(ctx, to.Exchange, to.Key, mandatory, false, m)
		if err != nil {
			return err
		}
		taken, err := confirm.WaitContext(ctx)
		if err != nil {
			return err
		}
		select {
		case r, ok := <-l.returns: // comes before the confirmation
			if ok {
				returned = &r
			}
		default:
		}
		if !taken {
			return l.reason(errors.New("the broker does not take the message over; is the queue full?"))
		}
		return nil
	})
	if err == nil && returned != nil {
		return unroutable(to, *returned)
	}
	return err
}

// correlation makes ids of requests; replies come on the requests' own lines.
var correlation atomic.Uint64

// question is a message that waits for a reply.
type question struct {
	address
	Timeout time.Duration `field:"timeout" min:"1" max:"3600000" doc:"how long to wait, unless the call ends before"`
	properties
	Body []byte `body:"the message's body"`
}

// answer is the reply.
type answer struct {
	properties
	Body []byte `body:"the reply's body"`
}

func request(ctx context.Context, c *Conn, r *connector.Request, in question) (out answer, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	p, err := in.publishing(in.Body)
	if err != nil {
		return out, err
	}
	p.Headers = traced(ctx, p.Headers)
	if p.ReplyTo != "" {
		return out, host.FieldErrorf("reply-to", "a request has its own queue for the reply: leave reply-to out, or publish")
	}
	p.ReplyTo = directReplyTo
	if p.CorrelationId == "" {
		p.CorrelationId = strconv.FormatUint(correlation.Add(1), 36)
	}
	if in.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, in.Timeout)
		defer cancel()
	}
	if err := c.broker.socket.Room(ctx); err != nil {
		return out, err
	}
	var reply amqp091.Delivery
	var returned *amqp091.Return
	err = c.alarm.publish(ctx, func() error {
		return c.requests.use(ctx, func(l *line) error {
			if err := l.PublishWithContext(ctx, in.Exchange, in.Key, true, false, p); err != nil {
				return err
			}
			for {
				select {
				case r, ok := <-l.returns:
					if !ok {
						return l.reason(amqp091.ErrClosed)
					}
					returned = &r
					return nil
				case d, ok := <-l.replies:
					if !ok {
						return l.reason(amqp091.ErrClosed)
					}
					if d.CorrelationId == p.CorrelationId {
						reply = d
						return nil
					}
				case <-ctx.Done():
					return ctx.Err() // the line is closed, so that a late reply goes nowhere
				}
			}
		})
	})
	switch {
	case err != nil:
		return out, err
	case returned != nil:
		return out, unroutable(in.address, *returned)
	case int64(len(reply.Body)) > int64(r.Scope.Limits.ReplyBytes):
		return out, host.Errorf(abi.TooLarge, "the reply has %d bytes, the service takes at most %s; raise it with --reply-size", len(reply.Body), r.Scope.Limits.ReplyBytes)
	}
	return answer{propertiesOf(reply), reply.Body}, nil
}
