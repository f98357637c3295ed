package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// outgoing is an operation whose body is on its way: the guest writes it, or
// the host copies it from another stream.
//
// The operation runs on a goroutine of its own and reads the body from a pipe.
// A write returns when its bytes have been taken, so that goroutine never
// sees the guest's memory after the guest went on.
type outgoing struct {
	body   *io.PipeWriter
	left   int64 // bytes that the body may have yet
	cancel context.CancelFunc
	done   chan struct{} // closed when the operation has ended

	mu     sync.Mutex
	result *connector.Result
	err    error
	gone   bool // nobody waits for the result
}

var (
	errGivenUp = errors.New("the service gave the body up")
	errTaken   = errors.New("the operation takes no more of its body")
)

// begin starts an operation whose body comes later, after the bytes of req.Body.
func (s *Session) begin(ctx context.Context, req *connector.Request) (*outgoing, error) {
	n := 0
	for _, r := range s.results {
		if r != nil && r.out != nil {
			n++
		}
	}
	if n >= abi.MaxBodies {
		return nil, host.Errorf(abi.Limit, "the call writes more than %d bodies at a time; finish or close them", abi.MaxBodies)
	}
	if err := s.Ops.CheckStream(req); err != nil {
		return nil, err
	}
	length, err := bodyLength(req)
	if err != nil {
		return nil, err
	}
	most := int64(s.Scope.Quota.RequestBytes)
	if length > most {
		return nil, host.Errorf(abi.TooLarge, "payload of %d bytes, at most %s", length, s.Scope.Quota.RequestBytes)
	}
	r, w := io.Pipe()
	o := &outgoing{body: w, left: most, done: make(chan struct{})}
	ctx, o.cancel = context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = w.CloseWithError(ctx.Err()) })
	first := req.Body
	req.Body, req.Stream, req.Length = nil, r, length
	go func() {
		defer stop()
		result, err := perform(ctx, s.Ops, req)
		_ = r.CloseWithError(errTaken)
		o.end(result, err)
	}()
	if _, err := o.write(first); err != nil {
		o.giveUp()
		return nil, err
	}
	return o, nil
}

// bodyLength returns what the operation says of its body's length, -1 for nothing.
func bodyLength(req *connector.Request) (int64, error) {
	text, ok := req.Envelope.Lookup(abi.FieldStreamLength)
	if !ok {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, host.FieldErrorf(abi.FieldStreamLength, "%s %q: use the number of bytes that the body will have, or leave it out", abi.FieldStreamLength, host.Clip(text))
	}
	return n, nil
}

// perform performs the operation; a panic ends only that.
func perform(ctx context.Context, ops *connector.Registry, req *connector.Request) (result *connector.Result, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = &host.Error{
				Code: abi.Internal, Message: "internal error; the host's log has the detail under the request id",
				Err: fmt.Errorf("an operation panics: %v\n%s", fault, debug.Stack()),
			}
		}
	}()
	return ops.Do(ctx, req)
}

func (o *outgoing) end(result *connector.Result, err error) {
	o.mu.Lock()
	o.result, o.err = result, err
	gone := o.gone
	o.mu.Unlock()
	close(o.done)
	if gone {
		discard(result)
	}
}

// discard gives up a result that nobody has seen.
func discard(result *connector.Result) {
	if result == nil {
		return
	}
	if result.Stream != nil {
		_ = result.Stream.Close()
	}
	if result.Release != nil {
		result.Release()
	}
}

// write hands over bytes of the body and waits until they are taken. When the
// operation takes no more it returns 0, or the error that it has ended with.
func (o *outgoing) write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if o.left -= int64(len(p)); o.left < 0 {
		return 0, host.Errorf(abi.TooLarge, "the operation's body is over the tenant's quota for request_bytes")
	}
	n, err := o.body.Write(p)
	if errors.Is(err, errTaken) {
		<-o.done // it has ended
		return 0, o.err
	}
	return n, err
}

// finish ends the body and waits for the result.
func (o *outgoing) finish(ctx context.Context) (*connector.Result, error) {
	_ = o.body.Close()
	select {
	case <-o.done:
		return o.result, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// giveUp ends the body as one that is not complete.
func (o *outgoing) giveUp() {
	_ = o.body.CloseWithError(errGivenUp)
	o.cancel()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone {
		return
	}
	o.gone = true
	select {
	case <-o.done:
		discard(o.result)
	default:
	}
}

// finish ends the body of the operation that the envelope names, whose handle
// is closed, and returns the result.
func (s *Session) finish(ctx context.Context, e abi.Envelope) (*stream, error) {
	handle, st, err := s.handle(e.Get(abi.FieldHandle))
	if err != nil {
		return nil, err
	}
	if st.out == nil {
		return nil, host.FieldErrorf(abi.FieldHandle, "handle %d has no body that is written", handle)
	}
	o := st.out
	result, err := o.finish(ctx)
	if err != nil {
		s.close(handle)
		return nil, err
	}
	st.out = nil
	s.close(handle)
	return o.keep(result), nil
}

// handle returns the open stream that a field names.
func (s *Session) handle(text string) (uint32, *stream, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	st := s.stream(uint32(n))
	if err != nil || st == nil {
		return 0, nil, host.Errorf(abi.Invalid, "handle %q is not open", host.Clip(text))
	}
	return uint32(n), st, nil
}

// source returns the stream that a body is to come from.
func (s *Session) source(text string) (*stream, error) {
	_, st, err := s.handle(text)
	if err != nil {
		return nil, err
	}
	if st.out != nil || len(st.head) > 0 {
		return nil, host.FieldErrorf(abi.FieldStreamBody, "handle %q: read its envelope first, and finish the body that is written to it", host.Clip(text))
	}
	return st, nil
}

// keep returns the result as a stream, to whose end the operation's context lasts.
func (o *outgoing) keep(result *connector.Result) *stream {
	st := resultStream(result)
	if st.tail == nil {
		o.cancel()
		return st
	}
	release := st.release
	st.release = func() {
		o.cancel()
		if release != nil {
			release()
		}
	}
	return st
}

// splice performs an operation whose body is that of the request followed by
// what a handle has yet.
func (s *Session) splice(ctx context.Context, req *connector.Request, from *stream) (*stream, error) {
	if _, told := req.Envelope.Lookup(abi.FieldStreamLength); !told && from.left() >= 0 {
		req.Envelope.Add(abi.FieldStreamLength, strconv.FormatInt(int64(len(req.Body))+from.left(), 10))
	}
	o, err := s.begin(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := from.copyTo(ctx, o.write); err != nil {
		o.giveUp()
		return nil, err
	}
	result, err := o.finish(ctx)
	if err != nil {
		o.giveUp()
		return nil, err
	}
	return o.keep(result), nil
}

// copied is how much a splice moves at a time.
const copied = 64 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copied]byte) }}

// copyTo writes the rest of the stream, until there is no more of it or write
// takes no more.
func (s *stream) copyTo(ctx context.Context, write func([]byte) (int, error)) error {
	buffer, _ := copyBuffers.Get().(*[copied]byte)
	defer copyBuffers.Put(buffer)
	for {
		n, err := s.read(ctx, buffer[:])
		if n == 0 || err != nil {
			return err
		}
		if taken, err := write(buffer[:n]); taken == 0 || err != nil {
			return err
		}
	}
}
