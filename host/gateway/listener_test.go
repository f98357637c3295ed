package gateway

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// flaky is a listener that fails at first, as one does for want of file
// descriptors.
type flaky struct {
	net.Listener
	fail int
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.fail > 0 {
		f.fail--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return f.Listener.Accept()
}

func TestAcceptSurvivesPassingErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(t.Context(), &flaky{ln, 3}, Config{}.withDefaults())
	go func() {
		if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			c.Close()
		}
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if l.count() != 1 {
		t.Errorf("%d connections", l.count())
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(c.SetReadDeadline(time.Now()), c.SetWriteDeadline(time.Now())); err != nil {
		t.Errorf("fasthttp would panic: %v", err)
	}
	if l.count() != 0 || len(l.perIP) != 0 {
		t.Errorf("%d connections, %v", l.count(), l.perIP)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	l = newListener(t.Context(), &flaky{ln, 1 << 30}, Config{}.withDefaults())
	time.AfterFunc(10*time.Millisecond, func() { _ = l.Close() })
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept that was waiting to try again: %v", err)
	}
}
