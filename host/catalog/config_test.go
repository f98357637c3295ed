package catalog

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/security"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	for _, key := range []string{"b", "a.x", "a", "a b/c", "ключ", "a.y"} {
		ok(t, c.SetConfig(ctx, "a", key, []byte("old")))
		ok(t, c.SetConfig(ctx, "a", key, []byte(key)))
		got, err := c.Config(ctx, "a", key)
		if err != nil || string(got) != key {
			t.Errorf("Config(%q) = %q, %v", key, got, err)
		}
	}
	for prefix, want := range map[string][]string{"": {"a", "a b/c", "a.x", "a.y", "b", "ключ"}, "a.": {"a.x", "a.y"}, "none": {}, "\x00": {}} {
		got, err := c.ConfigKeys(ctx, "a", prefix)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("ConfigKeys(%q): %v (-want +got):\n%s", prefix, err, diff)
		}
	}
	_, err := c.Config(ctx, "b", "a")
	want(t, err, abi.NotFound, "")
	ok(t, c.DeleteConfig(ctx, "a", "a"))
	want(t, c.DeleteConfig(ctx, "a", "a"), abi.NotFound, "")
	_, err = c.Config(ctx, "a", "a")
	want(t, err, abi.NotFound, "")
	for _, key := range []string{"", "\x00", "a\nb", "\xff", strings.Repeat("k", MaxKeyBytes+1)} {
		want(t, c.SetConfig(ctx, "a", key, nil), abi.Invalid, "key")
		want(t, c.SetSecret(ctx, "a", key, nil), abi.Invalid, "name")
	}
	want(t, c.SetConfig(ctx, "a", "k", make([]byte, MaxConfigBytes+1)), abi.TooLarge, "value")
	want(t, c.SetSecret(ctx, "a", "k", make([]byte, MaxSecretBytes+1)), abi.TooLarge, "value")
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	ok(t, c.SetSecret(ctx, "a", "db", []byte("open sesame")))
	ok(t, c.SetSecret(ctx, "a", "api", []byte{}))
	got, err := c.Secret(ctx, "a", "db")
	if err != nil || string(got) != "open sesame" {
		t.Errorf("Secret = %q, %v", got, err)
	}
	names, err := c.SecretNames(ctx, "a")
	if diff := cmp.Diff([]string{"api", "db"}, names); diff != "" || err != nil {
		t.Errorf("SecretNames: %v (-want +got):\n%s", err, diff)
	}
	_, err = c.Secret(ctx, "b", "db")
	want(t, err, abi.NotFound, "")

	ok(t, c.store.View(ctx, func(tx host.Tx) error {
		return tx.Scan(nil, nil, func(key, value []byte) bool {
			if bytes.Contains(value, []byte("sesame")) {
				t.Errorf("key %q has the secret in clear", key)
			}
			return true
		})
	}))

	// What was sealed for one name does not open under another.
	ok(t, c.store.Update(ctx, func(tx host.Tx) error {
		sealed, err := tx.Get(dataKey("a", dataSecret, "db"))
		if err != nil {
			return err
		}
		return errors.Join(tx.Set(dataKey("b", dataSecret, "db"), sealed, 0), tx.Set(dataKey("a", dataSecret, "api"), sealed, 0))
	}))
	for _, at := range [][2]string{{"b", "db"}, {"a", "api"}} {
		_, err := c.Secret(ctx, at[0], at[1])
		if !errors.Is(err, security.ErrSealed) || host.CodeOf(err) != abi.Internal {
			t.Errorf("Secret(%q) = %v", at, err)
		}
	}
	ok(t, c.DeleteSecret(ctx, "a", "db"))
	want(t, c.DeleteSecret(ctx, "a", "db"), abi.NotFound, "")
}

func TestConnections(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a", "b"), t.Context()
	crm := host.Connection{Tenant: "a", Name: "CRM", Type: "http", Config: []byte(`{"address":"http://127.0.0.1"}`), AllowNetworks: []string{"127.0.0.0/8"}}
	ok(t, c.PutConnection(ctx, host.Connection{Tenant: "a", Name: "CRM", Type: "http", Config: []byte("{}")}))
	ok(t, c.PutConnection(ctx, crm))
	got, err := c.Connection(ctx, "a", "CRM")
	if diff := cmp.Diff(crm, got); diff != "" || err != nil {
		t.Errorf("Connection: %v (-want +got):\n%s", err, diff)
	}
	all, err := c.Connections(ctx, "a")
	if err != nil || len(all) != 1 {
		t.Errorf("Connections = %v, %v", all, err)
	}
	_, err = c.Connection(ctx, "b", "CRM")
	want(t, err, abi.NotFound, "")
	for field, bad := range map[string]host.Connection{
		"connection":     {Tenant: "a", Name: "/", Type: "http", Config: []byte("{}")},
		"type":           {Tenant: "a", Name: "x", Config: []byte("{}")},
		"config":         {Tenant: "a", Name: "x", Type: "http", Config: []byte("{")},
		"allow_networks": {Tenant: "a", Name: "x", Type: "http", Config: []byte("{}"), AllowNetworks: []string{"10.0.0.1"}},
	} {
		want(t, c.PutConnection(ctx, bad), abi.Invalid, field)
	}
	ok(t, c.DeleteConnection(ctx, "a", "CRM"))
	want(t, c.DeleteConnection(ctx, "a", "CRM"), abi.NotFound, "")
}

func TestAuths(t *testing.T) {
	t.Parallel()
	c, ctx := withTenants(t, "a"), t.Context()
	basic := host.AuthDefinition{Tenant: "a", Name: "users", Type: host.AuthBasic, Username: "bank", Realm: "Bank", Hash: "$h"}
	ok(t, c.PutAuth(ctx, basic))
	ok(t, c.PutAuth(ctx, host.AuthDefinition{Tenant: "a", Name: "keys", Type: host.AuthAPIKey, Header: "X-Key", Hash: "$k"}))
	all, err := c.Auths(ctx, "a")
	if err != nil || len(all) != 2 || all[0].Name != "keys" {
		t.Fatalf("Auths = %v, %v", all, err)
	}
	if diff := cmp.Diff(basic, all[1]); diff != "" {
		t.Errorf("definition (-want +got):\n%s", diff)
	}
	for field, bad := range map[string]host.AuthDefinition{
		"auth":     {Tenant: "a", Type: host.AuthBasic, Username: "x", Hash: "h"},
		"secret":   {Tenant: "a", Name: "x", Type: host.AuthBasic, Username: "x"},
		"username": {Tenant: "a", Name: "x", Type: host.AuthBasic, Username: "x:y", Hash: "h"},
		"realm":    {Tenant: "a", Name: "x", Type: host.AuthBasic, Username: "x", Realm: "a\r\nb", Hash: "h"},
		"header":   {Tenant: "a", Name: "x", Type: host.AuthAPIKey, Header: "X Key", Hash: "h"},
		"type":     {Tenant: "a", Name: "x", Type: "magic", Hash: "h"},
	} {
		want(t, c.PutAuth(ctx, bad), abi.Invalid, field)
	}
	ok(t, c.DeleteAuth(ctx, "a", "users"))
	want(t, c.DeleteAuth(ctx, "a", "users"), abi.NotFound, "")
	_, err = c.Auth(ctx, "a", "users")
	want(t, err, abi.NotFound, "")
}
