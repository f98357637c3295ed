package sqldb

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzSplit holds members and elements against encoding/json.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, ` {"a" : 1 , "b":[1,{"c":"}"}],"a":"x\"y\\"} `, `[ -1.5e3,null ,"\u00fc",[],{}]`, `{"ü":true,"":""}`, `7`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = bytes.TrimSpace(raw)
		var object map[string]json.RawMessage
		var list []json.RawMessage
		switch {
		case json.Unmarshal(raw, &object) == nil && object != nil:
			got, ok := members(raw, math.MaxInt)
			if !ok {
				t.Fatal("too many")
			}
			for name, want := range object {
				if value, found := got.get(name); !found || !bytes.Equal(value, want) {
					t.Errorf("%q is %q, want %q", name, value, want)
				}
			}
			if _, ok := members(raw, len(got.list)-1); ok && len(got.list) > 0 {
				t.Error("more than most")
			}
		case json.Unmarshal(raw, &list) == nil && list != nil:
			got, ok := elements(raw, math.MaxInt)
			if diff := cmp.Diff(list, got); !ok || len(list) != len(got) || len(list) > 0 && diff != "" {
				t.Error(diff)
			}
		}
	})
}

func TestLargeObjects(t *testing.T) {
	t.Parallel()
	var raw strings.Builder
	for range large {
		raw.WriteString(`,"a":1,"b":2`)
	}
	o, ok := members(json.RawMessage(`{"b":0`+raw.String()+`,"a":3}`), 100)
	a, _ := o.get("a")
	b, _ := o.get("b")
	if _, found := o.get("c"); !ok || string(a) != "3" || string(b) != "2" || found {
		t.Errorf("a %s, b %s, c %t", a, b, found)
	}
}

// FuzzText holds the JSON of a text against encoding/json.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c\n\x00\x7f", "ü€😀\xff\xe2\x82", "<&>\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got, want string
		if err := json.Unmarshal(appendText(nil, []byte(s)), &got); err != nil {
			t.Fatalf("%q: %v", appendText(nil, s), err)
		}
		encoded, _ := json.Marshal(s)
		_ = json.Unmarshal(encoded, &want)
		if got != want || utf8.ValidString(s) && got != s {
			t.Errorf("%q became %q, want %q", s, got, want)
		}
	})
}
