package host

import "strings"

// CutPlaceholders splits a path, or a part of one, at its placeholders:
// "report-{year}.pdf" has the literals "report-" and ".pdf" around the name
// "year". There is one literal more than there are names; it may be empty.
// ok is false where braces do not pair.
func CutPlaceholders(s string) (literals, names []string, ok bool) {
	for {
		literal, after, found := strings.Cut(s, "{")
		if strings.Contains(literal, "}") {
			return nil, nil, false
		}
		literals = append(literals, literal)
		if !found {
			return literals, names, true
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed || strings.Contains(name, "{") {
			return nil, nil, false
		}
		names, s = append(names, name), rest
	}
}
