package route_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seraihost/serai/host/gateway/route"
)

// naive matches by the rules of the package's documentation, without a tree:
// it tries every entry and keeps the most specific.
func naive(entries []route.Entry, host, method, path, accept string) (best *route.Entry, values []string, outcome route.Outcome) {
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
	var bestRank []string
	for i := range entries {
		e := &entries[i]
		if e.Host != "" && e.Host != host {
			continue
		}
		rank, taken, ok := fits(e, segments)
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
		acceptRank, ok := suits(e.Accept, accept)
		if !ok {
			if best == nil {
				outcome = route.NotAcceptable
			}
			continue
		}
		hostRank := "0"
		if e.Host == "" {
			hostRank = "1"
		}
		rank = append(append([]string{hostRank}, rank...), fmt.Sprint(methodRank), acceptRank)
		if best == nil || slices.Compare(rank, bestRank) < 0 {
			best, bestRank, values, outcome = e, rank, taken, route.Found
		}
	}
	return best, values, outcome
}

// fits matches by regular expressions.
func fits(e *route.Entry, segments []string) (rank, taken []string, ok bool) {
	parts := strings.Split(e.Path[1:], "/")
	for i, p := range parts {
		if i >= len(segments) {
			return nil, nil, false
		}
		var rest []string
		for _, s := range segments[i:] {
			rest = append(rest, strings.ReplaceAll(s, "/", "%2F"))
		}
		switch {
		case strings.HasSuffix(p, "...}"):
			return append(rank, "4"), append(taken, strings.Join(rest, "/")), true
		case e.MatchSlash && strings.Contains(p, "{"):
			tail := strings.Join(parts[i:], "/")
			found := expression(tail).FindStringSubmatch(strings.Join(rest, "/"))
			if found == nil {
				return nil, nil, false
			}
			return append(rank, "3"+text(tail)), append(taken, found[1:]...), true
		case strings.HasPrefix(p, "{") && strings.IndexByte(p, '}') == len(p)-1:
			if segments[i] == "" {
				return nil, nil, false
			}
			rank, taken = append(rank, "2"), append(taken, segments[i])
		case strings.Contains(p, "{"):
			found := expression(p).FindStringSubmatch(segments[i])
			if found == nil {
				return nil, nil, false
			}
			rank, taken = append(rank, "1"+text(p)), append(taken, found[1:]...)
		case p != segments[i]:
			return nil, nil, false
		default:
			rank = append(rank, "0")
		}
	}
	return rank, taken, len(parts) == len(segments)
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func expression(pattern string) *regexp.Regexp {
	literals := placeholder.Split(pattern, -1)
	for i, l := range literals {
		literals[i] = regexp.QuoteMeta(l)
	}
	return regexp.MustCompile(`(?s)\A` + strings.Join(literals, `(.+?)`) + `\z`)
}

// text ranks a pattern by how much literal text it has.
func text(pattern string) string {
	shape := placeholder.ReplaceAllString(pattern, "{}")
	return fmt.Sprintf("%06d%s", 100000-len(placeholder.ReplaceAllString(pattern, "")), shape)
}

// suits ranks a media type for a header that has no quoted strings.
func suits(offer, accept string) (rank string, ok bool) {
	order := "0"
	switch {
	case strings.HasSuffix(offer, "/*"):
		order = "2" + offer
	case offer != "":
		order = "1" + offer
	}
	if offer == "" {
		offer = "*/*" // never a type of one's own: only */* names it
	}
	kind, sub, _ := strings.Cut(offer, "/")
	quality, precision, known, count := 0.0, -1, false, 0
	for element := range strings.SplitSeq(strings.ToLower(accept), ",") {
		params := strings.Split(element, ";")
		k, s, isType := strings.Cut(strings.TrimSpace(params[0]), "/")
		q, valid := 1.0, true
		for _, p := range params[1:] {
			if value, isQ := strings.CutPrefix(strings.TrimSpace(p), "q="); isQ || strings.TrimSpace(p) == "q" {
				valid = weight.MatchString(value)
				q, _ = strconv.ParseFloat(strings.TrimSuffix(value, "."), 64)
				break
			}
		}
		if !isType || k == "" || s == "" || k == "*" && s != "*" || !valid || count == 64 {
			continue
		}
		count++
		known = true
		p := -1
		switch {
		case k == "*":
			p = 0
		case offer == "*/*":
		case k == kind && (s == "*" || sub == "*"):
			p = 1
		case k == kind && s == sub:
			p = 2
		}
		if p > precision || p == precision && q > quality {
			quality, precision = q, p
		}
	}
	switch {
	case !known:
		quality, precision = 1, 0
	case precision < 0 || quality == 0:
		return "9", offer == "*/*" // the last resort
	}
	return fmt.Sprintf("%05d %d %s", 1000-int(quality*1000+0.5), 2-precision, order), true
}

var weight = regexp.MustCompile(`^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$`)

// entry reads "[HOST] [METHOD] PATH[+] [as TYPE]"; + lets placeholders take slashes.
func entry(line string) (e route.Entry, ok bool) {
	line, e.Accept, _ = strings.Cut(line, " as ")
	fields := strings.Fields(line)
	switch {
	case len(fields) == 3:
		e.Host, e.Method, e.Path = fields[0], fields[1], fields[2]
	case len(fields) == 2 && route.CheckMethod(fields[0]) == nil:
		e.Method, e.Path = fields[0], fields[1]
	case len(fields) == 2:
		e.Host, e.Path = fields[0], fields[1]
	case len(fields) == 1:
		e.Path = fields[0]
	}
	e.Path, e.MatchSlash = strings.CutSuffix(e.Path, "+")
	return e, utf8.ValidString(e.Path)
}

func FuzzMatch(f *testing.F) {
	for _, routes := range []string{
		"GET /\nGET /user/{id}\nPOST /user/me\n/any/{x}\nGET /files/{p...}\nGET /files/readme",
		"a /x/{y}\na GET /x/z\n/{r...}\nPUT /{a}/{b}/c",
		"GET /a/{b}/c\nGET /{a}/b/c\nGET /{a}/{b}/{c...}\nGET /a/b/",
		"/x-{a}\n/{a}-y\n/{a}.{b}\n/x-{a}.{b}-y/{c}\n/{a}",
		"/{a}/end+\n/{a}/{b}+\n/a/{x}-{y}/z+\n/a/{x}\n/{r...}",
		"GET /a as text/csv\nGET /a as text/*\n/a\nGET /a as a/b\n/{x}",
	} {
		for _, path := range []string{"/", "/user/7", "/user/me", "/files/a%2Fb/c", "/x/z", "/a/b/c", "/a/b/", "//", "/%2e%2e", "/%", "*", "/a%00", "/x-1.2-y/3", "/x-y", "/a/1-2/3-4/z", "/q/w/end", "/a"} {
			f.Add(routes, "a", "GET", path, "")
			f.Add(routes, "", "HEAD", path, "text/html;q=0.5, a/b ; q=0.7, */*;q=0.1, x")
		}
	}
	f.Fuzz(func(t *testing.T, routes, host, method, path, accept string) {
		if strings.ContainsAny(accept, "\"\\") {
			return // the reference knows no quoted strings
		}
		var entries []route.Entry
		for i, line := range strings.Split(routes, "\n") {
			e, ok := entry(line)
			if len(entries) >= 64 || !ok {
				continue
			}
			e.Target = i
			if _, err := route.Build(append(slices.Clone(entries), e)); err == nil {
				entries = append(entries, e)
			}
		}
		tab, err := route.Build(entries)
		if err != nil || tab.Len() != len(entries) {
			t.Fatalf("good entries were refused: %v", err)
		}
		want, values, wantOutcome := naive(entries, host, method, path, accept)
		m := route.Match{Accept: func() string { return accept }}
		outcome := tab.Match(&m, host, method, path)
		if outcome != wantOutcome && !(outcome == route.TooLong && wantOutcome == route.BadPath || outcome == route.BadPath && wantOutcome == route.TooLong) {
			t.Fatalf("outcome %d, the reference says %d", outcome, wantOutcome)
		}
		if outcome != route.Found {
			if outcome == route.MethodNotAllowed && slices.Contains(tab.Allow(&m, host), method) {
				t.Fatalf("Allow has the method %q that was refused", method)
			}
			if outcome == route.NotAcceptable && len(tab.Types(&m, host)) == 0 {
				t.Fatal("there is no type that was refused")
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
