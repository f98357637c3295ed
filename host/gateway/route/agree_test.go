package route_test

import (
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/gateway/route"
)

// FuzzCatalogueAgrees holds the catalogue and the table to one idea of routes:
// what the catalogue stores can be served, and what conflicts there does here.
func FuzzCatalogueAgrees(f *testing.F) {
	f.Add("GET /a/{x}/y-{z}.{w}", "h POST /{r...} as text/csv")
	f.Add("GET /x-{a}/b+", "GET /x-{b}/b")
	f.Add("/a/ as A/B", "* /a/ as a/b")
	f.Add("GET /a+", "GET /a")
	f.Fuzz(func(t *testing.T, one, two string) {
		a, okA := canonical(one)
		b, okB := canonical(two)
		if !okA || !okB {
			return
		}
		tab, err := route.Build([]route.Entry{served(a), served(b)})
		if conflict := catalog.Conflict(a, b); (err != nil) != conflict || tab.Len() == 0 {
			t.Fatalf("%+v and %+v: conflict %v in the catalogue, and the table says %v", a, b, conflict, err)
		}
	})
}

func canonical(line string) (host.Route, bool) {
	e, _ := entry(line)
	r, err := catalog.NormalizeRoute(host.Route{Host: e.Host, Method: e.Method, Path: e.Path, MatchSlash: e.MatchSlash, Accept: e.Accept})
	return r, err == nil
}

func served(r host.Route) route.Entry {
	return route.Entry{Host: r.Host, Method: r.Method, Path: r.Path, MatchSlash: r.MatchSlash, Accept: r.Accept}
}
