package amqp

import (
	"context"
	"sync"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// line is a channel of AMQP, which one operation uses at a time: so what the
// broker says on it is about that operation.
type line struct {
	*amqp091.Channel

	closed  chan *amqp091.Error     // why the broker closed it
	returns chan amqp091.Return     // messages that reach no queue
	replies <-chan amqp091.Delivery // to requests
}

// directReplyTo is RabbitMQ's name for the queue of replies that a channel has.
const directReplyTo = "amq.rabbitmq.reply-to"

func (l *line) awaitReplies() (err error) {
	l.replies, err = l.Consume(directReplyTo, "", true, false, false, false, nil)
	return err
}

// reason returns why the line was closed, or err.
func (l *line) reason(err error) error {
	select {
	case e, ok := <-l.closed:
		if ok && e != nil {
			return e
		}
	default:
	}
	return err
}

// lines are channels of one connection, made ready alike. Without ready each
// is used once.
type lines struct {
	broker *broker
	ready  func(*line) error
	turns  chan struct{}

	mu   sync.Mutex
	idle []*line
}

func newLines(broker *broker, most int, ready func(*line) error) *lines {
	return &lines{broker: broker, ready: ready, turns: make(chan struct{}, most)}
}

// use calls fn with a line. It returns when ctx ends, whatever the broker
// does; fn, which should end then too, keeps the line until it has ended. On
// lines that are kept, fn waits for nothing that ctx does not end.
func (p *lines) use(ctx context.Context, fn func(*line) error) error {
	select {
	case p.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if l := p.unused(); l != nil {
		return p.reuse(ctx, l, fn)
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-p.turns }()
		done <- p.with(fn)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reuse calls fn with a line that was kept.
func (p *lines) reuse(ctx context.Context, l *line, fn func(*line) error) error {
	err := fn(l)
	if err == nil {
		p.put(l)
		<-p.turns
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else {
		err = fault(p.broker, l.reason(err))
	}
	go func() {
		defer func() { <-p.turns }()
		_ = l.Close() // something may still come on it; this waits for the broker
	}()
	return err
}

func (p *lines) with(fn func(*line) error) error {
	l, err := p.take()
	if err != nil {
		return fault(p.broker, err)
	}
	if err := fn(l); err != nil {
		err = fault(p.broker, l.reason(err))
		_ = l.Close() // something may still come on it
		return err
	}
	p.put(l)
	return nil
}

func (p *lines) take() (*line, error) {
	if l := p.unused(); l != nil {
		return l, nil
	}
	ch, err := p.broker.Channel()
	if err != nil {
		return nil, err
	}
	l := &line{
		Channel: ch, closed: ch.NotifyClose(make(chan *amqp091.Error, 1)),
		returns: ch.NotifyReturn(make(chan amqp091.Return, 1)),
	}
	if p.ready == nil {
		return l, nil
	}
	if err := p.ready(l); err != nil {
		err = l.reason(err)
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// unused returns a line that was kept, nil if there is none.
func (p *lines) unused() *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := len(p.idle); n > 0; n = len(p.idle) {
		l := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if !l.IsClosed() {
			return l
		}
	}
	return nil
}

func (p *lines) put(l *line) {
	if p.ready == nil {
		_ = l.Close()
		return
	}
	if l.IsClosed() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, l)
}
