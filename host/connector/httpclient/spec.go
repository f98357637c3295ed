package httpclient

import (
	"crypto/tls"
	"encoding/base64"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// spec is a configuration that was checked and taken apart. Where that still
// has references to secrets, so has the spec.
type spec struct {
	Config
	scheme  string
	host    string   // with the port, unless it is the scheme's own
	path    []string // segments of the base path, decoded, maybe with {placeholders}
	headers []pair
	query   []pair
	tls     *tls.Config
	allowed map[string]bool // hosts that redirects may lead to
}

// pair is a header or a query value.
type pair struct{ name, value string }

// parse takes a configuration apart. Its errors name the field below "config".
func parse(c Config) (*spec, error) {
	s := &spec{Config: c}
	for _, step := range []func() error{s.parseBase, s.parseHeaders, s.parseQuery, s.parseAuth, s.parseRedirects, s.parseTLS} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *spec) parseBase() error {
	const field = "base_url"
	u, err := url.Parse(s.BaseURL)
	switch {
	case err != nil: // the error quotes the URL, which may hold a password
		return host.FieldErrorf(field, "config.base_url is not a URL such as https://api.example.com/v1")
	case u.Scheme != "http" && u.Scheme != "https":
		return host.FieldErrorf(field, "config.base_url has the scheme %q: use http or https", host.Clip(u.Scheme))
	case u.User != nil:
		return host.FieldErrorf(field, "config.base_url holds credentials: use config.auth")
	case u.Hostname() == "" || strings.ContainsAny(u.Host, "{}"):
		return host.FieldErrorf(field, "config.base_url needs a host without placeholders")
	case u.RawQuery != "" || u.ForceQuery:
		return host.FieldErrorf(field, "config.base_url holds a query: use config.query")
	case strings.Contains(s.BaseURL, "#"):
		return host.FieldErrorf(field, "config.base_url holds a fragment")
	}
	s.scheme, s.host = u.Scheme, canonicalHost(u.Scheme, u.Host)
	s.path, err = splitPath(u.EscapedPath())
	if err != nil {
		return host.FieldErrorf(field, "config.base_url: %s", host.MessageOf(err))
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
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		field, value := entry("headers", name), s.Headers[name]
		if err := checkHeader(field, name, value); err != nil {
			return err
		}
		key := http.CanonicalHeaderKey(name)
		if s.header(key) {
			return host.FieldErrorf(field, "config.%s occurs twice, in different letter case", field)
		}
		s.headers = append(s.headers, pair{key, value})
	}
	return nil
}

// checkHeader refuses what the host cannot or must not send. It does not
// quote the value, which may have a secret in it.
func checkHeader(field, name, value string) error {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return host.FieldErrorf(field, "config.%s is not an HTTP header", field)
	case !httpguts.ValidHeaderFieldValue(value):
		return host.FieldErrorf(field, "config.%s, or a secret in it, has bytes that a header cannot carry, such as a line end", field)
	case hostsOwn[http.CanonicalHeaderKey(name)]:
		return host.FieldErrorf(field, "config.%s: the host sets this header itself", field)
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
		s.query = append(s.query, pair{name, s.Query[name]})
	}
	return nil
}

func (s *spec) parseAuth() error {
	a := s.Auth
	used := Auth{Type: a.Type}
	var field, name, credential, value string
	switch a.Type {
	case "basic":
		used.Username, used.Password = a.Username, a.Password
		if a.Username == "" || strings.Contains(a.Username, ":") {
			return host.FieldErrorf("auth.username", "config.auth.username: use a name without a colon")
		}
		field, name, credential = "auth.password", "Authorization", a.Password
		value = "Basic " + base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Password))
	case "bearer":
		used.Token = a.Token
		field, name, credential, value = "auth.token", "Authorization", a.Token, "Bearer "+a.Token
	case "header":
		used.Header, used.Value = a.Header, a.Value
		if !httpguts.ValidHeaderFieldName(a.Header) || hostsOwn[http.CanonicalHeaderKey(a.Header)] {
			return host.FieldErrorf("auth.header", "config.auth.header: use the name of a header, such as X-API-Key")
		}
		field, name, credential, value = "auth.value", a.Header, a.Value, a.Value
	}
	if a != used {
		return host.FieldErrorf("auth", "config.auth has fields that the type %q does not use", a.Type)
	}
	if field == "" {
		return nil
	}
	if credential == "" {
		return host.FieldErrorf(field, "config.%s is missing: use a reference such as ${secret:NAME}", field)
	}
	if err := checkHeader(field, name, value); err != nil {
		return err
	}
	name = http.CanonicalHeaderKey(name)
	if s.header(name) {
		return host.FieldErrorf("auth", "config.auth and config.headers both set %s", name)
	}
	s.headers = append(s.headers, pair{name, value})
	return nil
}

func (s *spec) parseRedirects() error {
	const field = "redirects.allow_hosts"
	if err := count(field, len(s.Redirects.AllowHosts)); err != nil {
		return err
	}
	s.allowed = make(map[string]bool, len(s.Redirects.AllowHosts))
	for _, h := range s.Redirects.AllowHosts {
		if u, err := url.Parse("//" + h); err != nil || u.Host != h || u.Hostname() == "" {
			return host.FieldErrorf(field, "config.%s: %q is not a host such as login.example.com", field, host.Clip(h))
		}
		s.allowed[strings.ToLower(h)] = true
	}
	return nil
}

func (s *spec) parseTLS() (err error) {
	t := connector.TLS{Mode: "on", CA: s.TLS.CAPEM, Cert: s.TLS.CertPEM, Key: s.TLS.KeyPEM}
	if s.TLS.InsecureSkipVerify {
		t.Mode = "insecure"
	}
	s.tls, err = t.Config("")
	return err
}
