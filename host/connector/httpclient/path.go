package httpclient

import (
	"net/url"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// splitPath takes a path apart into its segments, decoded. A leading slash
// may be missing; a trailing one leaves a last empty segment.
func splitPath(path string) ([]string, error) {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return nil, nil
	}
	if strings.ContainsAny(path, "?#") {
		return nil, host.FieldErrorf(abi.FieldPath, `path has a "?" or "#": hand the query over as parameters`)
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return nil, host.FieldErrorf(abi.FieldPath, "path has a percent sign that does not begin an escape: write %%25")
		}
		if climbs(plain) {
			return nil, host.FieldErrorf(abi.FieldPath, `path has a segment "." or ".."`)
		}
		segments[i] = plain
	}
	return segments, nil
}

// climbs reports whether a decoded segment could be read as a step to
// another directory by some server: these also split at an encoded slash or
// at a backslash, and drop what follows a semicolon.
func climbs(segment string) bool {
	if !strings.Contains(segment, ".") {
		return false
	}
	for part := range strings.FieldsFuncSeq(segment, func(r rune) bool { return r == '/' || r == '\\' }) {
		part, _, _ = strings.Cut(part, ";")
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// checkPlaceholders returns an error unless each brace is part of a {name}.
func checkPlaceholders(field string, segments []string) error {
	for _, s := range segments {
		_, err := expand(s, func(string) (string, error) { return "x", nil })
		if err != nil {
			return host.FieldErrorf(field, "config.%s: %s", field, host.MessageOf(err))
		}
	}
	return nil
}

// expand replaces each {name} of a decoded segment by the name's value.
func expand(segment string, value func(name string) (string, error)) (string, error) {
	if !strings.ContainsAny(segment, "{}") {
		return segment, nil
	}
	var b strings.Builder
	for rest := segment; ; {
		text, after, found := strings.Cut(rest, "{")
		name, tail, closed := strings.Cut(after, "}")
		if strings.Contains(text, "}") || found && (!closed || name == "" || strings.Contains(name, "{")) {
			return "", host.FieldErrorf(abi.FieldPath, "path segment %q: write placeholders as {name}", host.Clip(segment))
		}
		b.WriteString(text)
		if !found {
			break
		}
		v, err := value(name)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
		rest = tail
	}
	if climbs(b.String()) {
		return "", host.FieldErrorf(abi.FieldPath, `a parameter makes the path segment %q a step "." or ".."`, host.Clip(segment))
	}
	return b.String(), nil
}

// join returns the escaped path of the segments: each is escaped by itself,
// so that nothing in it ends the segment or the path.
func join(segments []string) string {
	if len(segments) == 0 {
		return "/"
	}
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}
