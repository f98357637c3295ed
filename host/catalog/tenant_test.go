package catalog

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/security"
)

func TestTenants(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "b", "a", "a-b"), t.Context()
	all, err := c.Tenants(ctx)
	ok(t, err)
	var names []string
	for _, tenant := range all {
		names = append(names, tenant.Name)
		if tenant.Quota != host.DefaultQuota() || time.Since(tenant.Created).Abs() > time.Minute {
			t.Errorf("tenant %+v", tenant)
		}
	}
	if diff := cmp.Diff([]string{"a", "a-b", "b"}, names); diff != "" {
		t.Errorf("tenants (-want +got):\n%s", diff)
	}
	_, err = c.Tenant(ctx, "c")
	want(t, err, abi.NotFound, "")
	want(t, c.CreateTenant(ctx, host.Tenant{Name: "a"}), abi.Conflict, "tenant")
	want(t, c.CreateTenant(ctx, host.Tenant{Name: "A"}), abi.Invalid, "tenant")
	want(t, c.CreateTenant(ctx, host.Tenant{Name: "c", TokenHash: []byte("short")}), abi.Invalid, "token")
	want(t, c.CreateTenant(ctx, host.Tenant{Name: "c", TokenHash: security.HashToken("a")}), abi.Conflict, "token")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	ok(t, c.CreateTenant(ctx, host.Tenant{Name: "none"}))
	found, err := c.TenantByTokenHash(ctx, security.HashToken("b"))
	if err != nil || found.Name != "b" {
		t.Errorf("TenantByTokenHash = %v, %v", found.Name, err)
	}
	for _, hash := range [][]byte{nil, {}, []byte("b"), security.HashToken("c"), bytes.Repeat([]byte{0}, 32), bytes.Repeat([]byte{0}, 33)} {
		_, err := c.TenantByTokenHash(ctx, hash)
		want(t, err, abi.NotFound, "")
	}

	quota := host.DefaultQuota()
	quota.Services = 3
	ok(t, c.UpdateTenant(ctx, host.Tenant{Name: "b", Quota: quota, TokenHash: security.HashToken("new")}))
	_, err = c.TenantByTokenHash(ctx, security.HashToken("b"))
	want(t, err, abi.NotFound, "")
	found, err = c.TenantByTokenHash(ctx, security.HashToken("new"))
	if err != nil || found.Name != "b" || found.Quota.Services != 3 || found.Created.IsZero() {
		t.Errorf("TenantByTokenHash = %+v, %v", found, err)
	}
	ok(t, c.UpdateTenant(ctx, host.Tenant{Name: "b", Quota: quota})) // keeps the token
	_, err = c.TenantByTokenHash(ctx, security.HashToken("new"))
	ok(t, err)
	want(t, c.UpdateTenant(ctx, host.Tenant{Name: "b", TokenHash: security.HashToken("a")}), abi.Conflict, "token")
	want(t, c.UpdateTenant(ctx, host.Tenant{Name: "c"}), abi.NotFound, "")
}

