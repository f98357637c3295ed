package connectortest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seraihost/serai/host"
)

// Store is a host.Store without a disk: one lock, and a copy for each update.
// What should expire stays.
type Store struct {
	mu   sync.Mutex
	data map[string][]byte
}

var _ host.Store = (*Store)(nil)

// View implements host.Store.
func (s *Store) View(ctx context.Context, fn func(host.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(tx{s.data})
}

// Update implements host.Store. It runs fn twice, as after a conflict.
func (s *Store) Update(ctx context.Context, fn func(host.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	copied := func() tx {
		next := make(map[string][]byte, len(s.data)+1)
		maps.Copy(next, s.data)
		return tx{next}
	}
	if err := fn(copied()); err != nil {
		return err
	}
	next := copied()
	if err := fn(next); err != nil {
		return err
	}
	s.data = next.data
	return nil
}

// Close implements host.Store.
func (*Store) Close() error { return nil }

// Keys returns the keys that begin with a prefix.
func (s *Store) Keys(prefix string) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.data {
		if strings.HasPrefix(k, prefix) {
			found = append(found, k)
		}
	}
	return found
}

// tx implements host.Tx.
type tx struct{ data map[string][]byte }

func (t tx) Get(key []byte) ([]byte, error) {
	v, ok := t.data[string(key)]
	if !ok {
		return nil, host.ErrNoKey
	}
	return bytes.Clone(v), nil
}

func (t tx) Set(key, value []byte, _ time.Duration) error {
	t.data[string(key)] = bytes.Clone(value)
	return nil
}

func (t tx) Delete(key []byte) error {
	delete(t.data, string(key))
	return nil
}

func (t tx) Scan(prefix, after []byte, fn func(key, value []byte) bool) error {
	for _, k := range slices.Sorted(maps.Keys(t.data)) {
		if strings.HasPrefix(k, string(prefix)) && (after == nil || k > string(after)) && !fn([]byte(k), t.data[k]) {
			return nil
		}
	}
	return nil
}
