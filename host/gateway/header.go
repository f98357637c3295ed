package gateway

import (
	"net/http"
	"strings"

	"github.com/seraihost/serai/abi"
)

// maxHeaders bounds the header fields of a request. It leaves room in the
// envelope for everything else.
const maxHeaders = 256

var (
	badHeader     = &refusal{http.StatusBadRequest, "a header of the request is malformed"}
	tooManyFields = &refusal{http.StatusRequestHeaderFieldsTooLarge, "the request has too many headers, or one with too long a name"}
	badFraming    = &refusal{http.StatusBadRequest, "Content-Length and Transfer-Encoding of the request are malformed, repeated or contradict each other"}
	repeated      = &refusal{http.StatusBadRequest, "a header that may occur once occurs more often"}
)

// headers are the header fields of a request, read anew from the bytes that
// the client sent: Fiber's own reading of them is lenient and forgets what
// tells a smuggled request.
type headers struct {
	fields  []abi.Field // named abi.PrefixHeader and the name in lower case; hop-by-hop fields are left out
	host    string      // value of Host
	hasHost bool
	cid     string // value of X-Request-Id
	conn    string // value of Connection, where it names other fields
	chunked bool
	length  int64 // of the body; -1 if not told

	text  []byte // scratch: names and values one after another
	spans []span
}

// span is where a field is in the text.
type span struct{ name, value, end int }

// parse reads the raw header block. The fields do not share its memory.
func (h *headers) parse(raw []byte) *refusal {
	h.fields, h.spans, h.text = h.fields[:0], h.spans[:0], h.text[:0]
	h.host, h.cid, h.conn, h.hasHost, h.chunked, h.length = "", "", "", false, false, -1
	for len(raw) > 0 {
		var line []byte
		if line, raw = nextLine(raw); len(line) == 0 {
			break
		}
		if len(h.spans) == maxHeaders {
			return tooManyFields
		}
		if r := h.scan(line); r != nil {
			return r
		}
	}
	text := string(h.text) // the one allocation that all fields share
	for _, s := range h.spans {
		f := abi.Field{Name: text[s.name:s.value], Value: text[s.value:s.end]}
		keep, r := h.note(f)
		if r != nil {
			return r
		}
		if keep {
			h.fields = append(h.fields, f)
		}
	}
	if h.chunked && h.length >= 0 {
		return badFraming
	}
	h.dropListed()
	return nil
}

func nextLine(b []byte) (line, rest []byte) {
	for i, c := range b {
		if c == '\n' {
			line, rest = b[:i], b[i+1:]
			if i > 0 && b[i-1] == '\r' {
				line = b[:i-1]
			}
			return line, rest
		}
	}
	return b, nil
}

// scan appends one field to the text and checks its characters. Folded lines
// (RFC 9112, section 5.2) are refused.
func (h *headers) scan(line []byte) *refusal {
	s := span{name: len(h.text)}
	h.text = append(h.text, abi.PrefixHeader...)
	i := 0
	for ; i < len(line) && line[i] != ':'; i++ {
		c := lowerToken[line[i]]
		if c == 0 {
			return badHeader
		}
		h.text = append(h.text, c)
	}
	if i == 0 || i == len(line) {
		return badHeader
	}
	if len(h.text)-s.name > abi.MaxNameBytes {
		return tooManyFields
	}
	s.value = len(h.text)
	value := trim(line[i+1:])
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return badHeader
		}
	}
	h.text = append(h.text, value...)
	s.end = len(h.text)
	h.spans = append(h.spans, s)
	return nil
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// note remembers what the gateway itself needs of a field, and tells whether
// the service gets it. Fields for one hop only are left out (RFC 9110, section
// 7.6.1), and "proxy", which CGI programs take for a setting of their own.
func (h *headers) note(f abi.Field) (keep bool, r *refusal) {
	switch name := f.Name[len(abi.PrefixHeader):]; name {
	case "host":
		if h.hasHost {
			return false, repeated
		}
		h.host, h.hasHost = f.Value, true
	case "content-length":
		n, ok := length(f.Value)
		if !ok || h.length >= 0 {
			return false, badFraming
		}
		h.length = n
	case "transfer-encoding":
		if h.chunked || !strings.EqualFold(f.Value, "chunked") {
			return false, badFraming
		}
		h.chunked = true
		return false, nil
	case "authorization", "content-type":
		if h.Header(name) != "" {
			return false, repeated
		}
	case "x-request-id":
		if h.cid != "" || !saneCID(f.Value) {
			return false, nil
		}
		h.cid = f.Value
	case "connection":
		if !strings.EqualFold(f.Value, "keep-alive") && !strings.EqualFold(f.Value, "close") {
			h.conn += "," + f.Value
		}
		return false, nil
	case "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "trailer", "upgrade", "expect", "proxy", "http2-settings":
		return false, nil
	}
	return true, nil
}

// dropListed removes the fields that Connection names.
func (h *headers) dropListed() {
	for rest := h.conn; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, ",")
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			h.drop(name)
		}
	}
}

// drop removes the fields of a name in lower case.
func (h *headers) drop(name string) {
	kept := h.fields[:0]
	for _, f := range h.fields {
		if f.Name[len(abi.PrefixHeader):] != name {
			kept = append(kept, f)
		}
	}
	h.fields = kept
}

// Header implements [HeaderGetter].
func (h *headers) Header(name string) string {
	value, seen := "", false
	for i := range h.fields {
		if h.fields[i].Name[len(abi.PrefixHeader):] == name {
			if seen {
				return ""
			}
			value, seen = h.fields[i].Value, true
		}
	}
	return value
}

// accept returns the request's Accept header, whose lines are one list.
func (h *headers) accept() string {
	value := ""
	for i := range h.fields {
		if h.fields[i].Name == abi.PrefixHeader+"accept" {
			if value != "" {
				value += ","
			}
			value += h.fields[i].Value
		}
	}
	return value
}

// length reads a Content-Length.
func length(s string) (int64, bool) {
	if s == "" || len(s) > 15 {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// lowerToken maps the characters of a token (RFC 9110, section 5.6.2) to
// lower case and all others to 0.
var lowerToken = func() (t [256]byte) {
	const marks = "!#$%&'*+-.^_`|~"
	for i := range len(marks) {
		t[marks[i]] = marks[i]
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = c
	}
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = c, c
	}
	return t
}()
