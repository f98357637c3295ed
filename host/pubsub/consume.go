package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seraihost/serai/host"
)

const (
	// fetchWait is how long one request waits for messages.
	fetchWait = 30 * time.Second
	// retryFetch is the pause after a request that failed.
	retryFetch = time.Second
	ackTimeout = 5 * time.Second
)

// Consume implements host.Queue. It returns nil when ctx ends or the broker
// closes, after the handlers under way have returned; when ctx ends their
// contexts end too. It may be called more than once at a time; each message
// goes to one of the calls.
func (q *queue) Consume(ctx context.Context, handle func(context.Context, []byte) error) error {
	b := q.broker
	if err := b.enter(); err != nil {
		return err
	}
	defer b.workers.Done()
	consumer, err := b.js.CreateOrUpdateConsumer(ctx, q.id, jetstream.ConsumerConfig{
		Durable:       consumerName,
		AckPolicy:     jetstream.AckExplicitPolicy,
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckWait:       b.opts.ackWait,
		MaxDeliver:    -1,
		// Messages that wait for their delay count as pending; workers
		// bound what is in flight.
		MaxAckPending: -1,
		MemoryStorage: true,
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("consuming queue %q: %w", q.name, err)
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)()
	fetching, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-b.closing:
			stop()
		case <-fetching.Done():
		}
	}()
	w := &workers{queue: q, handle: handle, slots: make(chan struct{}, b.opts.inFlight)}
	defer w.running.Wait()
	w.fetch(fetching, ctx, consumer)
	return nil
}

// workers run the handlers of one Consume.
type workers struct {
	queue   *queue
	handle  func(context.Context, []byte) error
	slots   chan struct{} // holds one per handler
	running sync.WaitGroup
}

// fetch starts a handler for each message until fetching ends. Handlers get
// a context of ctx.
func (w *workers) fetch(fetching, ctx context.Context, consumer jetstream.Consumer) {
	for {
		free := w.acquire(fetching)
		if free == 0 {
			return
		}
		waiting, cancel := context.WithTimeout(fetching, fetchWait)
		batch, err := consumer.Fetch(free, jetstream.FetchContext(waiting))
		if err == nil {
			for message := range batch.Messages() {
				free--
				w.running.Go(func() {
					defer func() { <-w.slots }()
					w.work(ctx, message)
				})
			}
			err = batch.Error()
		}
		cancel()
		for range free {
			<-w.slots
		}
		if err != nil && fetching.Err() == nil && !isTimeout(err) {
			w.warn(ctx, "fetching messages", err)
			sleep(fetching, retryFetch)
		}
	}
}

// acquire waits for a slot and takes all that are free. It returns how many,
// and 0 when ctx ends.
func (w *workers) acquire(ctx context.Context) int {
	select {
	case <-ctx.Done():
		return 0
	case w.slots <- struct{}{}:
	}
	for n := 1; ; n++ {
		select {
		case w.slots <- struct{}{}:
		default:
			return n
		}
	}
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoMessages)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// work handles one message and settles it.
func (w *workers) work(ctx context.Context, message jetstream.Msg) {
	alive := w.keepAlive(message)
	err := w.handle(ctx, message.Data())
	alive()
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	if err == nil {
		// An acknowledgement that gets lost has the message come again,
		// which every handler must be ready for.
		if err := message.DoubleAck(settling); err != nil {
			w.warn(ctx, "acknowledging message", err)
		}
		return
	}
	delay := w.queue.broker.opts.firstDelay
	if later, ok := errors.AsType[*host.LaterError](err); ok {
		delay = max(later.After, time.Millisecond)
	} else if meta, err := message.Metadata(); err == nil {
		delay = w.queue.broker.opts.delay(meta.NumDelivered)
	}
	w.queue.broker.log.LogAttrs(ctx, slog.LevelDebug, "message comes again", slog.String("component", "pubsub"),
		slog.String("queue", w.queue.name), slog.Duration("delay", delay), slog.Any("error", err))
	if err := message.NakWithDelay(delay); err != nil {
		w.warn(ctx, "giving message back", err)
	}
}

// delay returns how long a message rests that was delivered so often.
func (s settings) delay(delivered uint64) time.Duration {
	d := s.firstDelay
	for i := uint64(1); i < delivered && d < s.maxDelay; i++ {
		d *= 2
	}
	return min(d, s.maxDelay)
}

// keepAlive tells the broker that the message is being handled, until the
// function that it returns is called.
func (w *workers) keepAlive(message jetstream.Msg) (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(w.queue.broker.opts.ackWait / 3)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if err := message.InProgress(); err != nil {
					return
				}
			}
		}
	})
	return func() {
		close(done)
		ended.Wait()
	}
}

func (w *workers) warn(ctx context.Context, doing string, err error) {
	w.queue.broker.log.LogAttrs(ctx, slog.LevelWarn, doing, slog.String("component", "pubsub"), //nolint:sloglint // a constant of the callers
		slog.String("queue", w.queue.name), slog.Any("error", err))
}
