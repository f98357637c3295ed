package httpclient

import (
	"net/url"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// FuzzAddress sees that no path or parameter of a guest leaves the base
// address: whatever is accepted keeps its host and the segments of its path,
// also for a server that decodes it once more or reads backslashes as slashes.
func FuzzAddress(f *testing.F) {
	for _, s := range [][3]string{
		{"me", "a/{id}", "7"},
		{"../..", "", ""},
		{"a", "..%2f..", ""},
		{"a", "{id}{id}", "."},
		{"a?b#c", "/x/", "%2e%2e"},
		{`..\..`, "//evil", "@host"},
		{";/..;", "%00", "\r\n"},
		{"é\xff", "{id", "}"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	c, err := opened([]byte(`{"base_url":"http://crm:81/base/{user}/x"}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, user, path, id string) {
		out := &outgoing{}
		err := c.address(out, request{Path: path, Params: []abi.Field{{Name: "user", Value: user}, {Name: "id", Value: id}}})
		if err != nil {
			if c := host.CodeOf(err); c != abi.Invalid && c != abi.TooLarge {
				t.Errorf("code %s of %v", c, err)
			}
			return
		}
		again, err := url.Parse(out.url.String())
		if err != nil || again.Host != "crm:81" || again.User != nil || again.Fragment != "" || again.EscapedPath() != out.url.EscapedPath() {
			t.Fatalf("%q is read as %+v, %v", out.url, again, err)
		}
		segments := strings.Split(out.url.EscapedPath(), "/")
		if len(segments) < 4 || segments[1] != "base" || segments[2] == "" || segments[3] != "x" {
			t.Fatalf("%q leaves the base path", out.url)
		}
		for _, s := range segments {
			plain, err := url.PathUnescape(s)
			if err != nil {
				t.Fatalf("%q: %v", out.url, err)
			}
			for _, part := range strings.FieldsFunc(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
				if name, _, _ := strings.Cut(part, ";"); name == ".." || name == "." {
					t.Errorf("%q has a step to another directory", out.url)
				}
			}
		}
	})
}
