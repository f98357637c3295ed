package jsonraw

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzSplit holds Members and Elements against encoding/json.
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
			got, ok := Members(raw, math.MaxInt)
			if !ok {
				t.Fatal("too many")
			}
			for name, want := range object {
				if value, found := got.Get(name); !found || !bytes.Equal(value, want) {
					t.Errorf("%q is %q, want %q", name, value, want)
				}
			}
			if _, ok := Members(raw, len(got.List)-1); ok && len(got.List) > 0 {
				t.Error("more than most")
			}
		case json.Unmarshal(raw, &list) == nil && list != nil:
			got, ok := Elements(raw, math.MaxInt)
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
	o, ok := Members(json.RawMessage(`{"b":0`+raw.String()+`,"a":3}`), 100)
	a, _ := o.Get("a")
	b, _ := o.Get("b")
	if _, found := o.Get("c"); !ok || string(a) != "3" || string(b) != "2" || found {
		t.Errorf("a %s, b %s, c %t", a, b, found)
	}
}
