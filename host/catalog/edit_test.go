package catalog

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

func TestEditIsOneTransaction(t *testing.T) {
	t.Parallel()
	c, ctx := newCatalog(t), t.Context()
	ok(t, c.CreateTenant(ctx, host.Tenant{Name: "a"}))
	edit := Edit{
		Config: map[string][]byte{"k": []byte("v")}, Secrets: map[string][]byte{"s": []byte("hidden")},
		Auths:       []host.AuthDefinition{{Name: "door", Type: host.AuthAPIKey, Hash: "h"}},
		Connections: []host.Connection{{Name: "CRM", Type: "http", Config: []byte("{}")}},
		Channels:    []host.Channel{{Name: "c", Service: "svc", Path: "/c", Auth: []string{"door"}}},
		Activate:    []host.Version{version("a", "svc", 1, "GET /x")},
	}
	dry := edit
	dry.DryRun = true
	ok(t, c.Edit(ctx, "a", dry))
	empty, err := c.State(ctx, "a")
	ok(t, err)
	if len(empty.Config)+len(empty.Secrets)+len(empty.Auths)+len(empty.Connections)+len(empty.Channels)+len(empty.Services) != 0 {
		t.Errorf("a dry run left %+v", empty)
	}
	ok(t, c.Edit(ctx, "a", edit))
	s, err := c.State(ctx, "a")
	ok(t, err)
	if string(s.Config["k"]) != "v" || !s.Secrets["s"] || s.Auths["door"].Header != "X-API-Key" || s.Connections["CRM"].Tenant != "a" ||
		s.Channels["c"].Service != "svc" || s.Services["svc"].Digest != version("a", "svc", 1).Digest {
		t.Errorf("state %+v", s)
	}
	if secret, err := c.Secret(ctx, "a", "s"); err != nil || string(secret) != "hidden" {
		t.Errorf("secret %q, %v", secret, err)
	}

	// What was decided on an older state is not done.
	late := Edit{Since: empty, Config: map[string][]byte{"k": []byte("late")}}
	if err := c.Edit(ctx, "a", late); !errors.Is(err, ErrChanged) {
		t.Errorf("an edit of another state: %v", err)
	}
	late.Since = s
	ok(t, c.Edit(ctx, "a", late))

	// Everything goes at once, in whatever order it depends on each other.
	ok(t, c.Edit(ctx, "a", Edit{Delete: Names{
		Config: []string{"k"}, Secrets: []string{"s"}, Auths: []string{"door"}, Connections: []string{"CRM"},
		Channels: []string{"c"}, Services: []string{"svc"},
	}}))
	if got := table(t, c); got != "" {
		t.Errorf("routes are left:\n%s", got)
	}
	ok(t, c.PurgeVersions(ctx, "a", "svc"))
	if digests, err := c.Digests(ctx); err != nil || len(digests) != 0 {
		t.Errorf("left %v, %v", digests, err)
	}
}

func TestEditNamesEveryItemThatIsWrong(t *testing.T) {
	t.Parallel()
	c, ctx := newCatalog(t), t.Context()
	ok(t, c.CreateTenant(ctx, host.Tenant{Name: "a"}))
	ok(t, c.CreateTenant(ctx, host.Tenant{Name: "b"}))
	ok(t, c.Activate(ctx, version("b", "other", 1, "GET /taken", "GET /also")))
	v := version("a", "svc", 1)
	v.Settings.Routes = []host.Route{{Path: "/x", Auth: "none"}}
	for name, tt := range map[string]struct {
		edit Edit
		want []string
	}{
		"malformed": {Edit{
			Config: map[string][]byte{"": nil}, Auths: []host.AuthDefinition{{Name: "n"}},
			Connections: []host.Connection{{Name: "C", Type: "http", Config: []byte("{")}}, Activate: []host.Version{{Service: "s", Digest: "x"}},
		}, []string{"config ", "security n", "connection C", "service s"}},
		"taken": {Edit{
			Channels: []host.Channel{{Name: "c", Service: "s", Path: "/taken"}, {Name: "d", Service: "s", Path: "/also"}, {Name: "e", Service: "s", Path: "/free"}},
			Activate: []host.Version{v},
		}, []string{"channel c", "channel d", "service svc"}},
		"absent": {Edit{Delete: Names{Config: []string{"k"}, Secrets: []string{"s"}, Auths: []string{"n"}}}, []string{"security n", "config k", "secret s"}},
	} {
		err := c.Edit(ctx, "a", tt.edit)
		if diff := cmp.Diff(tt.want, itemsOf(err)); diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	if s, err := c.State(ctx, "a"); err != nil || len(s.Channels)+len(s.Services) != 0 {
		t.Errorf("left %+v, %v", s, err)
	}
	if err := c.Edit(ctx, "nobody", Edit{}); host.CodeOf(err) != abi.NotFound {
		t.Errorf("of no tenant: %v", err)
	}
}

func itemsOf(err error) (out []string) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *ItemError:
		return []string{e.Kind + " " + e.Name}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			out = append(out, itemsOf(inner)...)
		}
	case interface{ Unwrap() error }:
		return itemsOf(e.Unwrap())
	}
	return out
}

// TestEditMovesPaths moves paths between channels and services.
func TestEditMovesPaths(t *testing.T) {
	t.Parallel()
	c, ctx := newCatalog(t), t.Context()
	ok(t, c.CreateTenant(ctx, host.Tenant{Name: "a", Quota: host.Quota{Services: 1}}))
	ok(t, c.Edit(ctx, "a", Edit{
		Activate: []host.Version{version("a", "one", 1, "GET /x")},
		Channels: []host.Channel{{Name: "c", Service: "one", Path: "/y", Method: "GET"}},
	}))
	ok(t, c.Edit(ctx, "a", Edit{
		Activate: []host.Version{version("a", "one", 2, "GET /y")},
		Channels: []host.Channel{{Name: "c", Service: "one", Path: "/x", Method: "GET"}},
	}))
	// One service makes room for another within the quota.
	ok(t, c.Edit(ctx, "a", Edit{
		Delete: Names{Services: []string{"one"}, Channels: []string{"c"}}, Activate: []host.Version{version("a", "two", 3, "GET /x", "GET /y")},
	}))
	ok(t, c.Edit(ctx, "a", Edit{Delete: Names{Services: []string{"two"}}, Activate: []host.Version{version("a", "one", 4)}}))
	if all, err := c.Versions(ctx, "a", "one"); err != nil || len(all) != 1 {
		t.Errorf("versions of a service that was deleted are back: %v, %v", all, err)
	}
}
