package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/seraihost/serai/host"
)

// Bounds on a route.
const (
	MaxPathBytes  = 1024 // of a route's path
	MaxSegments   = 32   // of a route's path
	MaxRoutes     = 256  // of a version
	MaxMediaTypes = 32   // of a path and method, any included
	maxHostBytes  = 253  // RFC 1035
	maxMethodSize = 32
	maxMediaRange = 128
)

// AnyMethod is the canonical way to say that a route takes every method.
const AnyMethod = "*"

var (
	// token is RFC 9110, section 5.6.2.
	token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	// hostName is a DNS name or an IPv4 address, without a port.
	hostName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))*$`)
	// parameter is what a parameter may be called.
	parameter = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	// mediaRange is RFC 9110, section 12.5.1, in lower case and without
	// parameters.
	mediaRange = regexp.MustCompile("^[!#$%&'+.^_`|~0-9a-z-]+/(?:\\*|[!#$%&'+.^_`|~0-9a-z-]+)$")
	// literal is what RFC 3986 allows in a segment, without percent-encoding,
	// so that there is one way to write each.
	literal = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()*+,;=:@-]+$`)
)

// NormalizeRoute checks a route's syntax and returns its canonical form:
// host and media type in lower case, method in upper case or [AnyMethod], no
// Accept where it is */*, and MatchSlash only where there is a placeholder.
//
// The path begins with "/". Its segments are literals, literals with
// placeholders {name} in them, or a last {name...}; no placeholder touches
// another one or has its name; no segment is "." or "..", and only the last
// one may be empty, which is a slash at the end. The error is about field
// "route".
func NormalizeRoute(r host.Route) (host.Route, error) {
	r, err := normalizeRoute(r)
	return r, onField("route", err)
}

// normalizeRoute is NormalizeRoute with errors about the fields of a route.
func normalizeRoute(r host.Route) (host.Route, error) {
	r.Host = strings.ToLower(r.Host)
	if r.Host != "" && (len(r.Host) > maxHostBytes || !hostName.MatchString(r.Host)) {
		return r, host.FieldErrorf("host", "host %q: use a DNS name without a port, or none for any", host.Clip(r.Host))
	}
	r.Method = strings.ToUpper(r.Method)
	if r.Method == "" {
		r.Method = AnyMethod
	}
	if len(r.Method) > maxMethodSize || r.Method != AnyMethod && !token.MatchString(r.Method) {
		return r, host.FieldErrorf("method", "method %q: use an HTTP method such as GET, or * for any", host.Clip(r.Method))
	}
	r.Accept = strings.ToLower(r.Accept)
	if r.Accept == "*/*" {
		r.Accept = ""
	}
	if r.Accept != "" && (len(r.Accept) > maxMediaRange || !mediaRange.MatchString(r.Accept)) {
		return r, host.FieldErrorf("accept", "accept %q: use one media type without parameters, such as application/json or text/*, or none for any", host.Clip(r.Accept))
	}
	placeholders, err := checkPath(r.Path, r.MatchSlash)
	r.MatchSlash = r.MatchSlash && placeholders
	return r, err
}

// onField returns err as one about the field.
func onField(field string, err error) error {
	e, ok := errors.AsType[*host.Error](err)
	if !ok {
		return err
	}
	out := *e
	out.Field = field
	return &out
}

// checkPath reports whether the path has placeholders.
func checkPath(path string, matchSlash bool) (placeholders bool, err error) {
	if len(path) > MaxPathBytes || !strings.HasPrefix(path, "/") {
		return false, host.FieldErrorf("path", "path %q: begin with / and use at most %d bytes", host.Clip(path), MaxPathBytes)
	}
	segments := strings.Split(path[1:], "/")
	if len(segments) > MaxSegments {
		return false, host.FieldErrorf("path", "path %q: use at most %d segments", host.Clip(path), MaxSegments)
	}
	seen := make(map[string]bool)
	for i, s := range segments {
		if err := checkSegment(s, i == len(segments)-1, matchSlash, seen); err != nil {
			return false, host.FieldErrorf("path", "path %q: segment %d: %w", host.Clip(path), i+1, err)
		}
	}
	return len(seen) > 0, nil
}

// checkSegment notes the names of the segment's placeholders in seen.
func checkSegment(s string, last, matchSlash bool, seen map[string]bool) error {
	literals, names, ok := host.CutPlaceholders(s)
	switch {
	case !ok:
		return errors.New("a brace has no partner; write placeholders as {name}")
	case s == "" && !last || s == "." || s == "..":
		return fmt.Errorf("it is %q; write no empty, . or .. segments", s)
	case len(names) == 0 && s == "":
		return nil
	}
	for i, l := range literals {
		switch inner := i > 0 && i < len(names); {
		case inner && l == "":
			return fmt.Errorf("{%s}{%s} can be told apart in no way; put a character between them", host.Clip(names[i-1]), host.Clip(names[i]))
		case l != "" && !literal.MatchString(l):
			return errors.New("it has a character that is not allowed; use letters, digits and -._~!$&'()*+,;=:@, or placeholders {name}")
		}
	}
	for _, name := range names {
		name, rest := strings.CutSuffix(name, "...")
		switch {
		case !parameter.MatchString(name):
			return fmt.Errorf("placeholder %q; use 1 to 64 letters, digits and underscores, not beginning with a digit", host.Clip(name))
		case seen[name]:
			return fmt.Errorf("two placeholders are called %q; rename one", name)
		case rest && matchSlash:
			return fmt.Errorf("{%s...} takes slashes without match_slash; write {%s}, or leave match_slash out", name, name)
		case rest && (!last || len(s) != len(name)+len("{...}")):
			return fmt.Errorf("{%s...} takes all remaining segments; make it the whole last one", name)
		}
		seen[name] = true
	}
	return nil
}

// Shape returns a route's path without the names of its placeholders:
// /user/{id}/x-{y}/{rest...} has the shape /user/{}/x-{}/{...}, and with
// MatchSlash /{a}/b has the shape /{/}/b. Paths of one shape match the same
// requests.
func Shape(r host.Route) string {
	literals, names, ok := host.CutPlaceholders(r.Path)
	if !ok {
		return r.Path
	}
	var b strings.Builder
	for i, l := range literals {
		b.WriteString(l)
		switch {
		case i == len(names):
		case strings.HasSuffix(names[i], "..."):
			b.WriteString("{...}")
		case r.MatchSlash:
			b.WriteString("{/}")
		default:
			b.WriteString("{}")
		}
	}
	return b.String()
}

// Conflict reports whether some request would match both routes with equal
// specificity: they have the same host, shape of path, method and media type.
// Both must be canonical.
func Conflict(a, b host.Route) bool {
	return a.Host == b.Host && a.Method == b.Method && a.Accept == b.Accept && Shape(a) == Shape(b)
}

// Overlap reports whether some request would match both routes on the same
// path, even if one of them is more specific in its method or media type. Such
// routes must belong to one tenant. Both must be canonical.
func Overlap(a, b host.Route) bool {
	methods := a.Method == b.Method || a.Method == AnyMethod || b.Method == AnyMethod
	return a.Host == b.Host && methods && Shape(a) == Shape(b)
}
