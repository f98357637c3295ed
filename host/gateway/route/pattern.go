package route

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seraihost/serai/host"
)

// Bounds on patterns and paths.
const (
	MaxPatternBytes    = 1024
	MaxPatternSegments = 32
	MaxPathSegments    = 512
)

// ErrPattern is wrapped by every error about a malformed entry.
var ErrPattern = errors.New("malformed route")

// Kind is what a segment of a pattern matches.
type Kind uint8

// The kinds of segments, the most specific first.
const (
	Literal Kind = iota // exactly its text
	Single              // any one segment that is not empty
	Rest                // all remaining segments, even a single empty one
)

// Segment is one part of a pattern.
type Segment struct {
	Kind Kind
	Text string // the literal, or the parameter's name
}

// Parse reads a pattern. Literals are written decoded, as UTF-8.
func Parse(pattern string) ([]Segment, error) {
	switch {
	case len(pattern) > MaxPatternBytes:
		return nil, fmt.Errorf("%w: path has %d bytes, at most %d", ErrPattern, len(pattern), MaxPatternBytes)
	case !strings.HasPrefix(pattern, "/"):
		return nil, fmt.Errorf("%w: path %q: begin it with /", ErrPattern, host.Clip(pattern))
	}
	parts := strings.Split(pattern[1:], "/")
	if len(parts) > MaxPatternSegments {
		return nil, fmt.Errorf("%w: path has %d segments, at most %d", ErrPattern, len(parts), MaxPatternSegments)
	}
	segments := make([]Segment, 0, len(parts))
	seen := map[string]bool{}
	for i, part := range parts {
		s, err := parseSegment(part, i == len(parts)-1)
		if err != nil {
			return nil, fmt.Errorf("%w: path %q: %w", ErrPattern, host.Clip(pattern), err)
		}
		if s.Kind != Literal {
			if seen[s.Text] {
				return nil, fmt.Errorf("%w: path %q: parameter %q occurs twice", ErrPattern, host.Clip(pattern), s.Text)
			}
			seen[s.Text] = true
		}
		segments = append(segments, s)
	}
	return segments, nil
}

func parseSegment(part string, last bool) (Segment, error) {
	switch {
	case part == "" && !last:
		return Segment{}, errors.New("remove the empty segment")
	case part == "." || part == "..":
		return Segment{}, fmt.Errorf("segment %q never matches", part)
	case strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}"):
		name, rest := strings.CutSuffix(part[1:len(part)-1], "...")
		if !paramName(name) {
			return Segment{}, fmt.Errorf("parameter %q: use letters, digits, underscores and hyphens", name)
		}
		if rest && !last {
			return Segment{}, fmt.Errorf("{%s...} takes the remaining path, so it must be last", name)
		}
		if rest {
			return Segment{Rest, name}, nil
		}
		return Segment{Single, name}, nil
	case strings.ContainsAny(part, "{}"):
		return Segment{}, fmt.Errorf("segment %q: a parameter is a whole segment, {name}", part)
	}
	for i := range len(part) {
		if c := part[i]; c < ' ' || c == 0x7f || c == '?' || c == '#' {
			return Segment{}, fmt.Errorf("segment %q has a character that no path has", part)
		}
	}
	return Segment{Literal, part}, nil
}

func paramName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// CheckMethod returns an error unless s is "", "*" or an HTTP method without
// lower-case letters.
func CheckMethod(s string) error {
	if s == "" || s == "*" {
		return nil
	}
	if !IsMethod(s) {
		return fmt.Errorf("%w: method %q: use GET, POST and so on, or * for any", ErrPattern, host.Clip(s))
	}
	return nil
}

// maxMethodBytes bounds a method's name.
const maxMethodBytes = 32

// IsMethod reports whether s is a token (RFC 9110, section 5.6.2) without
// lower-case letters and of sane length.
func IsMethod(s string) bool {
	if s == "" || len(s) > maxMethodBytes {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return true
}

// CheckHost returns an error unless s is "" or a host name or address as
// [NormalHost] returns it.
func CheckHost(s string) error {
	if s == "" || len(s) <= 255 && NormalHost(s) == s {
		return nil
	}
	return fmt.Errorf("%w: host %q: use a lower-case name without port", ErrPattern, host.Clip(s))
}

// NormalHost returns the host of a Host header: in lower case, without port
// and final dot. It returns "" for one that is malformed. It does not
// allocate when the host is in lower case already.
func NormalHost(s string) string {
	if strings.HasPrefix(s, "[") { // an IPv6 address
		end := strings.IndexByte(s, ']')
		if end < 0 || !port(s[end+1:]) {
			return ""
		}
		for i := 1; i < end; i++ {
			if c := s[i] | 0x20; !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || s[i] == ':' || s[i] == '.') {
				return ""
			}
		}
		return strings.ToLower(s[:end+1])
	}
	if i := strings.IndexByte(s, ':'); i >= 0 {
		if !port(s[i:]) {
			return ""
		}
		s = s[:i]
	}
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 255 {
		return ""
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return ""
		}
	}
	return strings.ToLower(s)
}

// port reports whether s is "" or a colon and a port, which may be empty.
func port(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) > 6 {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
