package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/seraihost/serai/host"
)

// chunk is how many keys one transaction deletes at most. Deletes are small;
// a thousand of them fit any store's transaction.
const chunk = 1000

// errLeftovers says within a transaction that an earlier deletion under the
// same name was cut short and must be finished first.
var errLeftovers = errors.New("leftovers of a deletion")

// errAlive stops a purge: what it purges exists anew.
var errAlive = errors.New("exists again")

// retryPurged runs fn as a transaction. When fn returns errLeftovers it
// finishes the deletion of the tenant or, if service is not "", of that
// service, and runs fn again.
func (c *Catalog) retryPurged(ctx context.Context, tenant, service string, fn func(host.Tx) error) error {
	for {
		err := c.store.Update(ctx, fn)
		if !errors.Is(err, errLeftovers) {
			return err
		}
		if service != "" {
			err = c.purgeVersions(ctx, tenant, service)
		} else {
			err = c.purgeTenant(ctx, tenant)
		}
		if err != nil {
			return fmt.Errorf("finishing an earlier deletion: %w", err)
		}
	}
}

// purgeTenant deletes what belongs to a tenant that is being deleted or has
// no record, routes first, and the record last.
func (c *Catalog) purgeTenant(ctx context.Context, tenant string) error {
	dead := func(tx host.Tx) error {
		record, ok, err := get[tenantRecord](tx, tenantKey(tenant))
		if err == nil && ok && !record.Deleting {
			err = errAlive
		}
		return err
	}
	for more := true; more; {
		err := c.store.Update(ctx, func(tx host.Tx) error {
			more = false
			if err := dead(tx); err != nil {
				return err
			}
			first, ok, err := firstRecord[serviceRecord](tx, kindPrefix(tenant, dataService))
			if err != nil || !ok {
				return err
			}
			more = true
			return removeService(tx, first)
		})
		if err != nil {
			return ignoreAlive(err)
		}
	}
	if err := c.purge(ctx, dataPrefix(tenant), dead); err != nil {
		return ignoreAlive(err)
	}
	err := c.store.Update(ctx, func(tx host.Tx) error {
		if err := dead(tx); err != nil {
			return err
		}
		return tx.Delete(tenantKey(tenant))
	})
	return ignoreAlive(err)
}

// purgeVersions deletes the versions of a service that has no record.
func (c *Catalog) purgeVersions(ctx context.Context, tenant, service string) error {
	err := c.purge(ctx, dataKey(tenant, dataVersion, service), func(tx host.Tx) error {
		_, ok, err := get[serviceRecord](tx, dataKey(tenant, dataService, service))
		if err == nil && ok {
			err = errAlive
		}
		return err
	})
	return ignoreAlive(err)
}

func ignoreAlive(err error) error {
	if errors.Is(err, errAlive) {
		return nil
	}
	return err
}

// purge deletes the keys under prefix, a chunk per transaction, each only if
// guard returns nil in it.
func (c *Catalog) purge(ctx context.Context, prefix []byte, guard func(host.Tx) error) error {
	for more := true; more; {
		err := c.store.Update(ctx, func(tx host.Tx) error {
			if err := guard(tx); err != nil {
				return err
			}
			keys := make([][]byte, 0, chunk)
			err := tx.Scan(prefix, nil, func(key, _ []byte) bool {
				keys = append(keys, bytes.Clone(key))
				return len(keys) < chunk
			})
			if err != nil {
				return fmt.Errorf("listing keys to delete: %w", err)
			}
			more = len(keys) == chunk
			for _, key := range keys {
				if err := tx.Delete(key); err != nil {
					return fmt.Errorf("deleting key: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func isEmpty(tx host.Tx, prefix []byte) (bool, error) {
	empty := true
	err := tx.Scan(prefix, nil, func(_, _ []byte) bool {
		empty = false
		return false
	})
	if err != nil {
		return false, fmt.Errorf("looking for keys: %w", err)
	}
	return empty, nil
}
