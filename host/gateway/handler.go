package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/gateway/route"
	"github.com/seraihost/serai/host/problem"
)

// maxFields leaves room in an envelope for what dispatch adds.
const maxFields = abi.MaxFields - 16

// methods are those that Fiber knows and that a service may offer.
var methods = map[string]string{
	"GET": "GET", "HEAD": "HEAD", "POST": "POST", "PUT": "PUT", "DELETE": "DELETE", "OPTIONS": "OPTIONS", "PATCH": "PATCH",
}

// offered reports whether a service may offer the method. CONNECT and TRACE
// are for proxies.
func offered(method string) bool {
	return route.IsMethod(method) && method != "CONNECT" && method != "TRACE"
}

// exchange is the working memory of one request and its reply.
type exchange struct {
	headers headers
	match   route.Match
	cid     string
	method  string
	target  target
	host    string
	who     Identity
	body    []byte
	stream  *bodyStream // the body instead, or what of it is not read
	used    int64       // bytes counted in Gateway.bodies
	sends   bool        // the reply's body goes out after the handler has returned
	unread  bool        // a part of the body may be on the connection
}

var exchanges = sync.Pool{New: func() any { return newExchange() }}

func newExchange() *exchange {
	x := new(exchange)
	x.match.Accept = x.headers.accept
	return x
}

// serve is the server's handler, around Fiber's.
func (g *Gateway) serve(rctx *fasthttp.RequestCtx) {
	defer g.recover(rctx)
	method := rctx.Request.Header.Method()
	_, known := methods[string(method)]
	switch {
	case known:
		g.fiber(rctx)
	case offered(string(method)):
		g.exchange(rctx) // Fiber would answer such a method itself
	default:
		g.abandon(rctx)
		g.refuse(rctx, problem.Of(abi.Unsupported, "this method is not supported here", newCID()))
	}
	if g.closed.Load() { // fasthttp's own CloseOnShutdown begins a moment later
		rctx.SetConnectionClose()
	}
}

