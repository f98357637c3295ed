package sqldb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// answering is a server that has answered already.
type answering struct {
	io.Reader
	bytes.Buffer // what it was asked
}

func (a *answering) Read(p []byte) (int, error) { return a.Reader.Read(p) }

// FuzzReset has servers answer to the command that resets a session.
func FuzzReset(f *testing.F) {
	const ok = "\x07\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"
	for _, s := range []string{
		ok, "", ok[:3], ok[:6], "\x00\x00\x00\x01", "\xff\xff\xff\x01\x00", "\x07\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00",
		"\x17\x00\x00\x01\xff\x17\x04#08S01Unknown command", "\x01\x00\x00\x01\xfe",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(b)
		a := &answering{Reader: in}
		err := commandMySQL(a, 0x1f)
		if asked := a.String(); asked != "\x01\x00\x00\x00\x1f" {
			t.Errorf("it asks %q", asked)
		}
		fits := len(b) > 4 && int(b[0])|int(b[1])<<8|int(b[2])<<16 <= min(len(b)-4, maxOK)
		if right := fits && b[0]|b[1]|b[2] != 0 && b[3] == 1 && b[4] == 0; right != (err == nil) {
			t.Errorf("%q: %v", b, err)
		}
		if err == nil && in.Len() != len(b)-4-(int(b[0])|int(b[1])<<8) {
			t.Errorf("%q: %d bytes are left", b, in.Len())
		}
	})
}

// TestResetWithoutTheDriversSocket is about drivers that keep it elsewhere.
func TestResetWithoutTheDriversSocket(t *testing.T) {
	t.Parallel()
	for _, c := range []any{nil, 7, "", struct{}{}, &struct{}{}, &struct{ netConn int }{1}, &struct{ netConn net.Conn }{}, (*struct{ netConn net.Conn })(nil)} {
		if err := resetMySQL(t.Context(), c); !errors.Is(err, errUnreset) {
			t.Errorf("%T: %v", c, err)
		}
	}
}

// TestResetEndsWithItsContext has a server that says nothing.
func TestResetEndsWithItsContext(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	defer there.Close()
	go func() { _, _ = io.Copy(io.Discard, there) }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := resetMySQL(ctx, &struct{ netConn net.Conn }{here}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
