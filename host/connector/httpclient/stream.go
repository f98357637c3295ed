package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// stream sends a request whose reply streams, unless it is known to be short.
//
// The timeout bounds the wait for the reply's head and then for each piece of
// its body; the whole is bounded by ctx, which ends with the service's call.
func (c *Client) stream(ctx context.Context, out *outgoing) (reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(out.timeout, func() { cancel(context.DeadlineExceeded) })
	resp, err := c.send(ctx, out)
	var result reply
	if err == nil {
		if short(resp) {
			result, err = c.result(resp)
			_ = resp.Body.Close()
		} else if result.Headers, err = headersOf(resp); err != nil {
			_ = resp.Body.Close()
		} else {
			timer.Stop()
			result.Status = resp.StatusCode
			result.Stream = &replyStream{body: resp.Body, name: c.name, ctx: ctx, cancel: cancel, timer: timer, timeout: out.timeout}
			return result, nil
		}
	}
	timer.Stop()
	if err != nil {
		result, err = reply{}, fault(ctx, c.name, err)
	}
	cancel(nil)
	return result, err
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
