package catalog

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

func TestActivate(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	v1 := version("a", "svc", 1, "get /x/{id}", "POST /x/{id}")
	grants := []string{"api.*"}
	v1.Settings.Grants = host.Grants{Connections: []string{"CRM"}, Services: &grants, Keys: &[]string{}}
	v1.Created = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	ok(t, c.Activate(ctx, v1))
	got, err := c.Version(ctx, "a", "svc", "")
	ok(t, err)
	if diff := cmp.Diff(v1, got); diff != "" {
		t.Errorf("version (-want +got):\n%s", diff)
	}
	if got, want := table(t, c), "a/svc GET /x/{id}\na/svc POST /x/{id}"; got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	service, err := c.Service(ctx, "a", "svc")
	if err != nil || service.Running != v1.Digest || service.Created.IsZero() || service.Tenant != "a" {
		t.Errorf("service = %+v, %v", service, err)
	}

	// Another version replaces the routes, and may take the same ones.
	v2 := version("a", "svc", 2, "GET /x/{other}", "GET /y")
	ok(t, c.Activate(ctx, v2))
	if got, want := table(t, c), "a/svc GET /x/{other}\na/svc GET /y"; got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	// Rolling back is activating what was recorded.
	previous, err := c.Previous(ctx, "a", "svc")
	if err != nil || previous.Digest != v1.Digest {
		t.Errorf("Previous = %s, %v", previous.Digest, err)
	}
	ok(t, c.Activate(ctx, previous))
	if got, want := table(t, c), "a/svc GET /x/{id}\na/svc POST /x/{id}"; got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	now, err := c.Version(ctx, "a", "svc", "")
	if err != nil || !now.Created.Equal(v1.Created) {
		t.Errorf("version = %+v, %v", now, err)
	}
	if _, err := c.Service(ctx, "b", "svc"); host.CodeOf(err) != abi.NotFound {
		t.Errorf("another tenant sees the service: %v", err)
	}
}

func TestActivateRefuses(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	ok(t, c.Activate(ctx, version("a", "one", 1, "GET /x/{id}", "* h/y")))
	for _, test := range []struct {
		v     host.Version
		code  abi.Code
		field string
	}{
		{version("a", "two", 2, "GET /x/{name}"), abi.Conflict, "route"},
		{version("b", "two", 2, "GET /x/{name}"), abi.Conflict, "route"},
		{version("b", "two", 2, "GET /ok", "* /x/{name}"), abi.Conflict, "route"},
		{version("b", "two", 2, "DELETE H/y"), abi.Conflict, "route"},
		{version("a", "two", 2, "GET /same/{a}", "GET /same/{b}"), abi.Invalid, "route"},
		{version("a", "two", 2, "GET no"), abi.Invalid, "route"},
		{version("a", "", 2), abi.Invalid, "service"},
		{version("a", "x/y", 2), abi.Invalid, "service"},
		{version("nobody", "two", 2), abi.NotFound, ""},
		{host.Version{Tenant: "a", Service: "two", Digest: "sha256:12"}, abi.Invalid, "version"},
	} {
		want(t, c.Activate(ctx, test.v), test.code, test.field)
	}
	if got, want := table(t, c), "a/one GET /x/{id}\na/one * h/y"; got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	for _, tenant := range []string{"a", "b"} {
		if _, err := c.Service(ctx, tenant, "two"); host.CodeOf(err) != abi.NotFound {
			t.Errorf("a refused service exists: %v", err)
		}
	}
	// What does not conflict is taken.
	ok(t, c.Activate(ctx, version("b", "two", 2, "POST /x/{id}", "GET /x/fixed", "GET h/x/{id}", "* /y")))
}

func TestConflictNamesOwnServicesOnly(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "secret-tenant", "b"), t.Context()
	ok(t, c.Activate(ctx, version("secret-tenant", "hidden", 1, "GET /x")))
	err := c.Activate(ctx, version("b", "two", 2, "GET /x"))
	if err == nil || strings.Contains(err.Error(), "secret-tenant") || strings.Contains(err.Error(), "hidden") {
		t.Errorf("error tells of another tenant: %v", err)
	}
	err = c.Activate(ctx, version("secret-tenant", "two", 2, "GET /x"))
	if err == nil || !strings.Contains(err.Error(), `"hidden"`) {
		t.Errorf("error does not name the own service: %v", err)
	}
}

