package kv

import (
	"context"
	"strconv"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// doBatch performs the steps of an envelope as one transaction. A step begins
// with a field that is named like its action and holds its key; the fields
// after it are the step's own. The values to write lie in the body one after
// another, each as long as its step's length says:
//
//	set=a  if-revision=17  length=3   delete=b   get=c
//	body: 1 2 3
//
// The reply has a revision for each step, in order, 0 if there was no such
// key. With get, the time to live follows if there is one, and the length of
// the value in the reply's body.
func (s *Space) doBatch(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	in, err := s.in(r)
	if err != nil {
		return nil, err
	}
	steps, err := parseSteps(r.Envelope, r.Body)
	if err != nil {
		return nil, err
	}
	for i := range steps {
		if err := in.granted(r, steps[i].Key); err != nil {
			return nil, err
		}
	}
	out, err := in.Do(ctx, r.Scope.Tenant, steps, r.Scope.Quota.KVBytes)
	if err != nil {
		return nil, err
	}
	res := &connector.Result{Envelope: make(abi.Envelope, 0, 3*len(out))}
	for i, e := range out {
		res.Envelope.Add(abi.FieldRevision, strconv.FormatUint(e.Revision, 10))
		if steps[i].Action != Get || e.Revision == 0 {
			continue
		}
		in.addTTL(&res.Envelope, e)
		res.Envelope.Add(abi.FieldLength, strconv.Itoa(len(e.Value)))
		res.Body = append(res.Body, e.Value...)
	}
	return res, nil
}

// parseSteps reads what doBatch describes.
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
		case f.Name != abi.FieldOp && f.Name != abi.FieldArea:
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
