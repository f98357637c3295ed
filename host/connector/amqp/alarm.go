package amqp

import (
	"context"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// alarmTime is how long a message waits to be published while the broker
// takes none.
const alarmTime = 5 * time.Second

// alarm tells whether a broker takes messages. One that is short of memory or
// disk stops reading from a connection once that publishes, and says so
// (https://www.rabbitmq.com/docs/connection-blocked).
type alarm struct{ now atomic.Pointer[blocking] }

// blocking is why it takes none.
type blocking struct {
	reason string
	over   chan struct{}
}

// watch learns from the broker until the connection ends.
func (a *alarm) watch(said <-chan amqp091.Blocking) {
	for b := range said {
		var next *blocking
		if b.Active {
			next = &blocking{b.Reason, make(chan struct{})}
		}
		a.set(next)
	}
	a.set(nil)
}

func (a *alarm) set(next *blocking) {
	if old := a.now.Swap(next); old != nil {
		close(old.over)
	}
}

// publish has fn publish when the broker takes messages. If it takes none for
// so long, or when the time for fn is up, the error is Unavailable and says why;
// after the latter the broker may still take the message, which it has not read.
func (a *alarm) publish(ctx context.Context, fn func() error) error {
	if b := a.now.Load(); b != nil {
		patience := time.NewTimer(alarmTime)
		defer patience.Stop()
		select {
		case <-b.over:
		case <-patience.C:
			return b.error(nil)
		case <-ctx.Done():
			return b.error(ctx.Err())
		}
	}
	err := fn()
	if b := a.now.Load(); b != nil && err != nil && ctx.Err() != nil {
		return b.error(err)
	}
	return err
}

func (b *blocking) error(err error) error {
	return &host.Error{
		Code: abi.Unavailable, RetryAfter: alarmTime, Err: err,
		Message: "the broker takes no messages for now: " + host.Clip(b.reason),
	}
}
