package serai

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/seraihost/serai/abi"
)

// CallFrom is [Call] with a body that is sent as it is read: what body has,
// and then rest to its end. The field abi.FieldStreamLength may say how many
// bytes that will be. Only operations that take such a body can be called
// this way.
//
// A rest that the SDK returned, such as [Request.Stream], goes on within the
// host, past the service. One that fails breaks the operation off, so that no
// system takes a part for the whole, and its error is in that of CallFrom. It
// is closed if it is an io.Closer.
func CallFrom(e abi.Envelope, body []byte, rest io.Reader) (abi.Envelope, []byte, error) {
	reply, s, err := open(e, body, rest)
	if err != nil {
		return nil, nil, err
	}
	out, err := s.all()
	_ = s.Close() // never fails
	return reply, out, err
}

// CallStream is [CallFrom], and the reply's body comes as it is read. rest may
// be nil. Close the reply's body, unless it is passed on; what is open when
// the call ends is closed by the host.
//
// A body that breaks off ends with an [*Error] of the host's code, never as if
// it were complete.
func CallStream(e abi.Envelope, body []byte, rest io.Reader) (abi.Envelope, io.ReadCloser, error) {
	e.Add(abi.FieldStreamReply, "1")
	reply, s, err := open(e, body, rest)
	if err != nil {
		return nil, nil, err
	}
	return reply, s, nil
}

// calls counts the calls of an instance that serves several. Handles are one
// call's.
var calls uint64

// stream is a body that the host has, and hands over as it is read.
type stream struct {
	handle uint32
	length int64  // bytes in all, -1 if that is not known
	op     string // that it is the reply of; "" for the request
	call   uint64 // in which it was opened
	err    error  // of further reads
}

func newStream(handle uint32, length int64, op string) *stream {
	return &stream{handle: handle, length: length, op: op, call: calls}
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if err := s.usable(); err != nil || len(p) == 0 {
		return 0, err
	}
	n, code := hostRead(s.handle, p)
	switch {
	case code != abi.OK:
		s.end(&Error{Code: code, Op: s.op, Message: "the body broke off: " + code.String()})
	case n == 0:
		s.end(io.EOF)
	}
	return n, s.err
}

// Close implements io.Closer. It may be called twice.
func (s *stream) Close() error {
	if s.err == nil && s.call == calls {
		s.end(nil)
	}
	s.err = &Error{Code: abi.Failed, Op: s.op, Message: "the body is closed", Err: fs.ErrClosed}
	return nil
}

// end gives the handle up, if it can be.
func (s *stream) end(err error) {
	s.err = err
	if s.handle != abi.HandleRequest {
		hostClose(s.handle)
	}
}

func (s *stream) usable() error {
	if s.call != calls {
		return &Error{Code: abi.Failed, Op: s.op, Message: "the body was that of a call which has ended"}
	}
	return s.err
}

// all reads the body to its end.
func (s *stream) all() ([]byte, error) {
	if s.length < 0 {
		return io.ReadAll(s) //nolint:wrapcheck // an error of Read
	}
	p := make([]byte, s.length)
	_, err := io.ReadFull(s, p)
	return p, err //nolint:wrapcheck // an error of Read
}

// passOn adds to an envelope that the body goes on with what the stream has
// yet, if it has any.
func (s *stream) passOn(e *abi.Envelope) error {
	err := s.usable()
	switch {
	case err == nil:
		e.Add(abi.FieldStreamBody, strconv.FormatUint(uint64(s.handle), 10))
	case errors.Is(err, io.EOF):
		err = nil
	}
	return err
}

// open performs an operation, with a body as that of [CallFrom], and returns
// the reply with its body yet to be read.
func open(e abi.Envelope, body []byte, from io.Reader) (abi.Envelope, *stream, error) {
	defer closeReader(from)
	if s, ok := from.(*stream); ok {
		if err := s.passOn(&e); err != nil {
			return nil, nil, err
		}
		return perform(e, body, e.Get(abi.FieldOp))
	}
	if more, ok := whole(from); ok {
		return perform(e, join(body, more), e.Get(abi.FieldOp))
	}
	return write(e, body, from)
}

// perform performs an operation of the host; op is how its errors call it.
func perform(e abi.Envelope, body []byte, op string) (abi.Envelope, *stream, error) {
	reply, handle, length, code := hostOpen(e, body)
	if code != abi.OK {
		return nil, nil, &Error{Code: code, Message: reply.Get(abi.FieldErrorMessage), Op: op}
	}
	return reply, newStream(handle, length, op), nil
}

// write performs an operation whose body is written.
func write(e abi.Envelope, body []byte, from io.Reader) (abi.Envelope, *stream, error) {
	op := e.Get(abi.FieldOp)
	e.Add(abi.FieldStreamBody, abi.StreamWrite)
	_, out, err := perform(e, body, op)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = out.Close() }() // nobody shall take a part for the whole
	w := sink{write: func(p []byte) (int, abi.Code) { return hostWrite(out.handle, p) }}
	if _, err := io.Copy(&w, from); err != nil && !w.ended {
		return nil, nil, fmt.Errorf("reading the body of %s: %w", op, err)
	}
	reply, s, err := perform(abi.Envelope{
		{Name: abi.FieldOp, Value: abi.OpFinish}, {Name: abi.FieldHandle, Value: strconv.FormatUint(uint64(out.handle), 10)},
	}, nil, op)
	out.err = io.EOF // finish has closed it
	return reply, s, err
}

// sink writes to the host.
type sink struct {
	write func([]byte) (int, abi.Code)
	ended bool // it takes no more
	code  abi.Code
}

// Write implements io.Writer.
func (w *sink) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) && !w.ended {
		n, code := w.write(p[done:])
		w.code, w.ended = code, n == 0 || code != abi.OK
		done += n
	}
	if w.ended {
		return done, &Error{Code: max(w.code, abi.Failed), Message: "the other side takes no more of the body"}
	}
	return done, nil
}

// whole returns what a reader has that is known to be in memory already.
func whole(r io.Reader) ([]byte, bool) {
	switch r := r.(type) {
	case nil:
		return nil, true
	case *bytes.Buffer:
		return r.Next(r.Len()), true
	case *bytes.Reader:
		return rest(r, r.Len()), true
	case *strings.Reader:
		return rest(r, r.Len()), true
	}
	return nil, false
}

func rest(r io.Reader, n int) []byte {
	p := make([]byte, n)
	_, _ = io.ReadFull(r, p) // from memory, where n bytes are
	return p
}

func join(a, b []byte) []byte {
	if len(a) == 0 {
		return b
	}
	return append(slices.Clip(a), b...)
}

func closeReader(r io.Reader) {
	if c, ok := r.(io.Closer); ok {
		_ = c.Close() // it was only read
	}
}
