package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// stream sends a request whose body streams, or whose reply does if streams
// says so and it is not known to be short.
//
// The timeout bounds the wait for the system to take each piece of the body, for
// the reply's head and then for each piece of the reply; the whole is bounded
// by ctx, which ends with the service's call.
func (c *Client) stream(ctx context.Context, out *outgoing, streams bool) (reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(out.timeout, func() { cancel(context.DeadlineExceeded) })
	if out.stream != nil {
		out.stream.timer, out.stream.timeout = timer, out.timeout
	}
	resp, err := c.send(ctx, out)
	var result reply
	if err == nil {
		defer func() {
			if result.Stream == nil {
				_ = resp.Body.Close()
			}
		}()
		switch {
		case !streams || short(resp) || !out.sent(ctx, resp):
			result, err = c.result(resp)
		default:
			if result.Headers, err = headersOf(resp); err == nil {
				timer.Stop()
				result.Status = resp.StatusCode
				result.Stream = &replyStream{body: resp.Body, name: c.name, ctx: ctx, cancel: cancel, timer: timer, timeout: out.timeout}
				return result, nil
			}
		}
	}
	timer.Stop()
	if err != nil {
		result, err = reply{}, out.fault(ctx, c.name, err)
	}
	cancel(nil)
	return result, err
}

// sent waits until the request's body has been sent and returns true; false
// at once if the system has refused it before. While a reply streams, nobody
// would hand over more of the body.
func (o *outgoing) sent(ctx context.Context, resp *http.Response) bool {
	if o.stream == nil {
		return true
	}
	if resp.StatusCode >= 300 {
		select {
		case <-o.stream.done:
			return true
		default:
			return false
		}
	}
	select {
	case <-o.stream.done:
	case <-ctx.Done():
	}
	return true
}

// fault is [fault] of a request that may have failed since its body did.
func (o *outgoing) fault(ctx context.Context, name string, err error) error {
	if o.stream != nil && ctx.Err() == nil {
		if failed := o.stream.failed(); failed != nil {
			return failed
		}
	}
	return fault(ctx, name, err)
}

// bodyStream is a request's body that streams. The transport reads it.
type bodyStream struct {
	from    io.Reader
	length  int64 // -1 if it is not known
	got     int64
	timer   *time.Timer // stands still while the service has the turn
	timeout time.Duration
	once    sync.Once
	done    chan struct{} // closed when the transport needs no more of it

	mu  sync.Mutex
	err error
}

// Read implements io.Reader.
func (s *bodyStream) Read(p []byte) (int, error) {
	s.timer.Stop()
	n, err := s.from.Read(p)
	s.timer.Reset(s.timeout)
	s.got += int64(n)
	if s.length >= 0 && (s.got > s.length || errors.Is(err, io.EOF) && s.got < s.length) {
		err = host.FieldErrorf(abi.FieldStreamLength, "the body has %d bytes where %s says %d", s.got, abi.FieldStreamLength, s.length)
	}
	if err != nil {
		if !errors.Is(err, io.EOF) {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
		}
		_ = s.Close()
	}
	return n, err //nolint:wrapcheck // the transport compares it
}

// Close implements io.Closer.
func (s *bodyStream) Close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

func (s *bodyStream) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// short reports whether a body is known to take little memory.
func short(resp *http.Response) bool {
	return resp.Body == http.NoBody || resp.Request.Method == http.MethodHead || resp.ContentLength >= 0 && resp.ContentLength <= firstRead
}

// replyStream is the body of a reply that comes as it is read. One goroutine
// uses it.
type replyStream struct {
	body    io.ReadCloser
	name    string
	ctx     context.Context //nolint:containedctx // that of the operation, which lasts until Close
	cancel  context.CancelCauseFunc
	timer   *time.Timer // runs while somebody waits
	timeout time.Duration
}

// Read implements io.Reader.
func (s *replyStream) Read(p []byte) (int, error) {
	s.timer.Reset(s.timeout)
	n, err := s.body.Read(p)
	s.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = fault(s.ctx, s.name, fmt.Errorf("reading reply: %w", err))
	}
	return n, err
}

// Close implements io.Closer. The socket of a reply that was not read to its
// end is not used again.
func (s *replyStream) Close() error {
	s.timer.Stop()
	s.cancel(nil)
	if err := s.body.Close(); err != nil {
		return fmt.Errorf("closing reply: %w", err)
	}
	return nil
}
