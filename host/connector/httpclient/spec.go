package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/seraihost/serai/host"
)

// spec is a configuration that was checked and taken apart.
type spec struct {
	Config
	timeoutSet bool // the configuration names a timeout, so it is a ceiling
	scheme     string
	host       string   // with the port, unless it is the scheme's own
	path       []string // segments of the base path, decoded, maybe with {placeholders}
	headers    []pair
	query      []pair
	roots      *x509.CertPool
	allowed    map[string]bool // hosts that redirects may lead to
}

// pair is a name and the template of its value.
type pair struct {
	name   string
	field  string
	value  template
	before string // goes before the filled value
	basic  bool   // both together are credentials to encode by RFC 7617
}

func parse(config []byte) (*spec, error) {
	c, err := decode(config)
	if err != nil {
		return nil, err
	}
	s := &spec{Config: c, timeoutSet: c.Timeout > 0}
	for _, step := range []func() error{s.defaults, s.parseBase, s.parseHeaders, s.parseQuery, s.parseAuth, s.parseRedirects, s.parseTLS} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *spec) parseBase() error {
	const field = "config.base_url"
	if s.BaseURL == "" {
		return host.FieldErrorf(field, "%s is missing: use an address such as https://api.example.com/v1", field)
	}
	u, err := url.Parse(s.BaseURL)
	switch {
	case err != nil: // the error quotes the URL, which may hold a password
		return host.FieldErrorf(field, "%s is not a URL", field)
	case u.Scheme != "http" && u.Scheme != "https":
		return host.FieldErrorf(field, "%s has the scheme %q: use http or https", field, host.Clip(u.Scheme))
	case u.User != nil:
		return host.FieldErrorf(field, "%s holds credentials: use config.auth", field)
	case u.Hostname() == "" || strings.ContainsAny(u.Host, "{}"):
		return host.FieldErrorf(field, "%s needs a host without placeholders", field)
	case u.RawQuery != "" || u.ForceQuery:
		return host.FieldErrorf(field, "%s holds a query: use config.query", field)
	case strings.Contains(s.BaseURL, "#"):
		return host.FieldErrorf(field, "%s holds a fragment", field)
	}
	s.scheme, s.host = u.Scheme, canonicalHost(u.Scheme, u.Host)
	s.path, err = splitPath(u.EscapedPath())
	if err != nil {
		return host.FieldErrorf(field, "%s: %s", field, host.MessageOf(err))
	}
	return checkPlaceholders(field, s.path)
}

// canonicalHost lowers the name and drops the scheme's own port.
func canonicalHost(scheme, hostport string) string {
	hostport = strings.ToLower(hostport)
	name, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport
	}
	if port != "" && (scheme != "http" || port != "80") && (scheme != "https" || port != "443") {
		return hostport
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

func (s *spec) parseHeaders() error {
	if err := count("headers", len(s.Headers)); err != nil {
		return err
	}
	for i, name := range slices.Sorted(maps.Keys(s.Headers)) {
		field, text := entry("headers", name), s.Headers[name]
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(text) {
			return host.FieldErrorf(field, "%s is not an HTTP header", field)
		}
		key := http.CanonicalHeaderKey(name)
		if hostsOwn[key] {
			return host.FieldErrorf(field, "%s: the host sets this header itself", field)
		}
		if i > 0 && s.header(key) {
			return host.FieldErrorf(field, "%s occurs twice, in different letter case", field)
		}
		t, err := parseTemplate(field, text)
		if err != nil {
			return err
		}
		s.headers = append(s.headers, pair{name: key, field: field, value: t})
	}
	return nil
}

// header reports whether the connection sets the header of a canonical name.
func (s *spec) header(name string) bool {
	return slices.ContainsFunc(s.headers, func(p pair) bool { return p.name == name })
}

func (s *spec) parseQuery() error {
	if err := count("query", len(s.Query)); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Query)) {
		field, text := entry("query", name), s.Query[name]
		t, err := parseTemplate(field, text)
		if err != nil {
			return err
		}
		s.query = append(s.query, pair{name: name, field: field, value: t})
	}
	return nil
}

