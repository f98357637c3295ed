package kv

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

// memory is a host.Store without a disk: one lock, a copy per update. It
// keeps what should have expired, as a store may for a while.
type memory struct {
	mu   sync.RWMutex
	data map[string][]byte
}

var _ host.Store = (*memory)(nil)

func newMemory() *memory { return &memory{data: map[string][]byte{}} }

func (m *memory) Close() error { return nil }

func (m *memory) View(ctx context.Context, fn func(host.Tx) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(tx{m.data})
}

func (m *memory) Update(ctx context.Context, fn func(host.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := fn(tx{maps.Clone(m.data)}); err != nil { // as after a conflict: run it twice
		return err
	}
	next := maps.Clone(m.data)
	if err := fn(tx{next}); err != nil {
		return err
	}
	m.data = next
	return nil
}

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
