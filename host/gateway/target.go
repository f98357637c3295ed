package gateway

import (
	"net/http"
	"strings"

	"github.com/seraihost/serai/abi"
)

var (
	badTarget  = &refusal{http.StatusBadRequest, "the request target is malformed"}
	manyParams = &refusal{http.StatusBadRequest, "the query has too many parameters, or one with too long a name"}
)

// target is the parsed request target (RFC 9112, section 3.2). All of its
// strings are parts of the one that it was read from.
type target struct {
	authority string // of the absolute form; it replaces the Host header
	path      string // still percent-encoded
	query     string
}

func parseTarget(s string) (target, *refusal) {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '#' {
			return target{}, badTarget
		}
	}
	var t target
	if s != "" && s[0] != '/' {
		rest, ok := cutScheme(s)
		if !ok {
			return target{}, badTarget
		}
		end := strings.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		t.authority, s = rest[:end], rest[end:]
		if t.authority == "" || strings.Contains(t.authority, "@") {
			return target{}, badTarget
		}
		if s == "" || s[0] == '?' {
			t.path = "/"
			t.query = strings.TrimPrefix(s, "?")
			return t, nil
		}
	}
	t.path, t.query, _ = strings.Cut(s, "?")
	return t, nil
}

func cutScheme(s string) (string, bool) {
	for _, scheme := range []string{"http://", "https://"} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return s[len(scheme):], true
		}
	}
	return "", false
}

// appendQuery adds the parameters of a query string as fields. What is not a
// valid escape stays as it is. A parameter whose name an envelope cannot
// carry, because it is empty or not printable ASCII, is left to raw-query.
func appendQuery(e abi.Envelope, query string) (abi.Envelope, *refusal) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name = unescapeQuery(name)
		if len(abi.PrefixQuery)+len(name) > abi.MaxNameBytes || len(e) >= maxFields {
			return e, manyParams
		}
		if printable(name) {
			e = append(e, abi.Field{Name: abi.PrefixQuery + name, Value: unescapeQuery(value)})
		}
	}
	return e, nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

func unescapeQuery(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b.WriteByte(' ')
		case c == '%' && i+2 < len(s) && hexValue[s[i+1]] >= 0 && hexValue[s[i+2]] >= 0:
			b.WriteByte(byte(hexValue[s[i+1]]<<4 | hexValue[s[i+2]])) //nolint:gosec // two nibbles
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// hexValue maps hexadecimal digits to their value and other characters to -1.
var hexValue = func() (t [256]int) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range "0123456789abcdef" {
		t[c] = i
	}
	for i, c := range "ABCDEF" {
		t[c] = 10 + i
	}
	return t
}()
