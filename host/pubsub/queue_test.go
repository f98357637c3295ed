package pubsub

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// A message that was published under an id is there once, also for the next
// start; messages without one are as many as were published.
func TestMessageIDs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := openTest(t, dir, quick())
	put := func(b *Broker, id, message string) {
		t.Helper()
		if err := queueOf(t, b, "q").Publish(t.Context(), id, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	put(b, "one", "first")
	put(b, "one", "second")
	put(b, "", "third")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = openTest(t, dir, quick())
	put(b, "one", "fourth")
	put(b, "two", "fifth")
	got := collect(t, queueOf(t, b, "q"), 3)
	if diff := cmp.Diff(map[string]int{"first": 1, "third": 1, "fifth": 1}, got); diff != "" {
		t.Error(diff)
	}
}

// A message that is given back comes again after its own delay, however
// often, and the others do not wait for it.
func TestLater(t *testing.T) {
	t.Parallel()
	b := openTest(t, t.TempDir(), quick())
	q := queueOf(t, b, "q")
	due := time.Now().Add(700 * time.Millisecond)
	publish(t, q, "later", "now")
	arrived, seen := make(chan time.Time, 1), make(chan struct{})
	consume(t, q, func(_ context.Context, m []byte) error {
		if string(m) == "now" {
			close(seen)
			return nil
		}
		if rest := time.Until(due); rest > 0 {
			return &host.LaterError{After: min(rest, 300*time.Millisecond)}
		}
		arrived <- time.Now()
		return nil
	})
	wait(t, "the message beside it", seen)
	select {
	case at := <-arrived:
		if at.Before(due) {
			t.Errorf("came %s early", due.Sub(at))
		}
	case <-time.After(patience):
		t.Fatal("it did not come")
	}
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	b := openTest(t, t.TempDir(), quick())
	q := queueOf(t, b, "q")
	publish(t, q, "a", "b")
	got, err := q.Backlog(t.Context())
	if err != nil || got.Messages != 2 || got.Bytes < 2 {
		t.Errorf("%+v, %v", got, err)
	}
	collect(t, q, 2)
	if got, err := q.Backlog(t.Context()); err != nil || got.Messages != 0 {
		t.Errorf("once they are handled: %+v, %v", got, err)
	}
}

// Names finds the queues that exist, Remove forgets one and what it held.
func TestNamesAndRemove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := openTest(t, dir, quick())
	names := []string{"invoke/a", "invoke/b-1", "_", "\x00ж"}
	for _, n := range names {
		publish(t, queueOf(t, b, n), n)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = openTest(t, dir, quick())
	got, err := b.Names(t.Context())
	slices.Sort(got)
	slices.Sort(names)
	if diff := cmp.Diff(names, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for range 2 { // one that is not there is no error
		if err := b.Remove(t.Context(), "invoke/a"); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.Names(t.Context()); err != nil || len(got) != len(names)-1 {
		t.Errorf("left: %q, %v", got, err)
	}
	if left, err := queueOf(t, b, "invoke/a").Backlog(t.Context()); err != nil || left.Messages != 0 {
		t.Errorf("a new queue of the same name holds %+v, %v", left, err)
	}
	for _, stream := range []string{"x", "q-_", "q-_4", "q-_zz"} {
		if name, ok := queueName(stream); ok && streamName(name) != stream {
			t.Errorf("stream %q is taken for queue %q", stream, name)
		}
	}
}

// A full queue says so, and has room again.
func TestFull(t *testing.T) {
	t.Parallel()
	s := quick()
	s.maxBytes = 4096
	q := queueOf(t, openTest(t, t.TempDir(), s), "q")
	if err := q.Publish(t.Context(), "", make([]byte, 3000)); err != nil {
		t.Fatal(err)
	}
	err := q.Publish(t.Context(), "id", make([]byte, 3000))
	var e *host.Error
	if !errors.As(err, &e) || e.Code != abi.Unavailable || e.RetryAfter <= 0 {
		t.Errorf("a message too many: %v", err)
	}
	collect(t, q, 1)
	if err := q.Publish(t.Context(), "id", make([]byte, 3000)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