func (s *spec) parseAuth() error {
	a := s.Auth
	p := pair{name: "Authorization"}
	used := Auth{Type: a.Type}
	var err error
	switch a.Type {
	case "", "none":
	case "basic":
		used.Username, used.Password = a.Username, a.Password
		if a.Username == "" || strings.Contains(a.Username, ":") {
			return host.FieldErrorf("config.auth.username", "config.auth.username: use a name without a colon")
		}
		p.field, p.before, p.basic = "config.auth.password", a.Username+":", true
		p.value, err = parseCredential(p.field, a.Password)
	case "bearer":
		used.Token = a.Token
		p.field, p.before = "config.auth.token", "Bearer "
		p.value, err = parseCredential(p.field, a.Token)
	case "header":
		used.Header, used.Value = a.Header, a.Value
		p.field, p.name = "config.auth.value", http.CanonicalHeaderKey(a.Header)
		if !httpguts.ValidHeaderFieldName(a.Header) || hostsOwn[p.name] {
			return host.FieldErrorf("config.auth.header", "config.auth.header: use the name of a header, such as X-API-Key")
		}
		p.value, err = parseCredential(p.field, a.Value)
	default:
		return host.FieldErrorf("config.auth.type", "config.auth.type %q: use none, basic, bearer or header", host.Clip(a.Type))
	}
	if err != nil {
		return err
	}
	if a != used {
		return host.FieldErrorf("config.auth", "config.auth has fields that the type %q does not use", a.Type)
	}
	if p.field != "" {
		if s.header(p.name) {
			return host.FieldErrorf("config.auth", "config.auth and config.headers both set %s", p.name)
		}
		s.headers = append(s.headers, p)
	}
	return nil
}

func (s *spec) parseRedirects() error {
	if err := count("redirects.allow_hosts", len(s.Redirects.AllowHosts)); err != nil {
		return err
	}
	s.allowed = make(map[string]bool, len(s.Redirects.AllowHosts))
	for _, h := range s.Redirects.AllowHosts {
		if u, err := url.Parse("//" + h); err != nil || u.Host != h || u.Hostname() == "" {
			field := "config.redirects.allow_hosts"
			return host.FieldErrorf(field, "%s: %q is not a host such as login.example.com", field, host.Clip(h))
		}
		s.allowed[strings.ToLower(h)] = true
	}
	return nil
}

func (s *spec) parseTLS() error {
	if s.TLS.CAPEM == "" {
		return nil
	}
	s.roots = x509.NewCertPool()
	if !s.roots.AppendCertsFromPEM([]byte(s.TLS.CAPEM)) {
		return host.FieldErrorf("config.tls.ca_pem", "config.tls.ca_pem holds no PEM certificate")
	}
	return nil
}

func (s *spec) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            s.roots,
		InsecureSkipVerify: s.TLS.InsecureSkipVerify, //nolint:gosec // the operator's choice for one connection
	}
}

// filled is a header or a query value with its secrets in place.
type filled struct{ name, value string }

// fill resolves the references of pairs. An error names the field, never a value.
func fill(ctx context.Context, tenant string, source Source, pairs []pair) ([]filled, error) {
	out := make([]filled, 0, len(pairs))
	for _, p := range pairs {
		v, err := p.value.fill(ctx, tenant, source)
		if err != nil {
			return nil, err
		}
		v = p.before + v
		if p.basic {
			v = "Basic " + base64.StdEncoding.EncodeToString([]byte(v))
		}
		out = append(out, filled{p.name, v})
	}
	return out, nil
}

// fillHeaders is fill for what must be a header's value.
func fillHeaders(ctx context.Context, tenant string, source Source, pairs []pair) ([]filled, error) {
	out, err := fill(ctx, tenant, source, pairs)
	if err != nil {
		return nil, err
	}
	for i, f := range out {
		if !httpguts.ValidHeaderFieldValue(f.value) {
			return nil, host.FieldErrorf(pairs[i].field, "%s: a secret in it has bytes that a header cannot carry, such as a line end", pairs[i].field)
		}
	}
	return out, nil
}
