package route

import (
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
	BadPath                  // an invalid escape, a NUL, a dot segment, or no path at all
	TooLong                  // more than MaxPathSegments
)

// Param is a parameter of a matched path.
type Param struct{ Name, Value string }

// Match is the result of [Table.Match], and memory that the next one reuses.
// Its strings may share the memory of the path that was matched.
type Match struct {
	Entry  *Entry  // of Found
	Params []Param // of Found; decoded, but for slashes in a rest, which stay %2F
	Path   string  // decoded, but for slashes inside segments, which stay %2F

	segments []string // decoded
	method   string
	picked   []int // indexes of segments that parameters took
	seen     bool  // a leaf was reached, whatever its methods
}

// Match finds the entry for a request and stores it in m. host is as
// [NormalHost] returns it, path is still percent-encoded and without query.
// A path without escapes costs no allocation once m has grown.
func (t *Table) Match(m *Match, host, method, path string) Outcome {
	m.Entry, m.Params, m.Path = nil, m.Params[:0], ""
	m.method, m.picked, m.seen = method, m.picked[:0], false
	if outcome := m.split(path); outcome != Found {
		return outcome
	}
	if h := t.hosts[host]; h != nil && m.walk(h, 0) || t.any != nil && m.walk(t.any, 0) {
		m.fill()
		return Found
	}
	if m.seen {
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

// walk looks for the method below n, from segment i on.
func (m *Match) walk(n *node, i int) bool {
	if i == len(m.segments) {
		return m.take(n.here)
	}
	s := m.segments[i]
	if c := n.literals[s]; c != nil && m.walk(c, i+1) {
		return true
	}
	if n.param != nil && s != "" {
		m.picked = append(m.picked, i)
		if m.walk(n.param, i+1) {
			return true
		}
		m.picked = m.picked[:len(m.picked)-1]
	}
	if n.rest != nil && m.take(n.rest) {
		m.picked = append(m.picked, i)
		return true
	}
	return false
}

func (m *Match) take(l *leaf) bool {
	m.seen = m.seen || l != nil
	m.Entry = l.entry(m.method)
	return m.Entry != nil
}

// fill pairs the names of the parameters with what they took.
func (m *Match) fill() {
	rest := strings.HasSuffix(m.Entry.Path, "...}")
	for j, i := range m.picked {
		value := m.segments[i]
		if rest && j == len(m.picked)-1 {
			value = m.remaining(i)
		}
		m.Params = append(m.Params, Param{m.Entry.names[j], value})
	}
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
	for _, n := range []*node{t.hosts[host], t.any} {
		if n != nil {
			collect(n, m.segments, found)
		}
	}
	if found["GET"] {
		found["HEAD"] = true
	}
	out := make([]string, 0, len(found))
	for method := range found {
		out = append(out, method)
	}
	slices.Sort(out)
	return out
}

func collect(n *node, segments []string, found map[string]bool) {
	add := func(l *leaf) {
		if l != nil {
			for method := range l.methods {
				found[method] = true
			}
		}
	}
	if len(segments) == 0 {
		add(n.here)
		return
	}
	if c := n.literals[segments[0]]; c != nil {
		collect(c, segments[1:], found)
	}
	if n.param != nil && segments[0] != "" {
		collect(n.param, segments[1:], found)
	}
	add(n.rest)
}
