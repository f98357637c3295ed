package catalog

import (
	"regexp"
	"strings"

	"github.com/seraihost/serai/host"
)

// Bounds on a route.
const (
	MaxPathBytes  = 1024 // of a route's path
	MaxSegments   = 32   // of a route's path
	MaxRoutes     = 256  // of a version
	maxHostBytes  = 253  // RFC 1035
	maxMethodSize = 32
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
	// literal is a segment of RFC 3986's pchar without percent-encoding, so
	// that there is one way to write each.
	literal = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()*+,;=:@-]+$`)
)

// NormalizeRoute checks a route's syntax and returns its canonical form:
// host in lower case, method in upper case or [AnyMethod]. The path begins
// with "/"; its segments are literals, {name}, or a last {name...}; there
// are no empty segments (so no trailing slash), none of "." and "..", and no
// parameter has another one's name. The error is about field "route".
func NormalizeRoute(r host.Route) (host.Route, error) {
	r.Host = strings.ToLower(r.Host)
	if r.Host != "" && (len(r.Host) > maxHostBytes || !hostName.MatchString(r.Host)) {
		return r, host.FieldErrorf("route", "route host %q: use a DNS name without a port, or none for any", host.Clip(r.Host))
	}
	r.Method = strings.ToUpper(r.Method)
	if r.Method == "" {
		r.Method = AnyMethod
	}
	if len(r.Method) > maxMethodSize || r.Method != AnyMethod && !token.MatchString(r.Method) {
		return r, host.FieldErrorf("route", "route method %q: use an HTTP method such as GET, or * for any", host.Clip(r.Method))
	}
	return r, checkPath(r.Path)
}

func checkPath(path string) error {
	if len(path) > MaxPathBytes || !strings.HasPrefix(path, "/") {
		return host.FieldErrorf("route", "route path %q: begin with / and use at most %d bytes", host.Clip(path), MaxPathBytes)
	}
	if path == "/" {
		return nil
	}
	segments := strings.Split(path[1:], "/")
	if len(segments) > MaxSegments {
		return host.FieldErrorf("route", "route path %q: use at most %d segments", host.Clip(path), MaxSegments)
	}
	seen := make(map[string]bool)
	for i, s := range segments {
		name, rest, isParameter := cutParameter(s)
		switch {
		case s == "" || s == "." || s == "..":
			return host.FieldErrorf("route", "route path %q: segment %d is %q; write no empty, . or .. segments and no / at the end", host.Clip(path), i+1, s)
		case !isParameter && !literal.MatchString(s):
			return host.FieldErrorf("route", "route path %q: segment %d has a character that is not allowed; use letters, digits and -._~!$&'()*+,;=:@, or a whole segment {name}", host.Clip(path), i+1)
		case !isParameter:
		case !parameter.MatchString(name):
			return host.FieldErrorf("route", "route path %q: parameter %q; use 1 to 64 letters, digits and underscores, not beginning with a digit", host.Clip(path), host.Clip(name))
		case seen[name]:
			return host.FieldErrorf("route", "route path %q: two parameters are called %q; rename one", host.Clip(path), name)
		case rest && i < len(segments)-1:
			return host.FieldErrorf("route", "route path %q: {%s...} takes all remaining segments; put it last", host.Clip(path), name)
		default:
			seen[name] = true
		}
	}
	return nil
}

// cutParameter returns the name of a {name} or {name...} segment.
func cutParameter(segment string) (name string, rest, ok bool) {
	name, ok = strings.CutPrefix(segment, "{")
	if !ok {
		return "", false, false
	}
	name, ok = strings.CutSuffix(name, "}")
	if !ok {
		return "", false, false
	}
	name, rest = strings.CutSuffix(name, "...")
	return name, rest, true
}

// Shape returns a path with its parameters' names removed: /user/{id}/{rest...}
// has the shape /user/{}/{...}. Paths of one shape match the same requests.
func Shape(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		switch _, rest, ok := cutParameter(s); {
		case ok && rest:
			segments[i] = "{...}"
		case ok:
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// Conflict reports whether some request would match both routes with equal
// specificity: they have the same host, the same shape of path, and a method
// in common. Both must be canonical.
func Conflict(a, b host.Route) bool {
	return a.Host == b.Host && methodsOverlap(a.Method, b.Method) && Shape(a.Path) == Shape(b.Path)
}

func methodsOverlap(a, b string) bool {
	return a == b || a == AnyMethod || b == AnyMethod
}
