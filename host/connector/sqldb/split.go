package sqldb

import (
	"encoding/json"
	"slices"
)

// member is a name and a value of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// object is the members of a JSON object.
type object struct {
	list  []member
	index map[string]int // of a large one
}

// large is the number of members from which an index pays.
const large = 16

// get returns the value of a name, the last one if there are several.
func (o *object) get(name string) (json.RawMessage, bool) {
	if len(o.list) >= large {
		if o.index == nil {
			o.index = make(map[string]int, len(o.list))
			for i := range o.list {
				o.index[o.list[i].name] = i
			}
		}
		i, ok := o.index[name]
		if !ok {
			return nil, false
		}
		return o.list[i].value, true
	}
	for _, m := range slices.Backward(o.list) {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// members splits a JSON object, which is valid; ok is false if it has more
// members than most.
func members(raw json.RawMessage, most int) (out object, ok bool) {
	at := space(raw, 1)
	for at < len(raw) && raw[at] != '}' {
		end := valueEnd(raw, at)
		name := textOf(raw[at:end])
		at = space(raw, space(raw, end)+1) // the colon
		end = valueEnd(raw, at)
		if len(out.list) >= most {
			return out, false
		}
		out.list = append(out.list, member{name, raw[at:end]})
		if at = space(raw, end); at < len(raw) && raw[at] == ',' {
			at = space(raw, at+1)
		}
	}
	return out, true
}

// elements splits a JSON array like members.
func elements(raw json.RawMessage, most int) (out []json.RawMessage, ok bool) {
	at := space(raw, 1)
	for at < len(raw) && raw[at] != ']' {
		end := valueEnd(raw, at)
		if len(out) >= most {
			return nil, false
		}
		out = append(out, raw[at:end])
		if at = space(raw, end); at < len(raw) && raw[at] == ',' {
			at = space(raw, at+1)
		}
	}
	return out, true
}

// textOf returns the text of a JSON string.
func textOf(raw json.RawMessage) (s string) {
	for _, c := range raw {
		if c == '\\' || c >= 0x80 {
			_ = json.Unmarshal(raw, &s) // it is valid
			return s
		}
	}
	return string(raw[1 : len(raw)-1])
}

// space returns where the white space at a position ends.
func space(raw json.RawMessage, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\n' || raw[at] == '\t' || raw[at] == '\r') {
		at++
	}
	return at
}

// valueEnd returns where the value at a position ends.
func valueEnd(raw json.RawMessage, at int) int {
	depth := 0
	for at < len(raw) {
		switch c := raw[at]; c {
		case '"':
			for at++; at < len(raw) && raw[at] != '"'; at++ {
				if raw[at] == '\\' {
					at++
				}
			}
			if at++; depth == 0 {
				return min(at, len(raw))
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // of what holds a number or a word
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return len(raw)
}
