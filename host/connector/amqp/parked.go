package amqp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// preview bounds what is shown of a body.
const preview = 1 << 10

// graveyard is the queue of a channel's parked messages.
type graveyard struct {
	*Conn
	config SourceConfig
}

var _ connector.Parked = graveyard{}

func openParked(ctx context.Context, c Config, s SourceConfig, env connector.Env) (connector.Parked, error) {
	if s.Park == "broker" {
		return nil, host.FieldErrorf("park", "config.park is broker: the broker's policy says where the messages of queue %q go", s.Queue)
	}
	s.Dead = s.dead()
	conn, err := openFor(ctx, c, env, "/"+s.Dead)
	if err != nil {
		return nil, err
	}
	return graveyard{conn, s}, nil
}

// List implements [connector.Parked].
func (g graveyard) List(ctx context.Context, most int) ([]host.ParkedMessage, error) {
	var out []host.ParkedMessage
	err := g.each(ctx, func(d amqp091.Delivery) (bool, error) {
		reason, _ := d.Headers[headerError].(string)
		out = append(out, host.ParkedMessage{
			ID: idOf(d), Reason: strings.ToValidUTF8(reason, "\uFFFD"), Size: len(d.Body),
			Body: strings.ToValidUTF8(string(d.Body[:min(len(d.Body), preview)]), "\uFFFD"),
		})
		return len(out) < most, nil
	})
	return out, err
}

// Settle implements [connector.Parked].
func (g graveyard) Settle(ctx context.Context, id string, retry bool) (int, error) {
	n := 0
	err := g.each(ctx, func(d amqp091.Delivery) (bool, error) {
		if id != "" && idOf(d) != id {
			return true, nil
		}
		if retry {
			if err := g.confirms.publish(ctx, address{Key: g.config.Queue}, true, revived(d)); err != nil {
				return false, fmt.Errorf("putting the message back: %w", err)
			}
		}
		if err := d.Ack(false); err != nil {
			return false, err
		}
		n++
		return id == "", nil
	})
	return n, err
}

// each calls fn with the messages that are there now, the oldest first, until
// it returns false. Those that it does not acknowledge stay where they are.
func (g graveyard) each(ctx context.Context, fn func(d amqp091.Delivery) (bool, error)) error {
	err := g.fresh.use(ctx, func(l *line) error {
		q, err := l.QueueDeclarePassive(g.config.Dead, true, false, false, false, nil)
		if e, ok := errors.AsType[*amqp091.Error](l.reason(err)); ok && e.Code == amqp091.NotFound {
			return nil // nothing was parked yet
		}
		if err != nil {
			return err
		}
		for range q.Messages {
			if err := ctx.Err(); err != nil {
				return err
			}
			d, ok, err := l.Get(g.config.Dead, false)
			if err != nil || !ok {
				return err
			}
			if more, err := fn(d); err != nil || !more {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the queue %q: %w", g.config.Dead, err)
	}
	return nil
}

// idOf returns the id of a parked message. One that somebody else has put
// there, without an id, has a digest.
func idOf(d amqp091.Delivery) string {
	if id, _ := d.Headers[headerID].(string); id != "" {
		return strings.ToValidUTF8(id, "\uFFFD")
	}
	sum := sha256.Sum256(append([]byte(d.MessageId+"\x00"), d.Body...))
	return hex.EncodeToString(sum[:8])
}

// revived returns a parked message without what parking it added.
func revived(d amqp091.Delivery) amqp091.Publishing {
	m := republished(d)
	for _, name := range []string{headerID, headerQueue, headerExchange, headerKey, headerError} {
		delete(m.Headers, name)
	}
	return m
}
