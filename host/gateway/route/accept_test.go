package route_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seraihost/serai/host/gateway/route"
)

func TestAccept(t *testing.T) {
	t.Parallel()
	const (
		plain = ""
		json  = "application/json"
		xml   = "application/xml"
		csv   = "text/csv"
		text  = "text/*"
	)
	tests := []struct {
		offers []string
		accept string
		want   string // the offer, or an outcome
	}{
		{[]string{json, xml}, "application/xml", xml},
		{[]string{json, xml}, "APPLICATION/XML", xml},
		{[]string{json, xml}, "", json}, // alike: the first by name
		{[]string{xml, json}, "*/*", json},
		{[]string{json, xml}, "application/*", json},
		{[]string{json, xml}, "application/json;q=0.5, application/xml", xml},
		{[]string{json, xml}, "application/json;q=0.5,application/xml ; q=0.501", xml},
		{[]string{json, xml}, "application/json;q=0, */*", xml},
		{[]string{json, xml}, "application/xml, */*", xml}, // named more precisely
		{[]string{json, xml}, "application/*, application/xml", xml},
		{[]string{json, xml}, "*/*;q=1, application/json;q=0.2", xml},
		{[]string{json, xml}, "text/html", "406"},
		{[]string{json, xml}, "application/json;q=0, application/xml;q=0.000", "406"},
		{[]string{json}, "*/*;q=0", "406"},
		{[]string{json, plain}, "text/html", plain},
		{[]string{json, plain}, "*/*", plain},
		{[]string{json, plain}, "", plain},
		{[]string{json, plain}, "application/json, */*;q=0.1", json},
		{[]string{json, plain}, "application/json;q=0.1, */*", plain},
		{[]string{json, plain}, "application/json;q=0", plain},
		{[]string{plain}, "text/html", plain},
		{[]string{csv, text}, "text/html", text},
		{[]string{csv, text}, "text/csv", csv},
		{[]string{csv, text}, "text/*", csv},
		{[]string{text, json}, "text/html;q=0.3, application/json;q=0.2", text},
		{[]string{text}, "text/html;q=0, text/plain;q=0.2", text},
		{[]string{json, xml}, `text/html;x="a,b;q=1", application/xml;y="\",", application/json;q=0.9`, xml},
		// What is malformed counts for nothing; a header of it alone is none.
		{[]string{json, xml}, "json, application/xml", xml},
		{[]string{json, xml}, "*/xml, application/xml;q=0.1", xml},
		{[]string{json, xml}, "application/json;q=2, application/xml;q=0.1", xml},
		{[]string{json, xml}, "application/json;q=0.1234, application/xml;q=0.1", xml},
		{[]string{json, xml}, "application/json;q=-1, application/xml;q=0.1", xml},
		{[]string{json, xml}, ",;,/,", json},
		{[]string{json, xml}, strings.Repeat("a/b,", 100) + "application/xml", "406"}, // 64 are looked at
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.offers, " ", tt.accept[:min(len(tt.accept), 60)]), func(t *testing.T) {
			t.Parallel()
			var entries []route.Entry
			for _, o := range tt.offers {
				entries = append(entries, route.Entry{Method: "GET", Path: "/x", Accept: o})
			}
			for range 2 { // in either order
				tab := build(t, entries)
				m := route.Match{Accept: func() string { return tt.accept }}
				got := "406"
				switch outcome := tab.Match(&m, "", "GET", "/x"); outcome {
				case route.Found:
					got = m.Entry.Accept
				case route.NotAcceptable:
					if types := tab.Types(&m, ""); len(types) != len(tt.offers) {
						t.Errorf("types %q", types)
					}
				case route.NotFound, route.MethodNotAllowed, route.BadPath, route.TooLong:
					t.Fatalf("outcome %d", outcome)
				}
				if got != tt.want {
					t.Errorf("chose %q, want %q", got, tt.want)
				}
				if m.Negotiated != (len(tt.offers) > 1 || tt.offers[0] != plain) {
					t.Errorf("negotiated: %v", m.Negotiated)
				}
				slices.Reverse(entries)
			}
		})
	}
}

// A path that does not offer the media type gives way, as one that does not
// offer the method does.
func TestAcceptGivesWay(t *testing.T) {
	t.Parallel()
	tab := build(t, []route.Entry{
		{Method: "GET", Path: "/a/b", Accept: "text/csv"},
		{Path: "/a/b", Accept: "text/html"},
		{Method: "GET", Path: "/a/{x}", Accept: "application/json"},
		{Method: "POST", Path: "/a/{x}"},
	})
	for accept, want := range map[string]int{"text/csv": 0, "text/html": 1, "application/json": 2, "*/*": 0} {
		for _, method := range []string{"GET", "HEAD"} {
			m := route.Match{Accept: func() string { return accept }}
			if outcome := tab.Match(&m, "", method, "/a/b"); outcome != route.Found || m.Entry.Target != want {
				t.Errorf("%s %s: outcome %d, entry %v", method, accept, outcome, m.Entry)
			}
		}
	}
	m := route.Match{Accept: func() string { return "image/png" }}
	if got := tab.Match(&m, "", "GET", "/a/b"); got != route.NotAcceptable {
		t.Errorf("outcome %d", got)
	}
	if got := tab.Types(&m, ""); !slices.Equal(got, []string{"application/json", "text/csv", "text/html"}) {
		t.Errorf("types %q", got)
	}
	if got := tab.Match(&m, "", "PUT", "/a/c"); got != route.MethodNotAllowed {
		t.Errorf("outcome %d", got)
	}
}

func TestOffersAreBounded(t *testing.T) {
	t.Parallel()
	var entries []route.Entry
	for i := range 40 {
		entries = append(entries, route.Entry{Path: "/x", Accept: fmt.Sprint("a/b", i)})
	}
	tab, err := route.Build(entries)
	if err == nil || tab.Len() != 32 {
		t.Errorf("%d entries, %v", tab.Len(), err)
	}
}
