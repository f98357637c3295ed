// Package kv is the tenants' key/value store: the operations kv.get, kv.set,
// kv.delete and kv.list for guests, and the typed [Space] under them that the
// control API shares.
package kv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Bounds of keys and listings.
const (
	MaxKeyBytes  = 512  // of a key, UTF-8
	DefaultLimit = 100  // keys of a listing that names no limit
	MaxLimit     = 1000 // keys of one listing; they fit an envelope
)

// MaxTTL is the longest time to live that can be asked for.
const MaxTTL = 100 * 365 * 24 * time.Hour

// Space holds the keys of all tenants, each under a prefix of its own. It is
// safe for concurrent use.
type Space struct {
	store host.Store
	now   func() time.Time
	last  atomic.Uint64 // the latest revision that this process gave out
}

// New returns a space over the store.
func New(store host.Store) *Space { return &Space{store: store, now: time.Now} }

// Entry is a value and what is known of it.
type Entry struct {
	Value []byte
	// Revision changes with every write of the key and never repeats, not
	// even after the key was deleted. It is never 0.
	Revision uint64
	Expires  time.Time // zero: never
}

// SetOptions refine [Space.Set].
type SetOptions struct {
	TTL time.Duration // 0: forever; rounded up to milliseconds
	// IfRevision makes the write depend on the key's revision; 0 means that
	// the key must not exist.
	IfRevision *uint64
	MaxBytes   host.Bytes // of the value; 0: the default quota's
}

// Get returns a key's entry, or a NotFound error.
func (s *Space) Get(ctx context.Context, tenant, key string) (Entry, error) {
	at, err := place(tenant, key)
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	err = s.store.View(ctx, func(tx host.Tx) error {
		e, err = s.read(tx, at)
		return err
	})
	switch {
	case errors.Is(err, host.ErrNoKey):
		return Entry{}, notFound(key)
	case err != nil:
		return Entry{}, fmt.Errorf("reading key: %w", err)
	}
	return e, nil
}

// Set writes a value and returns its revision. The value is on disk when Set
// returns. A Conflict error says that the key's revision is another one.
func (s *Space) Set(ctx context.Context, tenant, key string, value []byte, o SetOptions) (uint64, error) {
	at, err := place(tenant, key)
	if err != nil {
		return 0, err
	}
	most := o.MaxBytes
	if most <= 0 {
		most = host.DefaultQuota().KVBytes
	}
	if int64(len(value)) > int64(most) {
		return 0, host.Errorf(abi.TooLarge, "value of key %q has %d bytes, the tenant's quota allows %d", host.Clip(key), len(value), most)
	}
	if o.TTL < 0 || o.TTL > MaxTTL {
		return 0, host.FieldErrorf(abi.FieldTTL, "ttl %s: use a time from 1ms to %s, or none", o.TTL, MaxTTL)
	}
	var revision uint64
	err = s.store.Update(ctx, func(tx host.Tx) error {
		if err := s.expect(tx, at, key, o.IfRevision); err != nil {
			return err
		}
		e := Entry{Value: value, Revision: s.revision()}
		revision = e.Revision
		var ttl time.Duration
		if o.TTL > 0 {
			e.Expires = s.now().Add(o.TTL)
			// The store may count in seconds: it only collects the garbage.
			ttl = o.TTL + 2*time.Second
		}
		return tx.Set(at, e.encode(), ttl)
	})
	if err != nil {
		return 0, fmt.Errorf("writing key: %w", err)
	}
	return revision, nil
}

// Delete removes a key and reports whether it was there. With ifRevision it
// does so only at that revision, and returns a Conflict error otherwise.
func (s *Space) Delete(ctx context.Context, tenant, key string, ifRevision *uint64) (bool, error) {
	at, err := place(tenant, key)
	if err != nil {
		return false, err
	}
	var found bool
	err = s.store.Update(ctx, func(tx host.Tx) error {
		if err := s.expect(tx, at, key, ifRevision); err != nil {
			return err
		}
		_, err := s.read(tx, at)
		if found = err == nil; !found && !errors.Is(err, host.ErrNoKey) {
			return err
		}
		return tx.Delete(at)
	})
	if err != nil {
		return false, fmt.Errorf("deleting key: %w", err)
	}
	return found, nil
}