func TestRouteNeedsItsDefinition(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	v := version("a", "s", 1, "GET /x")
	v.Settings.Routes[0].Auth = "users"
	ok(t, c.PutAuth(ctx, host.AuthDefinition{Tenant: "b", Name: "users", Type: host.AuthAPIKey, Hash: "h"}))
	want(t, c.Activate(ctx, v), abi.Invalid, "auth")
	ok(t, c.PutAuth(ctx, host.AuthDefinition{Tenant: "a", Name: "users", Type: host.AuthAPIKey, Hash: "h"}))
	ok(t, c.Activate(ctx, v))
	want(t, c.DeleteAuth(ctx, "a", "users"), abi.Conflict, "auth")
	ok(t, c.DeleteAuth(ctx, "b", "users"))
	ok(t, c.Activate(ctx, version("a", "s", 2, "GET /x")))
	ok(t, c.DeleteAuth(ctx, "a", "users"))
	want(t, c.Activate(ctx, v), abi.Invalid, "auth") // a rollback to it is refused
}

func TestServiceQuota(t *testing.T) {
	t.Parallel()
	c, ctx := newCatalog(t), t.Context()
	quota := host.DefaultQuota()
	quota.Services = 5
	ok(t, c.CreateTenant(ctx, host.Tenant{Name: "a", Quota: quota}))
	var group sync.WaitGroup
	var made, refused atomic.Int32
	for i := range 20 {
		group.Go(func() {
			err := c.Activate(ctx, version("a", fmt.Sprint("s", i), i))
			switch host.CodeOf(err) {
			case abi.OK:
				made.Add(1)
			case abi.Denied:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != 5 || refused.Load() != 15 {
		t.Errorf("%d made, %d refused", made.Load(), refused.Load())
	}
	services, err := c.Services(ctx, "a")
	if err != nil || len(services) != 5 {
		t.Fatalf("%d services, %v", len(services), err)
	}
	ok(t, c.Activate(ctx, version("a", services[0].Name, 100))) // a new version is no new service
	want(t, c.Activate(ctx, version("a", "more", 1)), abi.Denied, "quota.services")
	ok(t, c.DeleteService(ctx, "a", services[0].Name))
	ok(t, c.Activate(ctx, version("a", "more", 1)))
}

// Of many services that reach for one route at once, one gets it; and the
// methods of a path that overlap go to one tenant.
func TestRouteRace(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	var group sync.WaitGroup
	var won atomic.Int32
	for i := range 12 {
		group.Go(func() {
			method := []string{"GET", "*", "POST"}[i%3]
			err := c.Activate(ctx, version([]string{"a", "b"}[i%2], fmt.Sprint("s", i), i, method+" /x/{id}"))
			if err == nil {
				won.Add(1)
			} else if host.CodeOf(err) != abi.Conflict {
				t.Error(err)
			}
		})
	}
	group.Wait()
	bindings, err := c.Bindings(ctx)
	ok(t, err)
	if int(won.Load()) != len(bindings) || len(bindings) == 0 || len(bindings) > 3 {
		t.Errorf("%d won, table:\n%s", won.Load(), table(t, c))
	}
	for i, a := range bindings {
		for _, b := range bindings[:i] {
			if Conflict(a.Route, b.Route) || a.Tenant != b.Tenant && Overlap(a.Route, b.Route) {
				t.Errorf("table has conflicting routes:\n%s", table(t, c))
			}
		}
	}
}

func TestDeleteService(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	for i := range 3 {
		ok(t, c.Activate(ctx, version("a", "s", i, "GET /s")))
	}
	ok(t, c.Activate(ctx, version("a", "s2", 7, "GET /s2")))
	ok(t, c.DeleteService(ctx, "a", "s"))
	want(t, c.DeleteService(ctx, "a", "s"), abi.NotFound, "")
	_, err := c.Version(ctx, "a", "s", digest(1))
	want(t, err, abi.NotFound, "")
	if got := table(t, c); got != "a/s2 GET /s2" {
		t.Errorf("table:\n%s", got)
	}
	if n := count(t, c, dataKey("a", dataVersion, "s")); n != 0 {
		t.Errorf("%d versions are left", n)
	}
	ok(t, c.Activate(ctx, version("a", "s", 9, "GET /s")))
	versions, err := c.Versions(ctx, "a", "s")
	if err != nil || len(versions) != 1 {
		t.Errorf("versions of the new service: %v, %v", versions, err)
	}
}

// A deletion that was cut short after its first transaction is finished when
// a service of the same name is made.
func TestDeleteServiceResumes(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	ok(t, c.Activate(ctx, version("a", "s", 1)))
	ok(t, c.store.Update(ctx, func(tx host.Tx) error {
		record, err := getService(tx, "a", "s")
		ok(t, err)
		return removeService(tx, record)
	}))
	ok(t, c.Activate(ctx, version("a", "s", 2)))
	versions, err := c.Versions(ctx, "a", "s")
	if err != nil || len(versions) != 1 || versions[0].Digest != digest(2) {
		t.Errorf("versions = %v, %v", versions, err)
	}
}