// recover answers a request whose handling panicked.
func (g *Gateway) recover(rctx *fasthttp.RequestCtx) {
	if v := recover(); v != nil {
		cid := newCID()
		g.config.Logger.Error("handling a request panicked", "cid", cid, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		rctx.Response.Reset()
		g.abandon(rctx)
		g.refuse(rctx, problem.Of(abi.Internal, "", cid).Public())
	}
}

// handle is the one Fiber handler.
func (g *Gateway) handle(c *fiber.Ctx) error {
	g.exchange(c.Context())
	return nil
}

// exchange answers one request.
func (g *Gateway) exchange(rctx *fasthttp.RequestCtx) {
	x, ok := exchanges.Get().(*exchange)
	if !ok {
		x = newExchange()
	}
	x.cid = ""
	g.answer(rctx, x)
	if x.sends {
		return // the server reads the rest of the reply
	}
	if x.unread {
		g.abandon(rctx)
	}
	g.release(x)
}

// release gives back what a request and its reply have taken.
func (g *Gateway) release(x *exchange) {
	if x.stream != nil {
		x.stream.finish()
	}
	if x.used > 0 {
		g.bodies.Add(-x.used)
	}
	clear(x.headers.fields[:cap(x.headers.fields)])
	x.match.Entry, x.who, x.used, x.unread, x.body, x.stream, x.sends = nil, Identity{}, 0, false, nil, nil, false
	exchanges.Put(x)
}

// answer takes a request from its raw headers to its response.
func (g *Gateway) answer(rctx *fasthttp.RequestCtx, x *exchange) {
	x.unread = true // until the headers say otherwise
	if r := x.read(g, rctx); r != nil {
		g.turnDown(rctx, x, r)
		return
	}
	s := g.current.Load()
	binding, ok := g.find(rctx, x, s)
	if !ok || !g.admit(rctx, x, s, binding) {
		return
	}
	if r := g.readBody(rctx, x); r != nil {
		g.turnDown(rctx, x, r)
		return
	}
	call, r := x.call(rctx, binding)
	if r != nil {
		x.unread = x.stream != nil
		g.turnDown(rctx, x, r)
		return
	}
	g.invoke(rctx, x, binding, call)
	x.unread = x.stream != nil && !x.stream.ended()
}

// read parses the request line and the headers.
func (x *exchange) read(g *Gateway, rctx *fasthttp.RequestCtx) *refusal {
	h := &rctx.Request.Header
	r := x.headers.parse(h.RawHeaders())
	if x.cid = x.headers.cid; x.cid == "" {
		x.cid = newCID()
	}
	if r != nil {
		return r
	}
	if x.method = methods[string(h.Method())]; x.method == "" {
		x.method = string(h.Method())
	}
	oldHTTP := string(h.Protocol()) == "HTTP/1.0"
	if !oldHTTP && string(h.Protocol()) != "HTTP/1.1" {
		return &refusal{http.StatusHTTPVersionNotSupported, "use HTTP/1.1"}
	}
	x.unread = g.hasRest(&x.headers)
	if oldHTTP && x.headers.chunked {
		return badFraming
	}
	if len(h.RequestURI()) > g.config.MaxURIBytes {
		return &refusal{http.StatusRequestURITooLong, "the request's URI is too long"}
	}
	if x.target, r = parseTarget(string(h.RequestURI())); r != nil {
		return r
	}
	named := x.headers.host
	if x.target.authority != "" {
		named = x.target.authority
	}
	x.host = route.NormalHost(named)
	if x.host == "" && (named != "" || !x.headers.hasHost && !oldHTTP) {
		return &refusal{http.StatusBadRequest, "the Host header is missing or malformed"}
	}
	return nil
}

// find looks the route up.
func (g *Gateway) find(rctx *fasthttp.RequestCtx, x *exchange, s *snapshot) (*bound, bool) {
	outcome := route.NotFound
	if s.table != nil {
		outcome = s.table.Match(&x.match, x.host, x.method, x.target.path)
	}
	if x.match.Negotiated {
		rctx.Response.Header.Add("Vary", "Accept")
	}
	switch outcome {
	case route.Found:
		b := &s.bindings[x.match.Entry.Target]
		if b.Channel == nil || !b.Channel.Disabled {
			return b, true
		}
		g.nothingHere(rctx, x)
	case route.MethodNotAllowed:
		allow := strings.Join(s.table.Allow(&x.match, x.host), ", ")
		rctx.Response.Header.Set("Allow", allow)
		g.turnDown(rctx, x, &refusal{http.StatusMethodNotAllowed, "the methods of this path are " + allow})
	case route.NotAcceptable:
		types := strings.Join(s.table.Types(&x.match, x.host), ", ")
		g.turnDown(rctx, x, &refusal{http.StatusNotAcceptable, "the media types of this path are " + types})
	case route.BadPath:
		g.turnDown(rctx, x, &refusal{http.StatusBadRequest, "the request's path is malformed"})
	case route.TooLong:
		g.turnDown(rctx, x, &refusal{http.StatusRequestURITooLong, "the request's path has too many segments"})
	case route.NotFound:
		g.nothingHere(rctx, x)
	}
	return nil, false
}

func (g *Gateway) nothingHere(rctx *fasthttp.RequestCtx, x *exchange) {
	g.refuse(rctx, problem.Of(abi.NotFound, "no service is at this path", x.cid))
}

// admit authenticates the request as its route demands, and turns it away if
// the service of its channel is missing.
func (g *Gateway) admit(rctx *fasthttp.RequestCtx, x *exchange, s *snapshot, b *bound) bool {
	if len(b.demand.Names) > 0 && !g.authenticate(rctx, x, s, b) {
		return false
	}
	if b.Missing {
		g.turnDown(rctx, x, &refusal{http.StatusServiceUnavailable, fmt.Sprintf("service %q is not deployed", b.Service)})
		return false
	}
	return true
}

func (g *Gateway) authenticate(rctx *fasthttp.RequestCtx, x *exchange, s *snapshot, b *bound) bool {
	if s.auth == nil {
		g.fail(rctx, x.cid, host.Errorf(abi.Unavailable, "the service cannot be reached now"))
		return false
	}
	who, err := s.auth.Authenticate(&b.demand, &x.headers)
	var refused *AuthError
	switch {
	case errors.As(err, &refused):
		for _, c := range refused.Challenges {
			rctx.Response.Header.Add("WWW-Authenticate", c)
		}
		g.refuse(rctx, problem.Edge(http.StatusUnauthorized, "the request has no valid credentials", x.cid))
		return false
	case err != nil:
		g.config.Logger.Error("authenticating a request", "cid", x.cid, "tenant", b.Tenant, "service", b.Service, "err", err)
		g.fail(rctx, x.cid, err)
		return false
	}
	x.who = who
	for _, name := range b.demand.Names {
		if header := s.auth.Credential(b.Tenant, name); header != "" {
			x.headers.drop(header)
		}
	}
	return true
}

// call builds the call. Everything in it is a copy of its own.
func (x *exchange) call(rctx *fasthttp.RequestCtx, b *bound) (*host.Call, *refusal) {
	m := &x.match
	n := 6 + len(b.fields) + len(m.Params) + len(x.headers.fields) + strings.Count(x.target.query, "&") + 1
	if x.who.Definition != "" {
		n += 3
	}
	e := make(abi.Envelope, 0, n)
	e = append(e,
		abi.Field{Name: abi.FieldMethod, Value: x.method},
		abi.Field{Name: abi.FieldPath, Value: m.Path},
		abi.Field{Name: abi.FieldRoute, Value: m.Entry.String()},
		abi.Field{Name: abi.FieldHost, Value: x.host},
	)
	if x.target.query != "" {
		e = append(e, abi.Field{Name: abi.FieldRawQuery, Value: x.target.query})
	}
	if remote := remoteIP(rctx); remote != "" {
		e = append(e, abi.Field{Name: abi.FieldRemoteAddr, Value: remote})
	}
	if x.who.Definition != "" {
		e = append(e,
			abi.Field{Name: abi.FieldPrincipal, Value: x.who.Principal},
			abi.Field{Name: abi.FieldSecurityType, Value: string(x.who.Type)},
			abi.Field{Name: abi.FieldSecurityName, Value: x.who.Definition},
		)
	}
	e = append(e, b.fields...)
	for i, p := range m.Params {
		e = append(e, abi.Field{Name: b.params[i], Value: p.Value})
	}
	e = append(e, x.headers.fields...)
	e, r := appendQuery(e, x.target.query)
	if r != nil {
		return nil, r
	}
	call := &host.Call{
		Tenant: b.Tenant, Service: b.Service, CID: x.cid, Channel: abi.ChannelHTTP, Envelope: e, Body: x.body,
	}
	if x.stream != nil {
		call.Stream, call.Length = x.stream, -1
		if !x.headers.chunked {
			call.Length = x.headers.length
		}
	}
	return call, nil
}

func remoteIP(rctx *fasthttp.RequestCtx) string {
	if c, ok := rctx.Conn().(*conn); ok {
		return c.remote
	}
	return rctx.RemoteIP().String()
}

// invoke runs the call and writes what came of it.
func (g *Gateway) invoke(rctx *fasthttp.RequestCtx, x *exchange, b *bound, call *host.Call) {
	run := g.runner()
	c, own := rctx.Conn().(*conn)
	run.runs = runs{ctx: g.base, call: call, exchange: x, conn: c}
	if own {
		run.ctx = c.ctx
		c.calling.Store(true)
	}
	if rctx.Request.Header.IsHTTP11() { // HTTP/1.0 has no chunks
		call.Answer = run.answer
	}
	if e, _ := run.next(); e == begun {
		x.sends = true
		run.out.start(rctx, b.contentType)
		return
	}
	if own {
		c.calling.Store(false)
	}
	reply, out, err := run.reply, run.out, run.err
	g.keep(run)
	if err == nil {
		err = checkReply(reply)
	}
	if err != nil {
		g.log(call, err)
		if x.stream != nil && x.stream.refusal != nil {
			g.turnDown(rctx, x, x.stream.refusal)
			return
		}
		g.fail(rctx, x.cid, err)
		return
	}
	if reply.Sent { // to nobody, for HTTP allows no body here
		reply = out.reply
	}
	writeReply(&rctx.Response, reply, b.contentType)
	rctx.Response.Header.Set("X-Request-Id", x.cid)
}

// log tells the operator about failures that are the host's, and in detail
// only there.
func (g *Gateway) log(call *host.Call, err error) {
	level := slog.LevelDebug
	if host.CodeOf(err) == abi.Internal {
		level = slog.LevelError
	}
	g.config.Logger.Log(g.base, level, "call failed", "cid", call.CID, "tenant", call.Tenant, "service", call.Service, "err", err)
}
