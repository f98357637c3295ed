package catalog

import (
	"errors"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// parse reads "METHOD host/path as media/type", the form of Title; a path
// that ends in "+" matches slashes.
func parse(s string) host.Route {
	method, rest, _ := strings.Cut(s, " ")
	rest, accept, _ := strings.Cut(rest, " as ")
	path, slash := strings.CutSuffix(rest, "+")
	i := max(0, strings.IndexByte(path, '/'))
	return host.Route{Method: method, Host: path[:i], Path: path[i:], Accept: accept, MatchSlash: slash}
}

func TestNormalizeRoute(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"GET /":                     "GET /",
		"get /a":                    "GET /a",
		" /a":                       "* /a",
		"* /a":                      "* /a",
		"POST API.Example.com/a":    "POST api.example.com/a",
		"GET 127.0.0.1/a":           "GET 127.0.0.1/a",
		"GET /user/{id}":            "GET /user/{id}",
		"GET /{a}/{b}/{rest...}":    "GET /{a}/{b}/{rest...}",
		"GET /{rest...}":            "GET /{rest...}",
		"GET /A/b.c/~d/e_f-g":       "GET /A/b.c/~d/e_f-g",
		"GET /a:b/c@d/e;f=g/h,i/$&": "GET /a:b/c@d/e;f=g/h,i/$&",
		"M-SEARCH /.../..a":         "M-SEARCH /.../..a",
		"GET /a/":                   "GET /a/",
		"GET /{a}b/x{c}/{d}.{e}":    "GET /{a}b/x{c}/{d}.{e}",
		"GET /a as Text/*":          "GET /a as text/*",
		"GET /a as */*":             "GET /a",
		"GET /a as a/vnd.b+json":    "GET /a as a/vnd.b+json",
	} {
		got, err := NormalizeRoute(parse(in))
		if err != nil || Title(got) != want {
			t.Errorf("NormalizeRoute(%s) = %s, %v, want %s", in, Title(got), err, want)
		}
		again, err := NormalizeRoute(got)
		if err != nil || again != got {
			t.Errorf("%s is not canonical: %s, %v", Title(got), Title(again), err)
		}
	}
}

func TestNormalizeRouteRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("/abcdefghijklmnopqrstuvwxyzabcdefghijklmnop", 31)
	for _, in := range []string{
		"GET ", "GET a", "GET //", "GET /a//b", "GET /.", "GET /a/../b", "GET /./a",
		"GET /{}", "GET /{a", "GET /a}", "GET /{a}{b}", "GET /x{a}{b}", "GET /x{a...}", "GET /{a...}+", "GET /{a} b", "GET /a{b", "GET /{a}/{a}", "GET /{a}/{a...}",
		"GET /{a...}/b", "GET /{...}", "GET /{1a}", "GET /{a b}", "GET /{a.b}", "GET /{{a}}",
		"GET /{" + strings.Repeat("a", 65) + "}",
		"GET /a b", "GET /a?b", "GET /a#b", "GET /a%2Fb", "GET /a\\b", "GET /ключ", "GET /a\x00", "GET /a\nb",
		"GET " + long, "GET " + strings.Repeat("/a", MaxSegments+1),
		"GET /a as json", "GET /a as text/", "GET /a as */x", "GET /a as a/b;q=1", "GET /a as a/b, c/d", "GET /a as t*/x", "GET /a as " + strings.Repeat("a", 128) + "/b",
		"G(T /a", "GET\n /a", strings.Repeat("G", 33) + " /a", "GET /\"",
		"GET host:80/a", "GET -host/a", "GET a..b/a", "GET *.host/a", "GET " + strings.Repeat("a", 254) + "/a",
	} {
		r, err := NormalizeRoute(parse(in))
		var e *host.Error
		if !errors.As(err, &e) || e.Code != abi.Invalid || e.Field != "route" {
			t.Errorf("NormalizeRoute(%q) = %v, %v", in, r, err)
		}
	}
}

func TestConflict(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"GET /a", "GET /a", true},
		{"GET /a", "POST /a", false},
		{"GET /a", "* /a", false}, // the method is more specific
		{"* /a", "* /a", true},
		{"GET /a", "GET /b", false},
		{"GET /A", "GET /a", false},
		{"GET /{x}", "GET /{y}", true},
		{"GET /{x}", "GET /a", false}, // the literal is more specific
		{"GET /{x}/b", "GET /a/{y}", false},
		{"GET /{x}", "GET /{x...}", false},
		{"GET /{x...}", "GET /{y...}", true},
		{"GET /a/{x}/c", "GET /a/{zz}/c", true},
		{"GET /a/{x}/c", "GET /a/{x}", false},
		{"GET h/a", "GET /a", false}, // the host is more specific
		{"GET h/a", "GET H/a", true},
		{"GET h/a", "GET i/a", false},
		{"GET /", "GET /", true},
		{"GET /", "GET /{x}", false},
		{"GET /a", "GET /a/", false},
		{"GET /x-{a}", "GET /x-{b}", true},
		{"GET /x-{a}", "GET /{b}", false},
		{"GET /{a}", "GET /{a}+", false},
		{"GET /{a}/b+", "GET /{b}/b+", true},
		{"GET /a+", "GET /a", true}, // no placeholder
		{"GET /a as x/y", "GET /a as X/Y", true},
		{"GET /a as x/y", "GET /a as x/*", false},
		{"GET /a as x/y", "GET /a", false},
	} {
		a, err1 := NormalizeRoute(parse(test.a))
		b, err2 := NormalizeRoute(parse(test.b))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if Conflict(a, b) != test.want || Conflict(b, a) != test.want {
			t.Errorf("Conflict(%s, %s) = %v, want %v", test.a, test.b, !test.want, test.want)
		}
		if test.want && !Overlap(a, b) {
			t.Errorf("%s and %s conflict and do not overlap", test.a, test.b)
		}
	}
}

func FuzzRoute(f *testing.F) {
	f.Add("GET /user/{id}/{rest...}", "* h/user/{name}/{r...}")
	f.Add(" h.example/", "get /{}")
	f.Add("* /{a...}/{b", "GET //..")
	f.Add("GET /x-{a}.{b}/c as text/*", "GET /x-{c}.{d}/c+ as text/csv")
	f.Fuzz(func(t *testing.T, one, two string) {
		a, err1 := NormalizeRoute(parse(one))
		b, err2 := NormalizeRoute(parse(two))
		if err1 != nil || err2 != nil {
			return
		}
		if again, err := NormalizeRoute(a); err != nil || again != a {
			t.Errorf("%v is not canonical: %v, %v", a, again, err)
		}
		if !Conflict(a, a) || Conflict(a, b) != Conflict(b, a) || Overlap(a, b) != Overlap(b, a) {
			t.Errorf("Conflict or Overlap of %v and %v is not symmetric", a, b)
		}
		if Conflict(a, b) != (string(routeKey(a)) == string(routeKey(b))) {
			t.Errorf("%v and %v: their keys and Conflict disagree", a, b)
		}
	})
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"GET /a", "* /a", true},
		{"GET /a", "POST /a", false},
		{"GET /a as x/y", "GET /a", true},
		{"GET /a as x/y", "* /a as z/y", true},
		{"GET /{x}", "GET /a", false},
		{"GET h/a", "GET /a", false},
	} {
		a, err1 := NormalizeRoute(parse(test.a))
		b, err2 := NormalizeRoute(parse(test.b))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if Overlap(a, b) != test.want || Overlap(b, a) != test.want {
			t.Errorf("Overlap(%s, %s) = %v, want %v", test.a, test.b, !test.want, test.want)
		}
	}
}
