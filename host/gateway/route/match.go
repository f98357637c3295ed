package route

import (
	"maps"
	"slices"
	"strings"
)

// Outcome is how a match ended.
type Outcome uint8

// The outcomes.
const (
	Found            Outcome = iota
	NotFound                 // no entry has the host and path
	MethodNotAllowed         // there are entries, but not for the method
	NotAcceptable            // there are entries, but for other media types
	BadPath                  // an invalid escape, a NUL, a dot segment, or no path at all
	TooLong                  // more than MaxPathSegments
)

// Param is a parameter of a matched path.
type Param struct{ Name, Value string }

// Match is the result of [Table.Match], and memory that the next one reuses.
// Its strings may share the memory of the path that was matched.
type Match struct {
	// Accept, if set, returns the request's Accept header. It is called only
	// where entries differ by media type.
	Accept func() string

	Entry      *Entry  // of Found
	Params     []Param // of Found; decoded, but for slashes where more than one segment was taken, which stay %2F
	Path       string  // decoded, but for slashes inside segments, which stay %2F
	Negotiated bool    // entries were chosen by media type

	segments []string // decoded
	method   string
	values   []string // what placeholders took
	ranges   []mediaRange
	parsed   bool // ranges are of this request
	seen     bool // a leaf was reached, whatever its methods
	unfit    bool // a leaf has the method, and no media type that suits
}

// Match finds the entry for a request and stores it in m. host is as
// [NormalHost] returns it, path is still percent-encoded and without query.
// A path without escapes costs no allocation once m has grown.
func (t *Table) Match(m *Match, host, method, path string) Outcome {
	m.Entry, m.Params, m.Path, m.Negotiated = nil, m.Params[:0], "", false
	m.method, m.values, m.ranges, m.parsed, m.seen, m.unfit = method, m.values[:0], m.ranges[:0], false, false, false
	if outcome := m.split(path); outcome != Found {
		return outcome
	}
	if h := t.hosts[host]; h != nil && m.walk(h, 0) || t.any != nil && m.walk(t.any, 0) {
		for i, value := range m.values {
			m.Params = append(m.Params, Param{m.Entry.names[i], value})
		}
		return Found
	}
	switch {
	case m.unfit:
		return NotAcceptable
	case m.seen:
		return MethodNotAllowed
	}
	return NotFound
}

// split cuts the path into segments and decodes them one by one.
func (m *Match) split(path string) Outcome {
	m.segments = m.segments[:0]
	if path == "" || path[0] != '/' {
		return BadPath
	}
	escaped := strings.IndexByte(path, '%') >= 0
	for rest, more := path[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if escaped && strings.IndexByte(segment, '%') >= 0 {
			var ok bool
			if segment, ok = decode(segment); !ok {
				return BadPath
			}
		}
		if !safe(segment) {
			return BadPath
		}
		if len(m.segments) == MaxPathSegments {
			return TooLong
		}
		m.segments = append(m.segments, segment)
	}
	m.Path = path
	if escaped {
		m.Path = "/" + joinEncoded(m.segments)
	}
	return Found
}

// walk looks for the request below n, from segment i on. When it returns
// false, the values are as they were.
func (m *Match) walk(n *node, i int) bool {
	if i == len(m.segments) {
		return m.take(n.here)
	}
	s := m.segments[i]
	if c := n.literals[s]; c != nil && m.walk(c, i+1) {
		return true
	}
	had := len(m.values)
	for _, b := range n.mixed {
		var ok bool
		if m.values, ok = b.glob.take(m.values, s); ok && m.walk(b.to, i+1) {
			return true
		}
		m.values = m.values[:had]
	}
	if n.param != nil && s != "" {
		m.values = append(m.values, s)
		if m.walk(n.param, i+1) {
			return true
		}
		m.values = m.values[:had]
	}
	if n.rest == nil && len(n.across) == 0 {
		return false
	}
	rest := m.remaining(i)
	for _, b := range n.across {
		var ok bool
		if m.values, ok = b.glob.take(m.values, rest); ok && m.take(b.to) {
			return true
		}
		m.values = m.values[:had]
	}
	if m.take(n.rest) {
		m.values = append(m.values, rest)
		return true
	}
	return false
}

func (m *Match) take(l *leaf) bool {
	if l == nil {
		return false
	}
	m.seen = true
	m.Entry = l.entry(m)
	return m.Entry != nil
}

// remaining returns the path from segment i on.
func (m *Match) remaining(i int) string {
	at := 1
	for _, s := range m.segments[:i] {
		at += encodedLen(s) + 1
	}
	return m.Path[at:]
}

// Allow returns the methods that the path has on the host, sorted, for the
// Allow header of a 405. It is nil unless the outcome was MethodNotAllowed.
func (t *Table) Allow(m *Match, host string) []string {
	found := map[string]bool{}
	t.leaves(m, host, func(l *leaf) {
		for method := range l.methods {
			found[method] = true
		}
	})
	if found["GET"] {
		found["HEAD"] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// Types returns the media types that the path has on the host for the method,
// sorted, for the body of a 406.
func (t *Table) Types(m *Match, host string) []string {
	found := map[string]bool{}
	t.leaves(m, host, func(l *leaf) {
		all := [][]*Entry{l.methods[m.method], l.any}
		if m.method == "HEAD" {
			all = append(all, l.methods["GET"])
		}
		for _, e := range slices.Concat(all...) {
			found[e.Accept] = true
		}
	})
	return slices.Sorted(maps.Keys(found))
}

// leaves calls fn for the leaves that the path reaches on the host.
func (t *Table) leaves(m *Match, host string, fn func(*leaf)) {
	for _, n := range []*node{t.hosts[host], t.any} {
		if n != nil {
			m.visit(n, 0, fn)
		}
	}
}

// visit calls fn for the leaves that the path reaches below n, from segment i on.
func (m *Match) visit(n *node, i int, fn func(*leaf)) {
	if i == len(m.segments) {
		if n.here != nil {
			fn(n.here)
		}
		return
	}
	s := m.segments[i]
	if c := n.literals[s]; c != nil {
		m.visit(c, i+1, fn)
	}
	for _, b := range n.mixed {
		if _, ok := b.glob.take(nil, s); ok {
			m.visit(b.to, i+1, fn)
		}
	}
	if n.param != nil && s != "" {
		m.visit(n.param, i+1, fn)
	}
	for _, b := range n.across {
		if _, ok := b.glob.take(nil, m.remaining(i)); ok {
			fn(b.to)
		}
	}
	if n.rest != nil {
		fn(n.rest)
	}
}
