// Package batch has what several goroutines write to one socket at the same
// time go out with one system call.
package batch

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
)

// Most is how many bytes may wait to be sent before [Conn.Room] waits.
const Most = 1 << 20

// kept bounds the buffers that are kept for what comes next.
const kept = 64 << 10

// Conn is a socket whose Write does not wait: what is written is kept and soon
// sent. When that fails the socket is closed, which whoever reads from it sees,
// and later writes return the error. Its other methods are the socket's.
type Conn struct {
	net.Conn

	wake  chan struct{} // there is something to send
	ended chan struct{}

	mu     sync.Mutex
	unsent []byte
	spare  []byte        // what was sent last, for its memory
	room   chan struct{} // closed when there is room; nil unless somebody waits
	err    error
}

// New returns a Conn over a socket. It has a goroutine until Close.
func New(conn net.Conn) *Conn {
	c := &Conn{Conn: conn, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go c.send()
	return c
}

// Write has p sent after what was written before. It does not keep p.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return 0, c.err
	}
	c.unsent = append(c.unsent, p...)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default: // it will be sent with what was there before
	}
	return len(p), nil
}

// Unsent returns how many bytes wait to be sent.
func (c *Conn) Unsent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.unsent)
}

// Room returns once less than [Most] bytes wait to be sent, the socket is
// closed, or ctx ends. Whoever writes much calls it before.
func (c *Conn) Room(ctx context.Context) error {
	for {
		c.mu.Lock()
		if len(c.unsent) < Most || c.err != nil {
			c.mu.Unlock()
			return nil
		}
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close closes the socket. What was not sent yet is lost.
func (c *Conn) Close() error {
	c.end(net.ErrClosed)
	return c.Conn.Close()
}

// end notes why nothing can be written any more.
func (c *Conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err, c.unsent = err, nil
	c.made()
	close(c.ended)
}

// made tells who waits that there is room. The Conn is locked.
func (c *Conn) made() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

func (c *Conn) send() {
	for {
		select {
		case <-c.wake:
		case <-c.ended:
			return
		}
		runtime.Gosched() // those who are about to write something add it
		c.mu.Lock()
		sending := c.unsent
		c.unsent, c.spare = c.spare[:0], nil
		c.made()
		c.mu.Unlock()
		if len(sending) == 0 {
			continue
		}
		if _, err := c.Conn.Write(sending); err != nil {
			c.end(fmt.Errorf("sending: %w", err))
			_ = c.Conn.Close()
			return
		}
		if cap(sending) <= kept {
			c.mu.Lock()
			c.spare = sending
			c.mu.Unlock()
		}
	}
}
