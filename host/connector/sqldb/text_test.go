package sqldb

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

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
