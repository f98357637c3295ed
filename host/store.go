package host

import (
	"context"
	"time"
)

// Store keeps the catalogue and the tenants' keys. Keys and values are bytes;
// keys sort bytewise. An implementation passes storagetest.
type Store interface {
	// View runs fn on a consistent snapshot. Writing in it is an error.
	View(ctx context.Context, fn func(Tx) error) error
	// Update runs fn as one serialisable transaction, again when it
	// conflicts with another; so fn must have no other effects. When Update
	// returns nil, the writes are on disk and survive kill -9. When fn
	// returns an error, nothing was written and Update returns that error.
	Update(ctx context.Context, fn func(Tx) error) error
	// Close flushes and releases the store. Calls after it fail. Closing
	// twice is fine.
	Close() error
}

// Tx reads and writes within [Store.View] or [Store.Update]. It is valid
// only until fn returns, and for one goroutine.
type Tx interface {
	// Get returns a copy of the value, or ErrNoKey.
	Get(key []byte) ([]byte, error)
	// Set writes a value; a ttl above zero lets it expire.
	Set(key, value []byte, ttl time.Duration) error
	// Delete removes a key; one that does not exist is no error.
	Delete(key []byte) error
	// Scan calls fn for the keys that begin with prefix, in order, from the
	// first one greater than after (nil: from the start) until fn returns
	// false. key and value are valid during the call only.
	Scan(prefix, after []byte, fn func(key, value []byte) bool) error
}

// ErrNoKey is returned by [Tx.Get].
var ErrNoKey = errorString("no such key")

type errorString string

func (e errorString) Error() string { return string(e) }

// Queue delivers messages durably, at least once.
type Queue interface {
	// Publish returns nil once the message is on disk. An id that is not ""
	// names the message: one that was published under it within the last
	// minutes, or is still there of these, is not published again.
	Publish(ctx context.Context, id string, message []byte) error
	// Consume calls handle for each message, several at once, until ctx
	// ends. A message whose handle returned nil is gone; an error has it
	// delivered again after a growing delay, a *[LaterError] after its own.
	Consume(ctx context.Context, handle func(context.Context, []byte) error) error
	// Backlog counts the messages that are not gone.
	Backlog(ctx context.Context) (Backlog, error)
}

// Backlog is what a queue holds.
type Backlog struct {
	Messages int64
	Bytes    int64
}

// LaterError is how the handler of a message gives it back that is not due yet.
type LaterError struct{ After time.Duration }

// Error implements error.
func (l *LaterError) Error() string { return "not due for " + l.After.String() }

// Queues holds queues by name.
type Queues interface {
	// Queue returns the named queue, created when it is used first.
	Queue(name string) (Queue, error)
	// Names returns the names of the queues that exist.
	Names(ctx context.Context) ([]string, error)
	// Remove deletes a queue with its messages. Its Consume calls must have
	// ended. One that does not exist is no error.
	Remove(ctx context.Context, name string) error
}
