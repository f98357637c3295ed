package gateway

import (
	"errors"
	"io"
	"sync"
	"time"
)

// bodyStream is a request's body that the service reads as it arrives. The
// goroutine that serves the request reads it.
type bodyStream struct {
	incoming
	first    []byte        // what was read before the service was called
	patience time.Duration // with the client, for each piece; the call is bounded as a whole

	mu     sync.Mutex
	closed bool // nobody reads any more
	over   bool // the connection is not this request's any more
}

var _ io.ReadCloser = (*bodyStream)(nil)

var errStreamClosed = errors.New("the call has ended")

// Read implements io.Reader.
func (s *bodyStream) Read(p []byte) (int, error) {
	if len(s.first) > 0 {
		n := copy(p, s.first)
		s.first = s.first[n:]
		return n, nil
	}
	if s.end != nil || s.ended() {
		return 0, s.ending()
	}
	if s.conn != nil {
		_ = s.conn.SetReadDeadline(time.Now().Add(s.patience))
	}
	if s.isClosed() { // looked at after the deadline was set, which Close sets too
		return 0, errStreamClosed
	}
	n, err := s.incoming.Read(p)
	if err != nil && s.isClosed() {
		s.refusal = nil // it was not the client's fault
		return n, errStreamClosed
	}
	return n, err
}

func (s *bodyStream) ending() error {
	if s.end == nil {
		return io.EOF
	}
	return s.end
}

func (s *bodyStream) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Close implements io.Closer. It ends a Read that waits.
func (s *bodyStream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if !s.over && s.conn != nil {
		_ = s.conn.SetReadDeadline(time.Unix(1, 0))
	}
	return nil
}

// finish says that the request is answered, and the connection another's.
func (s *bodyStream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}
