package gateway

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds on what a closing connection may still send, so that the client gets
// to read why it was refused.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 64 << 20
)

// conn is a client's connection.
type conn struct {
	net.Conn
	listener *listener
	ip       netip.Addr
	remote   string          // the client's address, without port
	ctx      context.Context //nolint:containedctx // the connection's lifetime, which its calls share
	cancel   context.CancelFunc
	busy     atomic.Bool             // bytes of a request have arrived that is not answered yet
	served   atomic.Bool             // a request was answered
	calling  atomic.Bool             // a call runs
	linger   atomic.Bool             // the client may still be sending what nobody will read
	eof      bool                    // the client sends no more; for who reads
	sending  atomic.Pointer[sending] // a reply whose body goes out as it is written
	once     sync.Once
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.busy.Load() {
		c.busy.Store(true)
	}
	c.eof = c.eof || err == io.EOF //nolint:errorlint // a net.Conn returns it as it is
	return n, err                  //nolint:wrapcheck // fasthttp compares it
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if s := c.sending.Load(); s != nil {
		s.extend()
	}
	return c.Conn.Write(p) //nolint:wrapcheck // fasthttp compares it
}

// SetReadDeadline implements net.Conn. It reports no error, since fasthttp
// panics over one, and a connection that Shutdown closed meanwhile has one;
// the next read finds out.
func (c *conn) SetReadDeadline(t time.Time) error {
	_ = c.Conn.SetReadDeadline(t)
	return nil
}

// SetWriteDeadline implements net.Conn, in the manner of SetReadDeadline.
func (c *conn) SetWriteDeadline(t time.Time) error {
	_ = c.Conn.SetWriteDeadline(t)
	return nil
}

// Close implements net.Conn. Closing twice is fine.
func (c *conn) Close() error {
	var err error
	c.once.Do(func() {
		c.cancel()
		c.listener.remove(c)
		if c.linger.Load() {
			c.drain()
		}
		err = c.Conn.Close()
	})
	return err //nolint:wrapcheck // fasthttp compares it
}

// drain sends the end of the stream and reads until the client's. Closing
// with bytes unread would reset the connection, and the reset overtakes the
// reply.
func (c *conn) drain() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
}
