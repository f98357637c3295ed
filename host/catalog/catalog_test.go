package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/security"
	"github.com/seraihost/serai/storage/badger"
)

// otherPrefix stands for the key/value store of another package.
func otherPrefix(tenant string) []byte { return []byte("other/" + tenant + "/") }

func newCatalog(t *testing.T) *Catalog {
	t.Helper()
	store, err := badger.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	box, err := security.NewBox(bytes.Repeat([]byte{1}, security.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return New(store, box, otherPrefix)
}

// withTenants returns a catalog with the tenants, each with a token of its name.
func withTenants(t *testing.T, names ...string) *Catalog {
	t.Helper()
	c := newCatalog(t)
	for _, name := range names {
		ok(t, c.CreateTenant(t.Context(), host.Tenant{Name: name, TokenHash: security.HashToken(name)}))
	}
	return c
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want fails unless err is a *host.Error of the code about field.
func want(t *testing.T, err error, code abi.Code, field string) {
	t.Helper()
	var e *host.Error
	if !errors.As(err, &e) || e.Code != code || e.Field != field {
		t.Errorf("error %v: code %s, want %s on field %q", err, host.CodeOf(err), code, field)
	}
}

func digest(n int) string { return fmt.Sprintf("sha256:%064x", n) }

// version returns a version whose digests come from n.
func version(tenant, service string, n int, routes ...string) host.Version {
	v := host.Version{
		Digest: digest(n), Tenant: tenant, Service: service, Kind: host.KindPython,
		Source: digest(n + 1000), Image: digest(n + 2000), Runtime: digest(9999),
	}
	v.Settings.Limits = host.DefaultLimits()
	v.Settings.Isolation = host.Pristine
	for _, r := range routes {
		v.Settings.Routes = append(v.Settings.Routes, parse(r))
	}
	return v
}

// table returns the routing table, one "tenant/service METHOD path" each.
func table(t *testing.T, c *Catalog) string {
	t.Helper()
	bindings, err := c.Bindings(t.Context())
	ok(t, err)
	var lines []string
	for _, b := range bindings {
		lines = append(lines, b.Tenant+"/"+b.Service+" "+Title(b.Route))
	}
	return strings.Join(lines, "\n")
}

func count(t *testing.T, c *Catalog, prefix []byte) (n int) {
	t.Helper()
	ok(t, c.store.View(t.Context(), func(tx host.Tx) error {
		return tx.Scan(prefix, nil, func(_, _ []byte) bool { n++; return true })
	}))
	return n
}

func TestStrictDecoding(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		``, `null x`, `{"tenant":{},"more":1}`, `{"tenant":{"unknown":1}}`, `{} {}`, `[]`,
		`{"tenant":{"quota":{"memory":"lots"}}}`,
	} {
		if r, err := decode[tenantRecord]([]byte(data)); err == nil {
			t.Errorf("decode(%s) = %+v", data, r)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(`{"version":{"version":"sha256:00","settings":{"limits":{"memory":"1MiB","timeout":"5s"}}},"order":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := decode[versionRecord](data); err != nil && host.CodeOf(err) != abi.Internal {
			t.Errorf("a damaged record is the host's fault, not %v", err)
		}
	})
}

// Hidden fields reach the store and come back; nothing else carries them.
func TestHiddenFields(t *testing.T) {
	t.Parallel()
	c := withTenants(t, "a")
	ok(t, c.PutAuth(t.Context(), host.AuthDefinition{Tenant: "a", Name: "x", Type: host.AuthAPIKey, Hash: "$hash"}))
	tenant, err := c.Tenant(t.Context(), "a")
	ok(t, err)
	if !bytes.Equal(tenant.TokenHash, security.HashToken("a")) {
		t.Errorf("TokenHash = %x", tenant.TokenHash)
	}
	auth, err := c.Auth(t.Context(), "a", "x")
	ok(t, err)
	if auth.Hash != "$hash" || auth.Header != "X-API-Key" {
		t.Errorf("Auth = %+v", auth)
	}
}