// expect returns a Conflict error unless the key is at the revision.
func (s *Space) expect(tx host.Tx, at []byte, key string, revision *uint64) error {
	if revision == nil {
		return nil
	}
	e, err := s.read(tx, at)
	if err != nil && !errors.Is(err, host.ErrNoKey) {
		return err
	}
	switch {
	case e.Revision == *revision:
		return nil
	case *revision == 0:
		return conflict("key %q exists; read its revision and try again", key)
	case e.Revision == 0:
		return conflict("key %q does not exist; use if-revision 0 to create it", key)
	default:
		return conflict("key %q has another revision; read it and try again", key)
	}
}

func conflict(format, key string) error {
	e := host.Errorf(abi.Conflict, format, host.Clip(key))
	e.Field = abi.FieldIfRevision
	return e
}

func notFound(key string) error {
	return host.Errorf(abi.NotFound, "key %q does not exist", host.Clip(key))
}

// revision returns a number that is greater than all earlier ones of this
// process, and than those of earlier processes as far as the clock is right.
// It comes from the clock, so that writers share no counter in the store.
func (s *Space) revision() uint64 {
	now := uint64(max(s.now().UnixNano(), 1))
	for {
		last := s.last.Load()
		next := max(now, last+1)
		if s.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// read returns the entry at a place of the store, or ErrNoKey when it is
// missing or expired.
func (s *Space) read(tx host.Tx, at []byte) (Entry, error) {
	raw, err := tx.Get(at)
	if err != nil {
		return Entry{}, err
	}
	e, err := decode(raw)
	if err != nil {
		return Entry{}, err
	}
	if s.expired(e) {
		return Entry{}, host.ErrNoKey
	}
	return e, nil
}

func (s *Space) expired(e Entry) bool {
	return !e.Expires.IsZero() && !s.now().Before(e.Expires)
}

// A stored value is the revision, the moment of expiry in nanoseconds since
// 1970 or 0, both as 64-bit big-endian integers, and the value.
const header = 16

func (e Entry) encode() []byte {
	var expires int64
	if !e.Expires.IsZero() {
		expires = e.Expires.UnixNano()
	}
	out := make([]byte, header, header+len(e.Value))
	binary.BigEndian.PutUint64(out, e.Revision)
	binary.BigEndian.PutUint64(out[8:], uint64(expires))
	return append(out, e.Value...)
}

func decode(raw []byte) (Entry, error) {
	if len(raw) < header {
		return Entry{}, fmt.Errorf("stored value has %d bytes, at least %d expected", len(raw), header)
	}
	e := Entry{Revision: binary.BigEndian.Uint64(raw), Value: raw[header:]}
	if at := int64(binary.BigEndian.Uint64(raw[8:])); at != 0 { //nolint:gosec // written from an int64
		e.Expires = time.Unix(0, at)
	}
	return e, nil
}

// Prefix returns the prefix under which the store holds a tenant's keys. The
// tenant's length precedes its name, so no name is a prefix of another.
func Prefix(tenant string) []byte {
	p := make([]byte, 0, len("kv/")+1+len(tenant)+MaxKeyBytes)
	p = append(p, "kv/"...)
	p = append(p, byte(len(tenant))) //nolint:gosec // place checks the name, at most 63 bytes
	return append(p, tenant...)
}

func place(tenant, key string) ([]byte, error) {
	if err := host.CheckTenantName(tenant); err != nil {
		return nil, err
	}
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	return append(Prefix(tenant), key...), nil
}

// CheckKey returns an error about field "key" unless key can be one.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKeyBytes || !utf8.ValidString(key) {
		return host.FieldErrorf(abi.FieldKey, "key %q: use 1 to %d bytes of UTF-8", host.Clip(key), MaxKeyBytes)
	}
	return nil
}
