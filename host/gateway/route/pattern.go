package route

import (
	"errors"
	"fmt"
	"slices"
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
	Mixed               // literals with placeholders in between, such as x-{id}.json
	Single              // any one segment that is not empty
	Rest                // all remaining segments, even a single empty one
)

// Segment is one part of a pattern.
type Segment struct {
	Kind  Kind
	Text  string   // as it is written
	Names []string // of its placeholders

	literals glob // around them, of a Mixed
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
		for _, name := range s.Names {
			if seen[name] {
				return nil, fmt.Errorf("%w: path %q: placeholder %q occurs twice", ErrPattern, host.Clip(pattern), name)
			}
			seen[name] = true
		}
		segments = append(segments, s)
	}
	return segments, nil
}

func parseSegment(part string, last bool) (Segment, error) {
	literals, names, ok := host.CutPlaceholders(part)
	switch {
	case part == "" && !last:
		return Segment{}, errors.New("remove the empty segment")
	case part == "." || part == "..":
		return Segment{}, fmt.Errorf("segment %q never matches", part)
	case !ok:
		return Segment{}, fmt.Errorf("segment %q: a placeholder is {name}", part)
	}
	for _, literal := range literals {
		for i := range len(literal) {
			if c := literal[i]; c < ' ' || c == 0x7f || c == '?' || c == '#' {
				return Segment{}, fmt.Errorf("segment %q has a character that no path has", part)
			}
		}
	}
	if len(names) == 0 {
		return Segment{Kind: Literal, Text: part}, nil
	}
	whole := len(names) == 1 && literals[0] == "" && literals[1] == ""
	if name, rest := strings.CutSuffix(names[0], "..."); rest {
		if !whole || !last {
			return Segment{}, fmt.Errorf("{%s...} takes the remaining path, so it must be all of the last segment", name)
		}
		names[0] = name
		return Segment{Kind: Rest, Text: part, Names: names}, checkNames(names)
	}
	if slices.Contains(literals[1:len(literals)-1], "") {
		return Segment{}, fmt.Errorf("segment %q: put text between its placeholders", part)
	}
	kind := Mixed
	if whole {
		kind = Single
	}
	return Segment{Kind: kind, Text: part, Names: names, literals: literals}, checkNames(names)
}

func checkNames(names []string) error {
	for _, name := range names {
		if !paramName(name) {
			return fmt.Errorf("placeholder %q: use letters, digits, underscores and hyphens", name)
		}
	}
	return nil
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

// checkAccept returns an error unless s is "" or a media type or range without
// parameters and capitals.
func checkAccept(s string) error {
	kind, sub, ok := strings.Cut(s, "/")
	if s == "" || ok && kind != "" && kind != "*" && sub != "" && s == strings.ToLower(s) && !strings.ContainsAny(s, " ,;\"") {
		return nil
	}
	return fmt.Errorf("%w: media type %q: use one such as application/json or text/*", ErrPattern, host.Clip(s))
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
