package async

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seraihost/serai/host"
)

// memory is how long the outcomes of a group are kept, and that it is done.
const memory = 30 * 24 * time.Hour

// joins keeps the outcomes of groups until the last one is there.
type joins struct{ store host.Store }

// Kinds of keys below a group's.
const (
	keyOutcome = 'o' // and the target's index
	keyDone    = 'd' // all final callbacks are published
	keyFinal   = 'f' // and the final callback's id: it was made
)

// Prefix returns the prefix under which the store holds what a tenant's
// groups need.
func Prefix(tenant string) []byte {
	p := append([]byte("async/"), byte(len(tenant))) //nolint:gosec // a tenant's name has at most 63 bytes
	return append(p, tenant...)
}

func groupKey(tenant, group string, kind byte, rest string) []byte {
	k := append(Prefix(tenant), '/')
	k = append(append(k, group...), '/', kind)
	return append(k, rest...)
}

func indexKey(i int) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(i))) //nolint:gosec // below maxTargets
}

// settled reports whether the target's outcome is known.
func (j joins) settled(ctx context.Context, m *message) (known bool, err error) {
	err = j.store.View(ctx, func(tx host.Tx) error {
		for _, key := range [][]byte{groupKey(m.Tenant, m.Member.Group, keyDone, ""), outcomeKey(m)} {
			if _, err := tx.Get(key); err == nil {
				known = true
			} else if !errors.Is(err, host.ErrNoKey) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("reading the state of a group: %w", err)
	}
	return known, nil
}

func outcomeKey(m *message) []byte {
	return groupKey(m.Tenant, m.Member.Group, keyOutcome, indexKey(m.Member.Index))
}

// settle keeps the outcome of a target; the first one counts.
func (j joins) settle(ctx context.Context, m *message, o *outcome) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encoding an outcome: %w", err)
	}
	err = j.store.Update(ctx, func(tx host.Tx) error {
		if _, err := tx.Get(outcomeKey(m)); !errors.Is(err, host.ErrNoKey) {
			return err
		}
		return tx.Set(outcomeKey(m), raw, memory)
	})
	if err != nil {
		return fmt.Errorf("keeping the outcome of a target: %w", err)
	}
	return nil
}

// complete returns all outcomes of m's group in the order of its targets, or
// nil while some are missing or once the final callbacks are published.
func (j joins) complete(ctx context.Context, m *message) (all []json.RawMessage, err error) {
	err = j.store.View(ctx, func(tx host.Tx) error {
		all = nil
		if _, err := tx.Get(groupKey(m.Tenant, m.Member.Group, keyDone, "")); !errors.Is(err, host.ErrNoKey) {
			return err
		}
		return tx.Scan(groupKey(m.Tenant, m.Member.Group, keyOutcome, ""), nil, func(_, value []byte) bool {
			all = append(all, append(json.RawMessage(nil), value...))
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the outcomes of a group: %w", err)
	}
	if len(all) < m.Member.Of {
		return nil, nil
	}
	return all, nil
}

// finish drops a group's outcomes and remembers that it is done.
func (j joins) finish(ctx context.Context, m *message) error {
	err := j.store.Update(ctx, func(tx host.Tx) error {
		for i := range m.Member.Of {
			if err := tx.Delete(groupKey(m.Tenant, m.Member.Group, keyOutcome, indexKey(i))); err != nil {
				return err
			}
		}
		return tx.Set(groupKey(m.Tenant, m.Member.Group, keyDone, ""), nil, memory)
	})
	if err != nil {
		return fmt.Errorf("finishing a group: %w", err)
	}
	return nil
}

// made reports whether the final callback was made.
func (j joins) made(ctx context.Context, m *message) (made bool, err error) {
	err = j.store.View(ctx, func(tx host.Tx) error {
		_, err := tx.Get(groupKey(m.Tenant, m.Final, keyFinal, m.ID))
		made = err == nil
		if errors.Is(err, host.ErrNoKey) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("asking for a final callback: %w", err)
	}
	return made, nil
}

// remember keeps in mind that the final callback was made.
func (j joins) remember(ctx context.Context, m *message) error {
	err := j.store.Update(ctx, func(tx host.Tx) error {
		return tx.Set(groupKey(m.Tenant, m.Final, keyFinal, m.ID), nil, memory)
	})
	if err != nil {
		return fmt.Errorf("noting a final callback: %w", err)
	}
	return nil
}
