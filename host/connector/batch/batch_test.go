package batch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slow is a socket that counts writes and takes its time for them.
type slow struct {
	net.Conn
	writes atomic.Int64
	turn   chan struct{} // one for each write
}

func (s *slow) Write(p []byte) (int, error) {
	<-s.turn
	s.writes.Add(1)
	return s.Conn.Write(p)
}

func pair(t *testing.T) (*Conn, *slow, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	s := &slow{Conn: near, turn: make(chan struct{}, 1000)}
	c := New(s)
	t.Cleanup(func() { close(s.turn); _ = c.Close(); _ = far.Close() })
	return c, s, far
}

// TestWritesGoTogether writes while a write is under way: all of it goes out
// in order with the next one.
func TestWritesGoTogether(t *testing.T) {
	c, s, far := pair(t)
	var want bytes.Buffer
	for i := range 100 {
		line := []byte{byte(i), '\n'}
		want.Write(line)
		if n, err := c.Write(line); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		line[0] = 'x' // it is not kept
	}
	s.turn <- struct{}{}
	s.turn <- struct{}{}
	got := make([]byte, want.Len())
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("sent %q: %v", got, err)
	}
	if n := s.writes.Load(); n > 2 || c.Unsent() != 0 {
		t.Errorf("%d writes, %d bytes wait", n, c.Unsent())
	}
}

func TestRoom(t *testing.T) {
	c, s, far := pair(t)
	go func() { _, _ = io.Copy(io.Discard, far) }()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for c.Unsent() > 0 { // until it is being sent, which takes until it is its turn
		time.Sleep(time.Millisecond)
	}
	for c.Unsent() < Most {
		if _, err := c.Write(make([]byte, Most/4)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.Room(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for room: %v", err)
	}
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() {
			if err := c.Room(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	s.turn <- struct{}{}
	s.turn <- struct{}{}
	waiting.Wait()
}

func TestWhatCannotBeSent(t *testing.T) {
	c, s, far := pair(t)
	_ = far.Close()
	s.turn <- struct{}{}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	if _, err := c.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("after a write that failed: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the socket can be read")
	}
	if err := c.Room(t.Context()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := c.Write(nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("after Close: %v", err)
	}
}
