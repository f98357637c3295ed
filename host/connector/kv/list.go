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
	// Hidden, if set, leaves out the keys for which it returns true.
	Hidden func(key string) bool
}

// List returns a tenant's keys in bytewise order. next is "" at the end, and
// otherwise the After of the next listing; a page may hold fewer keys than
// the limit, even none, and yet not be the last.
func (s *Space) List(ctx context.Context, tenant string, o ListOptions) (keys []string, next string, err error) {
	base, err := s.base(tenant)
	if err != nil {
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
		keys, next, err = s.page(ctx, tx, base, o)
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
		if foreign(k, base) {
			return false
		}
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
		case !s.expired(e) && (o.Hidden == nil || !o.Hidden(last)):
			keys = append(keys, last)
		}
		return broken == nil
	})
	if err == nil {
		err = broken
	}
	return keys, next, err
}

// Clear removes all keys of a tenant, those of every area, in transactions of
// bounded size.
func (s *Space) Clear(ctx context.Context, tenant string) error {
	if err := host.CheckTenantName(tenant); err != nil {
		return err
	}
	_, err := s.clear(ctx, Prefix(tenant), func([]byte) bool { return true })
	return err
}

// ClearArea removes the tenant's keys of the space's area that begin with
// prefix, except those for which keep, if set, returns true. It does so in
// transactions of bounded size and returns how many it removed.
func (s *Space) ClearArea(ctx context.Context, tenant, prefix string, keep func(key string) bool) (int, error) {
	base, err := s.base(tenant)
	if err != nil {
		return 0, err
	}
	if len(prefix) > MaxKeyBytes {
		return 0, host.FieldErrorf(abi.FieldPrefix, "prefix has %d bytes, a key has at most %d", len(prefix), MaxKeyBytes)
	}
	return s.clear(ctx, append(bytes.Clone(base), prefix...), func(k []byte) bool {
		return !foreign(k, base) && (keep == nil || !keep(string(k[len(base):])))
	})
}

// clear removes what is stored under prefix and remove returns true for.
func (s *Space) clear(ctx context.Context, prefix []byte, remove func(k []byte) bool) (int, error) {
	var after []byte
	for total := 0; ; {
		var gone, visited int
		var last []byte
		err := s.store.Update(ctx, func(tx host.Tx) error {
			gone, visited = 0, 0
			var keys [][]byte
			err := tx.Scan(prefix, after, func(k, v []byte) bool {
				visited++
				last = bytes.Clone(k)
				if remove(k) {
					keys = append(keys, last)
					if e, err := decode(v); err == nil && !s.expired(e) {
						gone++
					}
				}
				return len(keys) < MaxLimit && visited < maxVisited
			})
			if err != nil {
				return fmt.Errorf("scanning: %w", err)
			}
			for _, k := range keys {
				if err := tx.Delete(k); err != nil {
					return fmt.Errorf("deleting: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return total, fmt.Errorf("clearing keys: %w", err)
		}
		total += gone
		if visited == 0 {
			return total, nil
		}
		after = last
	}
}
