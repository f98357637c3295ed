package gateway

import (
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/valyala/fasthttp"
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

// readBody returns a copy of the request's body. Memory grows with what has
// arrived, not with what the client announces. It is counted in g.bodies, and
// the caller gives it back: used is how much.
func (g *Gateway) readBody(rctx *fasthttp.RequestCtx, h *headers) (body []byte, used int64, r *refusal) {
	limit := int64(g.config.MaxBodyBytes)
	switch {
	case h.length > limit:
		return nil, 0, bodyTooLarge
	case h.length <= 0 && !h.chunked:
		return nil, 0, nil
	}
	stream := rctx.RequestBodyStream()
	if stream == nil {
		return nil, 0, bodyBroken
	}
	// fasthttp takes a GET or HEAD for one without a body and would leave
	// the body on the connection, to be read as the next request.
	if m := rctx.Request.Header.Method(); string(m) == http.MethodGet || string(m) == http.MethodHead {
		method := string(m)
		rctx.Request.Header.SetMethod(http.MethodPost)
		defer rctx.Request.Header.SetMethod(method)
	}
	want := limit // of a chunked body, one byte more shows that it is too large
	if !h.chunked {
		want = h.length
	}
	for {
		if int64(len(body)) == want {
			break
		}
		if len(body) == cap(body) {
			size := min(max(int64(2*cap(body)), prefetched), want)
			if g.bodies.Add(size-used) > int64(g.config.MaxBodyMemory) {
				return nil, size, bodyMemory
			}
			used = size
			grown := make([]byte, len(body), size)
			copy(grown, body)
			body = grown
		}
		n, err := stream.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err != nil {
			if r := bodyEnd(err, h, len(body)); r != nil {
				return nil, used, r
			}
			return body, used, nil
		}
	}
	if h.chunked { // the end must follow
		var one [1]byte
		if n, err := stream.Read(one[:]); n > 0 {
			return nil, used, bodyTooLarge
		} else if r := bodyEnd(err, h, len(body)); r != nil {
			return nil, used, r
		}
	}
	return body, used, nil
}

// bodyEnd judges the error that ended the reading of a body of n bytes.
func bodyEnd(err error, h *headers, n int) *refusal {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, fasthttp.ErrTimeout):
		return bodyLate
	case errors.Is(err, io.EOF) && (h.chunked || int64(n) == h.length):
		return nil
	default:
		return bodyBroken
	}
}
