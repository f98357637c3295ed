package route_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/gateway/route"
)

var table = []route.Entry{
	{Method: "GET", Path: "/"},
	{Method: "GET", Path: "/user/{id}"},
	{Method: "POST", Path: "/user/me"},
	{Method: "", Path: "/any/{x}"},
	{Method: "PUT", Path: "/any/{y}"},
	{Method: "GET", Path: "/files/{path...}"},
	{Method: "GET", Path: "/files/readme"},
	{Host: "a.example", Method: "GET", Path: "/user/{who}"},
	{Host: "a.example", Method: "*", Path: "/{all...}"},
	{Method: "GET", Path: "/dir/"},
	{Method: "GET", Path: "/café/{a}/{b}"},
	{Method: "DELETE", Path: "/user/{id}"},
	{Method: "GET", Path: "/doc/{name}.{kind}"},
	{Method: "GET", Path: "/doc/v-{name}.pdf"},
	{Method: "POST", Path: "/doc/v-{name}.pdf"},
	{Method: "GET", Path: "/deep/{a}/end", MatchSlash: true},
	{Method: "GET", Path: "/deep/{a}", MatchSlash: true},
	{Method: "GET", Path: "/deep/{one}"},
	{Method: "GET", Path: "/deep/{rest...}"},
}

