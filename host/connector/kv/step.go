package kv

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Bounds of what is done in one transaction.
const (
	MaxSteps = 256             // steps of a batch; their outcomes fit an envelope
	maxRead  = 16 * host.MiB   // values that a batch reads
	grace    = 2 * time.Second // the store may count in seconds: it only collects the garbage
)

// Action is what a [Step] does. Its text is the field that begins the step in
// an envelope.
type Action string

// The actions.
const (
	Get    Action = "get"    // reads
	Set    Action = "set"    // writes Value
	Delete Action = "delete" // removes
	Expire Action = "expire" // writes the same value with TTL; nothing if there is none
	Check  Action = "check"  // only expects IfRevision
)

// Step is one of the things that [Space.Do] does with a key.
type Step struct {
	Action  Action
	Key     string
	Value   []byte        // Set
	TTL     time.Duration // Set, Expire; 0: forever
	KeepTTL bool          // Set: expire when the old value would have
	// IfRevision, unless nil, is the revision that the key must have before
	// the step; 0 means that it must not exist.
	IfRevision *uint64
}

// Do performs the steps in order as one transaction and returns an entry for
// each: what was read, the revision that was written or, of a key that was
// deleted, had. Revision 0 says that there was no such key. After an error,
// such as a Conflict about one step, nothing was written; without one
// everything is on disk. No value may have more than most bytes (0: the
// default quota's).
func (s *Space) Do(ctx context.Context, tenant string, steps []Step, most host.Bytes) ([]Entry, error) {
	base, err := s.base(tenant)
	if err != nil {
		return nil, err
	}
	if most <= 0 {
		most = host.DefaultQuota().KVBytes
	}
	run, verb := s.store.View, "reading"
	for i := range steps {
		if err := steps[i].check(most); err != nil {
			return nil, err
		}
		if steps[i].writes() {
			run, verb = s.store.Update, "writing"
		}
	}
	out := make([]Entry, len(steps))
	err = run(ctx, func(tx host.Tx) error {
		read := 0
		for i := range steps {
			if out[i], err = s.apply(tx, base, &steps[i]); err != nil {
				return err
			}
			if read += len(out[i].Value); read > int(maxRead) {
				return host.Errorf(abi.TooLarge, "the values of the keys have more than %s together; read them in several operations", maxRead)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s key: %w", verb, err)
	}
	return out, nil
}

func (t *Step) writes() bool { return t.Action == Set || t.Action == Delete || t.Action == Expire }

func (t *Step) check(most host.Bytes) error {
	switch {
	case CheckKey(t.Key) != nil:
		return CheckKey(t.Key)
	case int64(len(t.Value)) > int64(most):
		return host.Errorf(abi.TooLarge, "value of key %q has %d bytes, the tenant's quota allows %d", host.Clip(t.Key), len(t.Value), most)
	case t.TTL < 0 || t.TTL > MaxTTL:
		return host.FieldErrorf(abi.FieldTTL, "ttl %s: use a time from 1ms to %s, or none", t.TTL, MaxTTL)
	}
	return nil
}

// apply performs a step in a transaction.
func (s *Space) apply(tx host.Tx, base []byte, t *Step) (Entry, error) {
	at := append(bytes.Clone(base), t.Key...)
	old, err := s.read(tx, at)
	if err == nil {
		err = expect(old, t.Key, t.IfRevision)
	}
	if err != nil {
		return Entry{}, err
	}
	switch t.Action {
	case Set:
		e := Entry{Value: t.Value, Revision: s.revision()}
		if t.KeepTTL {
			e.Expires = old.Expires
		} else if t.TTL > 0 {
			e.Expires = s.now().Add(t.TTL)
		}
		return s.write(tx, at, e)
	case Expire:
		if old.Revision == 0 {
			return Entry{}, nil
		}
		e := Entry{Value: old.Value, Revision: s.revision()}
		if t.TTL > 0 {
			e.Expires = s.now().Add(t.TTL)
		}
		return s.write(tx, at, e)
	case Delete:
		if err := tx.Delete(at); err != nil {
			return Entry{}, fmt.Errorf("deleting: %w", err)
		}
		return Entry{Revision: old.Revision}, nil
	case Check:
		return Entry{Revision: old.Revision}, nil
	case Get:
		return old, nil
	default:
		return Entry{}, host.Errorf(abi.Invalid, "action %q does not exist", host.Clip(string(t.Action)))
	}
}

func (s *Space) write(tx host.Tx, at []byte, e Entry) (Entry, error) {
	var ttl time.Duration
	if !e.Expires.IsZero() {
		ttl = max(e.Expires.Sub(s.now()), 0) + grace
	}
	if err := tx.Set(at, e.encode(), ttl); err != nil {
		return Entry{}, fmt.Errorf("writing: %w", err)
	}
	return Entry{Revision: e.Revision, Expires: e.Expires}, nil
}
