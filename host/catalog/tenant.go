package catalog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/security"
)

// CreateTenant adds a tenant. Created is set to now if it is zero; a zero
// Quota becomes host.DefaultQuota; an empty TokenHash makes a tenant that no
// token opens. Conflict: the name is taken.
func (c *Catalog) CreateTenant(ctx context.Context, t host.Tenant) error {
	if err := checkTenant(&t); err != nil {
		return err
	}
	if t.Created.IsZero() {
		t.Created = c.now()
	}
	return c.retryPurged(ctx, t.Name, func(tx host.Tx) error {
		old, ok, err := get[tenantRecord](tx, tenantKey(t.Name))
		if err != nil {
			return err
		}
		if ok && !old.Deleting {
			e := host.Errorf(abi.Conflict, "tenant %q exists already", t.Name)
			e.Field = "tenant"
			return e
		}
		for _, prefix := range c.owned {
			if err := leftovers(tx, prefix(t.Name), ""); err != nil {
				return err
			}
		}
		return putTenant(tx, t)
	})
}

// UpdateTenant replaces a tenant's quota and, unless TokenHash is empty, its
// token. Created stays.
func (c *Catalog) UpdateTenant(ctx context.Context, t host.Tenant) error {
	if err := checkTenant(&t); err != nil {
		return err
	}
	return c.store.Update(ctx, func(tx host.Tx) error {
		old, err := liveTenant(tx, t.Name)
		if err != nil {
			return err
		}
		t.Created = old.Tenant.Created
		switch {
		case len(t.TokenHash) == 0:
			t.TokenHash = old.TokenHash
		case len(old.TokenHash) != 0 && !bytes.Equal(old.TokenHash, t.TokenHash):
			if err := tx.Delete(tokenKey(old.TokenHash)); err != nil {
				return fmt.Errorf("deleting token: %w", err)
			}
		}
		return putTenant(tx, t)
	})
}

// checkTenant validates t and fills in the default quota.
func checkTenant(t *host.Tenant) error {
	if err := host.CheckTenantName(t.Name); err != nil {
		return err
	}
	if n := len(t.TokenHash); n != 0 && n != sha256.Size {
		return host.FieldErrorf("token", "the token's hash has %d bytes; it is a SHA-256 of %d", n, sha256.Size)
	}
	if t.Quota == (host.Quota{}) {
		t.Quota = host.DefaultQuota()
	}
	return nil
}

func putTenant(tx host.Tx, t host.Tenant) error {
	if len(t.TokenHash) != 0 {
		owner, err := tx.Get(tokenKey(t.TokenHash))
		switch {
		case errors.Is(err, host.ErrNoKey):
		case err != nil:
			return fmt.Errorf("reading token: %w", err)
		case string(owner) != t.Name:
			e := host.Errorf(abi.Conflict, "the token is in use; make a new one")
			e.Field = "token"
			return e
		}
		if err := tx.Set(tokenKey(t.TokenHash), []byte(t.Name), 0); err != nil {
			return fmt.Errorf("writing token: %w", err)
		}
	}
	return put(tx, tenantKey(t.Name), tenantRecord{Tenant: t, TokenHash: t.TokenHash})
}

// tenant returns the domain's type with its hidden field.
func (r tenantRecord) tenant() host.Tenant {
	t := r.Tenant
	t.TokenHash = r.TokenHash
	return t
}

// Tenant returns the named tenant.
func (c *Catalog) Tenant(ctx context.Context, name string) (host.Tenant, error) {
	var found host.Tenant
	err := c.store.View(ctx, func(tx host.Tx) error {
		record, err := liveTenant(tx, name)
		found = record.tenant()
		return err
	})
	if err != nil {
		return host.Tenant{}, err
	}
	return found, nil
}

// Tenants returns all tenants, sorted by name.
func (c *Catalog) Tenants(ctx context.Context) ([]host.Tenant, error) {
	found := []host.Tenant{}
	err := c.store.View(ctx, func(tx host.Tx) error {
		return each(tx, []byte{areaTenant}, func(record tenantRecord) error {
			if !record.Deleting {
				found = append(found, record.tenant())
			}
			return nil
		})
	})
	return found, err
}

// TenantByTokenHash returns the tenant whose token has the hash, as
// security.HashToken computes it. NotFound says nothing about why.
func (c *Catalog) TenantByTokenHash(ctx context.Context, hash []byte) (host.Tenant, error) {
	unknown := host.Errorf(abi.NotFound, "no tenant has this token")
	if len(hash) != sha256.Size {
		return host.Tenant{}, unknown
	}
	var found host.Tenant
	err := c.store.View(ctx, func(tx host.Tx) error {
		name, err := tx.Get(tokenKey(hash))
		if errors.Is(err, host.ErrNoKey) {
			return unknown
		}
		if err != nil {
			return fmt.Errorf("reading token: %w", err)
		}
		record, ok, err := get[tenantRecord](tx, tenantKey(string(name)))
		if err != nil {
			return err
		}
		if !ok || record.Deleting || subtle.ConstantTimeCompare(record.TokenHash, hash) != 1 {
			return unknown
		}
		found = record.tenant()
		return nil
	})
	if err != nil {
		return host.Tenant{}, err
	}
	return found, nil
}

// DeleteTenant removes a tenant and everything of it: services, versions,
// routes, definitions, connections, configuration, secrets and keys. The
// tenant is gone when the first transaction commits; the rest follows in
// bounded ones. If it is cut short, calling it again, or creating a tenant of
// the same name, goes on.
func (c *Catalog) DeleteTenant(ctx context.Context, name string) error {
	err := c.store.Update(ctx, func(tx host.Tx) error {
		record, ok, err := get[tenantRecord](tx, tenantKey(name))
		if err != nil {
			return err
		}
		if !ok {
			return notFound("tenant", name)
		}
		if len(record.TokenHash) != 0 {
			if err := tx.Delete(tokenKey(record.TokenHash)); err != nil {
				return fmt.Errorf("deleting token: %w", err)
			}
		}
		record.Deleting, record.TokenHash = true, nil
		return put(tx, tenantKey(name), record)
	})
	if err != nil {
		return err
	}
	return c.purgeTenant(ctx, name)
}

// TenantKey returns the key for data that a tenant's services encrypt. It
// stays the same as long as the tenant exists; one that is created anew under
// the name has another.
func (c *Catalog) TenantKey(ctx context.Context, tenant string) (*security.Key, error) {
	var owner host.Tenant
	err := c.store.View(ctx, func(tx host.Tx) error {
		record, err := liveTenant(tx, tenant)
		owner = record.Tenant
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading tenant: %w", err)
	}
	return c.box.Derive("tenant\x00" + owner.Name + "\x00" + owner.Created.UTC().Format(time.RFC3339Nano))
}
