package rehearsal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// traffic knows what waits in the queues of a host.
type traffic struct {
	mu      sync.Mutex
	queues  []host.Queue
	givenUp int64 // messages that nobody waits for any more, such as a job for tomorrow
}

func (t *traffic) add(q host.Queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queues = append(t.queues, q)
}

// open returns how many messages are on their way.
func (t *traffic) open(ctx context.Context) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var n int64
	for _, q := range t.queues {
		b, err := q.Backlog(ctx)
		if err != nil {
			return 0, fmt.Errorf("counting asynchronous calls: %w", err)
		}
		n += b.Messages
	}
	t.givenUp = min(t.givenUp, n)
	return n - t.givenUp, nil
}

// giveUp forgets what is on its way.
func (t *traffic) giveUp(ctx context.Context) error {
	n, err := t.open(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.givenUp += n
	return err
}

// idle returns once nothing is on its way, or an error when timeout passed.
func (t *traffic) idle(ctx context.Context, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		n, err := t.open(ctx)
		switch {
		case err != nil || n == 0:
			return err
		case time.Now().After(deadline):
			return host.Errorf(abi.Timeout, "%d asynchronous calls were not made in time", n)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}
