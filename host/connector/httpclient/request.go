package httpclient

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// maxURLBytes bounds the path and query of a request.
const maxURLBytes = 32 << 10

// hostsOwn are the headers that neither guests nor connections set: they
// belong to the connection between two machines, or the host writes them.
var hostsOwn = map[string]bool{
	"Accept-Encoding": true, "Connection": true, "Content-Length": true, "Expect": true, "Host": true,
	"Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// outgoing is a request, ready to be sent as often as it takes.
type outgoing struct {
	method  string
	url     *url.URL
	guest   http.Header // headers that the guest chose; hosts that are not the connection's get no others
	headers http.Header // these and the connection's own
	body    *payload
	stream  *bodyStream // the body instead; it can be sent once
	timeout time.Duration
	bare    bool // a redirect is the reply
}

// build makes a request from the fields of an operation. What it returns
// shares no memory with the request but the body. r is nil for the host's own.
func (c *Client) build(r *connector.Request, in request) (*outgoing, error) {
	out := &outgoing{method: strings.ToUpper(in.Method), timeout: time.Duration(c.spec.Timeout), bare: !in.Redirects, body: &payload{data: in.Body}}
	if in.Stream != nil {
		out.stream = &bodyStream{from: in.Stream, length: r.Length, done: make(chan struct{})}
	}
	if !methods[out.method] {
		return nil, host.FieldErrorf(abi.FieldMethod, "method %q: use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS", host.Clip(out.method))
	}
	ceiling := out.timeout
	if ceiling == 0 {
		out.timeout, ceiling = DefaultTimeout, MaxTimeout
	}
	if in.Timeout > 0 {
		out.timeout = min(in.Timeout, ceiling)
	}
	address := c.address
	if in.URL != nil {
		address = c.absolute
	}
	if err := address(out, in); err != nil {
		return nil, err
	}
	cid := ""
	if r != nil {
		cid = r.Scope.CID
	}
	return out, c.fillHeader(out, in.Headers, cid)
}

// methods maps what guests may send to whether it may be sent again.
var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true,
	http.MethodPatch: true, http.MethodDelete: true, http.MethodOptions: true,
}

func idempotent(method string) bool {
	return method != http.MethodPost && method != http.MethodPatch
}

// address sets the URL: the base path and the guest's, their placeholders
// filled from the parameters, and as the query the connection's own, the
// guest's and the parameters that no placeholder used.
func (c *Client) address(out *outgoing, in request) error {
	segments := c.spec.path
	if in.Path != "" {
		more, err := splitPath(in.Path)
		if err != nil {
			return err
		}
		if n := len(segments); n > 0 && len(more) > 0 && segments[n-1] == "" {
			segments = segments[:n-1]
		}
		segments = append(slices.Clip(segments), more...)
	}
	var used []string
	value := func(name string) (string, error) {
		v := abi.Envelope(in.Params).Get(name)
		if v == "" {
			return "", host.FieldErrorf(abi.PrefixParam+host.Clip(name), "the connection's path needs the parameter %q", host.Clip(name))
		}
		used = append(used, name)
		return v, nil
	}
	plain := make([]string, len(segments))
	for i, s := range segments {
		var err error
		if plain[i], err = expand(s, value); err != nil {
			return err
		}
	}
	raw, query := join(plain), c.queryOf(in, used)
	if len(raw)+len(query) > maxURLBytes {
		return host.Errorf(abi.TooLarge, "path and query have %d bytes, at most %d", len(raw)+len(query), maxURLBytes)
	}
	out.url = &url.URL{Scheme: c.spec.scheme, Host: c.spec.host, Path: "/" + strings.Join(plain, "/"), RawPath: raw, RawQuery: query}
	return nil
}

func (c *Client) queryOf(in request, used []string) string {
	var b strings.Builder
	add := func(name, value string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(value))
	}
	for _, p := range c.spec.query {
		add(p.name, p.value)
	}
	guests := func(fields []abi.Field, without []string) {
		for _, f := range fields {
			if _, fixed := c.spec.Query[f.Name]; !fixed && !slices.Contains(without, f.Name) {
				add(f.Name, f.Value)
			}
		}
	}
	guests(in.Query, nil)
	guests(in.Params, used)
	return b.String()
}

func (c *Client) fillHeader(out *outgoing, headers []abi.Field, cid string) error {
	out.guest = make(http.Header, 8)
	for _, f := range headers {
		if !httpguts.ValidHeaderFieldName(f.Name) || !httpguts.ValidHeaderFieldValue(f.Value) {
			field := abi.PrefixHeader + host.Clip(f.Name)
			return host.FieldErrorf(field, "%q is not an HTTP header", field)
		}
		name := http.CanonicalHeaderKey(f.Name)
		if !hostsOwn[name] && !c.spec.header(name) && (name != "Authorization" || c.spec.Auth.Type == "none") {
			out.guest[name] = append(out.guest[name], f.Value)
		}
	}
	if _, ok := out.guest["User-Agent"]; !ok {
		out.guest["User-Agent"] = userAgent
	}
	if _, ok := out.guest["X-Request-Id"]; !ok && cid != "" && httpguts.ValidHeaderFieldValue(cid) {
		out.guest["X-Request-Id"] = []string{cid}
	}
	out.headers = out.guest
	if len(c.spec.headers) > 0 {
		out.headers = make(http.Header, len(out.guest)+len(c.spec.headers))
		maps.Copy(out.headers, out.guest)
		for _, p := range c.spec.headers {
			out.headers[p.name] = []string{p.value}
		}
	}
	return nil
}

// trace adds the call's place in a trace, unless the service or the connection
// names one.
func (o *outgoing) trace(place host.Trace) {
	if _, own := o.headers["Traceparent"]; own || place.Parent == "" {
		return
	}
	o.headers["Traceparent"] = []string{place.Parent}
	if place.State != "" {
		o.headers["Tracestate"] = []string{place.State}
	}
}

var userAgent = []string{"serai/1"}

// payload is a body that the transport may go on reading after it answered.
// The bytes belong to the guest, so release ends that.
type payload struct {
	mu   sync.Mutex
	data []byte // nil after release
	gone bool
}

func (p *payload) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.data, p.gone = nil, true
}

// reader returns a body that starts from the beginning.
func (p *payload) reader() (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.gone:
		return nil, io.ErrClosedPipe
	case len(p.data) == 0:
		return http.NoBody, nil
	}
	return &payloadReader{p: p}, nil
}

type payloadReader struct {
	p  *payload
	at int
}

// Read implements io.Reader.
func (r *payloadReader) Read(b []byte) (int, error) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	switch {
	case r.p.gone:
		return 0, io.ErrClosedPipe
	case r.at >= len(r.p.data):
		return 0, io.EOF
	}
	n := copy(b, r.p.data[r.at:])
	r.at += n
	return n, nil
}

// Close implements io.Closer.
func (r *payloadReader) Close() error { return nil }
