package kv

import (
	"context"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Ops returns the operations of the key/value store over a space. Guests
// see the keys of their tenant that their grants name.
func Ops(s *Space) []connector.Op {
	return []connector.Op{
		{Name: abi.OpKVGet, Doc: "Returns the value of a key and its revision.", Do: s.doGet},
		{Name: abi.OpKVSet, Doc: "Writes the value of a key, optionally with a time to live and only at a given revision.", Do: s.doSet},
		{Name: abi.OpKVDelete, Doc: "Removes a key, optionally only at a given revision.", Do: s.doDelete},
		{Name: abi.OpKVList, Doc: "Lists the keys that begin with a prefix, page by page.", Do: s.doList},
	}
}

func (s *Space) doGet(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	key, err := granted(r)
	if err != nil {
		return nil, err
	}
	e, err := s.Get(ctx, r.Scope.Tenant, key)
	if err != nil {
		return nil, err
	}
	return &connector.Result{Envelope: revisionField(e.Revision), Body: e.Value}, nil
}

func (s *Space) doSet(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	key, err := granted(r)
	if err != nil {
		return nil, err
	}
	o := SetOptions{MaxBytes: r.Scope.Quota.KVBytes}
	if o.IfRevision, err = revisionOf(r.Envelope); err != nil {
		return nil, err
	}
	if o.TTL, err = ttlOf(r.Envelope); err != nil {
		return nil, err
	}
	revision, err := s.Set(ctx, r.Scope.Tenant, key, r.Body, o)
	if err != nil {
		return nil, err
	}
	return &connector.Result{Envelope: revisionField(revision)}, nil
}

func (s *Space) doDelete(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	key, err := granted(r)
	if err != nil {
		return nil, err
	}
	revision, err := revisionOf(r.Envelope)
	if err != nil {
		return nil, err
	}
	found, err := s.Delete(ctx, r.Scope.Tenant, key, revision)
	if err != nil {
		return nil, err
	}
	deleted := "0"
	if found {
		deleted = "1"
	}
	return &connector.Result{Envelope: abi.Envelope{{Name: abi.FieldDeleted, Value: deleted}}}, nil
}

func (s *Space) doList(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	o := ListOptions{Prefix: r.Envelope.Get(abi.FieldPrefix), After: r.Envelope.Get(abi.FieldAfter)}
	if err := r.Scope.CheckKey(o.Prefix); err != nil {
		return nil, err
	}
	if text := r.Envelope.Get(abi.FieldLimit); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MaxLimit {
			return nil, host.FieldErrorf(abi.FieldLimit, "limit %q: use a number from 1 to %d", host.Clip(text), MaxLimit)
		}
		o.Limit = n
	}
	if r.Scope.Grants.Keys != nil {
		// A grant for "a" lets the prefix "a" pass, but not the key "ab".
		o.Keep = func(key string) bool { return r.Scope.CheckKey(key) == nil }
	}
	keys, next, err := s.List(ctx, r.Scope.Tenant, o)
	if err != nil {
		return nil, err
	}
	env := make(abi.Envelope, 0, len(keys)+1)
	for _, k := range keys {
		env.Add(abi.FieldKey, k)
	}
	if next != "" {
		env.Add(abi.FieldNext, next)
	}
	return &connector.Result{Envelope: env}, nil
}

func granted(r *connector.Request) (string, error) {
	key := r.Envelope.Get(abi.FieldKey)
	if err := CheckKey(key); err != nil {
		return "", err
	}
	return key, r.Scope.CheckKey(key)
}

func revisionField(n uint64) abi.Envelope {
	return abi.Envelope{{Name: abi.FieldRevision, Value: strconv.FormatUint(n, 10)}}
}

func revisionOf(e abi.Envelope) (*uint64, error) {
	text, ok := e.Lookup(abi.FieldIfRevision)
	if !ok {
		return nil, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, host.FieldErrorf(abi.FieldIfRevision, "if-revision %q: use the revision that kv.get returned, or 0", host.Clip(text))
	}
	return &n, nil
}

func ttlOf(e abi.Envelope) (time.Duration, error) {
	text := e.Get(abi.FieldTTL)
	if text == "" {
		return 0, nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 1 || ms > int64(MaxTTL/time.Millisecond) {
		return 0, host.FieldErrorf(abi.FieldTTL, "ttl %q: use a number of milliseconds from 1 to %d", host.Clip(text), int64(MaxTTL/time.Millisecond))
	}
	return time.Duration(ms) * time.Millisecond, nil
}
