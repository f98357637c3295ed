package httpclient

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// find returns the connection that a request names, or, where it has a URL,
// the granted one whose base address covers that: the same scheme, host and
// port, and the URL's path begins with the base path. Of several the one with
// the longest path is meant.
func find(ctx context.Context, r *connector.Request, d connector.Directory[*Client]) (string, error) {
	text, whole := r.Envelope.Lookup(abi.FieldURL)
	if !whole {
		name := r.Envelope.Get(abi.FieldConnection)
		if r.Envelope.Get(abi.FieldSimilar) == "1" {
			return similar(ctx, r.Scope, d, name)
		}
		return name, nil
	}
	for _, f := range r.Envelope {
		if f.Name == abi.FieldConnection || f.Name == abi.FieldPath ||
			strings.HasPrefix(f.Name, abi.PrefixQuery) || strings.HasPrefix(f.Name, abi.PrefixParam) {
			return "", host.FieldErrorf(abi.FieldURL, "url and %s cannot be used together", host.Clip(f.Name))
		}
	}
	t, err := parseTarget(text)
	if err != nil {
		return "", err
	}
	names, err := d.Granted(ctx)
	if err != nil {
		return "", err
	}
	best, segments := "", -1
	var broken error
	for _, name := range names {
		err := d.Use(ctx, name, func(c *Client) error {
			if len(c.spec.path) > segments && c.spec.covers(t) {
				best, segments = name, len(c.spec.path)
			}
			return nil
		})
		if err != nil && broken == nil && !elsewhere(err) {
			broken = err
		}
	}
	switch {
	case best != "":
		return best, nil
	case broken != nil:
		return "", broken
	}
	base := t.scheme + "://" + t.host
	return "", host.Errorf(abi.Denied,
		"no connection of service %q covers a URL of %s; create one with a base_url that the URL begins with, and deploy with --grant connection:NAME",
		r.Scope.Service, host.Clip(base))
}

// elsewhere reports whether a grant names what is not there, or not of HTTP.
func elsewhere(err error) bool {
	e, coded := errors.AsType[*host.Error](err)
	return coded && (e.Code == abi.NotFound || e.Field == abi.FieldConnection)
}

// target is a URL that a guest asks for.
type target struct {
	scheme, host string
	path         []string // segments, decoded
	query        []parameter
}

// parameter is one of a query, decoded. An empty one has no equals sign.
type parameter struct {
	name, value string
	empty       bool
}

func parseTarget(text string) (*target, error) {
	if len(text) > maxURLBytes {
		return nil, host.Errorf(abi.TooLarge, "url has %d bytes, at most %d", len(text), maxURLBytes)
	}
	u, err := url.Parse(text)
	switch { // messages do not quote the URL, which may hold a password
	case err != nil:
		return nil, host.FieldErrorf(abi.FieldURL, "url is not a URL such as https://api.example.com/v1")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, host.FieldErrorf(abi.FieldURL, "url is not an address with http or https, and a host")
	case u.User != nil:
		return nil, host.FieldErrorf(abi.FieldURL, "url holds credentials: the connection has them in config.auth")
	}
	t := &target{scheme: u.Scheme, host: canonicalHost(u.Scheme, u.Host)}
	if t.path, err = splitPath(u.EscapedPath()); err != nil {
		return nil, host.FieldErrorf(abi.FieldURL, "url: %s", host.MessageOf(err))
	}
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if part == "" {
			continue
		}
		name, value, equals := strings.Cut(part, "=")
		p := parameter{empty: !equals}
		var err1, err2 error
		p.name, err1 = url.QueryUnescape(name)
		p.value, err2 = url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, host.FieldErrorf(abi.FieldURL, "url: the query has a percent sign that does not begin an escape: write %%25")
		}
		t.query = append(t.query, p)
	}
	return t, nil
}

// covers reports whether the target is at or below the base address. A
// placeholder in the base path covers any segment.
func (s *spec) covers(t *target) bool {
	base := s.path
	if n := len(base); n > 0 && base[n-1] == "" {
		base = base[:n-1]
	}
	if t.scheme != s.scheme || t.host != s.host || len(t.path) < len(base) {
		return false
	}
	for i, want := range base {
		placeholder := strings.HasPrefix(want, "{") && strings.Index(want, "}") == len(want)-1
		if t.path[i] != want && (!placeholder || t.path[i] == "") {
			return false
		}
	}
	return true
}

// absolute sets the URL to the one that the guest asks for, with the
// connection's own query before the guest's.
func (c *Client) absolute(out *outgoing, in request) error {
	t, err := parseTarget(*in.URL)
	if err != nil {
		return err
	}
	if !c.spec.covers(t) { // the connection changed meanwhile
		return host.Errorf(abi.Denied, "the connection does not cover the URL any more")
	}
	var query strings.Builder
	add := func(p parameter) {
		if query.Len() > 0 {
			query.WriteByte('&')
		}
		query.WriteString(url.QueryEscape(p.name))
		if !p.empty {
			query.WriteByte('=')
			query.WriteString(url.QueryEscape(p.value))
		}
	}
	for _, f := range c.spec.query {
		add(parameter{name: f.name, value: f.value})
	}
	for _, p := range t.query {
		if _, fixed := c.spec.Query[p.name]; !fixed {
			add(p)
		}
	}
	raw := join(t.path)
	if len(raw)+query.Len() > maxURLBytes {
		return host.Errorf(abi.TooLarge, "path and query have %d bytes, at most %d", len(raw)+query.Len(), maxURLBytes)
	}
	out.url = &url.URL{
		Scheme: c.spec.scheme, Host: c.spec.host,
		Path: "/" + strings.Join(t.path, "/"), RawPath: raw, RawQuery: query.String(),
	}
	return nil
}
