package amqp

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

const (
	parkTime = 30 * time.Second // bounds the wait until a parked message is safe
	// maxParked bounds the headers that a parked message keeps: with the
	// properties and the reason they fit in one frame, as AMQP has it.
	maxParked = 100 << 10
	maxReason = 4 << 10
)

// Headers of a parked message, which say where it was and what went wrong.
const (
	headerID       = "x-serai-id"
	headerQueue    = "x-serai-queue"
	headerExchange = "x-serai-exchange"
	headerKey      = "x-serai-routing-key"
	headerError    = "x-serai-error"
)

// parking puts messages aside. It has a connection of its own, opened when it
// is needed: a broker that is short of memory or disk stops reading from
// connections that publish, and would not hear acknowledgements there.
type parking struct {
	config SourceConfig
	open   func(ctx context.Context) (*Conn, error)

	mu   sync.Mutex
	conn *Conn
}

// connect returns the connection, a new one if the last one is lost.
func (p *parking) connect(ctx context.Context) (*Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil && !p.conn.Lost() {
		return p.conn, nil
	}
	conn, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	p.conn = conn
	return conn, nil
}

func (p *parking) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		return nil
	}
	return p.conn.Close()
}

// park puts a message into the queue for those that keep failing.
func (p *parking) park(d amqp091.Delivery, why error) error {
	ctx, cancel := context.WithTimeout(context.Background(), parkTime)
	defer cancel()
	conn, err := p.connect(ctx)
	if err != nil {
		return err
	}
	to, m := address{Key: p.config.Dead}, parked(p.config.Queue, d, why)
	err = conn.confirms.publish(ctx, to, true, m)
	if host.CodeOf(err) != abi.Remote {
		return err
	}
	// The queue is not there yet.
	err = conn.fresh.use(ctx, func(l *line) error {
		_, err := l.QueueDeclare(p.config.Dead, true, false, false, false, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("declaring the queue %q: %w", p.config.Dead, err)
	}
	return conn.confirms.publish(ctx, to, true, m)
}

// parked returns a message as it is parked.
func parked(queue string, d amqp091.Delivery, why error) amqp091.Publishing {
	m := republished(d)
	if sizeOf(m.Headers) > maxParked {
		m.Headers = amqp091.Table{}
	}
	reason := host.MessageOf(why)
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	m.Headers[headerID], m.Headers[headerError] = rand.Text(), reason
	m.Headers[headerQueue], m.Headers[headerExchange], m.Headers[headerKey] = queue, d.Exchange, d.RoutingKey
	return m
}

// republished returns a message that goes to one queue: without the headers
// that would lead copies elsewhere, without an expiry, and without the user,
// who may not be the one of this connection.
func republished(d amqp091.Delivery) amqp091.Publishing {
	headers := amqp091.Table{}
	for name, value := range d.Headers {
		if name != "CC" && name != "BCC" {
			headers[name] = value
		}
	}
	return amqp091.Publishing{
		Headers: headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: amqp091.Persistent,
		Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, MessageId: d.MessageId, Timestamp: d.Timestamp,
		Type: d.Type, AppId: d.AppId, Body: d.Body,
	}
}

// sizeOf returns at most how many bytes a value of a table has in a frame.
func sizeOf(v any) int {
	const number = 16 // the largest one with its type
	switch v := v.(type) {
	case amqp091.Table:
		n := number
		for name, item := range v {
			n += 1 + len(name) + sizeOf(item)
		}
		return n
	case []any:
		n := number
		for _, item := range v {
			n += sizeOf(item)
		}
		return n
	case string:
		return number + len(v)
	case []byte:
		return number + len(v)
	default:
		return number
	}
}
