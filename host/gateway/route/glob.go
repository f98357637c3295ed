package route

import (
	"cmp"
	"strings"
)

// glob matches text that has its literals in order, with something between
// them: one placeholder fewer than there are literals, the outer of which may
// be empty. A placeholder takes at least one byte, and as few as the literal
// after it allows.
type glob []string

// take appends what the placeholders take of s to values. The text that a
// literal is found at first leaves the most to those after it, so no other
// place needs to be tried.
func (g glob) take(values []string, s string) ([]string, bool) {
	s, ok := strings.CutPrefix(s, g[0])
	if !ok {
		return values, false
	}
	for _, literal := range g[1 : len(g)-1] {
		if s == "" {
			return values, false
		}
		at := strings.Index(s[1:], literal)
		if at < 0 {
			return values, false
		}
		values = append(values, s[:at+1])
		s = s[at+1+len(literal):]
	}
	s, ok = strings.CutSuffix(s, g[len(g)-1])
	if !ok || s == "" {
		return values, false
	}
	return append(values, s), true
}

// compare orders globs by how specific they are: the one with more text first,
// then by the text, so that no two different ones are equal.
func (g glob) compare(other glob) int {
	return cmp.Or(cmp.Compare(other.size(), g.size()), strings.Compare(g.String(), other.String()))
}

func (g glob) size() (n int) {
	for _, literal := range g {
		n += len(literal)
	}
	return n
}

// String returns the glob with {} for its placeholders.
func (g glob) String() string { return strings.Join(g, "{}") }
