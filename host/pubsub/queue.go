package pubsub

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// maxNameBytes bounds a queue's name, so that its escaped form stays a valid
// file name.
const maxNameBytes = 80

// publishTimeout bounds a Publish whose context has no deadline.
const publishTimeout = 30 * time.Second

// remembered is how long the id of a message keeps another from being
// published under it.
const remembered = 10 * time.Minute

// consumerName is the one consumer of each stream.
const consumerName = "workers"

// queue is a host.Queue over one stream.
type queue struct {
	broker *Broker
	name   string
	id     string // of the stream, and its subject
}

var _ host.Queue = (*queue)(nil)

// streamName returns the name of a queue's stream, which is a file name too:
// lower-case letters, digits and hyphens stand for themselves, every other
// byte is _ and two hexadecimal digits.
func streamName(queue string) string {
	var out strings.Builder
	out.WriteString("q-")
	for i := range len(queue) {
		switch c := queue[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "_%02x", c)
		}
	}
	return out.String()
}

// queueName is the inverse of streamName; ok is false for streams of others.
func queueName(stream string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(stream, "q-")
	var out []byte
	for i := 0; ok && i < len(rest); i++ {
		c := rest[i]
		if c == '_' {
			n, err := strconv.ParseUint(rest[min(i+1, len(rest)):min(i+3, len(rest))], 16, 8)
			if err != nil {
				return "", false
			}
			c = byte(n)
			i += 2
		}
		out = append(out, c)
	}
	return string(out), ok && streamName(string(out)) == stream
}

func (q *queue) create(ctx context.Context) error {
	_, err := q.broker.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:      q.id,
		Subjects:  []string{q.id},
		Retention: jetstream.WorkQueuePolicy,
		Storage:   jetstream.FileStorage,
		Discard:   jetstream.DiscardNew,
		MaxBytes:  q.broker.opts.maxBytes,
		// Within this time the ids of what is in the stream are found again
		// after a restart.
		Duplicates: remembered,
	})
	if err != nil {
		return fmt.Errorf("creating queue %q: %w", q.name, err)
	}
	return nil
}

// Publish implements host.Queue. Errors: TooLarge; Unavailable when the
// queue or the disk is full or the broker closed. After any error but those the message
// may have been published all the same.
func (q *queue) Publish(ctx context.Context, id string, message []byte) error {
	if len(message) > MaxMessageBytes-4096 { // the rest is for headers
		return host.Errorf(abi.TooLarge, "the message has %d bytes; a queue takes up to %d", len(message), MaxMessageBytes-4096)
	}
	if err := q.broker.checkDisk(len(message)); err != nil {
		return err
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, publishTimeout)
		defer cancel()
	}
	options := []jetstream.PublishOpt{jetstream.WithExpectStream(q.id)}
	if id != "" {
		options = append(options, jetstream.WithMsgID(id))
	}
	_, err := q.broker.js.PublishMsg(ctx, &nats.Msg{Subject: q.id, Data: message}, options...)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrConnectionClosed):
		return errClosed()
	case isFull(err):
		e := host.Errorf(abi.Unavailable, "queue %q is full; try again later", q.name)
		e.RetryAfter, e.Err = time.Second, err
		return e
	}
	return fmt.Errorf("publishing to queue %q: %w", q.name, err)
}

// Backlog implements host.Queue.
func (q *queue) Backlog(ctx context.Context) (host.Backlog, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, publishTimeout)
		defer cancel()
	}
	stream, err := q.broker.js.Stream(ctx, q.id)
	if err != nil {
		return host.Backlog{}, fmt.Errorf("asking for the backlog of queue %q: %w", q.name, err)
	}
	state := stream.CachedInfo().State
	return host.Backlog{Messages: int64(state.Msgs), Bytes: int64(state.Bytes)}, nil //nolint:gosec // far below
}

// checkDisk refuses a message that the disk may not take: a stream that fails
// to write does not recover before the next start.
func (b *Broker) checkDisk(size int) error {
	free, err := b.opts.free(b.dir)
	if err != nil {
		return fmt.Errorf("asking for free disk space: %w", err)
	}
	if free < b.opts.keep+2*uint64(size) { //nolint:gosec // a length is not negative
		return host.Errorf(abi.Unavailable, "the disk of the data directory is full: %d MiB free, %d MiB are kept in reserve; make room", free>>20, b.opts.keep>>20)
	}
	return nil
}

// isFull reports whether the stream has reached its bound. The server gives
// the reason as text only.
func isFull(err error) bool {
	return strings.Contains(err.Error(), "maximum bytes exceeded") || strings.Contains(err.Error(), "maximum messages exceeded")
}
