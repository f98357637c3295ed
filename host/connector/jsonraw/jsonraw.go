// Package jsonraw takes JSON apart without making values of it. It is for JSON
// that is known to be valid: of any other it returns something, and does not
// fail.
package jsonraw

import (
	"encoding/json"
	"slices"
)

// Member is a name and a value of an object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Object is the members of an object, in order.
type Object struct {
	List  []Member
	index map[string]int // of a large one
}

// large is the number of members from which an index pays.
const large = 16

// Get returns the value of a name, the last one if there are several.
func (o *Object) Get(name string) (json.RawMessage, bool) {
	if len(o.List) >= large {
		if o.index == nil {
			o.index = make(map[string]int, len(o.List))
			for i := range o.List {
				o.index[o.List[i].Name] = i
			}
		}
		i, ok := o.index[name]
		if !ok {
			return nil, false
		}
		return o.List[i].Value, true
	}
	for _, m := range slices.Backward(o.List) {
		if m.Name == name {
			return m.Value, true
		}
	}
	return nil, false
}

// Members splits an object; ok is false if it has more
// members than most.
func Members(raw json.RawMessage, most int) (out Object, ok bool) {
	at := space(raw, 1)
	for at < len(raw) && raw[at] != '}' {
		end := valueEnd(raw, at)
		name := Text(raw[at:end])
		at = space(raw, space(raw, end)+1) // the colon
		end = valueEnd(raw, at)
		if len(out.List) >= most {
			return out, false
		}
		out.List = append(out.List, Member{name, raw[at:end]})
		if at = space(raw, end); at < len(raw) && raw[at] == ',' {
			at = space(raw, at+1)
		}
	}
	return out, true
}

// Elements splits an array like Members.
func Elements(raw json.RawMessage, most int) (out []json.RawMessage, ok bool) {
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

// Text returns the text of a string.
func Text(raw json.RawMessage) (s string) {
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
