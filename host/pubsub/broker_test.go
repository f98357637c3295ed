package pubsub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

func quick() settings {
	s := defaults()
	s.firstDelay = 5 * time.Millisecond
	s.maxDelay = 40 * time.Millisecond
	s.drain = patience
	return s
}

func openTest(t testing.TB, dir string, s settings) *Broker {
	t.Helper()
	b, err := open(dir, slog.New(slog.NewTextHandler(t.Output(), nil)), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func queueOf(t testing.TB, b *Broker, name string) host.Queue {
	t.Helper()
	q, err := b.Queue(name)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func publish(t testing.TB, q host.Queue, messages ...string) {
	t.Helper()
	for _, m := range messages {
		if err := q.Publish(t.Context(), "", []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
}

// consume runs handle in the background until the test ends or stop is called.
func consume(t testing.TB, q host.Queue, handle func(context.Context, []byte) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := q.Consume(ctx, handle); err != nil {
			t.Errorf("Consume: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// collect returns the next n different messages, in any order.
func collect(t testing.TB, q host.Queue, n int) map[string]int {
	t.Helper()
	got := make(map[string]int)
	var mu sync.Mutex
	all := make(chan struct{})
	stop := consume(t, q, func(_ context.Context, m []byte) error {
		mu.Lock()
		defer mu.Unlock()
		got[string(m)]++
		if len(got) == n && got[string(m)] == 1 {
			close(all)
		}
		return nil
	})
	wait(t, "all messages", all)
	stop()
	return got
}

func wait(t testing.TB, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(patience):
		t.Fatalf("waited %s for %s", patience, what)
	}
}

func TestQueues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := openTest(t, dir, quick())
	names := []string{"a", "A", "a_41", "default/api.user.get-details", "..", "/", "\x00", "*.>", "a b", strings.Repeat("ж", 32)}
	for _, name := range names {
		publish(t, queueOf(t, b, name), "one of "+name, "two of "+name)
	}
	if queueOf(t, b, "a") != queueOf(t, b, "a") {
		t.Error("a queue is made twice")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = openTest(t, dir, quick()) // everything is still there
	for _, name := range names {
		got := collect(t, queueOf(t, b, name), 2)
		if got["one of "+name] != 1 || got["two of "+name] != 1 {
			t.Errorf("queue %q delivered %v", name, got)
		}
	}
	for _, name := range []string{"", strings.Repeat("x", 81)} {
		if _, err := b.Queue(name); host.CodeOf(err) != abi.Invalid {
			t.Errorf("Queue(%q) = %v", name, err)
		}
	}
}

// What was handled is gone, also for the next start.
func TestHandledIsGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := openTest(t, dir, quick())
	q := queueOf(t, b, "q")
	for i := range 100 {
		publish(t, q, fmt.Sprint(i))
	}
	collect(t, q, 100)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = openTest(t, dir, quick())
	q = queueOf(t, b, "q")
	publish(t, q, "last")
	if got := collect(t, q, 1); got["last"] != 1 {
		t.Errorf("delivered again: %v", got)
	}
}

func TestFailureComesAgain(t *testing.T) {
	t.Parallel()
	s := quick()
	b := openTest(t, t.TempDir(), s)
	q := queueOf(t, b, "q")
	publish(t, q, "stubborn", "fine")
	var mu sync.Mutex
	var times []time.Time
	fine := 0
	done := make(chan struct{})
	consume(t, q, func(_ context.Context, m []byte) error {
		mu.Lock()
		defer mu.Unlock()
		if string(m) == "fine" {
			fine++
			return nil
		}
		times = append(times, time.Now())
		if len(times) < 6 {
			return errors.New("not yet")
		}
		close(done)
		return nil
	})
	wait(t, "six deliveries", done)
	mu.Lock()
	defer mu.Unlock()
	if fine != 1 {
		t.Errorf("the other message came %d times", fine)
	}
	for i := 1; i < len(times); i++ {
		if gap, least := times[i].Sub(times[i-1]), s.delay(uint64(i)); gap < least {
			t.Errorf("delivery %d came after %s, want at least %s", i+1, gap, least)
		}
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	s := settings{firstDelay: time.Second, maxDelay: time.Minute}
	for delivered, want := range map[uint64]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 7: time.Minute, 1 << 60: time.Minute,
	} {
		if got := s.delay(delivered); got != want {
			t.Errorf("delay(%d) = %s, want %s", delivered, got, want)
		}
	}
}

// Many failing messages do not hold up the others, and no more handlers run
// than the bound says.
func TestInFlight(t *testing.T) {
	t.Parallel()
	s := quick()
	s.inFlight = 4
	s.firstDelay, s.maxDelay = time.Hour, time.Hour
	b := openTest(t, t.TempDir(), s)
	q := queueOf(t, b, "q")
	for i := range 20 {
		publish(t, q, fmt.Sprint("poison", i))
	}
	for i := range 20 {
		publish(t, q, fmt.Sprint("good", i))
	}
	var running, most, good atomic.Int32
	done := make(chan struct{})
	consume(t, q, func(_ context.Context, m []byte) error {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			continue
		}
		if bytes.HasPrefix(m, []byte("poison")) {
			return errors.New("poison")
		}
		if good.Add(1) == 20 {
			close(done)
		}
		return nil
	})
	wait(t, "the good messages behind the poison", done)
	if most.Load() > 4 {
		t.Errorf("%d handlers ran at once", most.Load())
	}
}

// Handlers run beside each other.
func TestParallelHandlers(t *testing.T) {
	t.Parallel()
	s := quick()
	s.inFlight = 3
	b := openTest(t, t.TempDir(), s)
	q := queueOf(t, b, "q")
	var together sync.WaitGroup
	together.Add(3)
	met := make(chan struct{})
	go func() {
		together.Wait()
		close(met)
	}()
	consume(t, q, func(context.Context, []byte) error {
		together.Done()
		<-met
		return nil
	})
	publish(t, q, "1", "2", "3")
	wait(t, "three handlers at once", met)
}

// A handler that runs longer than the broker waits for a sign of life keeps
// its message.
func TestSlowHandler(t *testing.T) {
	t.Parallel()
	s := quick()
	s.ackWait = 2 * time.Second // in which a busy machine finds the time to say that the handler is at work
	b := openTest(t, t.TempDir(), s)
	q := queueOf(t, b, "q")
	publish(t, q, "slow")
	var calls atomic.Int32
	done := make(chan struct{})
	consume(t, q, func(ctx context.Context, _ []byte) error {
		if calls.Add(1) == 1 {
			defer close(done)
			sleep(ctx, 2*s.ackWait)
		}
		return nil
	})
	wait(t, "the handler", done)
	if n := calls.Load(); n != 1 {
		t.Errorf("delivered %d times", n)
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	s := quick()
	s.maxBytes = 24 << 20
	b := openTest(t, t.TempDir(), s)
	q := queueOf(t, b, "q")
	publish(t, q, "", strings.Repeat("x", 20<<20))
	if err := q.Publish(t.Context(), "", make([]byte, MaxMessageBytes)); host.CodeOf(err) != abi.TooLarge {
		t.Errorf("Publish of too much = %v", err)
	}
	if err := q.Publish(t.Context(), "", make([]byte, 10<<20)); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("Publish to a full queue = %v", err)
	}
	got := collect(t, q, 2)
	if got[""] != 1 || got[strings.Repeat("x", 20<<20)] != 1 {
		t.Errorf("%d messages came", len(got))
	}
	publish(t, q, strings.Repeat("y", 10<<20)) // there is room again
}

// A full disk is an error at once; with room again, publishing goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := quick()
	var free atomic.Uint64
	s.free = func(string) (uint64, error) { return free.Load(), nil }
	b := openTest(t, t.TempDir(), s)
	q := queueOf(t, b, "q")
	free.Store(s.keep)
	if err := q.Publish(t.Context(), "", []byte("m")); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("Publish = %v", err)
	}
	free.Store(2 * s.keep)
	publish(t, q, "m")
	collect(t, q, 1)
}

// Close lets a handler finish, and its message is gone.
func TestCloseDrains(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := openTest(t, dir, quick())
	q := queueOf(t, b, "q")
	publish(t, q, "under way")
	entered, release := make(chan struct{}), make(chan struct{})
	var finished atomic.Bool
	consume(t, q, func(ctx context.Context, _ []byte) error {
		close(entered)
		<-release
		if ctx.Err() != nil {
			t.Error("the handler's context ended early")
		}
		finished.Store(true)
		return nil
	})
	wait(t, "the handler", entered)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	<-b.closing
	if err := q.Consume(t.Context(), nil); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("Consume while closing = %v", err)
	}
	close(release)
	wait(t, "Close", closed)
	if !finished.Load() {
		t.Error("Close did not wait for the handler")
	}
	if err := q.Publish(t.Context(), "", nil); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("Publish after Close = %v", err)
	}
	if _, err := b.Queue("other"); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("Queue after Close = %v", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	b = openTest(t, dir, quick())
	q = queueOf(t, b, "q")
	publish(t, q, "next")
	if got := collect(t, q, 1); got["next"] != 1 {
		t.Errorf("delivered again: %v", got)
	}
}

// Close does not wait for ever: it cancels handlers that take too long.
func TestCloseCancels(t *testing.T) {
	t.Parallel()
	s := quick()
	s.drain = 10 * time.Millisecond
	dir := t.TempDir()
	b := openTest(t, dir, s)
	q := queueOf(t, b, "q")
	publish(t, q, "stuck")
	entered := make(chan struct{})
	consume(t, q, func(ctx context.Context, _ []byte) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})
	wait(t, "the handler", entered)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	b = openTest(t, dir, s) // delivered again at once
	if got := collect(t, queueOf(t, b, "q"), 1); got["stuck"] != 1 {
		t.Errorf("delivered %v", got)
	}
}

// When the context of Consume ends, so do the handlers', and the message
// goes to another Consume.
func TestConsumeEnds(t *testing.T) {
	t.Parallel()
	b := openTest(t, t.TempDir(), quick())
	q := queueOf(t, b, "q")
	publish(t, q, "m")
	entered := make(chan struct{})
	stop := consume(t, q, func(ctx context.Context, _ []byte) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})
	wait(t, "the handler", entered)
	stop()
	if got := collect(t, q, 1); got["m"] != 1 {
		t.Errorf("delivered %v", got)
	}
}

// Several consumers share the messages.
func TestHammer(t *testing.T) {
	t.Parallel()
	b := openTest(t, t.TempDir(), quick())
	q := queueOf(t, b, "q")
	const publishers, each = 4, 50
	var mu sync.Mutex
	got := make(map[string]int)
	done := make(chan struct{})
	for range 3 {
		consume(t, q, func(_ context.Context, m []byte) error {
			mu.Lock()
			defer mu.Unlock()
			got[string(m)]++
			if got[string(m)] == 1 && len(m)%3 == 0 {
				return errors.New("once more")
			}
			if len(got) == publishers*each {
				select {
				case <-done:
				default:
					close(done)
				}
			}
			return nil
		})
	}
	var group sync.WaitGroup
	for p := range publishers {
		group.Go(func() {
			for i := range each {
				if err := q.Publish(t.Context(), "", fmt.Appendf(nil, "%d/%d", p, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	wait(t, "all messages", done)
}
