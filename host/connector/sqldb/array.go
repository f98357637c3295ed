package sqldb

import (
	"encoding/hex"
	"strings"
)

// appendArray writes an array in PostgreSQL's text form, {1,2,{3}}, as JSON.
// What is malformed is written as the text that it is.
func appendArray(out []byte, s, element string) []byte {
	mark := len(out)
	if s != "" && s[0] == '[' { // [0:1]={7,8}: indices that do not begin with 1
		if _, items, ok := strings.Cut(s, "="); ok {
			s = items
		}
	}
	out, rest, ok := arrayItems(out, s, element, 0)
	if !ok || rest != "" {
		return appendText(out[:mark], s)
	}
	return out
}

// maxDimensions is PostgreSQL's own bound.
const maxDimensions = 6

func arrayItems(out []byte, s, element string, depth int) (_ []byte, rest string, ok bool) {
	if depth > maxDimensions || !strings.HasPrefix(s, "{") {
		return out, s, false
	}
	out, s = append(out, '['), s[1:]
	if after, empty := strings.CutPrefix(s, "}"); empty {
		return append(out, ']'), after, true
	}
	for {
		switch {
		case s == "":
			return out, s, false
		case s[0] == '{':
			if out, s, ok = arrayItems(out, s, element, depth+1); !ok {
				return out, s, false
			}
		case s[0] == '"':
			text, after, closed := quotedItem(s)
			if !closed {
				return out, s, false
			}
			out, s = arrayItem(out, text, element), after
		default:
			i := strings.IndexAny(s, ",}")
			if i < 0 {
				return out, s, false
			}
			if s[:i] == "NULL" {
				out = append(out, "null"...)
			} else {
				out = arrayItem(out, s[:i], element)
			}
			s = s[i:]
		}
		if s == "" || s[0] != ',' && s[0] != '}' {
			return out, s, false
		}
		last := s[0] == '}'
		if s = s[1:]; last {
			return append(out, ']'), s, true
		}
		out = append(out, ',')
	}
}

func arrayItem(out []byte, text, element string) []byte {
	if element == "boolean" {
		if text == "t" {
			return append(out, "true"...)
		}
		return append(out, "false"...)
	}
	if digits, ok := strings.CutPrefix(text, `\x`); ok && element == "bytes" {
		if b, err := hex.DecodeString(digits); err == nil {
			return appendBase64(out, b)
		}
	}
	return appendString(out, text, element)
}

// quotedItem returns the text of an item in quotes and what follows it.
func quotedItem(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}
