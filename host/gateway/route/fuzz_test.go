package route_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/seraihost/serai/host/gateway/route"
)

// naive matches by the rules of the package's documentation, without a tree:
// it tries every entry and keeps the most specific.
func naive(entries []route.Entry, host, method, path string) (best *route.Entry, values []string, outcome route.Outcome) {
	if !strings.HasPrefix(path, "/") {
		return nil, nil, route.BadPath
	}
	var segments []string
	for raw := range strings.SplitSeq(path[1:], "/") {
		s, err := url.PathUnescape(raw)
		if err != nil || strings.Contains(s, "\x00") {
			return nil, nil, route.BadPath
		}
		for part := range strings.SplitSeq(s, "/") {
			if part == "." || part == ".." {
				return nil, nil, route.BadPath
			}
		}
		segments = append(segments, s)
		if len(segments) > route.MaxPathSegments {
			return nil, nil, route.TooLong
		}
	}
	outcome = route.NotFound
	var bestRank []int
	for i := range entries {
		e := &entries[i]
		if e.Host != "" && e.Host != host {
			continue
		}
		rank, taken, ok := fits(e.Path, segments)
		if !ok {
			continue
		}
		methodRank := 3
		switch {
		case e.Method == method:
			methodRank = 0
		case e.Method == "GET" && method == "HEAD":
			methodRank = 1
		case e.Method == "" || e.Method == "*":
			methodRank = 2
		}
		if methodRank == 3 {
			if outcome == route.NotFound {
				outcome = route.MethodNotAllowed
			}
			continue
		}
		hostRank := 0
		if e.Host == "" {
			hostRank = 1
		}
		rank = append(append([]int{hostRank}, rank...), methodRank)
		if best == nil || slices.Compare(rank, bestRank) < 0 {
			best, bestRank, values, outcome = e, rank, taken, route.Found
		}
	}
	return best, values, outcome
}

func fits(pattern string, segments []string) (rank []int, taken []string, ok bool) {
	parts := strings.Split(pattern[1:], "/")
	for i, p := range parts {
		if i >= len(segments) {
			return nil, nil, false
		}
		switch {
		case strings.HasSuffix(p, "...}"):
			var rest []string
			for _, s := range segments[i:] {
				rest = append(rest, strings.ReplaceAll(s, "/", "%2F"))
			}
			return append(rank, 2), append(taken, strings.Join(rest, "/")), true
		case strings.HasPrefix(p, "{"):
			if segments[i] == "" {
				return nil, nil, false
			}
			rank, taken = append(rank, 1), append(taken, segments[i])
		case p != segments[i]:
			return nil, nil, false
		default:
			rank = append(rank, 0)
		}
	}
	return rank, taken, len(parts) == len(segments)
}

func FuzzMatch(f *testing.F) {
	for _, routes := range []string{
		"GET /\nGET /user/{id}\nPOST /user/me\n/any/{x}\nGET /files/{p...}\nGET /files/readme",
		"a /x/{y}\na GET /x/z\n/{r...}\nPUT /{a}/{b}/c",
		"GET /a/{b}/c\nGET /{a}/b/c\nGET /{a}/{b}/{c...}\nGET /a/b/",
	} {
		for _, path := range []string{"/", "/user/7", "/user/me", "/files/a%2Fb/c", "/x/z", "/a/b/c", "/a/b/", "//", "/%2e%2e", "/%", "*", "/a%00"} {
			f.Add(routes, "a", "GET", path)
			f.Add(routes, "", "HEAD", path)
		}
	}
	f.Fuzz(func(t *testing.T, routes, host, method, path string) {
		var entries []route.Entry
		for i, line := range strings.Split(routes, "\n") {
			fields := strings.Fields(line)
			e := route.Entry{Target: i}
			switch {
			case len(entries) >= 64 || len(fields) == 0 || len(fields) > 3:
				continue
			case len(fields) == 3:
				e.Host, e.Method, e.Path = fields[0], fields[1], fields[2]
			case len(fields) == 2 && route.CheckMethod(fields[0]) == nil:
				e.Method, e.Path = fields[0], fields[1]
			case len(fields) == 2:
				e.Host, e.Path = fields[0], fields[1]
			default:
				e.Path = fields[0]
			}
			if _, err := route.Build(append(slices.Clone(entries), e)); err == nil {
				entries = append(entries, e)
			}
		}
		tab, err := route.Build(entries)
		if err != nil || tab.Len() != len(entries) {
			t.Fatalf("good entries were refused: %v", err)
		}
		want, values, wantOutcome := naive(entries, host, method, path)
		var m route.Match
		outcome := tab.Match(&m, host, method, path)
		if outcome != wantOutcome && !(outcome == route.TooLong && wantOutcome == route.BadPath || outcome == route.BadPath && wantOutcome == route.TooLong) {
			t.Fatalf("outcome %d, the reference says %d", outcome, wantOutcome)
		}
		if outcome != route.Found {
			if outcome == route.MethodNotAllowed && slices.Contains(tab.Allow(&m, host), method) {
				t.Fatalf("Allow has the method %q that was refused", method)
			}
			return
		}
		if m.Entry.Target != want.Target {
			t.Fatalf("matched %s, the reference says %s", m.Entry, want)
		}
		if len(m.Params) != len(values) {
			t.Fatalf("params %v, the reference says %q", m.Params, values)
		}
		for i, p := range m.Params {
			if p.Value != values[i] || p.Name == "" {
				t.Fatalf("params %v, the reference says %q", m.Params, values)
			}
		}
	})
}
