//go:build !wasip1

package serai

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/seraihost/serai/abi"
)

// session is what a host keeps of a call: the request, the reply and what is
// open, by handles as on wasip1.
type session struct {
	reply   abi.Envelope
	body    []byte
	replied bool
	streams bool // the reply's body is written after it was set

	mu   sync.Mutex
	open map[uint32]*handle
	last uint32
}

// handle is a body that is read or one that is written.
type handle struct {
	from io.ReadCloser
	err  error // that came with the last bytes of from
	out  *outgoing
}

// outgoing is an operation whose body is written.
type outgoing struct {
	body  *io.PipeWriter
	done  chan struct{} // closed when the operation has ended
	reply abi.Envelope
	from  io.ReadCloser
	code  abi.Code
}

var (
	errGivenUp = errors.New("the service gave the body up")
	errTaken   = errors.New("the operation takes no more of its body")
)

// current is that of the call that runs, or of what a test does without one.
var current = &session{open: map[uint32]*handle{}}

// begin makes a session the current one, until its end.
func begin(request io.Reader) *session {
	current = &session{open: map[uint32]*handle{abi.HandleRequest: {from: io.NopCloser(request)}}}
	return current
}

// end gives up what the call has left open.
func (s *session) end() {
	for n := range s.open {
		s.close(n)
	}
	current = &session{open: map[uint32]*handle{}}
}

func (s *session) get(n uint32) *handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[n]
}

func (s *session) add(h *handle) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.open[s.last] = h
	return s.last
}

func (s *session) remove(n uint32) *handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.open[n]
	delete(s.open, n)
	return h
}

func (s *session) close(n uint32) {
	h := s.remove(n)
	switch {
	case h == nil:
	case h.out == nil:
		_ = h.from.Close() // it was only read
	default:
		_ = h.out.body.CloseWithError(errGivenUp)
		if <-h.out.done; h.out.from != nil {
			_ = h.out.from.Close()
		}
	}
}

// Read implements io.Reader: no bytes without an error are the end, as on wasip1.
func (h *handle) Read(p []byte) (n int, err error) {
	for n == 0 && h.err == nil && len(p) > 0 {
		n, h.err = h.from.Read(p)
	}
	if n > 0 {
		return n, nil
	}
	return 0, h.err
}

func hostRead(n uint32, p []byte) (int, abi.Code) {
	h := current.get(n)
	if h == nil || h.from == nil {
		return 0, abi.Invalid
	}
	count, err := h.Read(p)
	if errors.Is(err, io.EOF) {
		return 0, abi.OK
	}
	return count, CodeOf(err)
}

func hostWrite(n uint32, p []byte) (int, abi.Code) {
	if n == abi.HandleReply {
		current.body = append(current.body, p...)
		return len(p), abi.OK
	}
	h := current.get(n)
	if h == nil || h.out == nil {
		return 0, abi.Invalid
	}
	count, err := h.out.body.Write(p)
	if errors.Is(err, errTaken) {
		<-h.out.done
		return 0, h.out.code
	}
	return count, CodeOf(err)
}

func hostClose(n uint32) { current.close(n) }

func hostReply(env abi.Envelope, body []byte) abi.Code {
	s := current
	if s.replied {
		if !s.streams || env.Get(abi.FieldErrorType) == "" {
			return abi.Conflict
		}
		s.reply = append(s.reply, env...)
		return abi.OK
	}
	from, streams := env.Lookup(abi.FieldStreamBody)
	s.reply, s.body, s.replied, s.streams = env, bytes.Clone(body), true, streams
	if !streams || from == abi.StreamWrite {
		return abi.OK
	}
	h, code := current.source(from)
	if code != abi.OK {
		return code
	}
	more, err := io.ReadAll(h)
	s.body = append(s.body, more...)
	return CodeOf(err)
}

// source returns the body that a field names.
func (s *session) source(text string) (*handle, abi.Code) {
	n, err := strconv.ParseUint(text, 10, 32)
	h := s.get(uint32(n))
	if err != nil || h == nil || h.from == nil {
		return nil, abi.Invalid
	}
	return h, abi.OK
}

func hostOpen(env abi.Envelope, body []byte) (abi.Envelope, uint32, int64, abi.Code) {
	from := env.Get(abi.FieldStreamBody)
	switch {
	case env.Get(abi.FieldOp) == abi.OpFinish:
		return current.finish(env.Get(abi.FieldHandle))
	case from == "":
		return current.keep(attached.Call(env, bytes.NewReader(bytes.Clone(body))))
	case from == abi.StreamWrite:
		r, w := io.Pipe()
		o := &outgoing{body: w, done: make(chan struct{})}
		go func(h Host) {
			o.reply, o.from, o.code = h.Call(env, io.MultiReader(bytes.NewReader(bytes.Clone(body)), r))
			close(o.done)
			_ = r.CloseWithError(errTaken)
		}(attached)
		return nil, current.add(&handle{out: o}), 0, abi.OK
	}
	h, code := current.source(from)
	if code != abi.OK {
		return nil, 0, 0, code
	}
	return current.keep(attached.Call(env, io.MultiReader(bytes.NewReader(bytes.Clone(body)), h)))
}

// finish ends a body that is written and has the operation's outcome.
func (s *session) finish(text string) (abi.Envelope, uint32, int64, abi.Code) {
	n, err := strconv.ParseUint(text, 10, 32)
	h := s.remove(uint32(n))
	if err != nil || h == nil || h.out == nil {
		return nil, 0, 0, abi.Invalid
	}
	_ = h.out.body.Close()
	<-h.out.done
	return s.keep(h.out.reply, h.out.from, h.out.code)
}

// keep opens the body of a reply.
func (s *session) keep(reply abi.Envelope, from io.ReadCloser, code abi.Code) (abi.Envelope, uint32, int64, abi.Code) {
	if from == nil {
		from = io.NopCloser(bytes.NewReader(nil))
	}
	if code != abi.OK {
		_ = from.Close()
		return reply, 0, 0, code
	}
	return reply, s.add(&handle{from: from}), -1, abi.OK
}
