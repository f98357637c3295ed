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

// address is where a message goes.
type address struct{ exchange, key string }

func addressOf(e abi.Envelope) (address, error) {
	a := address{e.Get(fieldExchange), e.Get(fieldRoutingKey)}
	if a.exchange == "" && a.key == "" {
		return a, host.FieldErrorf(fieldRoutingKey, "the default exchange leads to the queue that the routing key names: give a routing key, or an exchange")
	}
	if err := checkShort(fieldExchange, a.exchange); err != nil {
		return a, err
	}
	return a, checkShort(fieldRoutingKey, a.key)
}

// String describes the address for messages.
func (a address) String() string {
	if a.exchange == "" {
		return fmt.Sprintf("queue %q", host.Clip(a.key))
	}
	return fmt.Sprintf("exchange %q with routing key %q", host.Clip(a.exchange), host.Clip(a.key))
}

// unroutable is the error of a message that reaches no queue.
func unroutable(to address, why amqp091.Return) error {
	return host.Errorf(abi.Remote, "the message to %s reaches no queue (%s): declare and bind one", to, host.Clip(why.ReplyText))
}

// publish waits for the broker's confirmation, which for persistent messages
// in durable queues says that they are on disk.
func publish(ctx context.Context, c *Conn, r *connector.Request) (*connector.Result, error) {
	to, err := addressOf(r.Envelope)
	if err != nil {
		return nil, err
	}
	p, err := publishing(r.Envelope, r.Body)
	if err != nil {
		return nil, err
	}
	mandatory := to.exchange == ""
	if given := r.Envelope.Get(fieldMandatory); given != "" {
		mandatory = given == "1"
	}
	if err := c.confirms.publish(ctx, to, mandatory, p); err != nil {
		return nil, err
	}
	return &connector.Result{}, nil
}

// publish publishes a message on a line that is in confirm mode.
func (p *lines) publish(ctx context.Context, to address, mandatory bool, m amqp091.Publishing) error {
	var returned *amqp091.Return
	err := p.use(ctx, func(l *line) error {
		confirm, err := l.PublishWithDeferredConfirmWithContext(ctx, to.exchange, to.key, mandatory, false, m)
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
			return l.reason(errors.New("the broker could not take the message over"))
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

func request(ctx context.Context, c *Conn, r *connector.Request) (*connector.Result, error) {
	to, err := addressOf(r.Envelope)
	if err != nil {
		return nil, err
	}
	p, err := publishing(r.Envelope, r.Body)
	if err != nil {
		return nil, err
	}
	if p.ReplyTo != "" {
		return nil, host.FieldErrorf(fieldReplyTo, "a request has its own queue for the reply: leave reply-to out, or publish")
	}
	p.ReplyTo = directReplyTo
	if p.CorrelationId == "" {
		p.CorrelationId = strconv.FormatUint(correlation.Add(1), 36)
	}
	if text := r.Envelope.Get(fieldTimeout); text != "" {
		ms, err := strconv.ParseUint(text, 10, 32)
		if err != nil || ms == 0 {
			return nil, host.FieldErrorf(fieldTimeout, "timeout %q: use milliseconds from 1", host.Clip(text))
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
		defer cancel()
	}
	var reply amqp091.Delivery
	var returned *amqp091.Return
	err = c.requests.use(ctx, func(l *line) error {
		if err := l.PublishWithContext(ctx, to.exchange, to.key, true, false, p); err != nil {
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
	switch {
	case err != nil:
		return nil, err
	case returned != nil:
		return nil, unroutable(to, *returned)
	case int64(len(reply.Body)) > int64(r.Scope.Limits.ReplyBytes):
		return nil, host.Errorf(abi.TooLarge, "the reply has %d bytes, the service takes at most %s; raise it with --reply-size", len(reply.Body), r.Scope.Limits.ReplyBytes)
	}
	return &connector.Result{Envelope: properties(nil, "", reply), Body: reply.Body}, nil
}
