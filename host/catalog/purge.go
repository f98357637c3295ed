package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/seraihost/serai/host"
)

// Bounds on what one transaction deletes, so that it fits any store's.
const (
	chunkKeys  = 500
	chunkBytes = 128 << 10 // of keys
)

// leftoversError says within a transaction that an earlier deletion under the
// same name was cut short and must be finished first: that of a service or,
// if it is "", of the tenant.
type leftoversError struct{ service string }

func (e *leftoversError) Error() string { return "leftovers of a deletion" }

// errAlive stops a purge: what it purges exists anew.
var errAlive = errors.New("exists again")

// retryPurged runs fn as a transaction. When fn returns a leftoversError it
// finishes that deletion and runs fn again.
func (c *Catalog) retryPurged(ctx context.Context, tenant string, fn func(host.Tx) error) error {
	for {
		err := c.store.Update(ctx, fn)
		left, ok := errors.AsType[*leftoversError](err)
		if !ok {
			return err
		}
		if left.service != "" {
			err = c.purgeVersions(ctx, tenant, left.service)
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
	err := purgeRecords(ctx, c, kindPrefix(tenant, dataService), dead, removeService,
		func(r serviceRecord) int { return 1 + len(r.Routes) })
	if err == nil {
		err = purgeRecords(ctx, c, kindPrefix(tenant, dataChannel), dead, removeChannel,
			func(channelRecord) int { return 2 })
	}
	if err != nil {
		return ignoreAlive(err)
	}
	for _, prefix := range c.owned {
		if err := c.purge(ctx, prefix(tenant), dead); err != nil {
			return ignoreAlive(err)
		}
	}
	err = c.store.Update(ctx, func(tx host.Tx) error {
		if err := dead(tx); err != nil {
			return err
		}
		return tx.Delete(tenantKey(tenant))
	})
	return ignoreAlive(err)
}

// purgeRecords removes the records under prefix, some per transaction, each
// time only if guard returns nil in it. keys is how many keys go with a record.
func purgeRecords[R any](
	ctx context.Context, c *Catalog, prefix []byte, guard func(host.Tx) error, remove func(host.Tx, R) error, keys func(R) int,
) error {
	var after []byte // what was deleted need not be passed again
	for more := true; more; {
		var last []byte
		err := c.store.Update(ctx, func(tx host.Tx) error {
			more, last = false, after
			if err := guard(tx); err != nil {
				return err
			}
			var records []R
			var failure error
			count := 0
			err := tx.Scan(prefix, after, func(key, value []byte) bool {
				record, err := decode[R](value)
				failure = err
				records, last = append(records, record), bytes.Clone(key)
				count += keys(record)
				more = count > chunkKeys
				return !more && err == nil
			})
			if err := errors.Join(err, failure); err != nil {
				return fmt.Errorf("listing records to delete: %w", err)
			}
			for _, record := range records {
				if err := remove(tx, record); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		after = last
	}
	return nil
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

// purge deletes the keys under prefix, some per transaction, each time only if
// guard returns nil in it.
func (c *Catalog) purge(ctx context.Context, prefix []byte, guard func(host.Tx) error) error {
	var after []byte // what was deleted need not be passed again
	for more := true; more; {
		var keys [][]byte
		err := c.store.Update(ctx, func(tx host.Tx) error {
			if err := guard(tx); err != nil {
				return err
			}
			keys, more = nil, false
			size := 0
			err := tx.Scan(prefix, after, func(key, _ []byte) bool {
				keys = append(keys, bytes.Clone(key))
				size += len(key)
				more = len(keys) == chunkKeys || size > chunkBytes
				return !more
			})
			if err != nil {
				return fmt.Errorf("listing keys to delete: %w", err)
			}
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
		if len(keys) > 0 {
			after = keys[len(keys)-1]
		}
	}
	return nil
}

// leftovers returns a leftoversError when there is a key under prefix.
func leftovers(tx host.Tx, prefix []byte, service string) error {
	found := false
	err := tx.Scan(prefix, nil, func(_, _ []byte) bool {
		found = true
		return false
	})
	if err != nil {
		return fmt.Errorf("looking for keys: %w", err)
	}
	if found {
		return &leftoversError{service}
	}
	return nil
}
