package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

const (
	// heldBytes bounds the results of operations that a guest keeps open at a
	// time: they are in the host's memory.
	heldBytes = 64 << 20
	// maxRead bounds what one read returns, which is an i32.
	maxRead = 1 << 30
	// maxEmptyReads bounds how often a source may return neither bytes nor an error.
	maxEmptyReads = 100
)

// stream is an envelope followed by a body, read in order.
type stream struct {
	head, body []byte
	tail       io.ReadCloser // what follows body and comes as it is read; nil if nothing does
	err        error         // how tail ended, io.EOF at its end
	interrupt  bool          // only Close ends a read of tail that waits
	stop       func() bool   // ends the watch that does so
	release    func()        // of a result; may be nil
	out        *outgoing     // an operation whose body is not complete; there is nothing to read yet
	total, got int64         // bytes that body and tail have in all, -1 if unknown; and that were read
	held       int           // what it counts until it is closed, also when it was read
}

func (s *stream) size() int { return len(s.head) + len(s.body) }

// ready reports whether the next read need not wait.
func (s *stream) ready() bool { return s.size() > 0 || s.tail == nil || s.err != nil }

// read returns the next bytes; none are the end. It waits only if there are
// none yet.
func (s *stream) read(ctx context.Context, p []byte) (int, error) {
	p = p[:min(len(p), maxRead)]
	n := copy(p, s.head)
	s.head = s.head[n:]
	m := copy(p[n:], s.body)
	s.body = s.body[m:]
	s.got += int64(m)
	if n += m; n > 0 || len(p) == 0 || s.tail == nil {
		return n, nil
	}
	return s.readTail(ctx, p)
}

func (s *stream) readTail(ctx context.Context, p []byte) (n int, err error) {
	if s.interrupt && s.stop == nil {
		s.stop = context.AfterFunc(ctx, func() { _ = s.tail.Close() })
	}
	for i := 0; s.err == nil && n == 0; i++ {
		if n, s.err = s.tail.Read(p); i == maxEmptyReads && s.err == nil {
			s.err = io.ErrNoProgress
		}
	}
	s.got += int64(n)
	switch {
	case n > 0 || errors.Is(s.err, io.EOF):
		return n, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	return 0, fmt.Errorf("reading stream: %w", s.err)
}

// left returns how many bytes of the body are to come, -1 if that is unknown.
func (s *stream) left() int64 {
	if s.total < 0 {
		return -1
	}
	return s.total - s.got
}

// fault returns what broke the stream off, nil if nothing did.
func (s *stream) fault() *host.Error {
	if s.err == nil || errors.Is(s.err, io.EOF) {
		return nil
	}
	return &host.Error{Code: host.CodeOf(s.err), Message: host.MessageOf(s.err), Err: s.err}
}

// end gives up what the stream holds.
func (s *stream) end() {
	if s.stop != nil {
		s.stop()
	}
	if s.out != nil {
		s.out.giveUp()
	}
	if s.tail != nil {
		_ = s.tail.Close()
	}
	if s.release != nil {
		s.release()
	}
}

// limited is a request's body of at most the bytes that its service takes.
type limited struct {
	io.ReadCloser
	left int64
	most host.Bytes
}

func limit(call *host.Call, l host.Limits) *limited {
	return &limited{call.Stream, int64(l.RequestBytes), l.RequestBytes}
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, l.tooLarge()
	}
	if int64(len(p)) > l.left+1 { // the one byte more shows that it is too large
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, l.tooLarge()
	}
	return n, err
}

func (l *limited) tooLarge() error {
	return host.Errorf(abi.TooLarge, "the request is over the service's limit of %s; raise it with --request-size", l.most)
}

// SetRequest gives the session what the guest reads from handle 0 and
// returns the arguments of the exports: the lengths of envelope and body.
func (s *Session) SetRequest(e abi.Envelope, call *host.Call) (envelopeLen, bodyLen uint64) {
	s.request = stream{head: e.Append(make([]byte, 0, e.Size()))}
	envelopeLen = uint64(len(s.request.head))
	switch {
	case call == nil:
		return envelopeLen, 0
	case call.Stream == nil:
		s.request.body, s.request.total = call.Body, int64(len(call.Body))
		return envelopeLen, uint64(len(call.Body))
	}
	s.request.tail, s.request.interrupt, s.request.total = limit(call, s.Scope.Limits), true, call.Length
	if call.Length >= 0 && call.Length < abi.UnknownLength {
		return envelopeLen, uint64(call.Length)
	}
	return envelopeLen, abi.UnknownLength
}

// Collect returns the whole body of a call that streams, for a guest that
// takes no other.
func Collect(ctx context.Context, call *host.Call, limits host.Limits) ([]byte, error) {
	from := stream{tail: limit(call, limits), interrupt: true}
	defer from.end()
	var body []byte
	for {
		if len(body) == cap(body) { // memory grows with what has arrived, not with what is announced
			body = slices.Grow(body, max(firstCollected, len(body)))
		}
		n, err := from.read(ctx, body[len(body):cap(body)])
		if body = body[:len(body)+n]; err != nil {
			return nil, err
		}
		if n == 0 {
			return body, nil
		}
	}
}

// firstCollected is how much memory a body gets before any of it has come.
const firstCollected = 64 << 10

// End gives up all that the call holds open.
func (s *Session) End() {
	if s.answer != nil {
		s.answer.stop()
	}
	s.request.end()
	for _, r := range s.results {
		if r != nil {
			r.end()
		}
	}
	s.results, s.held = nil, 0
}

// open keeps a result and returns its handle.
func (s *Session) open(r *stream) (uint32, bool) {
	r.held = r.size()
	if s.held+r.held > heldBytes {
		return 0, false
	}
	for i, free := range s.results {
		if free == nil {
			s.results[i] = r
			s.held += r.held
			return uint32(i) + 1, true
		}
	}
	if len(s.results) >= abi.MaxHandles {
		return 0, false
	}
	s.results = append(s.results, r)
	s.held += r.held
	return uint32(len(s.results)), true //nolint:gosec // at most MaxHandles
}

func (s *Session) stream(handle uint32) *stream {
	if handle == abi.HandleRequest {
		return &s.request
	}
	if i := handle - 1; uint64(i) < uint64(len(s.results)) {
		return s.results[i]
	}
	return nil
}

func (s *Session) close(handle uint32) bool {
	if handle == abi.HandleRequest || s.stream(handle) == nil {
		return false
	}
	r := s.results[handle-1]
	s.held -= r.held
	s.results[handle-1] = nil
	r.end()
	return true
}
