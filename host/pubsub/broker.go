package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/storage/disk"
)

// MaxMessageBytes bounds a message. A queue refuses a larger one with a
// TooLarge error.
const MaxMessageBytes = 48 << 20

const (
	startTimeout = 10 * time.Second
	closeTimeout = 5 * time.Second
	// drainTimeout is how long Close lets handlers run before it cancels
	// their contexts.
	drainTimeout = 20 * time.Second
	storeBytes   = 1 << 50 // the most that all queues may reserve; each has its own bound
	memoryBytes  = 64 << 20
)

// Broker holds the host's queues. It is safe for concurrent use.
type Broker struct {
	dir    string
	log    *slog.Logger
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	opts   settings

	closing chan struct{}      // closed when no more is to be fetched
	ctx     context.Context    //nolint:containedctx // ends with the handlers' patience, not with a call
	cancel  context.CancelFunc // of ctx
	workers sync.WaitGroup     // Consume calls

	mu     sync.Mutex
	closed bool
	queues map[string]*queue
}

var _ host.Queues = (*Broker)(nil)

// settings are what tests change.
type settings struct {
	ackWait    time.Duration // a message whose handler gives no sign of life comes again
	firstDelay time.Duration // before the second delivery; doubles up to maxDelay
	maxDelay   time.Duration
	inFlight   int   // handlers at once, per Consume
	maxBytes   int64 // of a queue
	drain      time.Duration
	keep       uint64 // bytes that must stay free on the disk
	free       func(dir string) (uint64, error)
}

func defaults() settings {
	return settings{
		ackWait:    30 * time.Second,
		firstDelay: 500 * time.Millisecond,
		maxDelay:   5 * time.Minute,
		inFlight:   32,
		maxBytes:   1 << 30,
		drain:      drainTimeout,
		keep:       32 << 20,
		free:       disk.Free,
	}
}

// Open starts a broker that keeps its queues under dir, which nothing else
// may use: storage/badger, opened first in the same data directory, sees to
// that. A broker that was killed opens as it is.
func Open(dir string, log *slog.Logger) (*Broker, error) { return open(dir, log, defaults()) }

func open(dir string, log *slog.Logger, opts settings) (*Broker, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making queue directory: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding queue directory: %w", err)
	}
	b := &Broker{dir: dir, log: log, opts: opts, closing: make(chan struct{}), queues: make(map[string]*queue)}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	if err := b.start(dir); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Broker) start(dir string) error {
	bridge := &logger{log: b.log}
	var err error
	b.server, err = server.NewServer(&server.Options{
		ServerName:             "serai",
		DontListen:             true,
		NoLog:                  true,
		NoSigs:                 true,
		JetStream:              true,
		DisableJetStreamBanner: true,
		StoreDir:               dir,
		SyncAlways:             true,
		JetStreamMaxStore:      storeBytes,
		JetStreamMaxMemory:     memoryBytes,
		MaxPayload:             MaxMessageBytes,
		MaxPending:             4 * MaxMessageBytes,
	})
	if err != nil {
		return fmt.Errorf("making broker: %w", err)
	}
	b.server.SetLoggerV2(bridge, false, false, false)
	b.server.Start()
	if err := bridge.fatal.Load(); err != nil {
		return fmt.Errorf("starting broker: %w", *err)
	}
	if !b.server.ReadyForConnections(startTimeout) || !b.server.JetStreamEnabled() {
		return fmt.Errorf("starting broker: not ready within %s", startTimeout)
	}
	b.conn, err = nats.Connect("", nats.InProcessServer(b.server), nats.Name("serai"),
		nats.MaxReconnects(-1), nats.ErrorHandler(b.onError))
	if err != nil {
		return fmt.Errorf("connecting to broker: %w", err)
	}
	if b.js, err = jetstream.New(b.conn); err != nil {
		return fmt.Errorf("connecting to broker: %w", err)
	}
	return nil
}

func (b *Broker) onError(_ *nats.Conn, _ *nats.Subscription, err error) {
	b.log.Warn("broker connection", slog.String("component", "pubsub"), slog.Any("error", err))
}

// Queue returns the named queue, and creates it when it is used first. The
// name has 1 to 80 bytes of any kind.
func (b *Broker) Queue(name string) (host.Queue, error) {
	if name == "" || len(name) > maxNameBytes {
		return nil, host.FieldErrorf("queue", "queue name %q: use 1 to %d bytes", host.Clip(name), maxNameBytes)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed()
	}
	if q := b.queues[name]; q != nil {
		return q, nil
	}
	q := &queue{broker: b, name: name, id: streamName(name)}
	ctx, cancel := context.WithTimeout(b.ctx, startTimeout)
	defer cancel()
	if err := q.create(ctx); err != nil {
		return nil, err
	}
	b.queues[name] = q
	return q, nil
}

// Names implements host.Queues.
func (b *Broker) Names(ctx context.Context) ([]string, error) {
	var names []string
	all := b.js.StreamNames(ctx)
	for stream := range all.Name() {
		if name, ok := queueName(stream); ok {
			names = append(names, name)
		}
	}
	if err := all.Err(); err != nil {
		return nil, fmt.Errorf("listing queues: %w", err)
	}
	return names, nil
}

// Remove implements host.Queues.
func (b *Broker) Remove(ctx context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.queues, name)
	if err := b.js.DeleteStream(ctx, streamName(name)); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("deleting queue %q: %w", name, err)
	}
	return nil
}

func errClosed() error { return host.Errorf(abi.Unavailable, "the broker is closed") }

// Close fetches no more messages, waits for the handlers under way, for
// twenty seconds before it cancels their contexts, and stops the broker.
// What was not handled is delivered after the next Open.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	close(b.closing)
	b.mu.Unlock()

	patience := time.AfterFunc(b.opts.drain, b.cancel)
	b.workers.Wait()
	patience.Stop()
	b.cancel()
	var err error
	if b.conn != nil {
		if flushErr := b.conn.FlushTimeout(closeTimeout); flushErr != nil {
			err = fmt.Errorf("flushing acknowledgements: %w", flushErr)
		}
		b.conn.Close()
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
	return err
}

// enter counts a Consume in; the caller must call workers.Done.
func (b *Broker) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed()
	}
	b.workers.Add(1)
	return nil
}
