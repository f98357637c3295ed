package kv

import (
	"context"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// steps is a request for kv.batch. A step begins with a field that is named
// like its action and holds its key; the fields after it are the step's own.
// The values to write lie in the body one after another, each as long as its
// step's length says:
//
//	set=a  if-revision=17  length=3   delete=b   get=c
//	body: 1 2 3
type steps struct {
	area
	Steps []abi.Field `field:"*" doc:"get, set, delete, expire or check with a key, and after each the fields of that step: if-revision, ttl, keep-ttl, and length of its value in the body"`
	Body  []byte      `body:"the values to write, one after another"`
}

// outcomes is the reply: a revision for each step, in order, 0 if there was no
// such key. With get, the time to live follows if there is one, and the length
// of the value in the body.
type outcomes struct {
	Outcomes []abi.Field `field:"*" doc:"a revision for each step, 0 without such a key; after that of get its ttl, if it has one, and the length of its value in the body"`
	Body     []byte      `body:"the values that were read, one after another"`
}

// batch performs steps as one transaction.
func batch(ctx context.Context, s *Space, r *connector.Request, in steps) (out outcomes, err error) {
	space, err := s.Area(in.Area)
	if err != nil {
		return out, err
	}
	all, err := parseSteps(in.Steps, in.Body)
	if err != nil {
		return out, err
	}
	for i := range all {
		if err := space.granted(r, all[i].Key); err != nil {
			return out, err
		}
	}
	entries, err := space.Do(ctx, r.Scope.Tenant, all, r.Scope.Quota.KVBytes)
	if err != nil {
		return out, err
	}
	env := make(abi.Envelope, 0, 3*len(entries))
	for i, e := range entries {
		env.Add(abi.FieldRevision, strconv.FormatUint(e.Revision, 10))
		if all[i].Action != Get || e.Revision == 0 {
			continue
		}
		if left := space.left(e); left != nil {
			env.Add(abi.FieldTTL, strconv.FormatInt(left.Milliseconds(), 10))
		}
		env.Add(abi.FieldLength, strconv.Itoa(len(e.Value)))
		out.Body = append(out.Body, e.Value...)
	}
	out.Outcomes = env
	return out, nil
}

// parseSteps reads what [steps] describes.
func parseSteps(e abi.Envelope, body []byte) ([]Step, error) {
	var steps []Step
	for _, f := range e {
		switch a := Action(f.Name); {
		case a == Get || a == Set || a == Delete || a == Expire || a == Check:
			if len(steps) == MaxSteps {
				return nil, host.FieldErrorf(f.Name, "more than %d steps; split the batch", MaxSteps)
			}
			steps = append(steps, Step{Action: a, Key: f.Value})
		case len(steps) > 0:
			var err error
			if body, err = steps[len(steps)-1].parseField(f, body); err != nil {
				return nil, err
			}
		default:
			return nil, host.FieldErrorf(f.Name, "field %q precedes the first step; begin with get, set, delete, expire or check", host.Clip(f.Name))
		}
	}
	if len(steps) == 0 {
		return nil, host.FieldErrorf(abi.FieldKey, "a batch without steps; give at least one get, set, delete, expire or check")
	}
	if len(body) > 0 {
		return nil, host.FieldErrorf(abi.FieldLength, "the body has %d bytes more than the lengths of the steps say", len(body))
	}
	return steps, nil
}

// parseField reads a field of the step and returns what is left of the body.
func (t *Step) parseField(f abi.Field, body []byte) (rest []byte, err error) {
	one := abi.Envelope{f}
	switch {
	case f.Name == abi.FieldIfRevision:
		t.IfRevision, err = revisionOf(one)
	case f.Name == abi.FieldTTL && (t.Action == Set || t.Action == Expire):
		t.TTL, err = ttlOf(one)
	case f.Name == abi.FieldKeepTTL && t.Action == Set:
		t.KeepTTL, err = keepTTLOf(one)
	case f.Name == abi.FieldLength && t.Action == Set:
		n, convErr := strconv.Atoi(f.Value)
		if convErr != nil || n < 0 || n > len(body) || t.Value != nil {
			return nil, host.FieldErrorf(f.Name, "length %q of key %q: give the number of bytes once; %d are left in the body",
				host.Clip(f.Value), host.Clip(t.Key), len(body))
		}
		t.Value, body = body[:n:n], body[n:]
	default:
		err = host.FieldErrorf(f.Name, "%s has no field %q", t.Action, host.Clip(f.Name))
	}
	return body, err
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
