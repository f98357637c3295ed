package kv

import (
	"context"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/connector"
)

// Connector returns the connector of the key/value store over a space. Guests
// see the keys of their tenant that their grants name.
func Connector(s *Space) connector.Connector {
	return connector.DefineBuiltin("kv", "The host's own key/value store, durable, of each tenant its own.", s,
		connector.NewOperation(abi.OpKVGet, "Returns the value of a key, its revision and its time to live.", get),
		connector.NewOperation(abi.OpKVSet, "Writes the value of a key, optionally with a time to live and only at a given revision.", set),
		connector.NewOperation(abi.OpKVDelete, "Removes a key, optionally only at a given revision.", remove),
		connector.NewOperation(abi.OpKVExpire, "Changes the time to live of a key.", expire),
		connector.NewOperation(abi.OpKVList, "Lists the keys that begin with a prefix, page by page.", list),
		connector.NewOperation(abi.OpKVClear, "Removes the keys that begin with a prefix.", purge),
		connector.NewOperation(abi.OpKVBatch, "Reads and writes several keys as one transaction.", batch),
	)
}

// area is where keys are.
type area struct {
	Area string `field:"area" doc:"a space of keys of its own; without it the tenant's own keys, which grants are about"`
}

type key struct {
	area
	Key string `field:"key" required:"true" doc:"key, at most 512 bytes"`
}

type condition struct {
	IfRevision *int64 `field:"if-revision" min:"0" doc:"only if the key has this revision; 0: only if there is no such key"`
}

type revision struct {
	Revision int64 `field:"revision" doc:"revision of the key, another one after each change"`
}

type value struct {
	revision
	TTL  *time.Duration `field:"ttl" doc:"how long it lives yet, if not forever"`
	Body []byte         `body:"the value"`
}

func get(ctx context.Context, s *Space, r *connector.Request, in key) (out value, err error) {
	e, err := s.step(ctx, r, in.area, Step{Action: Get, Key: in.Key})
	if err != nil {
		return out, err
	}
	if e.Revision == 0 {
		return out, notFound(in.Key)
	}
	return value{newRevision(e), s.left(e), e.Value}, nil
}

type setting struct {
	key
	condition
	TTL     time.Duration `field:"ttl" min:"1" max:"3153600000000" doc:"how long it lives; without it forever"`
	KeepTTL bool          `field:"keep-ttl" doc:"it lives for as long as the old value would have"`
	Body    []byte        `body:"the value"`
}

func set(ctx context.Context, s *Space, r *connector.Request, in setting) (revision, error) {
	e, err := s.step(ctx, r, in.area, Step{Action: Set, Key: in.Key, Value: in.Body, TTL: in.TTL, KeepTTL: in.KeepTTL, IfRevision: in.revision()})
	return newRevision(e), err
}

type removal struct {
	key
	condition
}

type removed struct {
	Deleted bool `field:"deleted" doc:"there was such a key"`
}

func remove(ctx context.Context, s *Space, r *connector.Request, in removal) (removed, error) {
	e, err := s.step(ctx, r, in.area, Step{Action: Delete, Key: in.Key, IfRevision: in.revision()})
	return removed{e.Revision != 0}, err
}

type expiry struct {
	key
	condition
	TTL time.Duration `field:"ttl" min:"1" max:"3153600000000" doc:"how long it lives from now on; without it forever"`
}

func expire(ctx context.Context, s *Space, r *connector.Request, in expiry) (out revision, err error) {
	e, err := s.step(ctx, r, in.area, Step{Action: Expire, Key: in.Key, TTL: in.TTL, IfRevision: in.revision()})
	if err == nil && e.Revision == 0 {
		err = notFound(in.Key)
	}
	return newRevision(e), err
}

// step performs the one step that a request is.
func (s *Space) step(ctx context.Context, r *connector.Request, a area, t Step) (Entry, error) {
	in, err := s.Area(a.Area)
	if err != nil {
		return Entry{}, err
	}
	if err := in.granted(r, t.Key); err != nil {
		return Entry{}, err
	}
	all, err := in.Do(ctx, r.Scope.Tenant, []Step{t}, r.Scope.Quota.KVBytes)
	if err != nil {
		return Entry{}, err
	}
	return all[0], nil
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

type clearing struct {
	area
	Prefix string `field:"prefix" doc:"keys that begin with it; without it all"`
}

type cleared struct {
	Deleted int `field:"deleted" doc:"how many keys there were"`
}

func purge(ctx context.Context, s *Space, r *connector.Request, in clearing) (out cleared, err error) {
	space, err := s.Area(in.Area)
	if err != nil {
		return out, err
	}
	hidden, err := space.hidden(r, in.Prefix)
	if err != nil {
		return out, err
	}
	out.Deleted, err = space.ClearArea(ctx, r.Scope.Tenant, in.Prefix, hidden)
	return out, err
}

type listing struct {
	area
	Prefix string `field:"prefix" doc:"keys that begin with it; without it all"`
	After  string `field:"after" doc:"keys after it, bytewise: the next of the page before"`
	Limit  int    `field:"limit" default:"100" min:"1" max:"1000" doc:"at most so many"`
}

type page struct {
	Keys []string `field:"key" doc:"a key, in order"`
	Next string   `field:"next" doc:"what after is for the next page; absent on the last"`
}

func list(ctx context.Context, s *Space, r *connector.Request, in listing) (out page, err error) {
	space, err := s.Area(in.Area)
	if err != nil {
		return out, err
	}
	o := ListOptions{Prefix: in.Prefix, After: in.After, Limit: in.Limit}
	if o.Hidden, err = space.hidden(r, in.Prefix); err != nil {
		return out, err
	}
	out.Keys, out.Next, err = space.List(ctx, r.Scope.Tenant, o)
	return out, err
}

func newRevision(e Entry) revision { return revision{int64(e.Revision)} } //nolint:gosec // counts changes

func (c condition) revision() *uint64 {
	if c.IfRevision == nil {
		return nil
	}
	return new(uint64(*c.IfRevision)) //nolint:gosec // not negative
}

// left returns how long an entry will live yet, nil if forever.
func (s *Space) left(e Entry) *time.Duration {
	if e.Expires.IsZero() {
		return nil
	}
	left := e.Expires.Sub(s.now()) + time.Millisecond - 1 // rounds up
	return new(max(left, time.Millisecond))
}
