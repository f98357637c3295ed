package sqldb

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

func appendValue(out []byte, v any, kind, engine string) []byte {
	switch x := v.(type) {
	case nil:
		return append(out, "null"...)
	case int64:
		if kind == "boolean" {
			return strconv.AppendBool(out, x != 0)
		}
		return strconv.AppendInt(out, x, 10)
	case uint64:
		return strconv.AppendUint(out, x, 10)
	case float32:
		return appendFloat(out, float64(x), "single")
	case float64:
		return appendFloat(out, x, kind)
	case bool:
		return strconv.AppendBool(out, x)
	case time.Time:
		if x.IsZero() && (kind == "date" || kind == "datetime") && engine == mysqlName {
			return append(out, `"0000-00-00"`...) // which MySQL has, and no calendar
		}
		return appendText(out, x.Format(timeLayout(kind)))
	case []byte:
		switch {
		case kind == "any":
			return append(appendBase64(append(out, `{"type":"bytes","value":`...), x), '}')
		case kind == "uuid" && len(x) == 16:
			return appendText(out, fmt.Sprintf("%x-%x-%x-%x-%x", x[:4], x[4:6], x[6:8], x[8:10], x[10:]))
		case kind == "bytes" || !utf8.Valid(x):
			return appendBase64(out, x)
		}
		return appendString(out, string(x), kind)
	case string:
		return appendString(out, x, kind)
	}
	return appendText(out, fmt.Sprint(v))
}

// appendString writes what a driver gives as text, by what it stands for.
func appendString(out []byte, s, kind string) []byte {
	switch kind {
	case "bytes":
		return appendBase64(out, []byte(s))
	case "moment", "datetime": // of an array of PostgreSQL, which has a space
		s = strings.Replace(s, " ", "T", 1)
	case "integer", "float", "single", "json":
		if json.Valid([]byte(s)) {
			return append(out, s...)
		}
	}
	if element, ok := strings.CutPrefix(kind, "list:"); ok {
		return appendArray(out, s, element)
	}
	return appendText(out, s)
}

// appendFloat writes a number with the digits that its size has; JSON knows no
// infinity.
func appendFloat(out []byte, x float64, kind string) []byte {
	bits := 64
	if kind == "single" {
		bits = 32
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return appendText(out, strconv.FormatFloat(x, 'g', -1, bits))
	}
	return strconv.AppendFloat(out, x, 'g', -1, bits)
}

func appendBase64(out, b []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(out, '"'), b), '"')
}

// appendText writes a text as JSON. Each byte that is no UTF-8 becomes U+FFFD.
func appendText[T ~string | ~[]byte](out []byte, s T) []byte {
	out = append(out, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r != utf8.RuneError || n > 1 {
				i += n - 1
				continue
			}
			out = append(append(out, s[from:i]...), "\uFFFD"...)
			from = i + 1
		case c < ' ' || c == '"' || c == '\\':
			out = appendEscaped(append(out, s[from:i]...), c)
			from = i + 1
		}
	}
	return append(append(out, s[from:]...), '"')
}

func appendEscaped(out []byte, c byte) []byte {
	if c == '"' || c == '\\' {
		return append(out, '\\', c)
	}
	const digits = "0123456789abcdef"
	return append(out, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

func timeLayout(kind string) string {
	switch kind {
	case "date":
		return time.DateOnly
	case "time":
		return "15:04:05.999999999"
	case "datetime":
		return "2006-01-02T15:04:05.999999999"
	}
	return time.RFC3339Nano
}