// Every method that takes a tenant says so when there is none.
func TestNoTenant(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	ok(t, c.DeleteTenant(ctx, "a"))
	for name, err := range map[string]error{
		"Activate":      c.Activate(ctx, version("a", "s", 1)),
		"PutAuth":       c.PutAuth(ctx, host.AuthDefinition{Tenant: "a", Name: "x", Type: host.AuthAPIKey, Hash: "h"}),
		"PutConnection": c.PutConnection(ctx, host.Connection{Tenant: "a", Name: "x", Type: "http", Config: []byte("{}")}),
		"SetConfig":     c.SetConfig(ctx, "a", "k", nil),
		"SetSecret":     c.SetSecret(ctx, "a", "k", nil),
		"DeleteTenant":  c.DeleteTenant(ctx, "a"),
		"DeleteService": c.DeleteService(ctx, "a", "s"),
		"DeleteAuth":    c.DeleteAuth(ctx, "a", "s"),
		"DeleteSecret":  c.DeleteSecret(ctx, "a", "s"),
		"Services":      second(c.Services(ctx, "a")),
		"Service":       second(c.Service(ctx, "a", "s")),
		"Versions":      second(c.Versions(ctx, "a", "s")),
		"Version":       second(c.Version(ctx, "a", "s", "")),
		"Auths":         second(c.Auths(ctx, "a")),
		"Connections":   second(c.Connections(ctx, "a")),
		"Config":        second(c.Config(ctx, "a", "k")),
		"ConfigKeys":    second(c.ConfigKeys(ctx, "a", "")),
		"Secret":        second(c.Secret(ctx, "a", "k")),
		"SecretNames":   second(c.SecretNames(ctx, "\x00")),
	} {
		if host.CodeOf(err) != abi.NotFound {
			t.Errorf("%s = %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// fillTenant gives a tenant one of everything and n keys in another package.
func fillTenant(t *testing.T, c *Catalog, tenant string, n int) {
	t.Helper()
	ctx := t.Context()
	ok(t, c.PutAuth(ctx, host.AuthDefinition{Tenant: tenant, Name: "x", Type: host.AuthAPIKey, Hash: "h"}))
	for i := range 3 {
		service := fmt.Sprint("s", i)
		ok(t, c.Activate(ctx, version(tenant, service, i, "GET /"+tenant+"/"+service)))
		ok(t, c.Activate(ctx, version(tenant, service, i+10, "GET /"+tenant+"/"+service)))
	}
	ok(t, c.PutConnection(ctx, host.Connection{Tenant: tenant, Name: "x", Type: "http", Config: []byte("{}")}))
	ok(t, c.SetConfig(ctx, tenant, "k", []byte("v")))
	ok(t, c.SetSecret(ctx, tenant, "k", []byte("v")))
	ok(t, c.store.Update(ctx, func(tx host.Tx) error {
		for i := range n {
			if err := tx.Set(fmt.Appendf(otherPrefix(tenant), "%06d", i), nil, 0); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestDeleteTenant(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "a-b", "b"), t.Context()
	for _, tenant := range []string{"a", "a-b", "b"} {
		fillTenant(t, c, tenant, 2*chunkKeys+1)
	}
	before := count(t, c, dataPrefix("a-b"))
	ok(t, c.DeleteTenant(ctx, "a"))
	for what, prefix := range map[string][]byte{"data": dataPrefix("a"), "other data": otherPrefix("a"), "record": tenantKey("a")} {
		if n := count(t, c, prefix); n != 0 {
			t.Errorf("%d keys of its %s are left", n, what)
		}
	}
	if n := count(t, c, dataPrefix("a-b")); n != before {
		t.Errorf("another tenant has %d keys, had %d", n, before)
	}
	if n := count(t, c, []byte{areaRoute}); n != 6 {
		t.Errorf("%d routes are left, want the 6 of the others", n)
	}
	_, err := c.TenantByTokenHash(ctx, security.HashToken("a"))
	want(t, err, abi.NotFound, "")

	// The name is free, and nothing of the old one comes back.
	ok(t, c.CreateTenant(ctx, host.Tenant{Name: "a", TokenHash: security.HashToken("a")}))
	services, err := c.Services(ctx, "a")
	if err != nil || len(services) != 0 {
		t.Errorf("services of the new tenant: %v, %v", services, err)
	}
	fillTenant(t, c, "a", 1)
}

// A deletion that was cut short is finished by the next one, and by making a
// tenant of the same name.
func TestDeleteTenantResumes(t *testing.T) { //nolint:tparallel // the cases share a store
	t.Parallel()
	for name, next := range map[string]func(*Catalog) error{
		"delete": func(c *Catalog) error { return c.DeleteTenant(t.Context(), "a") },
		"create": func(c *Catalog) error { return c.CreateTenant(t.Context(), host.Tenant{Name: "a"}) },
	} {
		t.Run(name, func(t *testing.T) {
			c, ctx := withTenants(t, "a"), t.Context()
			fillTenant(t, c, "a", 10)
			ok(t, c.store.Update(ctx, func(tx host.Tx) error {
				record, _, err := get[tenantRecord](tx, tenantKey("a"))
				ok(t, err)
				record.Deleting = true
				return put(tx, tenantKey("a"), record)
			}))
			_, err := c.Tenant(ctx, "a")
			want(t, err, abi.NotFound, "")
			_, err = c.TenantByTokenHash(ctx, security.HashToken("a"))
			want(t, err, abi.NotFound, "")
			ok(t, next(c))
			if n := count(t, c, dataPrefix("a")) + count(t, c, otherPrefix("a")) + count(t, c, []byte{areaRoute}); n != 0 {
				t.Errorf("%d keys are left", n)
			}
		})
	}
}

// Keys that were written after a tenant went do not reach the next one.
func TestCreateTenantFindsNothing(t *testing.T) {
	t.Parallel()
	c, ctx := newCatalog(t), t.Context()
	ok(t, c.store.Update(ctx, func(tx host.Tx) error { return tx.Set(append(otherPrefix("a"), "late"...), nil, 0) }))
	ok(t, c.CreateTenant(ctx, host.Tenant{Name: "a"}))
	if n := count(t, c, otherPrefix("a")); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

// Tenants come and go while others work in them; nothing is left over.
func TestTenantHammer(t *testing.T) {
	t.Parallel()
	c, ctx := newCatalog(t), t.Context()
	var group sync.WaitGroup
	for w := range 3 {
		group.Go(func() {
			for i := range 15 {
				for _, err := range []error{
					c.CreateTenant(ctx, host.Tenant{Name: "a", TokenHash: security.HashToken("a")}),
					c.Activate(ctx, version("a", "s", w, "GET /a")),
					c.SetConfig(ctx, "a", "k", nil),
					c.DeleteTenant(ctx, "a"),
				} {
					if code := host.CodeOf(err); err != nil && code != abi.NotFound && code != abi.Conflict {
						t.Errorf("worker %d, round %d: %v", w, i, err)
					}
				}
			}
		})
	}
	group.Wait()
	if err := c.DeleteTenant(ctx, "a"); err != nil && host.CodeOf(err) != abi.NotFound {
		t.Error(err)
	}
	if n := count(t, c, nil); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}
