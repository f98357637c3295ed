package route

import "strings"

// decode resolves the percent escapes of one segment. It refuses those that
// are not two hexadecimal digits.
func decode(s string) (string, bool) {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		high, low := unhex(s[i+1]), unhex(s[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		b.WriteByte(byte(high<<4 | low)) //nolint:gosec // two nibbles
		i += 2
	}
	return b.String(), true
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}

// safe reports whether a decoded segment is free of NULs and of dot segments,
// also of those that hide between encoded slashes.
func safe(s string) bool {
	dots := false
	for i := range len(s) {
		switch s[i] {
		case 0:
			return false
		case '.':
			dots = true
		}
	}
	if !dots {
		return true
	}
	for rest, more := s, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if part == "." || part == ".." {
			return false
		}
	}
	return true
}

// encodedLen is the length of a segment in the form of joinEncoded.
func encodedLen(s string) int { return len(s) + 2*strings.Count(s, "/") }

// joinEncoded joins decoded segments with slashes; slashes inside of them
// become %2F, so that a reader who splits the result finds the same segments.
func joinEncoded(segments []string) string {
	n := len(segments)
	for _, s := range segments {
		n += encodedLen(s)
	}
	var b strings.Builder
	b.Grow(n)
	for i, s := range segments {
		if i > 0 {
			b.WriteByte('/')
		}
		for {
			before, after, more := strings.Cut(s, "/")
			b.WriteString(before)
			if !more {
				break
			}
			b.WriteString("%2F")
			s = after
		}
	}
	return b.String()
}
