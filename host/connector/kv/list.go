package kv

import (
	"bytes"
	"context"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// maxVisited bounds how many keys one listing looks at, those that it leaves
// out included.
const maxVisited = 10 * MaxLimit

// ListOptions choose the keys of a listing.
type ListOptions struct {
	Prefix string // keys that begin with it; "" is all
	After  string // keys greater than it, bytewise; "" is from the first
	Limit  int    // at most so many; 0 is DefaultLimit, at most MaxLimit
	// Keep, if set, leaves out the keys for which it returns false.
	Keep func(key string) bool
}

// List returns a tenant's keys in bytewise order. next is "" at the end, and
// otherwise the After of the next listing; a page may hold fewer keys than
// the limit, even none, and yet not be the last.
func (s *Space) List(ctx context.Context, tenant string, o ListOptions) (keys []string, next string, err error) {
	if err := host.CheckTenantName(tenant); err != nil {
		return nil, "", err
	}
	switch {
	case len(o.Prefix) > MaxKeyBytes:
		return nil, "", host.FieldErrorf(abi.FieldPrefix, "prefix has %d bytes, a key has at most %d", len(o.Prefix), MaxKeyBytes)
	case len(o.After) > MaxKeyBytes:
		return nil, "", host.FieldErrorf(abi.FieldAfter, "after has %d bytes, a key has at most %d", len(o.After), MaxKeyBytes)
	case o.Limit < 0 || o.Limit > MaxLimit:
		return nil, "", host.FieldErrorf(abi.FieldLimit, "limit %d: use 1 to %d", o.Limit, MaxLimit)
	case o.Limit == 0:
		o.Limit = DefaultLimit
	}
	err = s.store.View(ctx, func(tx host.Tx) error {
		keys, next, err = s.page(ctx, tx, Prefix(tenant), o)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("listing keys: %w", err)
	}
	return keys, next, nil
}

func (s *Space) page(ctx context.Context, tx host.Tx, base []byte, o ListOptions) (keys []string, next string, err error) {
	prefix := append(bytes.Clone(base), o.Prefix...)
	var after []byte
	if o.After != "" {
		after = append(bytes.Clone(base), o.After...)
	}
	var last string
	var broken error
	visited := 0
	err = tx.Scan(prefix, after, func(k, v []byte) bool {
		if len(keys) == o.Limit || visited == maxVisited {
			next = last
			return false
		}
		visited++
		last = string(k[len(base):])
		e, err := decode(v)
		switch {
		case err != nil:
			broken = err
		case ctx.Err() != nil:
			broken = ctx.Err()
		case !s.expired(e) && (o.Keep == nil || o.Keep(last)):
			keys = append(keys, last)
		}
		return broken == nil
	})
	if err == nil {
		err = broken
	}
	return keys, next, err
}

// Clear removes all keys of a tenant, in transactions of bounded size.
func (s *Space) Clear(ctx context.Context, tenant string) error {
	if err := host.CheckTenantName(tenant); err != nil {
		return err
	}
	for {
		var gone int
		err := s.store.Update(ctx, func(tx host.Tx) error {
			var keys [][]byte
			err := tx.Scan(Prefix(tenant), nil, func(k, _ []byte) bool {
				keys = append(keys, bytes.Clone(k))
				return len(keys) < MaxLimit
			})
			if err != nil {
				return fmt.Errorf("scanning: %w", err)
			}
			gone = len(keys)
			for _, k := range keys {
				if err := tx.Delete(k); err != nil {
					return fmt.Errorf("deleting: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("clearing keys: %w", err)
		}
		if gone < MaxLimit {
			return nil
		}
	}
}
