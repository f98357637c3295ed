package sql

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// scanner reads the JSON of pages. The host writes it, without white space
// between values; encoding/json would take many times as long for a row.
type scanner struct {
	rest []byte
	err  error
}

// errPage is a page that the host does not write.
var errPage = errors.New("the rows are in a form that this SDK does not know")

func (s *scanner) fail() {
	s.err, s.rest = errPage, nil
}

// want reads exactly text.
func (s *scanner) want(text string) {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		s.fail()
		return
	}
	s.rest = s.rest[len(text):]
}

// skip reads c if it is next, and reports whether it was.
func (s *scanner) skip(c byte) bool {
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// texts reads an array of texts.
func (s *scanner) texts() (out []string) {
	s.want("[")
	for s.err == nil && !s.skip(']') {
		if len(out) > 0 {
			s.want(",")
		}
		if raw := s.raw(); len(raw) == 0 {
			s.fail()
		} else {
			out = append(out, textOf(raw))
		}
	}
	return out
}

// raw reads a value and returns it as it stands, nil if there is none.
func (s *scanner) raw() []byte {
	end := valueEnd(s.rest)
	if end == 0 {
		s.fail()
		return nil
	}
	out := s.rest[:end]
	s.rest = s.rest[end:]
	return out
}

// valueEnd returns the length of the value that b begins with, 0 if there is none.
func valueEnd(b []byte) int {
	depth := 0
	for at := 0; at < len(b); at++ {
		switch c := b[at]; c {
		case '"':
			for at++; at < len(b) && b[at] != '"'; at++ {
				if b[at] == '\\' {
					at++
				}
			}
			if depth == 0 {
				return min(at+1, len(b))
			}
		case '[', '{':
			depth++
		case ']', '}':
			if depth == 0 {
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
	}
	return len(b)
}

// textOf returns the text of a string, or the value itself.
func textOf(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return string(raw)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var out string
	if json.Unmarshal(raw, &out) != nil {
		return string(raw)
	}
	return out
}

// value reads a value of a column's kind. One that the kind has no form for is
// text: databases such as SQLite have anything in any column.
func (s *scanner) value(kind string) any {
	raw := s.raw()
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if kind == "json" || strings.HasPrefix(kind, "list:") {
		return raw
	}
	switch raw[0] {
	case '"':
		return text(raw, kind)
	case 't', 'f':
		return raw[0] == 't'
	case '{': // bytes of a column of any kind
		var typed struct{ Value []byte }
		if json.Unmarshal(raw, &typed) == nil {
			return typed.Value
		}
		return raw
	}
	if kind == "decimal" {
		return string(raw)
	}
	if n, ok := number(raw); ok {
		return n
	}
	if f, err := strconv.ParseFloat(string(raw), 64); err == nil && bytes.ContainsAny(raw, ".eE") {
		return f
	}
	return string(raw) // more digits than an int64 has
}

// number reads an integer.
func number(raw []byte) (n int64, ok bool) {
	digits := raw
	if raw[0] == '-' {
		digits = raw[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		n, err := strconv.ParseInt(string(raw), 10, 64)
		return n, err == nil
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if raw[0] == '-' {
		n = -n
	}
	return n, true
}

// text returns a value that came as a string.
func text(raw []byte, kind string) any {
	t := textOf(raw)
	switch kind {
	case "bytes":
		if b, err := base64.StdEncoding.DecodeString(t); err == nil {
			return b
		}
	case "moment", "datetime":
		zoned := t
		if kind == "datetime" {
			zoned += "Z"
		}
		if at, err := time.Parse(time.RFC3339Nano, zoned); err == nil {
			return at
		}
	case "date":
		if at, err := time.Parse(time.DateOnly, t); err == nil {
			return at
		}
	case "float":
		if f, err := strconv.ParseFloat(t, 64); err == nil {
			return f
		}
	}
	return t
}
