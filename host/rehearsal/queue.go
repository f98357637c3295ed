package rehearsal

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// traffic counts the messages that were published and not yet dealt with.
type traffic struct{ open atomic.Int64 }

// queue is a queue whose messages are counted.
type queue struct {
	host.Queue
	*traffic
}

// Publish implements [host.Queue].
func (q *queue) Publish(ctx context.Context, id string, message []byte) error {
	q.open.Add(1)
	err := q.Queue.Publish(ctx, id, message)
	if err != nil {
		q.open.Add(-1)
	}
	return err
}

// Consume implements [host.Queue].
func (q *queue) Consume(ctx context.Context, handle func(context.Context, []byte) error) error {
	return q.Queue.Consume(ctx, func(ctx context.Context, message []byte) error {
		err := handle(ctx, message)
		if err == nil {
			q.done()
		}
		return err
	})
}

// done counts a message that was dealt with, unless it was given up before.
func (q *traffic) done() {
	for n := q.open.Load(); n > 0 && !q.open.CompareAndSwap(n, n-1); n = q.open.Load() {
		continue
	}
}

// giveUp forgets what is on its way: nobody waits for it any more.
func (q *traffic) giveUp() { q.open.Store(0) }

// idle returns once nothing is on its way.
func (q *traffic) idle(ctx context.Context) error {
	for q.open.Load() > 0 {
		select {
		case <-ctx.Done():
			return host.Errorf(abi.Timeout, "%d asynchronous calls were not made in time", q.open.Load())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}
