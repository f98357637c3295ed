package amqp

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

// stream is a connection that only has something to read.
type stream struct {
	net.Conn
	io.Reader
}

func (s stream) Read(p []byte) (int, error) { return s.Reader.Read(p) }
func (s stream) Close() error               { return nil }

func frame(kind byte, payload []byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte{kind, 0, 1}, uint32(len(payload)))
	return append(append(out, payload...), 0xCE)
}

func header(body uint64) []byte {
	return frame(headerFrame, append(binary.BigEndian.AppendUint64([]byte{0, 60, 0, 0}, body), 0, 0))
}

func TestGuard(t *testing.T) {
	t.Parallel()
	misleading := frame(3, header(maxBody+1)) // a body may hold anything
	good := bytes.Join([][]byte{frame(1, make([]byte, 300)), header(5), misleading, frame(8, nil), frame(2, []byte{1}), header(maxBody)}, nil)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"at once": func(r io.Reader) io.Reader { return r }, "in bytes": iotest.OneByteReader, "in halves": iotest.HalfReader,
	} {
		got, err := io.ReadAll(&guard{Conn: stream{Reader: wrap(bytes.NewReader(good))}})
		if err != nil || !bytes.Equal(got, good) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		bad := append(bytes.Clone(good), header(maxBody+1)...)
		if _, err := io.ReadAll(&guard{Conn: stream{Reader: wrap(bytes.NewReader(bad))}}); err == nil || !strings.Contains(err.Error(), "134217729 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
