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
		{Name: abi.OpKVGet, Doc: "Returns the value of a key, its revision and its time to live.", Do: s.doGet},
		{Name: abi.OpKVSet, Doc: "Writes the value of a key, optionally with a time to live and only at a given revision.", Do: s.doSet},
		{Name: abi.OpKVDelete, Doc: "Removes a key, optionally only at a given revision.", Do: s.doDelete},
		{Name: abi.OpKVExpire, Doc: "Changes the time to live of a key.", Do: s.doExpire},
		{Name: abi.OpKVList, Doc: "Lists the keys that begin with a prefix, page by page.", Do: s.doList},
		{Name: abi.OpKVClear, Doc: "Removes the keys that begin with a prefix.", Do: s.doClear},
		{Name: abi.OpKVBatch, Doc: "Reads and writes several keys as one transaction.", Do: s.doBatch},
	}
}

func (s *Space) doGet(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	in, out, err := s.one(ctx, r, Get)
	if err != nil {
		return nil, err
	}
	if out.Revision == 0 {
		return nil, notFound(r.Envelope.Get(abi.FieldKey))
	}
	env := revisionField(out.Revision)
	in.addTTL(&env, out)
	return &connector.Result{Envelope: env, Body: out.Value}, nil
}

func (s *Space) doSet(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	_, out, err := s.one(ctx, r, Set)
	if err != nil {
		return nil, err
	}
	return &connector.Result{Envelope: revisionField(out.Revision)}, nil
}

func (s *Space) doDelete(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	_, out, err := s.one(ctx, r, Delete)
	if err != nil {
		return nil, err
	}
	deleted := "0"
	if out.Revision != 0 {
		deleted = "1"
	}
	return &connector.Result{Envelope: abi.Envelope{{Name: abi.FieldDeleted, Value: deleted}}}, nil
}

func (s *Space) doExpire(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	_, out, err := s.one(ctx, r, Expire)
	if err != nil {
		return nil, err
	}
	if out.Revision == 0 {
		return nil, notFound(r.Envelope.Get(abi.FieldKey))
	}
	return &connector.Result{Envelope: revisionField(out.Revision)}, nil
}

// one performs the one step that a request is, in the area that it names.
func (s *Space) one(ctx context.Context, r *connector.Request, a Action) (in *Space, out Entry, err error) {
	if in, err = s.in(r); err != nil {
		return nil, Entry{}, err
	}
	t := Step{Action: a, Key: r.Envelope.Get(abi.FieldKey)}
	if err := in.granted(r, t.Key); err != nil {
		return nil, Entry{}, err
	}
	if t.IfRevision, err = revisionOf(r.Envelope); err != nil {
		return nil, Entry{}, err
	}
	if a == Set || a == Expire {
		if t.TTL, err = ttlOf(r.Envelope); err != nil {
			return nil, Entry{}, err
		}
	}
	if a == Set {
		t.Value = r.Body
		if t.KeepTTL, err = keepTTLOf(r.Envelope); err != nil {
			return nil, Entry{}, err
		}
	}
	all, err := in.Do(ctx, r.Scope.Tenant, []Step{t}, r.Scope.Quota.KVBytes)
	if err != nil {
		return nil, Entry{}, err
	}
	return in, all[0], nil
}

// in returns the space of the area that a request names.
func (s *Space) in(r *connector.Request) (*Space, error) {
	return s.Area(r.Envelope.Get(abi.FieldArea))
}

// granted checks a key and whether the request's service may use it.
func (s *Space) granted(r *connector.Request, key string) error {
	if err := CheckKey(key); err != nil || s.area != "" {
		return err
	}
	return r.Scope.CheckKey(key)
}

// hidden returns which of the keys under a prefix the request's service may
// not use, nil if it may use all, or an error if it may use none.
func (s *Space) hidden(r *connector.Request, prefix string) (func(key string) bool, error) {
	if s.area != "" || r.Scope.Grants.Keys == nil {
		return nil, nil //nolint:nilnil // nil is documented
	}
	// A grant for "a" lets the prefix "a" pass, but not the key "ab".
	return func(key string) bool { return r.Scope.CheckKey(key) != nil }, r.Scope.CheckKey(prefix)
}

func (s *Space) doClear(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	in, err := s.in(r)
	if err != nil {
		return nil, err
	}
	prefix := r.Envelope.Get(abi.FieldPrefix)
	hidden, err := in.hidden(r, prefix)
	if err != nil {
		return nil, err
	}
	n, err := in.ClearArea(ctx, r.Scope.Tenant, prefix, hidden)
	if err != nil {
		return nil, err
	}
	return &connector.Result{Envelope: abi.Envelope{{Name: abi.FieldDeleted, Value: strconv.Itoa(n)}}}, nil
}

func (s *Space) doList(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	in, err := s.in(r)
	if err != nil {
		return nil, err
	}
	o := ListOptions{Prefix: r.Envelope.Get(abi.FieldPrefix), After: r.Envelope.Get(abi.FieldAfter)}
	if o.Hidden, err = in.hidden(r, o.Prefix); err != nil {
		return nil, err
	}
	if text := r.Envelope.Get(abi.FieldLimit); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MaxLimit {
			return nil, host.FieldErrorf(abi.FieldLimit, "limit %q: use a number from 1 to %d", host.Clip(text), MaxLimit)
		}
		o.Limit = n
	}
	keys, next, err := in.List(ctx, r.Scope.Tenant, o)
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

// addTTL adds how long an entry will live yet, if not forever.
func (s *Space) addTTL(env *abi.Envelope, e Entry) {
	if !e.Expires.IsZero() {
		left := e.Expires.Sub(s.now()) + time.Millisecond - 1 // rounds up
		env.Add(abi.FieldTTL, strconv.FormatInt(max(left.Milliseconds(), 1), 10))
	}
}

func keepTTLOf(e abi.Envelope) (bool, error) {
	switch text := e.Get(abi.FieldKeepTTL); text {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, host.FieldErrorf(abi.FieldKeepTTL, "keep-ttl %q: use 0 or 1", host.Clip(text))
	}
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
