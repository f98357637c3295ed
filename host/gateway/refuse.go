package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/problem"
)

// refusal is why a request is turned away before it reaches a service.
type refusal struct {
	status int
	detail string
}

// fail answers with the problem document of an error, as strangers may see
// it. A version of serai dev shows its traceback too, to a browser as text.
func (g *Gateway) fail(rctx *fasthttp.RequestCtx, cid string, err error) {
	p := problem.From(err, cid).Public().Opened(err)
	g.refuse(rctx, p)
	if e, ok := errors.AsType[*host.Error](err); ok && e.Detail != nil && e.Detail.CIDHeader != "" {
		if name := e.Detail.CIDHeader; isToken(name) && !owned(name) && len(name) <= 64 && !strings.EqualFold(name, "content-type") {
			rctx.Response.Header.Set(name, cid)
		}
	}
	if p.Traceback != "" && bytes.HasPrefix(rctx.Request.Header.Peek("Accept"), []byte("text/")) {
		rctx.Response.Header.SetContentType("text/plain; charset=utf-8")
		rctx.Response.SetBodyString(p.Detail + "\n\n" + p.Traceback + "\nrequest id " + p.CID + "\n")
	}
}

// turnDown answers with a refusal.
func (g *Gateway) turnDown(rctx *fasthttp.RequestCtx, x *exchange, r *refusal) {
	g.refuse(rctx, r.problem(x.cid))
}

func (r *refusal) problem(cid string) problem.Problem {
	switch r.status {
	case http.StatusBadRequest:
		return problem.Of(abi.Invalid, r.detail, cid)
	case http.StatusRequestEntityTooLarge:
		return problem.Of(abi.TooLarge, r.detail, cid)
	case http.StatusServiceUnavailable:
		p := problem.Of(abi.Unavailable, r.detail, cid)
		p.Retry = 1
		return p
	default:
		return problem.Edge(r.status, r.detail, cid)
	}
}

// refuse writes a problem document.
func (g *Gateway) refuse(rctx *fasthttp.RequestCtx, p problem.Problem) {
	if i := p.Status - http.StatusBadRequest; i >= 0 && i < len(g.problems) {
		g.problems[i].Add(1)
	}
	resp := &rctx.Response
	resp.SetStatusCode(p.Status)
	resp.Header.SetContentType(problem.ContentType)
	if p.CID != "" {
		resp.Header.Set("X-Request-Id", p.CID)
	}
	if p.Retry > 0 {
		resp.Header.Set("Retry-After", strconv.Itoa(p.Retry))
	}
	resp.SetBodyRaw(p.JSON())
}

// abandon closes the connection after the response, in a way that lets a
// client that still sends read it.
func (g *Gateway) abandon(rctx *fasthttp.RequestCtx) {
	rctx.Response.SetConnectionClose()
	if c, ok := rctx.Conn().(*conn); ok {
		c.linger.Store(true)
	}
}

// parseError answers a request that fasthttp could not read.
func (g *Gateway) parseError(rctx *fasthttp.RequestCtx, err error) {
	var small *fasthttp.ErrSmallBuffer
	var timeout net.Error
	r := &refusal{http.StatusBadRequest, "the request is malformed"}
	switch {
	case errors.As(err, &small):
		r = &refusal{http.StatusRequestHeaderFieldsTooLarge, "the request's headers are too large"}
	case errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, fasthttp.ErrTimeout):
		r = &refusal{http.StatusRequestTimeout, "the request did not arrive in time"}
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		r = bodyTooLarge
	case errors.Is(err, io.ErrUnexpectedEOF):
		r = bodyBroken
	}
	rctx.Response.Reset()
	g.abandon(rctx)
	g.refuse(rctx, r.problem(newCID()))
}
