package httpclient

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
	timeout time.Duration
	bare    bool // a redirect is the reply
}

// build makes a request from the fields of an operation. What it returns
// shares no memory with the request but the body.
func (l *live) build(r *connector.Request) (*outgoing, error) {
	out := &outgoing{method: http.MethodGet, timeout: time.Duration(l.spec.Timeout), body: &payload{data: r.Body}}
	if m := r.Envelope.Get(abi.FieldMethod); m != "" {
		out.method = strings.ToUpper(m)
	}
	if !methods[out.method] {
		return nil, host.FieldErrorf(abi.FieldMethod, "method %q: use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS", host.Clip(out.method))
	}
	if text := r.Envelope.Get(abi.FieldTimeout); text != "" {
		ms, err := strconv.ParseUint(text, 10, 31)
		if err != nil || ms == 0 {
			return nil, host.FieldErrorf(abi.FieldTimeout, "timeout %q: use a number of milliseconds", host.Clip(text))
		}
		if asked := time.Duration(ms) * time.Millisecond; asked < out.timeout || !l.spec.timeoutSet {
			out.timeout = min(asked, MaxTimeout)
		}
	}
	out.bare = r.Envelope.Get(abi.FieldRedirects) == "0"
	address := l.address
	if text, whole := r.Envelope.Lookup(abi.FieldURL); whole {
		address = func(out *outgoing, _ abi.Envelope) error { return l.absolute(out, text) }
	}
	if err := address(out, r.Envelope); err != nil {
		return nil, err
	}
	return out, l.fillHeader(out, r)
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
// filled from param.*, and as the query the connection's own, query.* and
// the parameters that no placeholder used.
func (l *live) address(out *outgoing, env abi.Envelope) error {
	segments := l.spec.path
	if path := env.Get(abi.FieldPath); path != "" {
		more, err := splitPath(path)
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
		v, ok := env.Lookup(abi.PrefixParam + name)
		if !ok || v == "" {
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
	raw, query := join(plain), l.queryOf(env, used)
	if len(raw)+len(query) > maxURLBytes {
		return host.Errorf(abi.TooLarge, "path and query have %d bytes, at most %d", len(raw)+len(query), maxURLBytes)
	}
	out.url = &url.URL{Scheme: l.spec.scheme, Host: l.spec.host, Path: "/" + strings.Join(plain, "/"), RawPath: raw, RawQuery: query}
	return nil
}

func (l *live) queryOf(env abi.Envelope, used []string) string {
	var b strings.Builder
	add := func(name, value string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(value))
	}
	for _, f := range l.query {
		add(f.name, f.value)
	}
	for i := range env {
		name, ok := strings.CutPrefix(env[i].Name, abi.PrefixQuery)
		if !ok {
			if name, ok = strings.CutPrefix(env[i].Name, abi.PrefixParam); !ok || slices.Contains(used, name) {
				continue
			}
		}
		if _, fixed := l.spec.Query[name]; !fixed {
			add(name, env[i].Value)
		}
	}
	return b.String()
}

func (l *live) fillHeader(out *outgoing, r *connector.Request) error {
	out.guest = make(http.Header, 8)
	for i := range r.Envelope {
		f := &r.Envelope[i]
		name, ok := strings.CutPrefix(f.Name, abi.PrefixHeader)
		if !ok {
			continue
		}
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(f.Value) {
			return host.FieldErrorf(host.Clip(f.Name), "%q is not an HTTP header", host.Clip(f.Name))
		}
		name = http.CanonicalHeaderKey(name)
		if !hostsOwn[name] && !l.spec.header(name) && (name != "Authorization" || !l.spec.authenticates()) {
			out.guest[name] = append(out.guest[name], f.Value)
		}
	}
	if _, ok := out.guest["User-Agent"]; !ok {
		out.guest["User-Agent"] = userAgent
	}
	if _, ok := out.guest["X-Request-Id"]; !ok && r.Scope.CID != "" && httpguts.ValidHeaderFieldValue(r.Scope.CID) {
		out.guest["X-Request-Id"] = []string{r.Scope.CID}
	}
	out.headers = out.guest
	if len(l.headers) > 0 {
		out.headers = make(http.Header, len(out.guest)+len(l.headers))
		maps.Copy(out.headers, out.guest)
		for _, f := range l.headers {
			out.headers[f.name] = []string{f.value}
		}
	}
	return nil
}

var userAgent = []string{"serai/1"}

func (s *spec) authenticates() bool { return s.Auth.Type != "" && s.Auth.Type != "none" }

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
