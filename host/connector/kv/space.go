// Package kv is the tenants' key/value store: the operations kv.get, kv.set,
// kv.delete, kv.expire, kv.list, kv.clear and kv.batch for guests, and the
// typed [Space] under them that the control API shares.
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

// Space holds the keys of all tenants in one area, each under a prefix of its
// own. It is safe for concurrent use.
type Space struct {
	store host.Store
	now   func() time.Time
	last  *atomic.Uint64 // the latest revision that this process gave out
	area  string
}

// New returns the space of the tenants' own keys, area "", over the store.
func New(store host.Store) *Space {
	return &Space{store: store, now: time.Now, last: new(atomic.Uint64)}
}

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
	TTL     time.Duration // 0: forever; rounded up to milliseconds
	KeepTTL bool          // instead of TTL: expire when the old value would have
	// IfRevision makes the write depend on the key's revision; 0 means that
	// the key must not exist.
	IfRevision *uint64
	MaxBytes   host.Bytes // of the value; 0: the default quota's
}

// Get returns a key's entry, or a NotFound error.
func (s *Space) Get(ctx context.Context, tenant, key string) (Entry, error) {
	out, err := s.Do(ctx, tenant, []Step{{Action: Get, Key: key}}, 0)
	switch {
	case err != nil:
		return Entry{}, err
	case out[0].Revision == 0:
		return Entry{}, notFound(key)
	}
	return out[0], nil
}

// Set writes a value and returns its revision. The value is on disk when Set
// returns. A Conflict error says that the key's revision is another one.
func (s *Space) Set(ctx context.Context, tenant, key string, value []byte, o SetOptions) (uint64, error) {
	step := Step{Action: Set, Key: key, Value: value, TTL: o.TTL, KeepTTL: o.KeepTTL, IfRevision: o.IfRevision}
	out, err := s.Do(ctx, tenant, []Step{step}, o.MaxBytes)
	if err != nil {
		return 0, err
	}
	return out[0].Revision, nil
}

// Delete removes a key and reports whether it was there. With ifRevision it
// does so only at that revision, and returns a Conflict error otherwise.
func (s *Space) Delete(ctx context.Context, tenant, key string, ifRevision *uint64) (bool, error) {
	out, err := s.Do(ctx, tenant, []Step{{Action: Delete, Key: key, IfRevision: ifRevision}}, 0)
	if err != nil {
		return false, err
	}
	return out[0].Revision != 0, nil
}

// expect returns a Conflict error unless the key is at the revision.
func expect(e Entry, key string, revision *uint64) error {
	switch {
	case revision == nil || e.Revision == *revision:
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

// read returns the entry at a place of the store, a zero one when it is
// missing or expired.
func (s *Space) read(tx host.Tx, at []byte) (Entry, error) {
	raw, err := tx.Get(at)
	if errors.Is(err, host.ErrNoKey) {
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, err
	}
	e, err := decode(raw)
	if err != nil || s.expired(e) {
		return Entry{}, err
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

// CheckKey returns an error about field "key" unless key can be one.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKeyBytes || !utf8.ValidString(key) {
		return host.FieldErrorf(abi.FieldKey, "key %q: use 1 to %d bytes of UTF-8", host.Clip(key), MaxKeyBytes)
	}
	return nil
}
