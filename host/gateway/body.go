package gateway

import (
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/valyala/fasthttp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// prefetched is how much of a body fasthttp reads before the handler runs; a
// body of known length that is not longer is off the connection by then.
const prefetched = 8 << 10

var (
	bodyTooLarge = &refusal{http.StatusRequestEntityTooLarge, "the request's body is too large"}
	bodyBroken   = &refusal{http.StatusBadRequest, "the request's body is malformed or ended early"}
	bodyLate     = &refusal{http.StatusRequestTimeout, "the request's body did not arrive in time"}
	bodyMemory   = &refusal{http.StatusServiceUnavailable, "too many large requests arrive now"}
)

// onHeader is called when a request's headers have arrived. It gives large
// bodies their own time, and lets one that will be refused through to the
// handler at once.
func (g *Gateway) onHeader(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	n := h.ContentLength()
	c := fasthttp.RequestConfig{MaxRequestBodySize: maxInt}
	if n > g.config.MaxBodyBytes {
		c.MaxRequestBodySize = 1
	}
	if n < 0 || n > prefetched {
		c.ReadTimeout = g.config.BodyTimeout
	}
	return c
}

const maxInt = int(^uint(0) >> 1)

// hasRest reports whether a part of the body may still be on the connection,
// so that the connection cannot be used for another request.
func (g *Gateway) hasRest(h *headers) bool {
	return h.chunked || h.length > int64(min(prefetched, g.config.MaxBodyBytes))
}

// readBody reads the request's body into x: a copy in memory, or a stream if
// it is longer than a copy may be. Memory grows with what has arrived, not with
// what the client announces. It is counted in g.bodies, and in x.used for who
// gives it back.
func (g *Gateway) readBody(rctx *fasthttp.RequestCtx, x *exchange) *refusal {
	h, limit := &x.headers, int64(g.config.MaxBodyBytes)
	switch {
	case h.length > limit:
		return bodyTooLarge
	case h.length <= 0 && !h.chunked:
		return nil
	}
	in := incoming{rctx: rctx, from: rctx.RequestBodyStream(), length: h.length, limit: limit}
	in.conn, _ = rctx.Conn().(*conn)
	if in.from == nil {
		return bodyBroken
	}
	if most := int64(g.config.InlineBodyBytes); h.length <= most {
		want := min(most, limit)
		if !h.chunked {
			want = h.length
		}
		if r := g.collect(x, &in, want); r != nil || in.ended() {
			return r
		}
	}
	x.stream = &bodyStream{incoming: in, first: x.body, patience: g.config.BodyTimeout}
	x.body = nil
	return nil
}

// collect reads into x.body until it has want bytes and, of a body that does
// not tell its length, one more to see whether it ends there.
func (g *Gateway) collect(x *exchange, in *incoming, want int64) *refusal {
	for int64(len(x.body)) < want && !in.ended() {
		if len(x.body) == cap(x.body) {
			size := min(max(int64(2*cap(x.body)), prefetched), want)
			total := g.bodies.Add(size - x.used)
			if x.used = size; total > int64(g.config.MaxBodyMemory) {
				return bodyMemory
			}
			grown := make([]byte, len(x.body), size)
			copy(grown, x.body)
			x.body = grown
		}
		n, err := in.Read(x.body[len(x.body):cap(x.body)])
		if x.body = x.body[:len(x.body)+n]; err != nil && in.refusal != nil {
			return in.refusal
		}
	}
	if in.ended() {
		return nil
	}
	var one [1]byte
	n, _ := in.Read(one[:])
	x.body = append(x.body, one[:n]...)
	return in.refusal
}

// incoming is a request's body on the connection.
type incoming struct {
	rctx    *fasthttp.RequestCtx
	conn    *conn // nil if the listener is not the gateway's
	from    io.Reader
	length  int64 // -1 if it is chunked
	limit   int64
	got     int64
	end     error    // why there is no more, io.EOF at the end
	refusal *refusal // what the client is told of another end
}

// ended reports whether the connection has nothing more of the body.
func (in *incoming) ended() bool { return in.got == in.length || errors.Is(in.end, io.EOF) }

// Read implements io.Reader. Its errors are those of a service's read.
func (in *incoming) Read(p []byte) (int, error) {
	// fasthttp takes a GET or HEAD for one without a body and would leave
	// the body on the connection, to be read as the next request.
	if m := in.rctx.Request.Header.Method(); string(m) == http.MethodGet || string(m) == http.MethodHead {
		method := string(m)
		in.rctx.Request.Header.SetMethod(http.MethodPost)
		defer in.rctx.Request.Header.SetMethod(method)
	}
	n, err := in.from.Read(p)
	in.got += int64(n)
	switch {
	case in.got > in.limit:
		in.refusal = bodyTooLarge
		in.end = host.Errorf(abi.TooLarge, "the request's body is over the gateway's limit of %s", host.Bytes(in.limit))
		return 0, in.end
	case err != nil:
		in.refusal, in.end = in.judge(err)
	}
	return n, in.end
}

// judge says what the error that ended the body means to the service and the client.
func (in *incoming) judge(err error) (*refusal, error) {
	// To fasthttp, a client that broke off between two chunks is at the end.
	brokeOff := in.conn != nil && in.conn.eof
	if errors.Is(err, io.EOF) && (in.length < 0 && !brokeOff || in.got == in.length) {
		return nil, io.EOF
	}
	timeout, isNet := errors.AsType[net.Error](err)
	_, isOp := errors.AsType[*net.OpError](err)
	switch {
	case isNet && timeout.Timeout() || errors.Is(err, fasthttp.ErrTimeout):
		return bodyLate, host.Errorf(abi.Timeout, "the request's body did not arrive in time")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isOp:
		return bodyBroken, host.Errorf(abi.Cancelled, "the client broke off before the request's body was complete")
	}
	return bodyBroken, host.Errorf(abi.Invalid, "the request's body is malformed")
}