func build(t testing.TB, entries []route.Entry) *route.Table {
	t.Helper()
	for i := range entries {
		entries[i].Target = i
	}
	tab, err := route.Build(entries)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestMatch(t *testing.T) {
	type params []route.Param
	tests := []struct {
		host, method, path string
		outcome            route.Outcome
		target             int
		params             params
		decoded            string
	}{
		{"", "GET", "/", route.Found, 0, nil, "/"},
		{"", "HEAD", "/", route.Found, 0, nil, "/"},
		{"", "GET", "/user/7", route.Found, 1, params{{"id", "7"}}, "/user/7"},
		{"", "GET", "/user/me", route.Found, 1, params{{"id", "me"}}, "/user/me"}, // POST is the literal's only method
		{"", "POST", "/user/me", route.Found, 2, nil, "/user/me"},
		{"", "POST", "/user/you", route.MethodNotAllowed, 0, nil, "/user/you"},
		{"", "GET", "/user/", route.NotFound, 0, nil, "/user/"},
		{"", "GET", "/user", route.NotFound, 0, nil, "/user"},
		{"", "GET", "/user/7/", route.NotFound, 0, nil, "/user/7/"},
		{"", "PUT", "/any/1", route.Found, 4, params{{"y", "1"}}, "/any/1"},
		{"", "BREW", "/any/1", route.Found, 3, params{{"x", "1"}}, "/any/1"},
		{"", "GET", "/files/a/b", route.Found, 5, params{{"path", "a/b"}}, "/files/a/b"},
		{"", "GET", "/files/", route.Found, 5, params{{"path", ""}}, "/files/"},
		{"", "GET", "/files//x", route.Found, 5, params{{"path", "/x"}}, "/files//x"},
		{"", "GET", "/files", route.NotFound, 0, nil, "/files"},
		{"", "GET", "/files/readme", route.Found, 6, nil, "/files/readme"},
		{"", "GET", "/files/readme/x", route.Found, 5, params{{"path", "readme/x"}}, "/files/readme/x"},
		{"", "GET", "/files/a%2Fb/c%20d", route.Found, 5, params{{"path", "a%2Fb/c d"}}, "/files/a%2Fb/c d"},
		{"a.example", "GET", "/user/7", route.Found, 7, params{{"who", "7"}}, "/user/7"},
		{"a.example", "GET", "/", route.Found, 8, params{{"all", ""}}, "/"},
		{"b.example", "GET", "/user/7", route.Found, 1, params{{"id", "7"}}, "/user/7"},
		{"", "GET", "/dir/", route.Found, 9, nil, "/dir/"},
		{"", "GET", "/dir", route.NotFound, 0, nil, "/dir"},
		{"", "GET", "/caf%C3%A9/x%2fy/%31", route.Found, 10, params{{"a", "x/y"}, {"b", "1"}}, "/café/x%2Fy/1"},
		{"", "GET", "/user/a+b%2B", route.Found, 1, params{{"id", "a+b+"}}, "/user/a+b+"},
		{"", "GET", "/%75ser/7", route.Found, 1, params{{"id", "7"}}, "/user/7"},
		{"", "GET", "/User/7", route.NotFound, 0, nil, "/User/7"},
		{"", "GET", "/doc/a.b", route.Found, 12, params{{"name", "a"}, {"kind", "b"}}, "/doc/a.b"},
		{"", "GET", "/doc/a.b.c", route.Found, 12, params{{"name", "a"}, {"kind", "b.c"}}, "/doc/a.b.c"},
		{"", "GET", "/doc/..b", route.Found, 12, params{{"name", "."}, {"kind", "b"}}, "/doc/..b"},
		{"", "GET", "/doc/v-1.pdf", route.Found, 13, params{{"name", "1"}}, "/doc/v-1.pdf"}, // more text
		{"", "GET", "/doc/v-.pdf", route.Found, 12, params{{"name", "v-"}, {"kind", "pdf"}}, "/doc/v-.pdf"},
		{"", "GET", "/doc/v-.pdf.pdf", route.Found, 13, params{{"name", ".pdf"}}, "/doc/v-.pdf.pdf"},
		{"", "GET", "/doc/a%2Fb.c%2Fd", route.Found, 12, params{{"name", "a/b"}, {"kind", "c/d"}}, "/doc/a%2Fb.c%2Fd"},
		{"", "GET", "/doc/.b", route.NotFound, 0, nil, "/doc/.b"},
		{"", "GET", "/doc/a.", route.NotFound, 0, nil, "/doc/a."},
		{"", "POST", "/doc/v-1.txt", route.MethodNotAllowed, 0, nil, "/doc/v-1.txt"},
		{"", "GET", "/deep/x", route.Found, 17, params{{"one", "x"}}, "/deep/x"},
		{"", "GET", "/deep/x/y", route.Found, 16, params{{"a", "x/y"}}, "/deep/x/y"},
		{"", "GET", "/deep/x/end", route.Found, 15, params{{"a", "x"}}, "/deep/x/end"},
		{"", "GET", "/deep/x//y/end", route.Found, 15, params{{"a", "x//y"}}, "/deep/x//y/end"},
		{"", "GET", "/deep/x%2Fy/end", route.Found, 15, params{{"a", "x%2Fy"}}, "/deep/x%2Fy/end"},
		{"", "GET", "/deep/", route.Found, 18, params{{"rest", ""}}, "/deep/"},
		{"", "GET", "", route.BadPath, 0, nil, ""},
		{"", "GET", "*", route.BadPath, 0, nil, ""},
		{"", "GET", "/user/%00", route.BadPath, 0, nil, ""},
		{"", "GET", "/user/%0", route.BadPath, 0, nil, ""},
		{"", "GET", "/user/%", route.BadPath, 0, nil, ""},
		{"", "GET", "/user/%zz", route.BadPath, 0, nil, ""},
		{"", "GET", "/user/.", route.BadPath, 0, nil, ""},
		{"", "GET", "/user/..", route.BadPath, 0, nil, ""},
		{"", "GET", "/user/%2e%2E", route.BadPath, 0, nil, ""},
		{"", "GET", "/user/..%2Fx", route.BadPath, 0, nil, ""},
		{"", "GET", "/files/a%2F..", route.BadPath, 0, nil, ""},
		{"", "GET", "/user/...", route.Found, 1, params{{"id", "..."}}, "/user/..."},
		{"", "GET", strings.Repeat("/x", route.MaxPathSegments), route.NotFound, 0, nil, strings.Repeat("/x", route.MaxPathSegments)},
		{"", "GET", strings.Repeat("/x", route.MaxPathSegments+1), route.TooLong, 0, nil, ""},
	}
	tab := build(t, table)
	var m route.Match // reused, as the gateway does
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.host+tt.path[:min(len(tt.path), 40)], func(t *testing.T) {
			outcome := tab.Match(&m, tt.host, tt.method, tt.path)
			if outcome != tt.outcome || m.Path != tt.decoded {
				t.Fatalf("outcome %d, path %q; want %d, %q", outcome, m.Path, tt.outcome, tt.decoded)
			}
			if outcome != route.Found {
				return
			}
			if m.Entry.Target != tt.target {
				t.Errorf("matched %d %s, want %d", m.Entry.Target, m.Entry, tt.target)
			}
			if diff := cmp.Diff([]route.Param(tt.params), append([]route.Param(nil), m.Params...)); diff != "" {
				t.Errorf("params (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllow(t *testing.T) {
	tab := build(t, table)
	var m route.Match
	if got := tab.Match(&m, "", "PATCH", "/user/me"); got != route.MethodNotAllowed {
		t.Fatalf("outcome %d", got)
	}
	if diff := cmp.Diff([]string{"DELETE", "GET", "HEAD", "POST"}, tab.Allow(&m, "")); diff != "" {
		t.Errorf("Allow (-want +got):\n%s", diff)
	}
}

func TestBuildLeavesBadEntriesOut(t *testing.T) {
	tests := map[string]route.Entry{
		"no slash":           {Path: "x"},
		"empty":              {Path: ""},
		"empty segment":      {Path: "/a//b"},
		"dot segment":        {Path: "/a/../b"},
		"half a parameter":   {Path: "/a/{b"},
		"touching":           {Path: "/a/{b}{c}"},
		"rest in a segment":  {Path: "/a/x{b...}"},
		"rest over slashes":  {Path: "/a/{b...}", MatchSlash: true},
		"media type":         {Path: "/a", Accept: "json"},
		"media type in caps": {Path: "/a", Accept: "Text/csv"},
		"media types":        {Path: "/a", Accept: "text/csv, text/html"},
		"rest in the middle": {Path: "/{a...}/b"},
		"name twice":         {Path: "/{a}/{a}"},
		"no name":            {Path: "/{}"},
		"bad name":           {Path: "/{a b}"},
		"control character":  {Path: "/a\nb"},
		"query":              {Path: "/a?b"},
		"lower-case method":  {Method: "get", Path: "/a"},
		"upper-case host":    {Host: "A", Path: "/a"},
		"host with port":     {Host: "a:1", Path: "/a"},
		"too long":           {Path: "/" + strings.Repeat("a", route.MaxPatternBytes)},
		"too deep":           {Path: strings.Repeat("/a", route.MaxPatternSegments+1)},
		"same shape":         {Path: "/ok/{other}", Method: "GET"},
		"same any":           {Path: "/any", Method: "*"},
	}
	for name, bad := range tests {
		t.Run(name, func(t *testing.T) {
			tab, err := route.Build([]route.Entry{{Method: "GET", Path: "/ok/{id}"}, {Path: "/any"}, bad})
			if !errors.Is(err, route.ErrPattern) {
				t.Errorf("error %v", err)
			}
			var m route.Match
			if tab.Len() != 2 || tab.Match(&m, "", "GET", "/ok/1") != route.Found {
				t.Error("the good entries are not there")
			}
		})
	}
}

func TestNormalHost(t *testing.T) {
	tests := map[string]string{
		"Example.COM": "example.com", "a:80": "a", "a:": "a", "a.": "a", "a.:8": "a", "127.0.0.1:17010": "127.0.0.1",
		"[::1]:80": "[::1]", "[::1]": "[::1]", "[FE80::1]": "[fe80::1]", "my_host": "my_host",
		"": "", ":80": "", "a:x": "", "a:123456": "", "a b": "", "a/b": "", "[::1": "", "[::1]x": "", "[x]": "", "a\x00": "", "é": "",
	}
	for in, want := range tests {
		if got := route.NormalHost(in); got != want {
			t.Errorf("NormalHost(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestZeroTable(t *testing.T) {
	var m route.Match
	if got := new(route.Table).Match(&m, "", "GET", "/"); got != route.NotFound {
		t.Errorf("outcome %d", got)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	tab := build(t, append(slices.Clone(table), route.Entry{Path: "/typed", Accept: "text/csv"}, route.Entry{Path: "/typed", Accept: "application/json"}))
	m := route.Match{Accept: func() string { return "text/html, application/json;q=0.5, */*;q=0.1" }}
	for _, path := range []string{"/files/a/b/c", "/doc/v-1.pdf", "/deep/x/y/end", "/typed"} {
		if n := testing.AllocsPerRun(100, func() { tab.Match(&m, "", "GET", path) }); n != 0 || m.Entry == nil {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	entries := append([]route.Entry(nil), table...)
	for i := range 1000 {
		entries = append(entries, route.Entry{Method: "POST", Path: "/api/v1/s" + strings.Repeat("x", i%7) + "/" + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + "/{id}"})
	}
	for i := range entries {
		entries[i].Target = i
	}
	tab, _ := route.Build(entries)
	for name, path := range map[string]string{"literal": "/files/readme", "param": "/user/17", "rest": "/files/a/b/c", "escaped": "/user/a%20b", "mixed": "/doc/v-17.pdf", "slashes": "/deep/a/b/end", "deep": "/api/v1/sx/b/9"} {
		b.Run(name, func(b *testing.B) {
			var m route.Match
			b.ReportAllocs()
			for b.Loop() {
				tab.Match(&m, "localhost", "GET", path)
			}
		})
	}
}
