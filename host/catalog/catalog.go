package catalog

import (
	"context"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/security"
)

// Catalog reads and writes the catalogue. It is safe for concurrent use and
// keeps nothing in memory.
type Catalog struct {
	store host.Store
	box   *security.Box
	owned []func(tenant string) []byte
	now   func() time.Time
}

// New returns a catalog over store that seals secrets with box. Each of owned
// returns a prefix of keys in the store that belong to a tenant although
// another package writes them, such as kv.Prefix; they go with the tenant.
func New(store host.Store, box *security.Box, owned ...func(tenant string) []byte) *Catalog {
	own := append([]func(string) []byte{dataPrefix}, owned...)
	return &Catalog{store: store, box: box, owned: own, now: func() time.Time { return time.Now().UTC() }}
}

// view runs fn on a snapshot in which the tenant exists.
func (c *Catalog) view(ctx context.Context, tenant string, fn func(host.Tx) error) error {
	return c.store.View(ctx, func(tx host.Tx) error {
		if _, err := liveTenant(tx, tenant); err != nil {
			return err
		}
		return fn(tx)
	})
}

// update runs fn in a transaction in which the tenant exists.
func (c *Catalog) update(ctx context.Context, tenant string, fn func(host.Tx) error) error {
	return c.store.Update(ctx, func(tx host.Tx) error {
		if _, err := liveTenant(tx, tenant); err != nil {
			return err
		}
		return fn(tx)
	})
}

// liveTenant returns the record of a tenant that is not being deleted.
func liveTenant(tx host.Tx, tenant string) (tenantRecord, error) {
	record, ok, err := get[tenantRecord](tx, tenantKey(tenant))
	if err == nil && (!ok || record.Deleting) {
		err = notFound("tenant", tenant)
	}
	return record, err
}

func notFound(what, name string) *host.Error {
	return host.Errorf(abi.NotFound, "no %s %q", what, host.Clip(name))
}
