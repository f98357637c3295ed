package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// goneAfter is how long a service may go on that writes to nobody.
const goneAfter = time.Second

// sending is a reply whose body goes out as the service writes it. The service
// writes on the stack of a runner, and the server reads; the two take turns,
// so that what is written is copied straight out of the service's memory.
type sending struct {
	gateway  *Gateway
	exchange *exchange
	call     *host.Call
	runner   *runner
	conn     *conn // nil if the listener is not the gateway's
	reply    *host.Reply
	bodyless bool  // HTTP allows no body, so what is written goes nowhere
	length   int64 // as the service has told, -1 if it has not
	sent     int64
	rest     []byte // of the piece that is going out
	over     bool   // the call has ended
	gone     bool   // nobody takes the body
	err      error  // why it is not complete

	mu     sync.Mutex
	cut    bool // writes that wait have been ended
	closed bool // the connection is not this reply's any more
}

var (
	_ host.ReplyBody = (*sending)(nil)
	_ io.WriterTo    = bodyOut{}
)

var errGone = host.Errorf(abi.Cancelled, "the client takes no more of the reply")

// newSending checks the head of a reply that streams.
func newSending(run *runner, r *host.Reply) (*sending, error) {
	if err := checkReply(r); err != nil {
		return nil, err
	}
	s := &sending{gateway: run.gateway, exchange: run.exchange, call: run.call, conn: run.conn, runner: run, reply: r, length: -1}
	for _, h := range r.Headers {
		if h.Name == "content-length" {
			n, err := strconv.ParseInt(h.Value, 10, 64)
			if err != nil || n < 0 {
				return nil, host.FieldErrorf("header.content-length", "content-length %q: use the number of bytes that the body will have, or leave it out", host.Clip(h.Value))
			}
			s.length = n
		}
	}
	s.bodyless = run.exchange.method == http.MethodHead || r.Status == http.StatusNoContent || r.Status == http.StatusNotModified
	return s, nil
}

// Write implements host.ReplyBody.
func (s *sending) Write(p []byte) (int, error) {
	switch {
	case s.gone:
		return 0, errGone
	case s.length >= 0 && int64(len(p)) > s.length-s.sent && !s.bodyless:
		return 0, host.Errorf(abi.Invalid, "the reply has more than the %d bytes that its content-length says", s.length)
	}
	s.sent += int64(len(p))
	if s.bodyless || len(p) == 0 {
		return len(p), nil
	}
	s.rest = p
	s.runner.yield(piece)
	if s.gone {
		return 0, errGone
	}
	return len(p), nil
}

// Finish implements host.ReplyBody.
func (s *sending) Finish() error {
	if s.length >= 0 && s.sent != s.length && !s.bodyless {
		return host.Errorf(abi.Failed, "the reply has %d bytes and not the %d that its content-length says", s.sent, s.length)
	}
	return nil
}

// Close implements host.ReplyBody.
func (s *sending) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = true
	if !s.closed && s.conn != nil {
		_ = s.conn.SetWriteDeadline(time.Unix(1, 0))
	}
	return nil
}

// extend gives the client the time anew to take what is written now.
func (s *sending) extend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.cut && !s.closed {
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.gateway.config.WriteTimeout))
	}
}

// start puts the head into the response, and has the server read the body.
func (s *sending) start(rctx *fasthttp.RequestCtx, contentType string) {
	writeReply(&rctx.Response, &host.Reply{Status: s.reply.Status, Headers: s.reply.Headers, Body: []byte{0}}, contentType)
	rctx.Response.Header.Set("X-Request-Id", s.exchange.cid)
	if x := s.exchange; x.stream != nil && !x.stream.ended() {
		s.gateway.abandon(rctx) // whether it will be read to its end is not known now
	}
	if s.conn != nil {
		s.conn.sending.Store(s)
	}
	rctx.Response.SetBodyStream(bodyOut{s}, int(s.length))
}

// advance lets the service go on until the next piece is there or the call has
// ended.
func (s *sending) advance() (err error) {
	if s.over {
		return s.err
	}
	defer func() {
		if v := recover(); v != nil {
			s.gateway.config.Logger.Error("handling a request panicked", "cid", s.exchange.cid, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			s.runner = nil
			s.finish(errPanicked)
			err = s.err
		}
	}()
	if e, _ := s.runner.next(); e != ended {
		return nil
	}
	err = s.runner.err
	if err == nil {
		err = s.Finish()
	}
	if s.gone && err == nil {
		err = errGone
	}
	s.finish(err)
	return s.err
}

var errPanicked = errors.New("the call panicked")

// finish notes that the call has ended.
func (s *sending) finish(err error) {
	s.over, s.err = true, err
	if s.runner != nil {
		s.gateway.keep(s.runner)
		s.runner = nil
	}
	if err == nil {
		s.err = io.EOF
		return
	}
	s.gateway.broken.Add(1)
	s.gateway.log(s.call, fmt.Errorf("sending a reply that had begun: %w", err))
}

// bodyOut is the side of the server.
type bodyOut struct{ *sending }

// Read implements io.Reader.
func (b bodyOut) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if err := b.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo.
func (b bodyOut) WriteTo(w io.Writer) (n int64, err error) {
	for {
		for len(b.rest) == 0 {
			if err := b.advance(); errors.Is(err, io.EOF) {
				return n, nil
			} else if err != nil {
				return n, err
			}
		}
		m, err := w.Write(b.rest)
		n += int64(m)
		b.rest = b.rest[m:]
		if f, ok := w.(interface{ Flush() error }); ok && err == nil {
			err = f.Flush()
		}
		if err != nil {
			return n, err //nolint:wrapcheck // fasthttp compares it
		}
	}
}

// Close implements io.Closer. The server calls it in any case.
func (b bodyOut) Close() error {
	s := b.sending
	if !s.over {
		s.gone = true
		if s.conn != nil {
			timer := time.AfterFunc(goneAfter, s.conn.cancel)
			defer timer.Stop()
		}
		for !s.over {
			_ = s.advance()
		}
	}
	s.mu.Lock()
	done := s.closed
	s.closed = true
	s.mu.Unlock()
	if !done {
		if s.conn != nil {
			s.conn.sending.Store(nil)
			s.conn.calling.Store(false)
		}
		s.gateway.release(s.exchange)
	}
	return nil
}
